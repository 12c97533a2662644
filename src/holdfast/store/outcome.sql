-- name: backend
-- The server's end of this connection.
select pid, backend_start from pg_stat_activity where pid = pg_backend_pid();

-- name: end_backend
-- Ends a backend, and says whether it is still there.
select coalesce(bool_or(pg_terminate_backend(pid)), false) from pg_stat_activity where pid = $1 and backend_start = $2;
