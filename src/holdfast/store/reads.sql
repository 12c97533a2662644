-- name: standing
-- Where a site stands, and what time it is.
select version, now() as now from site where id = $1;

-- name: stands
-- At which versions these sites stand.
select id, version from site where id = any($1::bigint[]) order by id;

-- name: site
-- A site as it is, with its version and the time.
select id, organisation_id, kind, slug, name, time_zone, settings, created_at, version, now() as now
from site where id = $1;

-- name: history_line
-- What names this line of history: the system, its timeline (from the log itself, which knows of a failover at once),
-- the database, and the table itself, which a backup restored in its place makes anew. Asked at each call, and not
-- when the question is prepared.
select s.system_identifier as system,
    case when pg_is_in_recovery() then (select timeline_id::text from pg_control_checkpoint())
        else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end as timeline,
    (select oid::bigint from pg_database where datname = current_database()) as database,
    to_regclass('site')::oid::bigint as made
from pg_control_system() s;

-- name: table_made
-- The table itself, as above, for a role that may not ask for the system.
select to_regclass('site')::oid::bigint;

-- name: secret
-- A secret of this database by its name.
select value from secret where name = $1;

-- name: keep_secret
-- Keeps a secret, unless somebody was faster.
insert into secret (name, value) values ($1, $2) on conflict (name) do nothing;

-- name: units
-- A page of a site's units, by code.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unit u where u.site_id = $1 and u.code > $2 order by u.code limit $3;

-- name: units_of_category
-- A page of the units of a category, by code.
select u.site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since,
    u.wakes_at, u.version, u.attributes
from unit u where u.site_id = $1 and u.category = $4 and u.code > $2 order by u.code limit $3;

-- name: unit_codes
-- The codes of units by id.
select u.id, u.code from unit u where u.site_id = $1 and u.id = any($2::bigint[]) order by u.id limit 100000;

-- name: unit_by_code
-- One unit's id.
select u.id from unit u where u.site_id = $1 and u.code = $2;

-- name: claims_of_units
-- What is claimed of these units in a window, lapsed holds included.
select c.site_id, c.unit_id, c.start, c.end, c.kind, c.holder_id, c.expires_at, c.part
from unnest($2::bigint[]) as k (unit_id)
cross join lateral (
    select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at,
        c.part
    from claim c where c.site_id = $1 and c.unit_id = k.unit_id and c.during && tstzrange($3, $4)
    order by lower(c.during) limit 5000
) c
order by c.unit_id, c.start limit 200000;

-- name: sessions_of_units
-- The sessions that run on these units, even past their planned end.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from claim c where c.site_id = $1 and c.unit_id = any($2::bigint[]) and c.kind = 'session'
order by c.unit_id, c.part limit 20000;

-- name: claims_of_window
-- What is claimed of all units of a site in a window.
(select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from claim c
where c.site_id = $1 and lower(c.during) > $2::timestamptz - interval '6 hours' and lower(c.during) < $3
    and upper(c.during) > $2 and upper(c.during) - lower(c.during) <= interval '6 hours'
limit $4)
union all
(select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from claim c
where c.site_id = $1 and c.during && tstzrange($2, $3) and upper(c.during) - lower(c.during) > interval '6 hours'
limit $4)
order by 2, 3 limit $4;

-- name: sessions
-- The sessions that run at a site, even past their planned end.
select c.site_id, c.unit_id, lower(c.during) as start, upper(c.during) as end, c.kind, c.holder_id, c.expires_at, c.part
from claim c where c.site_id = $1 and c.kind = 'session' order by c.unit_id, c.part limit $2;

-- name: statuses_at
-- What each of these units showed at an instant of the past; units that were not there yet have no row.
select k.code, j.effective_at, j.version, j.data
from unnest($2::text[]) as k (code)
cross join lateral (
    select effective_at, version, data from journal
    where site_id = $1 and subject = k.code and effective_at <= $3
        and type in ('unit.status_changed', 'unit.status_repaired', 'unit.created')
    order by effective_at desc, version desc limit 1
) j
order by k.code limit 500;

-- name: bookings_starting
-- The bookings of a site that start in a window, in the order of time.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b where b.site_id = $1 and b.starts_at >= $2 and b.starts_at < $3
order by b.starts_at, b.id limit $4;

-- name: bookings_by_time
-- A page of a site's bookings in the order of time, from an instant on.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b
where b.site_id = $1 and b.starts_at > $9
    and ($2::text[] is null or b.state = any($2)) and ($3::text is null or b.category = $3)
    and ($4::bigint is null or b.unit_ids @> array[$4]) and ($5::timestamptz is null or b.ends_at > $5)
    and ($6::timestamptz is null or b.starts_at < $6) and (b.starts_at, b.id) > ($7, $8)
    and ($11::text is null or strpos(lower(b.customer_name), lower($11)) > 0)
order by b.starts_at, b.id limit $10;

-- name: bookings_of_customer
-- A page of somebody's bookings in the order of time.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b
where b.site_id = $1 and b.customer_key = any($9::text[])
    and ($2::text[] is null or b.state = any($2)) and ($3::text is null or b.category = $3)
    and ($4::bigint is null or b.unit_ids @> array[$4]) and ($5::timestamptz is null or b.ends_at > $5)
    and ($6::timestamptz is null or b.starts_at < $6) and (b.starts_at, b.id) > ($7, $8)
    and ($11::text is null or strpos(lower(b.customer_name), lower($11)) > 0)
order by b.starts_at, b.id limit $10;

-- name: bookings_of_series
-- A page of a series' bookings in the order of time.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b
where b.site_id = $1 and b.series_id = $9
    and ($2::text[] is null or b.state = any($2)) and ($3::text is null or b.category = $3)
    and ($4::bigint is null or b.unit_ids @> array[$4]) and ($5::timestamptz is null or b.ends_at > $5)
    and ($6::timestamptz is null or b.starts_at < $6) and (b.starts_at, b.id) > ($7, $8)
    and ($11::text is null or strpos(lower(b.customer_name), lower($11)) > 0)
order by b.starts_at, b.id limit $10;

-- name: bookings_by_reference
-- The bookings with a reference: one, unless some were imported with their own.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b
where b.site_id = $1 and b.reference = $9
    and ($2::text[] is null or b.state = any($2)) and ($3::text is null or b.category = $3)
    and ($4::bigint is null or b.unit_ids @> array[$4]) and ($5::timestamptz is null or b.ends_at > $5)
    and ($6::timestamptz is null or b.starts_at < $6) and (b.starts_at, b.id) > ($7, $8)
    and ($11::text is null or strpos(lower(b.customer_name), lower($11)) > 0)
order by b.starts_at, b.id limit $10;

-- name: blocks_of_window
-- The blocks that touch a window, in the order of time.
select b.site_id, b.id, b.unit_ids, b.starts_at, b.ends_at, b.kind, b.reason, b.return_condition, b.created_by,
    b.created_at, b.version
from block b where b.site_id = $1 and b.starts_at < $3 and b.ends_at > $2 order by b.starts_at, b.id limit $4;

-- name: blocks
-- A page of a site's blocks in the order of time.
select b.site_id, b.id, b.unit_ids, b.starts_at, b.ends_at, b.kind, b.reason, b.return_condition, b.created_by,
    b.created_at, b.version
from block b where b.site_id = $1 and (b.starts_at, b.id) > ($2, $3) order by b.starts_at, b.id limit $4;

-- name: findings
-- A page of a site's findings, newest first.
select f.id, f.rule, f.subject, f.state, f.opened_at, f.closed_at, f.closed_by, f.reason, f.data
from finding f
where f.site_id = $1 and ($2::text is null or f.state = $2) and (f.opened_at, f.id) < ($3, $4)
order by f.opened_at desc, f.id desc limit $5;

-- name: journal_of_subject
-- The last events of a subject, newest first.
select j.version, j.at, j.effective_at, j.type, j.actor, j.cause, j.data
from journal j where j.site_id = $1 and j.subject = $2 order by j.version desc limit $3;

-- name: journal
-- The journal from behind one version to another.
select j.version, j.at, j.effective_at, j.type, j.subject, j.actor, j.cause, j.data
from journal j where j.site_id = $1 and j.version > $2 and j.version <= $3 order by j.version limit $4;

-- name: journal_matching
-- Events of some types, by somebody, with a cause, from behind one version to another.
select j.version, j.at, j.effective_at, j.type, j.subject, j.actor, j.cause, j.data
from journal j where j.site_id = $1 and j.version > $2 and j.version <= $3
    and ($5::text[] is null or j.type = any($5)) and ($6::text is null or j.actor = $6)
    and ($7::text is null or j.cause = $7)
order by j.version limit $4;

-- name: journal_about
-- Events about one subject from behind one version to another.
select j.version, j.at, j.effective_at, j.type, j.subject, j.actor, j.cause, j.data
from journal j where j.site_id = $1 and j.subject = $8 and j.version > $2 and j.version <= $3
    and ($5::text[] is null or j.type = any($5)) and ($6::text is null or j.actor = $6)
    and ($7::text is null or j.cause = $7)
order by j.version limit $4;

-- name: journal_line_from
-- The first line that is kept from a version on: its version, and when it was written.
select j.version, j.at from journal j where j.site_id = $1 and j.version >= $2 order by j.version limit 1;

-- name: oldest_version
-- The oldest event that is still kept.
select j.version from journal j where j.site_id = $1 order by j.version limit 1;
