-- name: limits_for_update
-- These limits, locked in the order of their keys.
select key, running_max, rate_per_s, burst, free_at from job_limit where key = any($1::text[]) order by key for update;

-- name: limited_keys
-- The keys for which there are limits.
select key from job_limit order by key limit 100000;

-- name: limits
-- All limits with how many run under each, by key.
select l.key, l.running_max, l.rate_per_s, l.burst, l.free_at,
    (select count(*) from running r where r.is_admitted and (r.limit_key = l.key or 'queue:' || r.queue = l.key))::integer
        as running,
    (select count(*) from (select from job j where j.parked_on = l.key limit 10000) as p)::integer as parked
from job_limit l where l.key > $1 order by l.key limit $2;

-- name: running_by_key
-- How many run under each of these keys, but for the given ones, which are only about to.
select keys.key, count(r.id)::integer as running
from unnest($1::text[]) as keys (key)
left join running r on r.is_admitted and r.id <> all($2::bigint[])
    and (r.limit_key = keys.key or 'queue:' || r.queue = keys.key)
group by keys.key order by keys.key;

-- name: holders
-- Which jobs run under a key.
select id from running where is_admitted and (limit_key = $1 or 'queue:' || queue = $1) order by id limit 20;

-- name: let_in
-- Claimed jobs that may run.
update running set is_admitted = true where id = any($1::bigint[]) and worker_id = $2;

-- name: set_free_at
-- When these keys let in the next one, by their rate.
update job_limit l set free_at = t.free_at from unnest($1::text[], $2::timestamptz[]) as t (key, free_at)
where l.key = t.key;

-- name: unpark
-- Lets the first $2 jobs behind a key try again, by priority and age.
update job set parked_on = null, run_at = greatest(starts_at, clock_timestamp()) where id in (
    select id from job where parked_on = $1 order by priority, starts_at, id limit $2 for update skip locked);

-- name: parked_keys
-- The keys that jobs are parked behind, found by leaping.
with recursive leap as (
    (select j.parked_on from job j where j.parked_on is not null order by j.parked_on limit 1)
    union all
    select n.parked_on from leap cross join lateral (
        select j.parked_on from job j where j.parked_on > leap.parked_on order by j.parked_on limit 1) as n
)
select parked_on from leap limit 10000;

-- name: set_limit
-- What a key allows from now on.
insert into job_limit (key, running_max, rate_per_s, burst) values ($1, $2, $3, $4)
on conflict (key) do update set running_max = excluded.running_max, rate_per_s = excluded.rate_per_s,
    burst = excluded.burst
where (job_limit.running_max, job_limit.rate_per_s, job_limit.burst)
    is distinct from (excluded.running_max, excluded.rate_per_s, excluded.burst);

-- name: drop_limit
-- A key limits nothing any more.
delete from job_limit where key = $1 returning key;
