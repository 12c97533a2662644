-- name: sites_due
-- The sites whose clock is due, but for those of $2, the longest overdue first, and in how many seconds the next one
-- will be, if that is within a day.
select array(
    select id from site where wakes_at <= now() and id <> all($2::bigint[]) order by wakes_at, id limit $1
) as due,
extract(epoch from (
    select min(wakes_at) from site where wakes_at > now() and wakes_at < now() + interval '1 day') - now())::double precision as next_in_s;

-- name: bookings_due
-- The bookings that the clock is due to look at by $2 at each site of $1, at most $3 of it, earliest first, and at one
-- instant those first that may leave their units.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as s (site_id, until_at, rows_max)
cross join lateral (
    select * from booking n where n.site_id = s.site_id and n.wakes_at <= s.until_at
    order by n.wakes_at, n.started_at is null, n.id limit s.rows_max) as b
order by b.site_id, b.wakes_at, b.started_at is null, b.id;

-- name: blocks_due
-- The blocks that are over by $2 at each site of $1, at most $3 of it, earliest first.
select b.site_id, b.id, b.unit_ids, b.starts_at, b.ends_at, b.kind, b.reason, b.return_condition, b.created_by,
    b.created_at, b.version, b.wakes_at
from unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as s (site_id, until_at, rows_max)
cross join lateral (
    select * from block n where n.site_id = s.site_id and n.wakes_at <= s.until_at
    order by n.wakes_at, n.id limit s.rows_max) as b
order by b.site_id, b.wakes_at, b.id;

-- name: units_due
-- The units whose shown status is due to be looked at by $2 at each site of $1, at most $3 of it, earliest first.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unnest($1::bigint[], $2::timestamptz[], $3::integer[]) as s (site_id, until_at, rows_max)
cross join lateral (
    select * from unit n where n.site_id = s.site_id and n.wakes_at <= s.until_at
    order by n.wakes_at, n.id limit s.rows_max) as u
order by u.site_id, u.wakes_at, u.id;

-- name: units_with_claims_beyond
-- Which of these units have claims that reach beyond their instant.
select k.site_id, k.unit_id
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[]) as k (site_id, unit_id, from_at)
where exists (
    select 1 from claim c
    where c.site_id = k.site_id and c.unit_id = k.unit_id and c.during && tstzrange(k.from_at, 'infinity'));

-- name: soonest_alarms
-- When the clock is next due at each of these sites.
select s.site_id, least(
    (select min(wakes_at) from booking b where b.site_id = s.site_id and b.wakes_at is not null),
    (select min(wakes_at) from unit u where u.site_id = s.site_id and u.wakes_at is not null),
    (select min(wakes_at) from block k where k.site_id = s.site_id and k.wakes_at is not null)) as wakes_at
from unnest($1::bigint[]) as s (site_id);

-- name: silence_bookings
-- Bookings that the clock cannot process: their alarms ring no more.
update booking b set wakes_at = null
from unnest($1::bigint[], $2::uuid[]) as k (site_id, id) where b.site_id = k.site_id and b.id = k.id;

-- name: silence_blocks
-- Blocks that the clock cannot process: their alarms ring no more.
update block b set wakes_at = null
from unnest($1::bigint[], $2::uuid[]) as k (site_id, id) where b.site_id = k.site_id and b.id = k.id;

-- name: silence_units
-- Units that the clock cannot process: their alarms ring no more.
update unit u set wakes_at = null
from unnest($1::bigint[], $2::bigint[]) as k (site_id, id) where u.site_id = k.site_id and u.id = k.id;

-- name: is_behind
-- Whether anything that was due a moment ago has not been done.
select exists (select 1 from site where wakes_at <= now() - interval '10 milliseconds');
