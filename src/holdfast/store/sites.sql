-- name: site_by_slug
-- One site by its slug.
select id, organisation_id, kind, slug, name, time_zone, settings, created_at, version, changed_version
from site where slug = $1;

-- name: site_by_id
-- One site by its id.
select id, organisation_id, kind, slug, name, time_zone, settings, created_at, version, changed_version
from site where id = $1;

-- name: sites_after
-- Sites in the order of their making, from behind an id on: all, or those of some organisations or ids.
select id, organisation_id, kind, slug, name, time_zone, settings, created_at, version, changed_version
from site where id > $1 and ($3 or organisation_id = any($4::uuid[]) or id = any($5::bigint[])) order by id limit $2;

-- name: sites_of_kind
-- The first sites of a kind, in the order of their making.
select id, organisation_id, kind, slug, name, time_zone, settings, created_at, version, changed_version
from site where kind = $1 order by id limit $2;

-- name: insert_site
-- A new site; no row when its slug is taken.
insert into site (organisation_id, kind, slug, name, time_zone, settings)
values ($1, $2, $3, $4, $5, $6)
on conflict (slug) do nothing
returning id, organisation_id, kind, slug, name, time_zone, settings, created_at, version, changed_version;

-- name: first_organisation
-- The organisation that was here first: the owner of sites made before there are accounts.
select id from organisation order by created_at, id limit 1;

-- name: insert_organisation
-- A new organisation.
insert into organisation (name) values ($1) returning id;

-- name: live_bookings_of_series
-- The live bookings of a series, in the order of their time.
select id, starts_at, ends_at, version
from booking where site_id = $1 and series_id = $2 and live order by starts_at, id limit $3;
