-- name: statuses
-- Units of these sites, grouped by all that their status and alarm are judged by: $2 is until which start claims have
-- come into view by $3, $4 how long before its start a claim may come into view at most. `signature` names the kinds of
-- the claims in view, each with whether it has begun (b), ended (e) and lapsed (l); `is_late` says that the alarm is
-- later than one of their next edges; `beyond` is the start of the next claim not in view, where the alarm is in doubt.
with s as materialized (
    select * from unnest($1::bigint[], $2::timestamptz[], $4::interval[]) as s (site_id, seen_until, lag)
), around as (
    select c.site_id, c.unit_id,
        string_agg(
            c.kind || case when lower(c.during) <= $3 then '+b' else '' end
                || case when upper(c.during) <= $3 then '+e' else '' end
                || case when c.expires_at <= $3 then '+l' else '' end, ',')
            filter (where lower(c.during) < s.seen_until) as signature,
        min(case when lower(c.during) > $3 then lower(c.during) when c.expires_at > $3 then c.expires_at
            when upper(c.during) > $3 then upper(c.during) end)
            filter (where lower(c.during) < s.seen_until) as edge,
        min(lower(c.during)) filter (where lower(c.during) >= s.seen_until) as beyond
    from s join claim c on c.site_id = s.site_id
    where upper(c.during) > $3 or c.kind = 'session'
    group by c.site_id, c.unit_id
)
select u.site_id, u.condition, u.shown_status, a.signature,
    coalesce(coalesce(u.wakes_at, 'infinity') > a.edge, false) as is_late,
    case when coalesce(u.wakes_at, 'infinity') > a.beyond - s.lag then a.beyond end as beyond,
    case when coalesce(u.wakes_at, 'infinity') > a.beyond - s.lag then u.wakes_at end as wakes_at,
    (array_agg(u.id))[1:$5] as unit_ids
from s join unit u on u.site_id = s.site_id
left join around a on a.site_id = u.site_id and a.unit_id = u.id
group by 1, 2, 3, 4, 5, 6, 7;

-- name: times
-- Live bookings of these sites, grouped by all that the clock judges them by.
select b.site_id, b.state, b.starts_at, b.ends_at, b.expires_at, b.wakes_at, b.parts, (array_agg(b.id))[1:$2] as ids
from booking b where b.site_id = any($1::bigint[]) and b.live
group by 1, 2, 3, 4, 5, 6, 7;

-- name: claims
-- Holders of claims and live bookings that are not each other's: $2, $3 and $4 say per kind of site which kind of claim
-- a state holds. Bookings in parts are not looked at here.
with kinds as materialized (
    select * from unnest($2::text[], $3::text[], $4::text[]) as k (site_kind, state, kind)
), wanted as (
    select b.site_id, b.id as holder_id, n.unit_id, (n.part - 1)::integer as part, k.kind,
        least(b.started_at, b.starts_at) as start_at, b.ends_at as end_at,
        case when k.kind = 'hold' then b.expires_at end as expires_at
    from booking b
    join site s on s.id = b.site_id
    cross join unnest(b.unit_ids) with ordinality as n (unit_id, part)
    left join kinds k on k.site_kind = s.kind and k.state = b.state
    where b.site_id = any($1::bigint[]) and b.live and b.parts is null
), held as (
    select c.site_id, c.holder_id, c.unit_id, c.part, c.kind, lower(c.during) as start_at, upper(c.during) as end_at,
        c.expires_at
    from claim c where c.site_id = any($1::bigint[]) and c.kind in ('hold', 'booking', 'session')
)
select coalesce(w.site_id, h.site_id) as site_id, coalesce(w.holder_id, h.holder_id) as holder_id
from wanted w
full join held h
    on h.site_id = w.site_id and h.holder_id = w.holder_id and h.unit_id = w.unit_id and h.part = w.part
where (w.holder_id is null or h.holder_id is null or h.kind is distinct from w.kind or h.start_at <> w.start_at
        or h.end_at < w.end_at or h.end_at > w.end_at + interval '1 day'
        or h.expires_at is distinct from w.expires_at)
    and not exists (
        select 1 from booking p
        where p.site_id = h.site_id and p.id = h.holder_id and p.live and p.parts is not null)
limit $5;

-- name: parted
-- Live bookings of these sites whose units differ over their time.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b where b.site_id = any($1::bigint[]) and b.live and b.parts is not null
order by b.site_id, b.id limit $2;

-- name: blocks
-- Blocks that are over by $2, that hold what is not theirs, or that leave some of their time to nobody; and holders of
-- claims that would be a block's.
select c.site_id, c.holder_id as id
from claim c left join block k on k.site_id = c.site_id and k.id = c.holder_id
where c.site_id = any($1::bigint[]) and c.kind in ('maintenance', 'out_of_service', 'closed', 'event', 'calendar')
    and (k.id is null and c.kind <> 'calendar' or c.kind <> k.kind or c.unit_id <> all(k.unit_ids) or lower(c.during) < k.starts_at
        or upper(c.during) > k.ends_at or c.expires_at is not null)
union
select k.site_id, k.id from block k where k.site_id = any($1::bigint[]) and k.ends_at <= $2
union
select k.site_id, k.id from block k cross join unnest(k.unit_ids) as n (unit_id)
where k.site_id = any($1::bigint[]) and k.ends_at > $2 and not coalesce((
    select range_agg(c.during) from claim c
    where c.site_id = k.site_id and c.unit_id = n.unit_id
        and c.during && tstzrange(greatest(k.starts_at, $2), k.ends_at))
    @> tstzrange(greatest(k.starts_at, $2), k.ends_at), false)
limit $3;

-- name: blocks_to_wake
-- Blocks whose alarm is not their end.
select k.site_id, k.id from block k
where k.site_id = any($1::bigint[]) and k.wakes_at is distinct from k.ends_at limit $2;

-- name: told
-- Live bookings that are not as their last journal line says, as far as it is kept.
select b.site_id, b.id, b.version, b.state, b.starts_at, b.ends_at,
    array(select u.code from unnest(b.unit_ids) with ordinality as n (unit_id, place)
        join unit u on u.site_id = b.site_id and u.id = n.unit_id order by n.place) as codes,
    case when j.subject = b.id::text then j.data -> 'booking' ->> 'state' end as told_state,
    j.data -> 'booking' ->> 'from' as told_from, j.data -> 'booking' ->> 'to' as told_to,
    array(select jsonb_array_elements_text(
        case jsonb_typeof(j.data -> 'booking' -> 'units') when 'array' then j.data -> 'booking' -> 'units' end))
        as told_units
from booking b
join site s on s.id = b.site_id and b.version > s.trimmed_version
left join journal j on j.site_id = b.site_id and j.version = b.version
where b.site_id = any($1::bigint[]) and b.live and (
    j.version is null
    or j.subject <> b.id::text
    or j.data -> 'booking' ->> 'state' is distinct from b.state
    or left(j.data -> 'booking' ->> 'from', 19)
        is distinct from to_char(b.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    or left(j.data -> 'booking' ->> 'to', 19)
        is distinct from to_char(b.ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS'))
limit $2;

-- name: told_of
-- Of these bookings, live or not, those that are not as their last journal line says, the units among it.
select b.site_id, b.id, b.version, b.state, b.starts_at, b.ends_at,
    array(select u.code from unnest(b.unit_ids) with ordinality as n (unit_id, place)
        join unit u on u.site_id = b.site_id and u.id = n.unit_id order by n.place) as codes,
    case when j.subject = b.id::text then j.data -> 'booking' ->> 'state' end as told_state,
    j.data -> 'booking' ->> 'from' as told_from, j.data -> 'booking' ->> 'to' as told_to,
    array(select jsonb_array_elements_text(
        case jsonb_typeof(j.data -> 'booking' -> 'units') when 'array' then j.data -> 'booking' -> 'units' end))
        as told_units
from unnest($1::bigint[], $2::uuid[]) as k (site_id, id)
join booking b on b.site_id = k.site_id and b.id = k.id
join site s on s.id = b.site_id and b.version > s.trimmed_version
left join journal j on j.site_id = b.site_id and j.version = b.version
where (
    j.version is null
    or j.subject <> b.id::text
    or j.data -> 'booking' ->> 'state' is distinct from b.state
    or left(j.data -> 'booking' ->> 'from', 19)
        is distinct from to_char(b.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    or left(j.data -> 'booking' ->> 'to', 19)
        is distinct from to_char(b.ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    or array(select u.code from unnest(b.unit_ids) with ordinality as n (unit_id, place)
        join unit u on u.site_id = b.site_id and u.id = n.unit_id order by n.place)
        is distinct from array(select jsonb_array_elements_text(
        case jsonb_typeof(j.data -> 'booking' -> 'units') when 'array' then j.data -> 'booking' -> 'units' end)));

-- name: not_live
-- Bookings that are marked as not live in one of the states that hold claims.
select b.site_id, b.id from booking b
where b.site_id = any($1::bigint[]) and not b.live and b.state = any($2::text[])
    and b.state in ('Held', 'Booked', 'Active', 'Reserved', 'CheckedIn', 'Pending', 'Approved')
limit $3;

-- name: homeless
-- Holders of claims on units there are not.
select c.site_id, c.holder_id from claim c
where c.site_id = any($1::bigint[])
    and not exists (select 1 from unit u where u.site_id = c.site_id and u.id = c.unit_id)
limit $2;

-- name: gone
-- Of these bookings those that have no row though the last journal line about them says that they are live.
select distinct on (j.site_id, j.subject) j.site_id, j.subject::uuid as id,
    j.data -> 'booking' ->> 'state' as told_state, j.data -> 'booking' ->> 'reference' as reference
from unnest($1::bigint[], $2::text[]) as k (site_id, subject)
join journal j on j.site_id = k.site_id and j.subject = k.subject and j.type like 'booking.%'
where not exists (select 1 from booking b where b.site_id = k.site_id and b.id::text = k.subject)
order by j.site_id, j.subject, j.version desc;

-- name: observed
-- Units that were seen otherwise than booked: $2 says of which sites sessions last until somebody ends them.
with s as materialized (select * from unnest($1::bigint[], $2::boolean[]) as s (site_id, overstays))
select o.site_id, o.unit_id
from s join observation o on o.site_id = s.site_id
where o.expires_at > $3 and (o.seen = 'occupied') is distinct from exists (
    select 1 from claim c
    where c.site_id = o.site_id and c.unit_id = o.unit_id and c.kind = 'session' and lower(c.during) <= $3
        and (upper(c.during) > $3 or s.overstays))
    and o.seen <> 'online'
group by 1, 2 limit $4;

-- name: two_sessions
-- Units in which two sessions run.
with s as materialized (select * from unnest($1::bigint[], $2::boolean[]) as s (site_id, overstays))
select c.site_id, c.unit_id
from s join claim c on c.site_id = s.site_id
where c.kind = 'session' and lower(c.during) <= $3 and (upper(c.during) > $3 or s.overstays)
group by 1, 2 having count(*) > 1 limit $4;

-- name: unfit
-- Bookings that need a unit while its condition, or a block, takes it out of use.
with s as materialized (select * from unnest($1::bigint[], $2::timestamptz[]) as s (site_id, seen_until))
select c.site_id, c.holder_id
from s
join unit u on u.site_id = s.site_id and u.condition in ('under_maintenance', 'out_of_service')
join claim c on c.site_id = u.site_id and c.unit_id = u.id
where c.kind in ('hold', 'booking') and lower(c.during) < s.seen_until and upper(c.during) > $3
union
select c.site_id, c.holder_id
from s
join block k on k.site_id = s.site_id and k.ends_at > $3
cross join unnest(k.unit_ids) as n (unit_id)
join claim c on c.site_id = k.site_id and c.unit_id = n.unit_id
    and c.during && tstzrange(greatest(k.starts_at, $3), k.ends_at)
where c.kind in ('hold', 'booking') or c.kind = 'session' and k.kind = 'calendar'
limit $4;

-- name: sites
-- Sites whose own alarm is later than one of theirs.
select s.id from site s
where s.id = any($1::bigint[]) and coalesce(s.wakes_at, 'infinity') > least(
    (select min(b.wakes_at) from booking b where b.site_id = s.id and b.wakes_at is not null),
    (select min(u.wakes_at) from unit u where u.site_id = s.id and u.wakes_at is not null),
    (select min(k.wakes_at) from block k where k.site_id = s.id and k.wakes_at is not null));

-- name: standing
-- What stands at these sites, with the unit it is about where it is about one.
select f.site_id, f.rule, f.subject, u.id as unit_id
from finding f left join unit u on u.site_id = f.site_id
    and case when f.rule = 'poisoned_unit' then u.id::text = f.subject else u.code = f.subject end
where f.site_id = any($1::bigint[]) and f.stands and f.rule = any($2::text[])
order by f.site_id, f.opened_at limit $3;

-- name: standing_sites
-- The sites at which anything stands.
select distinct f.site_id from finding f where f.stands and f.rule = any($1::text[]) limit $2;

-- name: counts
-- How many units and live bookings these sites have.
select (select count(*) from unit u where u.site_id = any($1::bigint[])) as units,
    (select count(*) from booking b where b.site_id = any($1::bigint[]) and b.live) as bookings;

-- name: page_of_sites
-- The sites behind an id, in the order of their making: one by slug or id, those of an organisation, or with nulls all.
select s.id, s.journal_at, now() as now
from site s
where s.id > $1 and ($2::text is null or s.slug = $2 or s.id::text = $2) and ($4::uuid is null or s.organisation_id = $4)
order by s.id limit $3;

-- name: stands
-- Everything of these sites, and where they stand.
select s.id, s.organisation_id, s.kind, s.slug, s.name, s.time_zone, s.settings, s.created_at, s.version, s.journal_at,
    s.wakes_at, now() as now
from site s where s.id = any($1::bigint[]) order by s.id;
