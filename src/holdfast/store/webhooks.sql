-- name: insert
-- A new endpoint.
insert into webhook (id, organisation_id, site_id, url, description, events, secret, created_by)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: begin_positions
-- It is told of what happens from now on, at every site that there is by now; of later ones from their beginning.
insert into webhook_position (webhook_id, site_id, version)
select $1, s.id, s.version from site s where s.organisation_id = $2 and ($3::bigint is null or s.id = $3)
on conflict (webhook_id, site_id) do nothing;

-- name: count
-- How many endpoints an organisation has.
select count(*) from webhook where organisation_id = $1;

-- name: page
-- The endpoints of an organisation in the order of their making.
select w.id, w.organisation_id, w.site_id, s.slug as site, w.url, w.description, w.events, w.secret, w.secret_before,
    w.before_until, w.paused_at, w.paused_by, w.failing_since, w.created_by, w.created_at, now() as now
from webhook w left join site s on s.id = w.site_id where w.organisation_id = $1 order by w.created_at, w.id limit $2;

-- name: one
-- One endpoint.
select w.id, w.organisation_id, w.site_id, s.slug as site, w.url, w.description, w.events, w.secret, w.secret_before,
    w.before_until, w.paused_at, w.paused_by, w.failing_since, w.created_by, w.created_at, now() as now
from webhook w left join site s on s.id = w.site_id where w.id = $1;

-- name: lock
-- Locks an endpoint against other changes of it.
select id from webhook where id = $1 for update;

-- name: change
-- Another address, description or other events.
update webhook set url = $2, description = $3, events = $4 where id = $1;

-- name: rotate
-- A new secret; the one before counts for so many hours more.
update webhook set secret_before = secret, secret = $2, before_until = now() + $3::double precision * interval '1 hour'
where id = $1;

-- name: sealed
-- All secrets as they are sealed, held until the transaction ends.
select id, secret, secret_before from webhook order by id for update limit 1000000;

-- name: reseal
-- The same secrets, sealed with another key.
update webhook set secret = $2, secret_before = $3 where id = $1;

-- name: pause
-- Nothing is delivered from now on; says whether it was not paused before.
update webhook set paused_at = now(), paused_by = $2 where id = $1 and paused_at is null returning id;

-- name: resume
-- It goes on where it was; says whether it was paused.
update webhook set paused_at = null, paused_by = null, failing_since = null
where id = $1 and paused_at is not null returning id;

-- name: remove
-- An endpoint goes with its positions and deliveries.
delete from webhook where id = $1;

-- name: due
-- Endpoints and sites that have moved on since they were told of, behind a pair; of sites named, or of all.
select w.id as webhook_id, s.id as site_id
from webhook w join site s on s.organisation_id = w.organisation_id and (w.site_id is null or s.id = w.site_id)
left join webhook_position p on p.webhook_id = w.id and p.site_id = s.id
where w.paused_at is null and s.version > coalesce(p.version, 0) and ($1::bigint[] is null or s.id = any($1))
    and (w.id, s.id) > ($2, $3)
order by w.id, s.id limit $4;

-- name: begin_position
-- A site that came into being after the endpoint is told of from its beginning.
insert into webhook_position (webhook_id, site_id, version) values ($1, $2, 0)
on conflict (webhook_id, site_id) do nothing;

-- name: lock_position
-- Up to where an endpoint has been told of a site, and up to where there is something; no row while somebody else tells.
select p.version, s.version as until, s.slug from webhook_position p join site s on s.id = p.site_id
where p.webhook_id = $1 and p.site_id = $2 for update of p skip locked;

-- name: move_position
-- Up to where it has been told now.
update webhook_position set version = $3 where webhook_id = $1 and site_id = $2;

-- name: put_in
-- Deliveries that were not there yet; says which.
insert into webhook_delivery (id, webhook_id, key, type, payload)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
on conflict (webhook_id, key) do nothing returning id, webhook_id;

-- name: given_up
-- Jobs of an organisation that were given up of late and of which an endpoint has not been told.
select w.id as webhook_id, w.organisation_id, d.id, d.attempt, d.name, d.queue, d.reason, d.error, d.schedule_id, d.died_at
from webhook w join dead d on d.tenant = w.organisation_id::text
where w.paused_at is null and w.events && $1::text[] and w.site_id is null and d.name <> $2
    and d.died_at > greatest(w.created_at, now() - interval '7 days')
    and not exists (select from webhook_delivery v
        where v.webhook_id = w.id and v.key = 'job:' || d.id || ':' || d.attempt)
order by d.id limit $3;

-- name: delivery
-- One delivery.
select id, webhook_id, type, payload, state, attempts, status, error, created_at, ended_at
from webhook_delivery where id = $1;

-- name: deliveries
-- The deliveries of an endpoint, newest first, before one of them; of a state, or any.
select id, webhook_id, type, payload, state, attempts, status, error, created_at, ended_at
from webhook_delivery where webhook_id = $1 and id < $2 and ($3::text is null or state = $3)
order by id desc limit $4;

-- name: recent
-- What has become of the last deliveries of endpoints, the newest first, so many of each.
select w.id as webhook_id, d.state
from unnest($1::uuid[]) as w (id) cross join lateral (
    select v.id, v.state from webhook_delivery v where v.webhook_id = w.id order by v.id desc limit $2
) d order by w.id, d.id desc;

-- name: attempts
-- All attempts at a delivery, in their order.
select number, at, status, took_ms, error, answer from webhook_attempt where delivery_id = $1 order by number limit 200;

-- name: claim
-- An attempt at a delivery begins: one at a time, and of its turn. Says which attempt of the turn it is.
update webhook_delivery set trying_until = now() + $3::double precision * interval '1 second'
where id = $1 and turn = $2 and state = 'waiting' and (trying_until is null or trying_until <= now())
returning webhook_id, payload, attempts - turn_from + 1 as number;

-- name: claimed_for
-- For how many seconds more somebody else may be at a delivery that waits; no row when there is nothing to do in this turn.
select greatest(extract(epoch from coalesce(trying_until, now()) - now()), 0)::double precision as left_s
from webhook_delivery where id = $1 and turn = $2 and state = 'waiting';

-- name: note_attempt
-- What became of an attempt, and of the delivery by it: one that was taken is delivered, whoever begins another turn.
with counted as (
    update webhook_delivery set attempts = attempts + 1, status = $2, error = $3, trying_until = null,
        state = case when turn = $7 or $6 = 'delivered' then $6 else state end,
        ended_at = case when $6 = 'delivered' or turn = $7 and $6 = 'failed' then now() end
    where id = $1 returning id, attempts
)
insert into webhook_attempt (delivery_id, number, status, took_ms, error, answer)
select id, attempts, $2, $4, $3, $5 from counted;

-- name: hold
-- A delivery is held while its endpoint is paused.
update webhook_delivery set state = 'held', trying_until = null where id = $1 and turn = $2;

-- name: next_turn
-- A delivery of an endpoint is tried anew: the jobs of the turn before leave it alone. Says which turn begins.
update webhook_delivery set turn = turn + 1, turn_from = attempts, state = 'waiting', ended_at = null
where id = $1 and webhook_id = $2 returning turn;

-- name: going_on
-- Endpoints that are not paused any more and have deliveries that were held.
select w.id from webhook w where w.paused_at is null
    and exists (select from webhook_delivery d where d.webhook_id = w.id and d.state = 'held')
order by w.id limit $1;

-- name: held
-- The deliveries that were held while an endpoint was paused wait again.
update webhook_delivery set state = 'waiting' where id in (
    select id from webhook_delivery where webhook_id = $1 and state = 'held' order by id limit $2
    for update skip locked)
returning id, turn;

-- name: succeeded
-- An endpoint takes what it is sent.
update webhook set failing_since = null where id = $1 and failing_since is not null;

-- name: failing
-- Since when an endpoint has taken nothing, and whether that is longer than so many days.
update webhook set failing_since = coalesce(failing_since, now()) where id = $1
returning failing_since, failing_since <= now() - $2::double precision * interval '1 day' as is_too_long;

-- name: owners
-- Whom to tell of an organisation's matters: its owners.
select a.email, a.language, o.name as organisation
from membership m join account a on a.id = m.account_id join organisation o on o.id = m.organisation_id
where m.organisation_id = $1 and m.site_id is null and m.role = 'owner' and a.disabled_at is null
order by a.email limit 20;

-- name: reader
-- An organisation's name, and the language of whoever reads mail at an address, should they have an account.
select o.name as organisation, (select a.language from account a where a.email = $2 limit 1) as language
from organisation o where o.id = $1;

-- name: forget
-- Lets go of deliveries that ended so many days ago, a bounded number at a time.
delete from webhook_delivery where id in (
    select id from webhook_delivery where created_at < now() - $1::double precision * interval '1 day'
        and state in ('delivered', 'failed') order by created_at limit $2)
returning id;
