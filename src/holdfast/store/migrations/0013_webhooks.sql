-- Where an organisation is told of what happens, each event once or more, signed. Secrets are sealed with a key that is
-- not here; while one is being changed the one before counts, too.
create table webhook (
    id uuid primary key,
    organisation_id uuid not null references organisation (id),
    site_id bigint references site (id),
    url text not null constraint an_address_is_short check (length(url) between 8 and 2000),
    description text not null default '',
    events text[] not null,
    secret bytea not null,
    secret_before bytea,
    before_until timestamptz,
    paused_at timestamptz,
    paused_by text,
    failing_since timestamptz,
    created_by text not null,
    created_at timestamptz not null default now()
) with (fillfactor = 80);
create index webhook_of_organisation on webhook (organisation_id, created_at, id);

create table webhook_position (
    webhook_id uuid not null references webhook (id) on delete cascade,
    site_id bigint not null,
    version bigint not null constraint what_was_told_is_never_below_zero check (version >= 0),
    primary key (webhook_id, site_id)
) with (fillfactor = 80);

-- `key` says what a delivery tells of, so that nothing is told twice to one address.
create table webhook_delivery (
    id uuid primary key,
    webhook_id uuid not null references webhook (id) on delete cascade,
    key text not null constraint a_delivery_key_is_short check (length(key) between 1 and 200),
    type text not null,
    payload text not null,
    state text not null default 'waiting' constraint a_delivery_has_a_known_state check
        (state in ('waiting', 'delivered', 'failed', 'held')),
    attempts integer not null default 0,
    status integer,
    error text,
    created_at timestamptz not null default now(),
    ended_at timestamptz,
    constraint nothing_is_told_twice_to_one_address unique (webhook_id, key)
) with (fillfactor = 80);
create index webhook_delivery_by_age on webhook_delivery (created_at);
create index webhook_delivery_held on webhook_delivery (webhook_id, id) where state = 'held';
create index webhook_delivery_of_webhook on webhook_delivery (webhook_id, id);

create table webhook_attempt (
    delivery_id uuid not null references webhook_delivery (id) on delete cascade,
    number integer not null,
    at timestamptz not null default now(),
    status integer,
    took_ms double precision not null,
    error text,
    answer text,
    primary key (delivery_id, number)
);
