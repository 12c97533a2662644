-- name: insert_mail
-- Puts a mail into the queue; no row when one with its dedupe key is or was there.
insert into mail (id, organisation_id, site_id, kind, language, recipient, data, dedupe_key)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (dedupe_key) do nothing
returning id;

-- name: claim_mails
-- Takes mails that are due for so many seconds; whoever dies with them loses them to the next one then.
with due as materialized (
    select id from mail where state = 'waiting' and next_at <= now()
    order by (site_id is not null), next_at limit $1 for update skip locked
)
update mail m set attempts = m.attempts + 1, next_at = now() + $2::double precision * interval '1 second'
from due left join lateral (
    select s.settings -> 'mail_texts' -> n.kind -> n.language as own
    from mail n join site s on s.id = n.site_id where n.id = due.id
) text on true
where m.id = due.id
returning m.id, m.kind, m.language, m.recipient, m.data, m.attempts, text.own, m.created_at, now() as now;

-- name: mark_sent
-- A mail is sent; the link in it, or to its booking, has served.
update mail set state = 'sent', sent_at = now(), last_error = null, data = data - '{link,page}'::text[]
where id = $1 and state = 'waiting';

-- name: mark_failed
-- A mail is given up, and why; nobody will follow its link.
update mail set state = 'failed', last_error = $2, data = data - '{link,page}'::text[] where id = $1 and state = 'waiting';

-- name: delay_mail
-- The next attempt at a mail, in so many seconds, if it is still ours.
update mail set next_at = now() + $3::double precision * interval '1 second', last_error = $4
where id = $1 and attempts = $2 and state = 'waiting';

-- name: release_mails
-- Gives mails back that were taken and not tried, those that are still ours.
update mail m set next_at = now(), attempts = m.attempts - 1, last_error = coalesce($3, m.last_error)
from unnest($1::uuid[], $2::integer[]) as k (id, attempts)
where m.id = k.id and m.attempts = k.attempts and m.state = 'waiting';

-- name: delete_old_mails
-- Lets go of mails that were sent or given up so many days ago, a bounded number at a time.
delete from mail where id in (
    select id from mail
    where state <> 'waiting' and coalesce(sent_at, created_at) < now() - $1::double precision * interval '1 day'
    order by coalesce(sent_at, created_at) limit $2);

-- name: pass_over
-- Moves the positions of sites that have moved on a little without anything that is told, a bounded number at a time.
with passed as (
    select p.site_id, s.version from mail_position p join site s on s.id = p.site_id
    where p.version < s.version and p.version >= s.version - 1000 and ($1::bigint[] is null or p.site_id = any($1))
        and not exists (
            select 1 from journal j where j.site_id = p.site_id and j.version > p.version and j.version <= s.version
                and j.type = any($2::text[]))
    order by p.site_id limit $3 for update of p skip locked
)
update mail_position p set version = passed.version from passed where p.site_id = passed.site_id;

-- name: sites_to_tell
-- Sites that have moved on since they were told of, and those that tell and have not begun to; of those named, or all.
select id from (
    select s.id from mail_position p join site s on s.id = p.site_id where p.version < s.version
    union all
    select s.id from site s where s.settings @> '{"mail_bookings": true}'
        and not exists (select 1 from mail_position p where p.site_id = s.id)
) due
where id > $1 and ($2::bigint[] is null or id = any($2))
order by id limit $3;

-- name: turned_on_at
-- The version with which a site began to tell by mail and has not ceased since; 0 when it always did.
with lines as (
    select version, data -> 'site' -> 'settings' -> 'mail_bookings' = 'true' as tells
    from journal where site_id = $1 and subject = $2 and type = 'site.changed'
), ceased as (
    select coalesce(max(version), 0) as version from lines where tells is not true
)
select coalesce(min(l.version), 0) from lines l, ceased c where l.version > c.version;

-- name: begin_position
-- Notes where to begin to tell of a site, unless somebody has.
insert into mail_position (site_id, version) values ($1, $2) on conflict (site_id) do nothing;

-- name: lock_position
-- Up to where a site has been told; no row while somebody else is telling.
select version from mail_position where site_id = $1 for update skip locked;

-- name: has_position
-- Whether anybody has begun to tell of a site.
select exists (select 1 from mail_position where site_id = $1);

-- name: move_position
-- Up to where a site has been told now.
update mail_position set version = $2 where site_id = $1;

-- name: end_position
-- A site has ceased to tell: should it begin again, then from there.
delete from mail_position where site_id = $1;
