-- name: standing
-- Whether the database answers, what it is, how far the clock is behind ($1 seconds are no delay), what is open.
select now() as now, current_setting('server_version') as version,
    (select min(wakes_at) from site where wakes_at < now() - make_interval(secs => $1::float8)) as oldest,
    (select count(*) from (
        select 1 from site where wakes_at < now() - make_interval(secs => $1::float8) limit 10000) late) as overdue,
    (select count(*) from (select 1 from finding where stands and state = 'open' limit 10000) open) as findings;

-- name: late_sites
-- The sites where the clock is more than $1 seconds behind, the latest first.
select id as site_id, wakes_at, extract(epoch from now() - wakes_at)::float8 as late_s
from site where wakes_at < now() - make_interval(secs => $1::float8)
order by wakes_at, id limit $2;

-- name: standing_findings
-- The findings of these rules that stand.
select site_id, rule, subject from finding
where stands and rule = any($1::text[])
order by site_id, rule, subject limit 10000;

-- name: first_sites
-- The first site of each organisation.
select min(id) as site_id from site group by organisation_id order by min(id) limit $1;
