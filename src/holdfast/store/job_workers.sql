-- name: register
-- A new worker.
insert into worker (name, queues, capacity) values ($1, $2, $3) returning id;

-- name: beat
-- A worker's sign of life; no row when it was taken for dead.
update worker set beat_at = now(), running = $2, queues = $3, is_stopping = $4 where id = $1 returning id;

-- name: leave
-- A worker that ends in order.
delete from worker where id = $1;

-- name: bury_silent
-- Takes workers that have been silent for too long for dead.
delete from worker where id in (
    select id from worker where beat_at < now() - $1::double precision * interval '1 second' order by id limit 100
    for update skip locked)
returning id, name;

-- name: orphans
-- Running jobs whose worker is not there any more.
select r.id, r.attempt, r.lost, r.worker_id, r.is_admitted, r.limit_key, r.queue from running r
where not exists (select from worker w where w.id = r.worker_id)
order by r.id limit $1;

-- name: cancelled_of
-- The running jobs of a worker that somebody has cancelled.
select id, attempt, cancelled_by from running where worker_id = $1 and cancelled_by is not null order by id limit 1000;

-- name: held_by
-- The running jobs of a worker.
select id, attempt from running where worker_id = $1 order by id limit 20000;

-- name: tell_progress
-- How far running jobs have come.
update running r set progress_done = t.done, progress_total = t.total, progress_note = t.note
from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bigint[], $5::text[]) as t (id, attempt, done, total, note)
where r.id = t.id and r.attempt = t.attempt;

-- name: keep_lines
-- Log lines of attempts.
insert into job_log (job_id, attempt, number, at, level, text)
select * from unnest($1::bigint[], $2::smallint[], $3::integer[], $4::timestamptz[], $5::text[], $6::text[])
on conflict do nothing;

-- name: workers
-- All workers, by id.
select id, name, queues, capacity, running, started_at, beat_at, is_stopping,
    beat_at >= now() - $1::double precision * interval '1 second' as is_live
from worker order by id limit 1000;
