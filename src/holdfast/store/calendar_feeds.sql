-- name: insert
-- A new calendar; no row when its site has one of that name.
insert into calendar_feed (site_id, id, unit_id, name, url, host, every_minutes, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (site_id, name) do nothing
returning id;

-- name: count
-- How many calendars a site has.
select count(*) from calendar_feed where site_id = $1;

-- name: page
-- The calendars of a site by name.
select f.site_id, f.id, u.code as unit, f.name, f.url, f.host, f.every_minutes, f.paused_at, f.paused_by, f.etag,
    f.last_modified, f.digest, f.followed_at, f.tried_at, f.read_at, f.next_at, f.failures, f.error, f.blocks,
    f.conflicts, f.unread, f.created_by, f.created_at, now() as now
from calendar_feed f join unit u on u.site_id = f.site_id and u.id = f.unit_id
where f.site_id = $1 order by f.name limit $2;

-- name: one
-- One calendar by its id or name.
select f.site_id, f.id, u.code as unit, f.name, f.url, f.host, f.every_minutes, f.paused_at, f.paused_by, f.etag,
    f.last_modified, f.digest, f.followed_at, f.tried_at, f.read_at, f.next_at, f.failures, f.error, f.blocks,
    f.conflicts, f.unread, f.created_by, f.created_at, now() as now
from calendar_feed f join unit u on u.site_id = f.site_id and u.id = f.unit_id
where f.site_id = $1 and (f.id::text = $2 or f.name = $2) order by f.id::text = $2 desc limit 1;

-- name: change
-- Another address, another pace; what is known of the address before counts no more.
update calendar_feed set url = $3, host = $4, every_minutes = $5, etag = null, last_modified = null, digest = null,
    followed_at = null, next_at = now()
where site_id = $1 and id = $2;

-- name: sealed
-- All addresses as they are sealed, held until the transaction ends.
select site_id, id, url from calendar_feed order by site_id, id for update limit 1000000;

-- name: reseal
-- The same address, sealed with another key.
update calendar_feed set url = $3 where site_id = $1 and id = $2;

-- name: pause
-- It is not asked from now on; says whether it was not paused before.
update calendar_feed set paused_at = now(), paused_by = $3
where site_id = $1 and id = $2 and paused_at is null returning id;

-- name: resume
-- It is asked again; says whether it was paused.
update calendar_feed set paused_at = null, paused_by = null, next_at = now()
where site_id = $1 and id = $2 and paused_at is not null returning id;

-- name: remove
-- A calendar is gone; its blocks are the desk's to give back.
delete from calendar_feed where site_id = $1 and id = $2 returning id;

-- name: due
-- Calendars that are to be asked by now, the longest due first.
select site_id, id from calendar_feed
where paused_at is null and next_at <= now() order by next_at, site_id, id limit $1;

-- name: read
-- It was asked and had an answer; with $5 the answer was followed.
update calendar_feed set tried_at = now(), read_at = now(), failures = 0, error = $3,
    next_at = now() + $4::double precision * interval '1 minute',
    followed_at = case when $5 then now() else followed_at end,
    etag = case when $5 then $6 else etag end, last_modified = case when $5 then $7 else last_modified end,
    digest = case when $5 then $8 else digest end, blocks = case when $5 then $9 else blocks end,
    conflicts = case when $5 then $10 else conflicts end, unread = case when $5 then $11 else unread end
where site_id = $1 and id = $2;

-- name: failed
-- It could not be read; how often in a row by now, and no row when it is gone.
update calendar_feed set tried_at = now(), failures = failures + 1, error = $3,
    next_at = now() + $4::double precision * interval '1 second'
where site_id = $1 and id = $2 returning failures;

-- name: own_bookings
-- Which of these are bookings of the site: a calendar that repeats what was read here names them.
select id from booking where site_id = $1 and id = any($2::uuid[]);

-- name: in_trouble
-- Calendars that are not paused and have failed often, are read in part only, or were not read for too long.
select f.site_id, f.name, u.code as unit, f.host, f.failures, f.unread, f.error, coalesce(f.read_at, f.created_at) as since
from calendar_feed f join unit u on u.site_id = f.site_id and u.id = f.unit_id
where f.paused_at is null and (f.failures >= $1 or f.unread > 0
    or coalesce(f.read_at, f.created_at) < now() - greatest(3 * f.every_minutes, 60) * interval '1 minute')
order by f.site_id, f.name limit $2;
