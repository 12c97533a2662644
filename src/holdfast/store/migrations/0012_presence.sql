-- Who is there, as leases: truth is whether one has ended at the time of reading. Worth nothing after a crash, so it is
-- not logged. No index but the key: one on a time that each beat moves would end cheap updates in place.

create unlogged table presence_lease (
    subject_id uuid not null,
    device text not null constraint a_device_has_a_short_name check (length(device) <= 64),
    status text not null constraint a_device_has_a_known_status check (status in ('busy', 'active', 'away')),
    active_at timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (subject_id, device)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- A process that holds connections says once every few seconds that it is alive, for all of them.
create unlogged table presence_process (
    id uuid primary key,
    beat_at timestamptz not null
) with (fillfactor = 50);

create unlogged table presence_connection (
    subject_id uuid not null,
    process_id uuid not null,
    since timestamptz not null,
    primary key (subject_id, process_id)
);
create index presence_connection_of_process on presence_connection (process_id);

-- Since when beats are known without a gap: empty after a crash, when nobody can tell who is there.
create unlogged table presence_memory (
    only_row boolean primary key default true constraint there_is_one_memory check (only_row),
    since timestamptz not null
);
insert into presence_memory (since) values ('-infinity');

-- What outlives a crash: when somebody who has gone was seen last, and what they said of themselves.
create table presence_seen (
    subject_id uuid primary key,
    last_seen timestamptz,
    said text constraint what_is_said_is_a_status check (said in ('active', 'busy', 'away', 'offline')),
    said_at timestamptz,
    said_until timestamptz
) with (fillfactor = 80);
