-- name: due
-- The schedules (of some tenants) that are due and whose functions are known here, the longest overdue first; whether their last job is
-- still waiting or running; and what time it is, by the database's clock unless $3 replaces it.
select s.id, s.name, s.tenant, s.expression, s.time_zone, s.gap, s.fold, s.missed, s.catch_up_s, s.overlap,
    s.function, s.args, s.queue, s.priority, s.is_active, s.changed_by, s.next_at, s.last_job_id,
    s.last_job_id is not null and (exists (select from job j where j.id = s.last_job_id)
        or exists (select from running r where r.id = s.last_job_id)) as is_live,
    coalesce($3::timestamptz, now()) as now
from schedule s where s.next_at <= coalesce($3::timestamptz, now()) and s.function = any($1::text[])
    and ($4::text[] is null or s.tenant = any($4))
order by s.next_at, s.id limit $2;

-- name: next_in_s
-- In how many seconds the next schedule (of some tenants) is due.
select extract(epoch from min(next_at) - coalesce($2::timestamptz, now()))::double precision
from schedule where function = any($1::text[]) and ($3::text[] is null or tenant = any($3));

-- name: lock_unmoved
-- Locks those of the schedules that nobody else has moved on, or is about to.
select s.id from schedule s join unnest($1::bigint[], $2::timestamptz[]) as t (id, next_at)
    on s.id = t.id and s.next_at = t.next_at
order by s.id for update of s skip locked;

-- name: move_on
-- Schedules wait for their next tick.
update schedule s set next_at = t.next_at, last_at = coalesce(t.last_at, s.last_at),
    last_job_id = coalesce(t.last_job_id, s.last_job_id)
from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::bigint[])
    as t (id, next_at, last_at, last_job_id)
where s.id = t.id;

-- name: note_ticks
-- Lines of the ledger; says which of them were not there yet.
insert into tick (schedule_id, at, state, reason, job_id)
select * from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[])
on conflict (schedule_id, at) do nothing
returning schedule_id, at;

-- name: fill_in
-- Which job a line of the ledger stands for.
update tick set job_id = $3 where schedule_id = $1 and at = $2;

-- name: note_backfill
-- Lines of the ledger for instants that are made up for; a line without a job says what it was before.
insert into tick as t (schedule_id, at, state, reason)
select $1, at, 'backfilled', $3 from unnest($2::timestamptz[]) as g (at)
on conflict (schedule_id, at) do update set state = excluded.state, noted_at = now(),
    reason = excluded.reason || '; was ' || t.state || coalesce(': ' || t.reason, '')
where t.job_id is null
returning t.at;

-- name: insert
-- A new schedule; no row when its tenant has one of that name.
insert into schedule (name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args,
    queue, priority, is_active, next_at, metadata, changed_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
on conflict (tenant, name) do nothing
returning id, name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args, queue,
    priority, is_active, next_at, last_at, last_job_id, runs, failures, last_outcome, last_error, last_run_at, metadata,
    changed_by, created_at, changed_at;

-- name: for_update
-- One schedule, locked.
select id, name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args, queue,
    priority, is_active, next_at, last_at, last_job_id, runs, failures, last_outcome, last_error, last_run_at, metadata,
    changed_by, created_at, changed_at
from schedule where id = $1 for update;

-- name: change
-- A schedule as it is from now on; no row when its tenant has another one of that name.
update schedule set name = $2, tenant = $3, expression = $4, time_zone = $5, gap = $6, fold = $7, missed = $8,
    catch_up_s = $9, overlap = $10, function = $11, args = $12, queue = $13, priority = $14, is_active = $15,
    next_at = $16, metadata = $17, changed_by = $18, changed_at = now()
where id = $1 and not exists (
    select from schedule o where o.tenant = $3 and o.name = $2 and o.id <> $1)
returning id, name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args, queue,
    priority, is_active, next_at, last_at, last_job_id, runs, failures, last_outcome, last_error, last_run_at, metadata,
    changed_by, created_at, changed_at;

-- name: one
-- One schedule.
select id, name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args, queue,
    priority, is_active, next_at, last_at, last_job_id, runs, failures, last_outcome, last_error, last_run_at, metadata,
    changed_by, created_at, changed_at
from schedule where id = $1;

-- name: by_name
-- A tenant's schedule of that name.
select id, name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args, queue,
    priority, is_active, next_at, last_at, last_job_id, runs, failures, last_outcome, last_error, last_run_at, metadata,
    changed_by, created_at, changed_at
from schedule where tenant = $1 and name = $2;

-- name: result_of
-- What the last attempt at a job gave, when it succeeded.
select result from done where id = $1 and outcome = 'succeeded' order by attempt desc limit 1;

-- name: page
-- Schedules by id, of some tenants, of a function, active or not, with our own or without.
select id, name, tenant, expression, time_zone, gap, fold, missed, catch_up_s, overlap, function, args, queue,
    priority, is_active, next_at, last_at, last_job_id, runs, failures, last_outcome, last_error, last_run_at, metadata,
    changed_by, created_at, changed_at
from schedule
where id > $1 and ($2::text[] is null or tenant = any($2)) and ($3::boolean is null or is_active = $3)
    and ($4::text is null or function = $4) and ($6::boolean or function not like 'holdfast.%')
order by id limit $5;

-- name: remove
-- A schedule and its ledger are gone.
delete from schedule where id = $1 returning id;

-- name: ticks
-- The ledger of a schedule, the latest first, before an instant, in one state or any, with what became of the job.
select t.at, t.state, t.reason, t.job_id, t.noted_at, coalesce(
    (select d.outcome from done d where d.id = t.job_id order by d.attempt desc, d.finished_at desc limit 1),
    (select 'running' from running r where r.id = t.job_id), (select 'waiting' from job j where j.id = t.job_id)
    ) as outcome
from tick t
where t.schedule_id = $1 and ($2::timestamptz is null or t.at < $2) and ($3::text is null or t.state = $3)
order by t.at desc limit $4;
