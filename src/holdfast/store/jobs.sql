-- name: clock
-- What time it is.
select clock_timestamp();

-- name: enqueue
-- New jobs of one function, in the given order; their ids ascend with it.
insert into job (lane, queue, priority, run_at, starts_at, name, args, tenant, attempts_max, timeout_s, waits_for,
    limit_key, batch_id, schedule_id, tick_at)
select g.lane, $2, $3, case when g.waits_for > 0 then 'infinity' else coalesce(g.starts_at, clock_timestamp()) end,
    coalesce(g.starts_at, clock_timestamp()), $1, g.args, g.tenant, $4, $5, g.waits_for, g.limit_key, $6, g.schedule_id, g.tick_at
from unnest($7::smallint[], $8::text[], $9::jsonb[], $10::timestamptz[], $11::text[], $12::integer[], $13::bigint[],
    $14::timestamptz[]) with ordinality
    as g (lane, tenant, args, starts_at, limit_key, waits_for, schedule_id, tick_at, number)
order by g.number
returning id;

-- name: enqueue_alike
-- New jobs of one function that differ in their arguments only, in the given order; their ids ascend with it.
insert into job (lane, queue, priority, run_at, starts_at, name, args, tenant, attempts_max, timeout_s, waits_for,
    limit_key, batch_id, schedule_id, tick_at)
select $7::smallint, $2, $3,
    case when $11::integer > 0 then 'infinity' else coalesce($9::timestamptz, clock_timestamp()) end,
    coalesce($9::timestamptz, clock_timestamp()), $1, g.args, $8::text, $4, $5, $11::integer, $10::text, $6,
    $12::bigint, $13::timestamptz
from unnest($14::jsonb[]) with ordinality as g (args, number)
order by g.number
returning id;

-- name: enqueue_unique
-- New jobs of which there may be one only; those whose key is taken are left out. Says which key became which job.
with given as (
    select * from unnest($7::smallint[], $8::text[], $9::jsonb[], $10::timestamptz[], $11::text[], $12::integer[],
        $13::bigint[], $14::timestamptz[], $15::text[]) with ordinality
        as g (lane, tenant, args, starts_at, limit_key, waits_for, schedule_id, tick_at, unique_key, number)
), firsts as (
    select distinct on (unique_key) * from given order by unique_key, number
), taken as (
    insert into job_unique (key, job_id)
    select unique_key, nextval(pg_get_serial_sequence('job', 'id')) from firsts order by number
    on conflict (key) do nothing
    returning key, job_id
)
insert into job (id, lane, queue, priority, run_at, starts_at, name, args, tenant, attempts_max, timeout_s, waits_for,
    unique_key, limit_key, batch_id, schedule_id, tick_at)
select t.job_id, g.lane, $2, $3,
    case when g.waits_for > 0 then 'infinity' else coalesce(g.starts_at, clock_timestamp()) end,
    coalesce(g.starts_at, clock_timestamp()), $1, g.args, g.tenant, $4, $5, g.waits_for, t.key, g.limit_key, $6,
    g.schedule_id, g.tick_at
from taken t join firsts g on g.unique_key = t.key
returning id, unique_key;

-- name: holders_of_keys
-- Which job holds each of these unique keys.
select key, job_id from job_unique where key = any($1::text[]) order by key limit 10000;

-- name: adopt_waiting
-- Notes at waiting jobs that others come after them.
update job set has_children = true where id = any($1::bigint[]) returning id;

-- name: adopt_running
-- Notes at running jobs that others come after them.
update running set has_children = true where id = any($1::bigint[]) returning id;

-- name: adopt_dead
-- Notes at dead letters that others come after them, should they be sent again.
update dead set has_children = true where id = any($1::bigint[]) returning id;

-- name: succeeded_of
-- Which of these jobs have succeeded already.
select distinct id from done where id = any($1::bigint[]) and outcome = 'succeeded' order by id limit 10000;

-- name: add_parents
-- That a job comes after others.
insert into job_after (parent_id, child_id) select unnest($1::bigint[]), $2 on conflict do nothing;

-- name: insert_batch
-- A batch of so many jobs.
insert into job_batch (name, total, unfinished, then_job_id, finished_at)
values ($1, $2, $2, $3, case when $2 = 0 then now() end) returning id;

-- name: claim
-- Takes up to $2 jobs that are due for a worker that is known: probe after probe in their order, each an exact range of
-- the index behind the floor, of queues that are not paused.
with picked as materialized (
    select array(
        select found.id
        from unnest($3::text[], $4::smallint[], $5::smallint[], $6::integer[], $7::timestamptz[], $8::bigint[])
            as probe (queue, priority, lane, share, floor_at, floor_id)
        cross join lateral (
            select j.id from job j
            where j.lane = probe.lane and j.queue = probe.queue and j.priority = probe.priority and j.run_at <= now()
                and (j.run_at, j.id) > (probe.floor_at, probe.floor_id)
                and not exists (select from queue q where q.name = probe.queue and q.paused_at is not null)
            order by j.run_at, j.id limit probe.share for update of j skip locked) as found
        where exists (select from worker w where w.id = $1)
        limit $2) as ids
), gone as (
    delete from job where id = any((select ids from picked)::bigint[])
    returning id, lane, queue, priority, run_at, starts_at, name, args, tenant, attempt, attempts_max, lost, timeout_s,
        is_admitted, has_children, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at
), moved as (
    insert into running (id, lane, queue, priority, starts_at, name, args, tenant, attempt, attempts_max, lost,
        timeout_s, is_admitted, has_children, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at,
        worker_id, started_at)
    select id, lane, queue, priority, starts_at, name, args, tenant, attempt + 1, attempts_max, lost, timeout_s,
        is_admitted, has_children, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at, $1, now()
    from gone
)
select id, queue, priority, lane, run_at, name, args, tenant, (attempt + 1)::smallint as attempt, attempts_max, lost,
    timeout_s, is_admitted, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at
from gone;

-- name: next_due
-- In how many seconds the next job of these queues is due, from a second ago on; null when none has a time.
select extract(epoch from min(found.run_at) - now())::double precision
from unnest($1::text[]) as q (queue) cross join unnest($2::smallint[]) as p (priority)
cross join unnest($3::smallint[]) as l (lane)
cross join lateral (
    select j.run_at from job j
    where j.lane = l.lane and j.queue = q.queue and j.priority = p.priority
        and j.run_at > now() - interval '1 second' and j.run_at < 'infinity'
        and not exists (select from queue u where u.name = q.queue and u.paused_at is not null)
    order by j.run_at, j.id limit 1) as found;

-- name: queues_with_jobs
-- The names of the queues in which jobs wait, found by leaping from one to the next in each lane.
with recursive leap as (
    (select j.lane, j.queue from job j order by j.lane, j.queue limit 1)
    union all
    select n.lane, n.queue from leap cross join lateral (
        select j.lane, j.queue from job j where (j.lane, j.queue) > (leap.lane, leap.queue)
        order by j.lane, j.queue limit 1) as n
)
select distinct queue from leap order by queue limit 1000;

-- name: ack
-- Jobs of which nothing else depends have succeeded: a run each is kept. Those that others come after are left alone.
with gone as (
    delete from running where id = any($1::bigint[]) and attempt = $2 and worker_id = $3 and not has_children
    returning id, attempt, lane, queue, priority, name, args, tenant, attempts_max, created_at, starts_at, started_at,
        worker_id
), kept as (
    insert into done (id, attempt, lane, queue, priority, name, args, tenant, outcome, attempts_max, created_at,
        starts_at, started_at, finished_at, worker_id)
    select id, attempt, lane, queue, priority, name, args, tenant, 'succeeded', attempts_max, created_at, starts_at,
        started_at, now(), worker_id
    from gone
)
select id from gone;

-- name: lock_running
-- Locks running jobs, so that whoever comes after them is seen by what follows.
select id from running where id = any($1::bigint[]) order by id for update;

-- name: settle
-- Attempts that have ended, in whatever way: a run is kept of each; it goes back to wait, or is given up, or over; and
-- what waits for it (children, batch, schedule, a unique key) is told. Fenced by id and attempt.
with told as (
    select * from unnest($1::bigint[], $2::smallint[], $3::text[], $4::text[], $5::jsonb[], $6::double precision[],
        $7::text[]) as t (id, attempt, outcome, error, result, retry_in_s, reason)
), gone as (
    delete from running r using told t where r.id = t.id and r.attempt = t.attempt
    returning r.*, t.outcome, t.error, t.result, t.retry_in_s, t.reason
), kept as (
    insert into done (id, attempt, lane, queue, priority, name, args, tenant, outcome, error, result, attempts_max,
        batch_id, schedule_id, tick_at, created_at, starts_at, started_at, finished_at, worker_id)
    select id, attempt, lane, queue, priority, name, args, tenant, outcome, error, result, attempts_max, batch_id,
        schedule_id, tick_at, created_at, starts_at, started_at, clock_timestamp(), worker_id
    from gone
), again as (
    insert into job (id, lane, queue, priority, run_at, starts_at, name, args, tenant, attempt, attempts_max, lost,
        timeout_s, is_admitted, has_children, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at)
    -- what was lost or stopped keeps its attempts; what ran pays its rate again
    select id, lane, queue, priority, clock_timestamp() + make_interval(secs => retry_in_s), starts_at, name, args,
        tenant, attempt, attempts_max + (outcome in ('lost', 'stopped'))::integer, lost + (outcome = 'lost')::integer,
        timeout_s, false, has_children, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at
    from gone where retry_in_s is not null
), ended as (
    select * from gone where retry_in_s is null
), buried as (
    insert into dead (id, lane, queue, priority, name, args, tenant, attempt, attempts_max, lost, timeout_s,
        has_children, unique_key, limit_key, schedule_id, tick_at, created_at, error, reason, died_at)
    select id, lane, queue, priority, name, args, tenant, attempt, attempts_max, lost, timeout_s, has_children,
        unique_key, limit_key, schedule_id, tick_at, created_at, error, reason, now()
    from ended where outcome = 'dead'
), freed as (
    delete from job_unique u using ended e where u.key = e.unique_key and u.job_id = e.id
), edges as (
    delete from job_after a using ended e
    where a.parent_id = e.id and e.has_children and e.outcome = 'succeeded' returning a.child_id
), released as (
    update job j set waits_for = j.waits_for - c.ended,
        run_at = case when j.waits_for - c.ended <= 0 then greatest(j.starts_at, clock_timestamp()) else j.run_at end
    from (select child_id, count(*)::integer as ended from edges group by child_id) as c
    where j.id = c.child_id
    returning j.queue
), batches as (
    update job_batch b set unfinished = b.unfinished - e.ended, succeeded = b.succeeded + e.succeeded,
        failed = b.failed + e.failed, cancelled = b.cancelled + e.cancelled,
        finished_at = case when b.unfinished - e.ended <= 0 then clock_timestamp() end
    from (select batch_id, count(*)::integer as ended,
            (count(*) filter (where outcome = 'succeeded'))::integer as succeeded,
            (count(*) filter (where outcome = 'dead'))::integer as failed,
            (count(*) filter (where outcome = 'cancelled'))::integer as cancelled
        from ended where batch_id is not null group by batch_id) as e
    where b.id = e.batch_id
    returning b.unfinished, b.then_job_id
), followed as (
    update job j set waits_for = 0, run_at = greatest(j.starts_at, clock_timestamp())
    from batches b where b.unfinished <= 0 and j.id = b.then_job_id
), scheduled as (
    update schedule s set runs = s.runs + g.runs, failures = s.failures + g.failures, last_outcome = g.outcome,
        last_error = coalesce(g.error, s.last_error), last_run_at = g.started_at
    from (select distinct on (schedule_id) schedule_id, count(*) over w as runs,
            count(*) filter (where outcome in ('failed', 'dead', 'lost')) over w as failures, outcome, error, started_at
        from gone where schedule_id is not null
        window w as (partition by schedule_id) order by schedule_id, started_at desc, id desc) as g
    where s.id = g.schedule_id
)
select id, outcome, retry_in_s, exists (select from edges) or exists (select from batches where unfinished <= 0) as frees
from gone;

-- name: give_back
-- Claimed jobs that may not run yet: back to wait, behind a limit or for their instant, as if never claimed.
with told as (
    select * from unnest($1::bigint[], $2::timestamptz[], $3::text[]) as t (id, run_at, parked_on)
), gone as (
    delete from running r using told t where r.id = t.id and r.worker_id = $4
    returning r.*, t.run_at, t.parked_on
)
insert into job (id, lane, queue, priority, run_at, starts_at, name, args, tenant, attempt, attempts_max, lost,
    timeout_s, parked_on, is_admitted, has_children, unique_key, limit_key, batch_id, schedule_id, tick_at, created_at)
select id, lane, queue, priority, coalesce(run_at, 'infinity'), starts_at, name, args, tenant, attempt - 1,
    attempts_max, lost, timeout_s, parked_on, is_admitted or run_at is not null, has_children, unique_key, limit_key,
    batch_id, schedule_id, tick_at, created_at
from gone;
