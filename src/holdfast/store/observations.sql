-- name: record
-- What was seen of units by code: the latest counts, an older one is passed over. `since` goes on while the same is
-- seen without a break. Says per code whether the unit exists, and whether the observation was taken.
with clock as (
    select coalesce($7::timestamptz, now()) as now
), given as (
    -- a machine whose clock is ahead has seen it now at the latest, or nothing later could ever win
    select g.code, g.kind, g.seen, least(coalesce(g.at, clock.now), clock.now) as seen_at,
        least(coalesce(g.at, clock.now), clock.now) + make_interval(secs => g.for_s) as expires_at
    from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::double precision[])
        as g (code, kind, seen, at, for_s)
    cross join clock
), known as (
    select g.*, u.id as unit_id from given g left join unit u on u.site_id = $1 and u.code = g.code
), recorded as (
    insert into observation as o (site_id, unit_id, kind, seen, since, seen_at, expires_at, seen_by)
    select $1, unit_id, kind, seen, seen_at, seen_at, expires_at, $8 from known cross join clock
    where unit_id is not null and expires_at > clock.now order by unit_id, kind
    on conflict (site_id, unit_id, kind) do update set seen = excluded.seen, seen_at = excluded.seen_at,
        expires_at = excluded.expires_at, seen_by = excluded.seen_by,
        since = case when o.seen = excluded.seen and o.expires_at >= excluded.seen_at then o.since
            else excluded.since end
    where o.seen_at <= excluded.seen_at
    returning o.unit_id, o.kind
)
select k.code, k.kind, k.unit_id is not null as exists, r.unit_id is not null as taken
from known k left join recorded r on r.unit_id = k.unit_id and r.kind = k.kind
order by k.code, k.kind;

-- name: page
-- What was last seen of a site's units and still counts, by code.
select u.code, o.kind, o.seen, o.since, o.seen_at, o.expires_at, o.seen_by
from observation o join unit u on u.site_id = o.site_id and u.id = o.unit_id
where o.site_id = $1 and o.expires_at > coalesce($2::timestamptz, now()) and u.code > $3
order by u.code, o.kind limit $4;

-- name: forget
-- Observations that have not counted for a day, a bounded number at a time; of one organisation, or all.
delete from observation where (site_id, unit_id, kind) in (
    select site_id, unit_id, kind from observation where expires_at < now() - interval '1 day'
        and ($2::uuid is null or site_id in (select id from site where organisation_id = $2)) limit $1);
