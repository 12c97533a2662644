-- name: waiting
-- Waiting jobs behind an id, of a queue, function, schedule or batch, of some tenants, or any.
select id, queue, priority, name, tenant, attempt, attempts_max, run_at, starts_at, waits_for, parked_on, batch_id,
    schedule_id, tick_at, created_at
from job
where id > $1 and ($2::text is null or queue = $2) and ($3::text is null or name = $3)
    and ($4::text[] is null or tenant = any($4)) and ($5::bigint is null or schedule_id = $5)
    and ($6::bigint is null or batch_id = $6)
order by id limit $7;

-- name: running
-- Running jobs behind an id, of a queue, function, schedule or batch, of some tenants, or any.
select r.id, r.queue, r.priority, r.name, r.tenant, r.attempt, r.attempts_max, r.started_at, r.starts_at, r.batch_id,
    r.schedule_id, r.tick_at, r.created_at, r.cancelled_by, r.progress_done, r.progress_total, r.progress_note,
    coalesce(w.name, 'gone') as worker
from running r left join worker w on w.id = r.worker_id
where r.id > $1 and ($2::text is null or r.queue = $2) and ($3::text is null or r.name = $3)
    and ($4::text[] is null or r.tenant = any($4)) and ($5::bigint is null or r.schedule_id = $5)
    and ($6::bigint is null or r.batch_id = $6)
order by r.id limit $7;

-- name: runs
-- Attempts that ended, the youngest job first, before an id; of a queue, function, schedule or outcome, of some
-- tenants, or any.
select id, attempt, queue, priority, name, tenant, outcome, error, result, attempts_max, batch_id, schedule_id, tick_at,
    created_at, starts_at, started_at, finished_at
from done
where id < $1 and ($2::text is null or queue = $2) and ($3::text is null or name = $3)
    and ($4::text[] is null or tenant = any($4)) and ($5::bigint is null or schedule_id = $5)
    and ($6::text is null or outcome = $6)
order by id desc, attempt desc, finished_at desc limit $7;

-- name: runs_of
-- All attempts at a job that have ended, in their order.
select id, attempt, queue, priority, name, args, tenant, outcome, error, result, attempts_max, batch_id, schedule_id, tick_at,
    created_at, starts_at, started_at, finished_at
from done where id = $1 order by attempt, finished_at limit 1100;

-- name: dead
-- Dead letters behind an id, of a queue or function, of some tenants, or any.
select id, queue, priority, name, args, tenant, attempt, lost, error, reason, schedule_id, tick_at, created_at, died_at
from dead where id > $1 and ($2::text is null or queue = $2) and ($3::text is null or name = $3)
    and ($4::text[] is null or tenant = any($4))
order by id limit $5;

-- name: where_is
-- The stage of a job's life, and what is known of it there.
select 'waiting' as state, j.queue, j.priority, j.name, j.args, j.tenant, j.attempt, j.attempts_max, j.run_at,
    j.starts_at, j.waits_for, j.parked_on, j.is_admitted, j.limit_key, j.batch_id, j.schedule_id, j.tick_at,
    j.created_at, null::timestamptz as started_at, j.lane, now() as now, null::bigint as progress_done,
    null::bigint as progress_total, null::text as progress_note, null::text as cancelled_by
from job j where j.id = $1
union all
select 'running', r.queue, r.priority, r.name, r.args, r.tenant, r.attempt, r.attempts_max, r.starts_at, r.starts_at, 0,
    null, r.is_admitted, r.limit_key, r.batch_id, r.schedule_id, r.tick_at, r.created_at, r.started_at, r.lane, now(),
    r.progress_done, r.progress_total, r.progress_note, r.cancelled_by
from running r where r.id = $1
union all
select 'dead', d.queue, d.priority, d.name, d.args, d.tenant, d.attempt, d.attempts_max, d.died_at, d.created_at, 0,
    null, false, d.limit_key, null, d.schedule_id, d.tick_at, d.created_at, null, d.lane, now(), null, null, null, null
from dead d where d.id = $1
limit 1;

-- name: tenant_of
-- Whose a job is, wherever it is.
select tenant from job where id = $1
union all select tenant from running where id = $1
union all select tenant from dead where id = $1
union all (select tenant from done where id = $1 limit 1)
limit 1;

-- name: facts
-- Why a waiting job may not run: its queue's pause, live workers, its limit, its batch, how many are before it.
select q.paused_at, q.paused_by,
    (select count(*) from worker w where $2 = any(w.queues) and not w.is_stopping
        and w.beat_at >= now() - $5::double precision * interval '1 second')::integer as workers,
    l.running_max, l.rate_per_s,
    (select b.unfinished from job_batch b where b.then_job_id = $1 and b.unfinished > 0 limit 1) as batch_left,
    (select count(*) from (
        select from job o where o.lane = any($6::smallint[]) and o.queue = $2 and o.run_at <= now()
            and (o.priority < $3 or (o.priority = $3 and (o.run_at, o.id) < ($4, $1))) limit 10000) as a
    )::integer as ahead
from (select) as one left join queue q on q.name = $2 left join job_limit l on l.key = $7::text;

-- name: parents
-- The jobs that a job waits for, and where they are.
select a.parent_id as id, case
    when exists (select from job j where j.id = a.parent_id) then 'waiting'
    when exists (select from running r where r.id = a.parent_id) then 'running'
    when exists (select from dead d where d.id = a.parent_id) then 'dead'
    else coalesce((select d.outcome from done d where d.id = a.parent_id order by d.finished_at desc limit 1), 'unknown')
    end as state
from job_after a where a.child_id = $1 order by a.parent_id limit 100;

-- name: lines
-- Log lines of a job behind a line of an attempt, in their order.
select attempt, number, at, level, text from job_log
where job_id = $1 and (attempt, number) > ($2, $3) order by attempt, number limit $4;

-- name: queues
-- All queues that are known of, with what waits, is to come, runs and was given up in each.
with names as (
    select name from queue union select unnest($1::text[]) union select queue from running union select queue from dead
    union select unnest(queues) from worker
)
select n.name as queue, q.paused_at, q.paused_by,
    (select count(*) from (select from job j where j.lane = any($2::smallint[]) and j.queue = n.name
        and j.priority = any($3::smallint[]) and j.run_at <= now() limit $4) as c)::integer as due,
    (select count(*) from (select from job j where j.lane = any($2::smallint[]) and j.queue = n.name
        and j.priority = any($3::smallint[]) and j.run_at > now() limit $4) as c)::integer as later,
    (select count(*) from running r where r.queue = n.name)::integer as running,
    (select count(*) from (select from dead d where d.queue = n.name limit $4) as c)::integer as dead,
    (select count(*) from worker w where n.name = any(w.queues)
        and w.beat_at >= now() - $5::double precision * interval '1 second')::integer as workers,
    (select extract(epoch from now() - min(j.run_at))::double precision from job j where j.lane = any($2::smallint[])
        and j.queue = n.name and j.priority = any($3::smallint[]) and j.run_at <= now()) as oldest_s
from names n left join queue q on q.name = n.name
order by n.name limit 1000;

-- name: batch
-- One batch.
select id, name, total, unfinished, succeeded, failed, cancelled, then_job_id, created_at, finished_at
from job_batch where id = $1;

-- name: ends_of
-- How the last attempt at each of these jobs ended, of those that have had one.
select distinct on (id) id, outcome, error from done where id = any($1::bigint[])
order by id, attempt desc, finished_at desc limit 10000;
