-- name: cancel_waiting
-- Takes a job out of the queue; what waits for its batch is told.
with gone as (
    delete from job where id = $1 returning *
), kept as (
    insert into done (id, attempt, lane, queue, priority, name, args, tenant, outcome, error, attempts_max, batch_id,
        schedule_id, tick_at, created_at, starts_at, finished_at)
    select id, attempt, lane, queue, priority, name, args, tenant, 'cancelled', $2, attempts_max, batch_id,
        schedule_id, tick_at, created_at, starts_at, clock_timestamp()
    from gone
), freed as (
    delete from job_unique u using gone g where u.key = g.unique_key and u.job_id = g.id
), edges as (
    delete from job_after a using gone g where a.child_id = g.id
), batches as (
    update job_batch b set unfinished = b.unfinished - 1, cancelled = b.cancelled + 1,
        finished_at = case when b.unfinished <= 1 then clock_timestamp() end
    from gone g where b.id = g.batch_id
    returning b.unfinished, b.then_job_id
), followed as (
    update job j set waits_for = 0, run_at = greatest(j.starts_at, clock_timestamp())
    from batches b where b.unfinished <= 0 and j.id = b.then_job_id
)
select id, queue from gone;

-- name: cancel_running
-- Asks a running job's worker to end it.
update running set cancelled_by = $2 where id = $1 and cancelled_by is null returning id, queue;

-- name: start_now
-- Lets a job that waits for its time start at once.
update job set run_at = clock_timestamp(), starts_at = least(starts_at, clock_timestamp())
where id = $1 and run_at > now() and run_at < 'infinity' returning id, queue;

-- name: redrive
-- Dead letters (of some tenants) go back to wait, with as many attempts as they had at first; those whose unique key somebody holds stay.
with letters as (
    select id from dead where ($1::bigint[] is null or id = any($1)) and ($2::text is null or queue = $2)
        and ($3::text is null or name = $3) and ($4::text[] is null or tenant = any($4))
    order by id limit $5 for update skip locked
), keyed as (
    insert into job_unique (key, job_id)
    select d.unique_key, d.id from dead d join letters l on l.id = d.id where d.unique_key is not null order by d.id
    on conflict (key) do nothing returning job_id
), gone as (
    delete from dead d using letters l where d.id = l.id
        and (d.unique_key is null or d.id in (select job_id from keyed))
    returning d.*
)
insert into job (id, lane, queue, priority, run_at, starts_at, name, args, tenant, attempt, attempts_max, lost,
    timeout_s, has_children, unique_key, limit_key, schedule_id, tick_at, created_at)
select id, lane, queue, priority, clock_timestamp(), clock_timestamp(), name, args, tenant, attempt,
    least(attempt + greatest(attempts_max - attempt, 1), 32000), 0, timeout_s, has_children, unique_key, limit_key,
    schedule_id, tick_at, created_at
from gone
returning id, queue;

-- name: discard
-- Lets go of dead letters, of some tenants.
delete from dead where id = any($1::bigint[]) and ($2::text[] is null or tenant = any($2)) returning id;

-- name: pause_queue
-- Nothing of this queue is started from now on; what runs goes on.
insert into queue (name, paused_at, paused_by) values ($1, now(), $2)
on conflict (name) do update set paused_at = coalesce(queue.paused_at, now()),
    paused_by = case when queue.paused_at is null then excluded.paused_by else queue.paused_by end;

-- name: resume_queue
-- A queue goes on.
update queue set paused_at = null, paused_by = null where name = $1 and paused_at is not null returning name;
