-- Calendars from outside that say when a unit is taken. An address may hold a secret, so it is sealed with a key that is
-- not here. What a calendar says stands in `block`, made by the calendar's name.
create table calendar_feed (
    site_id bigint not null references site (id),
    id uuid not null,
    unit_id bigint not null,
    name text not null constraint a_calendar_has_a_short_name check (length(name) between 1 and 60),
    url bytea not null,
    host text not null,
    every_minutes integer not null constraint a_calendar_is_read_at_times check (every_minutes between 5 and 1440),
    paused_at timestamptz,
    paused_by text,
    etag text,
    last_modified text,
    digest bytea,
    followed_at timestamptz,
    tried_at timestamptz,
    read_at timestamptz,
    next_at timestamptz not null default now(),
    failures integer not null default 0,
    error text,
    blocks integer not null default 0,
    conflicts integer not null default 0,
    unread integer not null default 0,
    created_by text not null,
    created_at timestamptz not null default now(),
    primary key (site_id, id),
    constraint a_name_names_one_calendar_of_a_site unique (site_id, name)
) with (fillfactor = 50);
create index calendar_feed_due on calendar_feed (next_at) where paused_at is null;
