-- name: units_called
-- The units that somebody may mean by a name: by code or name, in any case.
select u.id, u.code, u.name, u.category, u.condition from unit u
where u.site_id = $1 and (lower(u.code) = lower($2) or lower(u.name) = lower($2)) order by u.code limit 3;

-- name: bookings_newest
-- A page of a site's bookings, the latest start first, from before an instant on and not older than another.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b
where b.site_id = $1 and b.starts_at <= $6 and (b.starts_at, b.id) < ($6, $7) and b.starts_at >= $8
    and ($2::text[] is null or b.state = any($2)) and ($3::bigint is null or b.unit_ids @> array[$3])
    and ($4::timestamptz is null or b.ends_at > $4) and ($5::timestamptz is null or b.starts_at < $5)
    and ($9::text is null or b.customer_reference = $9)
order by b.starts_at desc, b.id desc limit $10;

-- name: bookings_newest_of_customer
-- A page of the bookings of somebody with one of these keys, the latest start first.
select b.site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, b.parts, b.starts_at, b.ends_at,
    b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, b.customer_name, b.customer_email,
    b.customer_phone, b.customer_reference, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by,
    b.decision_reason, b.details, b.created_at, b.version
from booking b
where b.site_id = $1 and b.starts_at <= $6 and (b.starts_at, b.id) < ($6, $7) and b.customer_key = $8
    and ($2::text[] is null or b.state = any($2)) and ($3::bigint is null or b.unit_ids @> array[$3])
    and ($4::timestamptz is null or b.ends_at > $4) and ($5::timestamptz is null or b.starts_at < $5)
order by b.starts_at desc, b.id desc limit $9;

-- name: sites_due
-- The sites of a kind, or one of them, that the clock is due to change, with their versions, the longest overdue first.
select s.id, s.version from site s
where s.kind = $1 and ($2::bigint is null or s.id = $2) and s.wakes_at <= now() order by s.wakes_at, s.id limit $3;

-- name: sessions_over
-- How many bookings the clock completed, and how many units left a status, between two versions of some sites each.
select count(*) filter (where j.type = 'booking.completed') as completed,
    count(*) filter (
        where j.type = 'unit.status_changed' and j.data ->> 'from' = $4 and j.data ->> 'to' <> $4) as freed
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as k (site_id, behind, until)
join journal j on j.site_id = k.site_id and j.version > k.behind and j.version <= k.until
where j.actor = 'clock';
