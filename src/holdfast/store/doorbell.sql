-- name: ring
-- Rings at all who listen.
select pg_notify('holdfast_doorbell', $1);

-- name: has_company
-- Whether another process is connected that listens; a sign of life of the connection, too.
select exists (
    select 1 from pg_stat_activity
    where datname = current_database() and application_name = $1 and pid <> pg_backend_pid());
