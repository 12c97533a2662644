-- name: write_beats
-- Leases of those who gave a sign of life, so many seconds ago; an older sign never takes the place of a younger one.
-- In the order of the key, so that two processes never wait for each other.
insert into presence_lease as l (subject_id, device, status, active_at, seen_at, expires_at)
select b.subject_id, b.device, b.status, now() - (b.age_s + b.idle_s) * interval '1 second',
    now() - b.age_s * interval '1 second', now() + (b.lease_s - b.age_s) * interval '1 second'
from unnest($1::uuid[], $2::text[], $3::text[], $4::double precision[], $5::double precision[], $6::double precision[])
    as b (subject_id, device, status, idle_s, age_s, lease_s)
order by b.subject_id, b.device
on conflict (subject_id, device) do update set status = excluded.status, active_at = excluded.active_at,
    seen_at = excluded.seen_at, expires_at = excluded.expires_at
where l.seen_at <= excluded.seen_at;

-- name: beat_process
-- A process is alive; says whether it was not known, as after a crash of the database.
insert into presence_process (id, beat_at) values ($1, now())
on conflict (id) do update set beat_at = excluded.beat_at
returning xmax = 0 as is_new;

-- name: begin_memory
-- From now on beats are known, if they were not before.
insert into presence_memory (since) values (now()) on conflict (only_row) do nothing;

-- name: add_connections
-- Who is connected with a process.
insert into presence_connection (subject_id, process_id, since)
select s, $1, now() from unnest($2::uuid[]) as t (s) order by s
on conflict (subject_id, process_id) do nothing;

-- name: remove_connections
-- Who is not connected with a process any more.
delete from presence_connection where process_id = $1 and subject_id = any($2::uuid[]);

-- name: signs
-- All signs of life of these that count now, of devices and of connections with processes that are alive.
select subject_id, device, status, active_at, seen_at from presence_lease
where subject_id = any($1::uuid[]) and expires_at > now()
union all
select c.subject_id, '', 'active', c.since, p.beat_at
from presence_connection c join presence_process p on p.id = c.process_id
where c.subject_id = any($1::uuid[]) and p.beat_at > now() - $2::double precision * interval '1 second'
limit 100000;

-- name: seen
-- When these were seen last, as far as that is written down, and what they said of themselves.
select t.id as subject_id, s.said, s.said_at, s.said_until,
    greatest(s.last_seen, (select max(l.seen_at) from presence_lease l where l.subject_id = t.id)) as last_seen
from unnest($1::uuid[]) as t (id) left join presence_seen s on s.subject_id = t.id
limit 100000;

-- name: moment
-- What time it is, and whether beats have been known for long enough to say that somebody gave none.
select now() as now,
    coalesce((select m.since <= now() - $1::double precision * interval '1 second' from presence_memory m), false) as is_known;

-- name: say
-- What somebody says of themselves, or nothing any more.
insert into presence_seen (subject_id, said, said_at, said_until) values ($1, $2, now(), $3)
on conflict (subject_id) do update set said = excluded.said, said_at = excluded.said_at, said_until = excluded.said_until;

-- name: sweep
-- Writes down when those whose leases have ended were seen last, and lets go of the leases, a bounded number at a time;
-- says how many leases there were, and how many are gone altogether. Whoever just beats is left alone; with an
-- organisation, so is everybody who is not of it.
with ended as materialized (
    select ctid from presence_lease
    where expires_at <= now() and seen_at <= now() - $1::double precision * interval '1 second'
        and ($4::uuid is null or subject_id in (
            select m.account_id from membership m where m.organisation_id = $4
            union all select t.id from api_token t where t.organisation_id = $4))
    limit $2 for update skip locked
), gone as (
    -- by their places, which are locked: no way back through the index
    delete from presence_lease l where l.ctid = any(array(select e.ctid from ended e))
    returning l.subject_id, l.seen_at
), told as (
    insert into presence_seen as s (subject_id, last_seen)
    select subject_id, max(seen_at) from gone group by subject_id order by subject_id
    on conflict (subject_id) do update set last_seen = greatest(s.last_seen, excluded.last_seen)
    returning s.subject_id
)
select (select count(*) from gone) as leases, count(*) as people from told t
where not exists (select from presence_lease l where l.subject_id = t.subject_id and l.expires_at > now())
    and not exists (select from presence_connection c join presence_process p on p.id = c.process_id
        where c.subject_id = t.subject_id and p.beat_at > now() - $3::double precision * interval '1 second');

-- name: sweep_processes
-- The same for those who were connected with a process that has long been silent.
with silent as (
    select id, beat_at from presence_process where beat_at <= now() - $1::double precision * interval '1 second'
    order by id limit 100 for update skip locked
), gone as (
    delete from presence_connection c using silent s where c.process_id = s.id returning c.subject_id, s.beat_at
), ended as (
    delete from presence_process p using silent s where p.id = s.id
)
insert into presence_seen as s (subject_id, last_seen)
select subject_id, max(beat_at) from gone group by subject_id order by subject_id
on conflict (subject_id) do update set last_seen = greatest(s.last_seen, excluded.last_seen);

-- name: team
-- The people with a role at a site, or in all of its organisation, but for customers; by name.
select distinct a.id, a.name from membership m join account a on a.id = m.account_id
where m.organisation_id = $1 and (m.site_id is null or m.site_id = $2) and m.role <> 'customer'
    and a.disabled_at is null
order by a.name, a.id limit $3;

-- name: devices
-- The devices that programs of a site gave signs of, whether or not they still count.
select t.id as token_id, t.name, l.device, l.status, l.active_at, l.seen_at, l.expires_at > now() as is_live
from api_token t join presence_lease l on l.subject_id = t.id
where t.organisation_id = $1 and (t.site_id is null or t.site_id = $2) and t.revoked_at is null
order by t.name, t.id, l.device limit $3;

-- name: grants_of
-- The roles of several accounts.
select account_id, organisation_id, site_id, role from membership where account_id = any($1::uuid[])
order by account_id, organisation_id, site_id limit 100000;
