-- name: insert_run
-- A new run.
insert into sync_run (site_id, id, operation, since, until, state, actor, cause, started_at)
values ($1, $2, $3, $4, $5, 'waiting', $6, $7, now());

-- name: take_connections
-- Gives free connections of a store to a run. Fewer than asked for: another run is at one of them.
update connection set run_id = $3 where site_id = $1 and id = any($2::bigint[]) and run_id is null returning id;

-- name: run_at
-- The run under way at any of these connections.
select run_id from connection where site_id = $1 and id = any($2::bigint[]) and run_id is not null order by id limit 1;

-- name: any_at
-- The run under way at a store that began first.
select id from sync_run where site_id = $1 and ended_at is null order by started_at, id limit 1;

-- name: note_tried
-- Streams that a run is about to read: their schedules count from here.
update stream set tried_at = now() where site_id = $1 and connection_id = any($2::bigint[]);

-- name: insert_stages
-- The stages of a new run, in order.
insert into sync_stage (site_id, run_id, number, name, connection_id, state)
select $1, $2, n.number, n.name, n.connection_id, 'waiting'
from unnest($3::smallint[], $4::text[], $5::bigint[]) as n (number, name, connection_id);

-- name: lease
-- Takes runs that nobody works at, or whose worker has gone.
update sync_run r set leased_by = $1, leased_until = now() + make_interval(secs => $2), state = 'running'
from (
    select site_id, id from sync_run
    where ended_at is null and (leased_until is null or leased_until < now())
    order by leased_until nulls first, started_at, id limit $3
    for update skip locked
) as free
where r.site_id = free.site_id and r.id = free.id
returning r.site_id, r.id;

-- name: lease_one
-- The same for one run, when nobody works at it.
update sync_run set leased_by = $3, leased_until = now() + make_interval(secs => $4), state = 'running'
where site_id = $1 and id = $2 and ended_at is null and (leased_until is null or leased_until < now())
returning id;

-- name: renew
-- Keeps a run for whoever works at it, and says whether it is to stop; no row when it is not theirs any more.
update sync_run set leased_until = now() + make_interval(secs => $4)
where site_id = $1 and id = $2 and leased_by = $3 and ended_at is null
returning is_cancelled;

-- name: release
-- Lets a run go so that another worker may go on with it at once.
update sync_run set leased_by = null, leased_until = null
where site_id = $1 and id = $2 and leased_by = $3 and ended_at is null;

-- name: cancel
-- Asks a run to stop behind its present batch.
update sync_run set is_cancelled = true where site_id = $1 and id = $2 and ended_at is null returning id;

-- name: end_run
-- Ends a run and gives its connections back.
with ended as (
    update sync_run set state = $4, reason = $5, ended_at = now(), leased_by = null, leased_until = null
    where site_id = $1 and id = $2 and leased_by = $3 and ended_at is null returning id
)
update connection c set run_id = null from ended where c.site_id = $1 and c.run_id = ended.id;

-- name: begin_stage
-- A stage begins, or goes on.
update sync_stage set state = 'running', started_at = coalesce(started_at, now()), since = $4, until = $5, total = $6,
    done = $7
where site_id = $1 and run_id = $2 and number = $3;

-- name: end_stage
-- A stage ends.
update sync_stage set state = $4, n = $5, reason = $6, ended_at = now(), generation = $7
where site_id = $1 and run_id = $2 and number = $3;

-- name: progress
-- A batch is in: where the stream's read stands, and what the stage has come to.
with read as (
    update stream set reading = $4, generation = generation + ($8::bigint > 0)::int
    where site_id = $1 and connection_id = $2 and name = $3
)
update sync_stage set done = $9, total = $10, changed = changed + $8, rejects = rejects + $11, until = $7
where site_id = $1 and run_id = $5 and number = $6;

-- name: start_reading
-- A read of a stream begins: its number.
update stream set reads = reads + 1 where site_id = $1 and connection_id = $2 and name = $3 returning reads;

-- name: set_reading
-- Where the read of a stream stands.
update stream set reading = $4 where site_id = $1 and connection_id = $2 and name = $3;

-- name: note_deleted
-- Orders that a stage found to be gone.
with deleted as (
    update sync_stage set deleted = deleted + $6
    where site_id = $1 and run_id = $2 and number = $3
)
update stream set generation = generation + ($6::bigint > 0)::int
where site_id = $1 and connection_id = $4 and name = $5;

-- name: finish_stream
-- A read has come to its end: up to when the stream is complete, and, when that is proved, since when.
update stream set reading = null, watermark = greatest(watermark, $4),
    verified_at = case when $5 then now() else verified_at end
where site_id = $1 and connection_id = $2 and name = $3
returning generation, watermark;

-- name: raise_generation
-- Rows of a stream came in beside its reads.
update stream set generation = generation + 1 where site_id = $1 and connection_id = $2 and name = $3;

-- name: runs
-- The runs of a store, the latest first, from before one on.
select id, operation, since, until, state, reason, actor, cause, started_at, ended_at, is_cancelled
from sync_run where site_id = $1 and ($2::timestamptz is null or (started_at, id) < ($2, $3::uuid))
order by started_at desc, id desc limit $4;

-- name: run
-- One run.
select id, operation, since, until, state, reason, actor, cause, started_at, ended_at, is_cancelled
from sync_run where site_id = $1 and id = $2;

-- name: stages
-- The stages of these runs, in order.
select g.run_id, g.number, g.name, g.connection_id, c.name as connection, g.state, g.since, g.until, g.done, g.total,
    g.changed, g.rejects, g.deleted, g.n, g.reason, g.started_at, g.ended_at, g.generation
from sync_stage g left join connection c on c.site_id = g.site_id and c.id = g.connection_id
where g.site_id = $1 and g.run_id = any($2::uuid[]) order by g.run_id, g.number;

-- name: last_ends
-- How the last read of each stream of a store ended.
select s.connection_id, s.name, g.run_id, g.state, g.n, g.reason, g.ended_at
from stream s
cross join lateral (
    select e.run_id, e.state, e.n, e.reason, e.ended_at from sync_stage e
    where e.site_id = $1 and e.connection_id = s.connection_id and e.name = s.name and e.ended_at is not null
        and e.state <> 'waiting'
    order by e.ended_at desc limit 1
) as g
where s.site_id = $1 order by s.connection_id, s.name limit 200;

-- name: rates_of_earlier
-- How many rows a second the latest stages of a connection read.
select (done / greatest(extract(epoch from ended_at - started_at), 0.001))::double precision as rate
from sync_stage
where site_id = $1 and connection_id = $2 and name = $3 and ended_at is not null and done > 100
order by ended_at desc limit 5;

-- name: under_way
-- How many runs of a store have not ended.
select count(*) from sync_run where site_id = $1 and ended_at is null;

-- name: forget_old_runs
-- Runs that ended long ago, a bounded number at a time; the journal remembers them.
delete from sync_run where (site_id, id) in (
    select site_id, id from sync_run
    where ended_at < now() - $1::double precision * interval '1 day' order by ended_at limit $2);

-- name: standing
-- Which of these rules has a finding that stands of a subject.
select rule from finding where site_id = $1 and rule = any($2::text[]) and subject = $3 and stands order by rule limit 20;
