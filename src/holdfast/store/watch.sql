-- name: standing
-- Whether the database answers, what it is, how far the clock is behind ($1 seconds are no delay), what is open.
select now() as now, current_setting('server_version') as version,
    (select min(wakes_at) from site where wakes_at < now() - make_interval(secs => $1::float8)) as oldest,
    (select count(*) from (
        select 1 from site where wakes_at < now() - make_interval(secs => $1::float8) limit 10000) late) as overdue,
    (select count(*) from (select 1 from finding where stands and state = 'open' limit 10000) open) as findings;

-- name: site_standing
-- How far one site's clock is behind ($2 seconds are no delay), what is open there, and how many lines its journal grew
-- by in the last $3 seconds, counted in its last 10,000.
select now() as now, s.version,
    case when s.wakes_at < now() - make_interval(secs => $2::float8) then s.wakes_at end as oldest,
    (select count(*) from finding f where f.site_id = s.id and f.stands and f.state = 'open') as findings,
    (select j.at from journal j where j.site_id = s.id order by j.version desc limit 1) as written_at,
    (select count(*) from (
        select j.at from journal j where j.site_id = s.id order by j.version desc limit 10000) line
        where line.at > now() - make_interval(secs => $3::float8)) as lines
from site s where s.id = $1;

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
