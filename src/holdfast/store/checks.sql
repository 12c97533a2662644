-- name: sites_to_check
-- The sites to look at: one by slug or id, or with null all of them, in the order of their making.
select id, slug, version, wakes_at, now() as now
from site where $1::text is null or slug = $1 or id::text = $1 order by id limit 100000;

-- name: trimmed_version
-- Up to which version a site's journal has been let go of.
select trimmed_version from site where id = $1;

-- name: claims_of_site
-- All live claims of a site, by unit and time.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from claim c where c.site_id = $1 order by c.unit_id, lower(c.during) limit 5000000;

-- name: claims_around
-- The claims of a site that touch a time, and every session, however long ago it was to end.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from claim c
where c.site_id = $1 and (c.during && tstzrange($2, $3) or c.kind = 'session')
order by c.unit_id, lower(c.during) limit 5000000;

-- name: overlapping_claims
-- Claims that begin before the one before them on the same unit has ended: never any, says the constraint.
select unit_id, holder_id, start_at, before_until from (
    select unit_id, holder_id, lower(during) as start_at,
        lag(upper(during)) over (partition by unit_id order by lower(during)) as before_until
    from claim where site_id = $1) as following
where before_until > start_at order by unit_id, start_at limit 1000;

-- name: live_bookings
-- The bookings of a site that hold claims.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b where b.site_id = $1 and b.live order by b.id limit 5000000;

-- name: bookings_of_site
-- All bookings of a site.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b where b.site_id = $1 order by b.id limit 5000000;

-- name: block_ids
-- The blocks of a site.
select id from block where site_id = $1 order by id limit 1000000;

-- name: journal_extent
-- How many lines a site's journal has from behind a version on, the first and the last of them.
select count(*) as lines, min(version) as first, max(version) as last from journal where site_id = $1 and version > $2;

-- name: journal_lines_after
-- The journal of a site from behind a version on, in order.
select version, at, effective_at, type, subject, actor, cause, data
from journal where site_id = $1 and version > $2 order by version limit $3;

-- name: free_units
-- Units of these categories that nobody claims in a time and nobody is in now, clean ones first.
select u.code from unit u
where u.site_id = $1 and u.category = any($2::text[])
    and u.condition is distinct from 'out_of_service' and u.condition is distinct from 'under_maintenance'
    and not exists (
        select 1 from claim c where c.site_id = u.site_id and c.unit_id = u.id
            and (c.during && tstzrange($3, $4) or c.kind = 'session'))
order by u.condition is not distinct from 'dirty', u.code limit $5;
