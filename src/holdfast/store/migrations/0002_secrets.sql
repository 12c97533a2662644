-- Secrets of this database: made once when first needed, and the same for all its processes.

create table secret (
    name text primary key,
    value bytea not null constraint a_secret_is_long_enough check (length(value) >= 16),
    created_at timestamptz not null default now()
);
