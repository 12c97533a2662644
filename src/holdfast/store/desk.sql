-- name: lock_sites
-- Locks the free ones of these sites in order and says where they stand; sites locked elsewhere are passed over.
select id, version, now() as now, journal_at, wakes_at, changed_version
from site where id = any($1::bigint[]) order by id for no key update skip locked;

-- name: wait_for_sites
-- Locks these sites in order, waiting for whoever holds them, so that nobody is passed over for ever.
select id, version, now() as now, journal_at, wakes_at, changed_version
from site where id = any($1::bigint[]) order by id for no key update;

-- name: sites
-- Everything that deciding needs to know of these sites.
select id, organisation_id, kind, slug, name, time_zone, settings, created_at, changed_version
from site where id = any($1::bigint[]) order by id;

-- name: answers
-- The answers already given to these keys.
select a.site_id, a.key, a.body_hash, a.status, a.body, a.version
from unnest($1::bigint[], $2::text[]) as k (site_id, key)
join answer a on a.site_id = k.site_id and a.key = k.key;

-- name: bookings
-- Bookings by id.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from unnest($1::bigint[], $2::uuid[]) as k (site_id, id)
join booking b on b.site_id = k.site_id and b.id = k.id;

-- name: blocks
-- Blocks by id.
select b.site_id, b.id, b.unit_ids, b.starts_at, b.ends_at, b.kind, b.reason, b.return_condition, b.created_by,
    b.created_at, b.version
from unnest($1::bigint[], $2::uuid[]) as k (site_id, id)
join block b on b.site_id = k.site_id and b.id = k.id;

-- name: blocks_on_units
-- The blocks that cover any of these units of these sites and are not over.
select b.site_id, b.id, b.unit_ids, b.starts_at, b.ends_at, b.kind, b.reason, b.return_condition, b.created_by,
    b.created_at, b.version
from block b
where b.site_id = any($1::bigint[]) and b.unit_ids && $2::bigint[] and b.ends_at > $3
order by b.site_id, b.id limit 10000;

-- name: units_by_code
-- Units by code.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unnest($1::bigint[], $2::text[]) as k (site_id, code)
join unit u on u.site_id = k.site_id and u.code = k.code;

-- name: units_by_id
-- Units by id.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unnest($1::bigint[], $2::bigint[]) as k (site_id, id)
join unit u on u.site_id = k.site_id and u.id = k.id;

-- name: units_by_category
-- Units of whole categories, by code.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unnest($1::bigint[], $2::text[]) as k (site_id, category)
cross join lateral (
    select * from unit n where n.site_id = k.site_id and n.category = k.category order by n.code limit $3
) as u;

-- name: units_of_site
-- All units of a site, by code.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unit u where u.site_id = $1 order by u.code limit $2;

-- name: claims_in_windows
-- The claims that touch these windows of these units.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::timestamptz[]) as w (site_id, unit_id, start_at, end_at)
join claim c on c.site_id = w.site_id and c.unit_id = w.unit_id and c.during && tstzrange(w.start_at, w.end_at);

-- name: claims_of_holders
-- The claims held by these bookings and blocks.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from unnest($1::bigint[], $2::uuid[]) as k (site_id, holder_id)
join claim c on c.site_id = k.site_id and c.holder_id = k.holder_id;

-- name: sessions_on_units
-- The sessions that run on these units, even past their planned end.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from unnest($1::bigint[], $2::bigint[]) as k (site_id, unit_id)
join claim c on c.site_id = k.site_id and c.unit_id = k.unit_id and c.kind = 'session';

-- name: units_with_claims_from
-- Which of these units have claims that reach beyond an instant.
select k.unit_id
from unnest($1::bigint[], $2::bigint[]) as k (site_id, unit_id)
where exists (
    select 1 from claim c
    where c.site_id = k.site_id and c.unit_id = k.unit_id and c.during && tstzrange($3, 'infinity'));

-- name: live_counts
-- How many live bookings these people have at these sites.
select b.site_id, b.customer_key, count(*) as live
from unnest($1::bigint[], $2::text[]) as k (site_id, customer_key)
join booking b on b.site_id = k.site_id and b.customer_key = k.customer_key and b.live
group by b.site_id, b.customer_key;

-- name: standing_findings
-- What was found at these sites and is still so, as far as anybody knows.
select f.site_id, f.id, f.rule, f.subject, f.state, f.opened_at, f.data, f.stands, f.closed_at, f.closed_by, f.reason
from finding f where f.site_id = any($1::bigint[]) and f.stands order by f.site_id, f.opened_at, f.id limit 100000;

-- name: observations
-- What was last seen of these units and still counts, with the end of the last session each of them showed.
select o.unit_id, o.seen, o.since, o.seen_at, o.expires_at, (
    select max(j.effective_at) from (
        select s.effective_at, s.data from journal s
        where s.site_id = u.site_id and s.subject = u.code
            and s.type in ('unit.status_changed', 'unit.status_repaired', 'unit.created')
        order by s.effective_at desc limit 20) as j
    where j.data ->> 'from' = any($4::text[])) as session_ended_at
from unnest($1::bigint[], $2::bigint[]) as k (site_id, unit_id)
join unit u on u.site_id = k.site_id and u.id = k.unit_id
join observation o on o.site_id = u.site_id and o.unit_id = u.id
where o.expires_at > $3
order by o.unit_id, o.kind;

-- name: journal_lines
-- What the journal says at these versions, to learn whether a broken commit had happened.
select j.site_id, j.version, j.type, j.subject, j.at, j.data
from unnest($1::bigint[], $2::bigint[]) as k (site_id, version)
join journal j on j.site_id = k.site_id and j.version = k.version;
