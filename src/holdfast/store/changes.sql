-- name: write
-- New claims, bookings, journal lines and answers, changed units, and where their sites stand now: all of it, if the
-- sites of $7 can be locked, stand at the versions of $8 and are not due by the clock, else none of it. A claim that
-- somebody wrote past the desk stands in the way of divides by zero, so that nothing is stored. $9 replaces the clock.
with clock as (
    select coalesce($9::timestamptz, now()) as now
), guess as (
    select id, version from unnest($7::bigint[], $8::bigint[]) as g (id, version)
), locked as materialized (
    select s.id from guess g join site s on s.id = g.id cross join clock
    where s.version = g.version and (s.wakes_at is null or s.wakes_at > clock.now) and s.journal_at <= clock.now
    order by s.id for no key update of s skip locked
), verdict as materialized (
    select (select count(*) from locked) = cardinality($7::bigint[])
        and (cardinality($7::bigint[]) = 0
            or not exists (select 1 from unnest($5::site_row[]) n, clock where n.journal_at > clock.now)) as holds
), new_claim as (
    insert into claim (site_id, unit_id, holder_id, kind, during, expires_at, part)
    select site_id, unit_id, holder_id, kind, tstzrange(start_at, end_at), expires_at, part
    from unnest($1::claim_row[]) where (select holds from verdict)
    on conflict do nothing
    returning 1
), new_booking as (
    insert into booking (site_id, id, reference, state, live, category, unit_ids, parts, starts_at, ends_at,
        open_ended, started_at, ended_at, expires_at, wakes_at, customer_name, customer_email, customer_phone,
        customer_reference, customer_key, party, note, start_code, series_id, requested_by, decided_by,
        decision_reason, details, created_at, version)
    select site_id, id, reference, state, live, category, unit_ids, parts, starts_at, ends_at,
        open_ended, started_at, ended_at, expires_at, wakes_at, customer_name, customer_email, customer_phone,
        customer_reference, customer_key, party, note, start_code, series_id, requested_by, decided_by,
        decision_reason, details, created_at, version
    from unnest($2::booking_row[]) where (select holds from verdict)
), new_line as (
    insert into journal (site_id, version, at, effective_at, type, subject, actor, cause, data)
    select site_id, version, at, effective_at, type, subject, actor, cause, data
    from unnest($3::journal_row[]) where (select holds from verdict)
), new_answer as (
    insert into answer (site_id, key, body_hash, status, body, version, at)
    select site_id, key, body_hash, status, body, version, at
    from unnest($4::answer_row[]) where (select holds from verdict)
), new_stand as (
    update site s set version = n.version, journal_at = n.journal_at, wakes_at = n.wakes_at
    from unnest($5::site_row[]) as n where s.id = n.id and (select holds from verdict)
), changed_unit as (
    update unit u set name = n.name, category = n.category, parent_id = n.parent_id, condition = n.condition,
        shown_status = n.shown_status, shown_since = n.shown_since, wakes_at = n.wakes_at, version = n.version,
        attributes = n.attributes
    from unnest($6::unit_row[]) as n
    where u.site_id = n.site_id and u.id = n.id and (select holds from verdict)
)
select holds, clock.now,
    1 / (case when holds and (select count(*) from new_claim) <> cardinality($1) then 0 else 1 end) as whole
from verdict, clock;

-- name: update_bookings
-- Changed bookings: all that may change of them.
update booking b set state = n.state, live = n.live, unit_ids = n.unit_ids, parts = n.parts,
    starts_at = n.starts_at, ends_at = n.ends_at, open_ended = n.open_ended, started_at = n.started_at,
    ended_at = n.ended_at, expires_at = n.expires_at, wakes_at = n.wakes_at, decided_by = n.decided_by,
    decision_reason = n.decision_reason, details = n.details, version = n.version
from unnest($1::booking_row[]) as n
where b.site_id = n.site_id and b.id = n.id;

-- name: delete_claims
-- Released claims.
delete from claim c
using unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::integer[]) as n (site_id, holder_id, unit_id, part)
where c.site_id = n.site_id and c.holder_id = n.holder_id and c.unit_id = n.unit_id and c.part = n.part;

-- name: insert_units
-- New units.
insert into unit (site_id, id, code, name, category, parent_id, condition, shown_status, shown_since, wakes_at,
    version, attributes)
select site_id, id, code, name, category, parent_id, condition, shown_status, shown_since, wakes_at, version, attributes
from unnest($1::unit_row[]);

-- name: insert_blocks
-- New blocks.
insert into block (site_id, id, unit_ids, starts_at, ends_at, kind, reason, return_condition, wakes_at, created_by,
    created_at, version)
select site_id, id, unit_ids::bigint[], starts_at, ends_at, kind, reason, return_condition, ends_at, created_by,
    created_at, version
from unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::timestamptz[], $11::bigint[])
as n (site_id, id, unit_ids, starts_at, ends_at, kind, reason, return_condition, created_by, created_at, version);

-- name: delete_blocks
-- Removed blocks.
delete from block b using unnest($1::bigint[], $2::uuid[]) as n (site_id, id)
where b.site_id = n.site_id and b.id = n.id;

-- name: write_findings
-- Findings as they are now.
insert into finding (site_id, id, rule, subject, state, opened_at, data, stands, closed_at, closed_by, reason)
select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[],
    $8::boolean[], $9::timestamptz[], $10::text[], $11::text[])
on conflict (site_id, id) do update set state = excluded.state, stands = excluded.stands,
    closed_at = excluded.closed_at, closed_by = excluded.closed_by, reason = excluded.reason;

-- name: wake_blocks
-- Blocks whose alarm was found wrong: it is their end.
update block b set wakes_at = b.ends_at from unnest($1::bigint[], $2::uuid[]) as n (site_id, id)
where b.site_id = n.site_id and b.id = n.id;

-- name: update_sites
-- Where sites stand now whose alarm had to be read anew first.
update site s set version = n.version, journal_at = n.journal_at, wakes_at = n.wakes_at
from unnest($1::site_row[]) as n where s.id = n.id;

-- name: wake_bookings
-- Lets the clock look at all live bookings of a site: their alarms were made by settings that have changed.
update booking set wakes_at = least(wakes_at, $2) where site_id = $1 and live;

-- name: wake_units
-- The same for its units: how far ahead a claim shows may have changed, and not all claims were loaded.
update unit set wakes_at = least(wakes_at, $2) where site_id = $1;

-- name: update_site_settings
-- What an owner changed of a site.
update site set name = $2, time_zone = $3, settings = $4, changed_version = $5 where id = $1;

-- name: erase_bookings
-- Whose these bookings are is forgotten, with all that was said of them.
update booking b set customer_name = null, customer_email = null, customer_phone = null, customer_reference = null,
    customer_key = null, note = null, details = null
from unnest($1::bigint[], $2::uuid[]) as k (site_id, id)
where b.site_id = k.site_id and b.id = k.id;

-- name: erase_lines
-- The same in all that the journal has said of these bookings: the lines stay, without the members of $4.
update journal j
set data = (j.data - 'reason') || jsonb_build_object(
    'booking', (j.data -> 'booking') - $4::text[] || jsonb_build_object('customer', jsonb_build_object()))
from unnest($1::bigint[], $2::text[], $3::bigint[]) as k (site_id, subject, version)
where j.site_id = k.site_id and j.subject = k.subject and j.version <= k.version and j.type like 'booking.%'
    and jsonb_typeof(j.data -> 'booking') = 'object';

-- name: erase_finding_lines
-- And in what it has said of findings about these bookings: of their facts only the members of $4 stay.
update journal j
set data = jsonb_build_object('finding', (j.data -> 'finding') - 'reason' || jsonb_build_object('data', coalesce((
    select jsonb_object_agg(fact.key, fact.value) from jsonb_each(j.data -> 'finding' -> 'data') as fact
    where fact.key = any($4::text[])), '{}')))
from unnest($1::bigint[], $2::text[], $3::bigint[]) as k (site_id, subject, version)
where j.site_id = k.site_id and j.subject = k.subject and j.version <= k.version and j.type like 'finding.%'
    and jsonb_typeof(j.data -> 'finding' -> 'data') = 'object';

-- name: erase_findings
-- And in the findings themselves.
update finding f
set reason = null, data = coalesce((
    select jsonb_object_agg(fact.key, fact.value) from jsonb_each(f.data) as fact
    where fact.key = any($3::text[])), '{}')
from unnest($1::bigint[], $2::text[]) as k (site_id, subject)
where f.site_id = k.site_id and f.subject = k.subject and jsonb_typeof(f.data) = 'object';
