-- name: days
-- The present UTC day, and the days for which runs and log lines have a table of their own.
select (now() at time zone 'UTC')::date as today, array(
    select substring(c.relname from '_(\d{8})$') from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = $1::regclass and c.relname ~ '_\d{8}$' order by 1) as days;

-- name: forget_ticks
-- Old lines of the ledger, a bounded number at a time; of each schedule the last one stays.
delete from tick where (schedule_id, at) in (
    select t.schedule_id, t.at from tick t where t.at < now() - $1::double precision * interval '1 day'
        and exists (select from tick n where n.schedule_id = t.schedule_id and n.at > t.at)
    order by t.at limit $2);

-- name: forget_batches
-- Batches that ended long ago.
delete from job_batch where id in (
    select id from job_batch where finished_at < now() - $1::double precision * interval '1 day' order by id limit $2);

-- name: forget_edges
-- What came after jobs that are nowhere any more.
delete from job_after where (parent_id, child_id) in (
    select a.parent_id, a.child_id from job_after a
    where not exists (select from job j where j.id = a.child_id) limit $1);

-- name: forget_other_done
-- Old runs of days that had no table of their own.
delete from done_other where finished_at < now() - $1::double precision * interval '1 day';

-- name: forget_other_job_log
-- Old log lines of days that had no table of their own.
delete from job_log_other where at < now() - $1::double precision * interval '1 day';

-- name: bring_forward
-- Lets all jobs that wait for a time wait for so much less.
update job set run_at = case when run_at < 'infinity' then run_at - $1::interval else run_at end,
    starts_at = starts_at - $1::interval;
