-- Mails that wait to be sent, were sent or given up; and up to where each site's journal has been told by mail.

create table mail (
    id uuid primary key,
    organisation_id uuid,
    site_id bigint,
    kind text not null constraint a_mail_has_a_kind check (length(kind) between 1 and 40),
    language text not null,
    recipient text not null constraint a_recipient_is_one_address check (length(recipient) between 3 and 254),
    data jsonb not null,
    dedupe_key text constraint a_dedupe_key_names_one_mail unique
        constraint a_dedupe_key_is_short check (length(dedupe_key) between 1 and 200),
    state text not null default 'waiting'
        constraint a_mail_has_a_known_state check (state in ('waiting', 'sent', 'failed')),
    attempts integer not null default 0 constraint attempts_are_counted_from_zero check (attempts >= 0),
    next_at timestamptz not null default now(),
    last_error text,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    constraint what_is_sent_has_its_time check ((state = 'sent') = (sent_at is not null))
) with (fillfactor = 70);
-- Mails of accounts first: somebody waits for them at a screen.
create index mail_waiting on mail ((site_id is not null), next_at) where state = 'waiting';
create index mail_by_end on mail ((coalesce(sent_at, created_at))) where state <> 'waiting';

create table mail_position (
    site_id bigint primary key,
    version bigint not null constraint a_position_never_goes_below_zero check (version >= 0)
);
create index site_that_mails on site (id) where settings @> '{"mail_bookings": true}';
