-- name: insert_connection
-- A new connection; no row when its name is taken.
insert into connection (site_id, kind, name, config, secret, secret_key_id)
values ($1, $2, $3, $4, $5, $6)
on conflict (site_id, name) do nothing
returning id;

-- name: set_secret
-- A connection's secret, encrypted.
update connection set secret = $3, secret_key_id = $4 where site_id = $1 and id = $2;

-- name: update_connection
-- What an owner changed of a connection; a changed one is tried again at once.
update connection set name = $3, config = $4, is_enabled = $5, failures = 0, paused_until = null
where site_id = $1 and id = $2;

-- name: delete_connection
-- Takes a connection out, unless a run is at it.
delete from connection where site_id = $1 and id = $2 and run_id is null returning id;

-- name: delete_rows
-- Takes the rows of a connection out with it, and touches their customers.
with gone as (
    delete from shop_order where site_id = $1 and connection_id = $2 returning customer_id
), lines as (
    delete from shop_order_line where site_id = $1 and connection_id = $2
), refunds as (
    delete from shop_refund where site_id = $1 and connection_id = $2
), notes as (
    delete from shop_order_gone where site_id = $1 and connection_id = $2
), spend as (
    delete from ad_spend where site_id = $1 and connection_id = $2
), aside as (
    delete from quarantine where site_id = $1 and connection_id = $2
), seen as (
    delete from sync_seen where site_id = $1 and connection_id = $2
)
insert into ltv_touched (site_id, customer_id)
select distinct $1::bigint, customer_id from gone where customer_id is not null on conflict do nothing;

-- name: connections
-- The connections of a store, in the order of their making.
select site_id, id, kind, name, config, secret, secret_key_id, is_enabled, run_id, failures, paused_until, created_at
from connection where site_id = $1 order by id limit 100;

-- name: connection
-- One connection.
select site_id, id, kind, name, config, secret, secret_key_id, is_enabled, run_id, failures, paused_until, created_at
from connection where site_id = $1 and id = $2;

-- name: secrets_under_other_keys
-- Secrets that are not encrypted with the present key, behind a place in their order.
select site_id, id, secret, secret_key_id from connection
where secret is not null and secret_key_id <> $1 and (site_id, id) > ($2, $3) order by site_id, id limit 500;

-- name: rotates_alone
-- Whether nobody else is changing the key: then nobody does until this session ends or lets go.
select pg_try_advisory_lock($1);

-- name: replace_secret
-- The same secret under another key, unless it was changed meanwhile.
update connection set secret = $4, secret_key_id = $5 where site_id = $1 and id = $2 and secret = $3;

-- name: insert_stream
-- What a connection brings.
insert into stream (site_id, connection_id, name, schedule, due_at) values ($1, $2, $3, $4, $5)
on conflict (site_id, connection_id, name) do nothing;

-- name: set_schedule
-- When a stream is synced by itself.
update stream set schedule = $4, due_at = $5 where site_id = $1 and connection_id = $2 and name = $3;

-- name: streams
-- The streams of a store, in order.
select connection_id, name, schedule, watermark, verified_at, generation, reads, reading, tried_at, due_at, created_at
from stream where site_id = $1 order by connection_id, name;

-- name: scheduled
-- Streams whose schedule is due and that may be synced now, the longest due first.
select s.site_id, s.connection_id, s.name, s.schedule, t.time_zone, s.due_at, now() as now
from stream s
join connection c on c.site_id = s.site_id and c.id = s.connection_id
join site t on t.id = s.site_id
left join store_watched w on w.site_id = s.site_id
where s.due_at <= now() and c.is_enabled and c.run_id is null and (c.paused_until is null or c.paused_until <= now())
    and (s.glanced_until is null or s.glanced_until <= now())
    and (s.schedule ->> 'when' = 'always' or w.until > now())
    and (s.watermark is null
        or s.watermark <= now() - make_interval(secs => (s.schedule ->> 'older_than_s')::double precision))
order by s.due_at, s.site_id, s.connection_id, s.name limit $1;

-- name: note_due
-- When a stream is due next, which was due at $5.
update stream set due_at = $4 where site_id = $1 and connection_id = $2 and name = $3 and due_at = $5;

-- name: note_watched
-- Somebody watches these sites, for a while from now on; noted of those that are stores.
insert into store_watched (site_id, until)
select id, now() + make_interval(secs => $2) from site where id = any($1::bigint[]) and kind = 'store'
on conflict (site_id) do update set until = excluded.until;

-- name: note_failure
-- A run of a connection failed.
update connection set failures = failures + 1 where site_id = $1 and id = $2 returning failures;

-- name: pause
-- Leaves a connection alone for a while.
update connection set paused_until = $3 where site_id = $1 and id = $2;

-- name: note_success
-- A run of a connection came to its end.
update connection set failures = 0, paused_until = null
where site_id = $1 and id = $2 and (failures > 0 or paused_until is not null);

-- name: take_tokens
-- Takes what a request costs from a shared limit, and says for how many seconds it must wait. Nobody waits for the disk:
-- after a crash of the database some requests would be forgotten, and the source itself says when that was too many.
-- Before PostgreSQL 17 nothing can be taken from an infinite instant.
insert into rate_limit as r (name, tokens, burst, per_s, at)
values ($1, $3::double precision - $2::double precision, $3, $4, clock_timestamp())
on conflict (name) do update set at = clock_timestamp(),
    tokens = least(r.burst, r.tokens + r.per_s * greatest(extract(epoch from clock_timestamp() - r.at), 0)) - $2
returning greatest(0, -r.tokens / r.per_s,
    extract(epoch from greatest(r.blocked_until, clock_timestamp()) - clock_timestamp()))::double precision
    as wait_s, set_config('synchronous_commit', 'off', true);

-- name: prime
-- What a reply said of the limit: how much there is, of how much, and how fast it fills. None of them: as it was.
update rate_limit r set at = clock_timestamp(), burst = coalesce($3, r.burst), per_s = coalesce($4, r.per_s),
    tokens = least(coalesce($3, r.burst), $2)
where r.name = $1
returning set_config('synchronous_commit', 'off', true);

-- name: block
-- Nobody asks this source for a while.
update rate_limit set blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => $2))
where name = $1;

-- name: set_rate
-- What a currency was worth from a day on; customers with orders in it are to be counted again, and spend too.
with stale as (
    update ltv_state set generation = -1 where site_id = $1
), set_rate as (
    insert into currency_rate (site_id, currency, into_currency, day, rate) values ($1, $2, $3, $4, $5)
    on conflict (site_id, currency, into_currency, day) do update set rate = excluded.rate
)
insert into ltv_touched (site_id, customer_id)
select distinct o.site_id, o.customer_id from shop_order o
where o.site_id = $1 and o.currency = $2 and o.customer_id is not null
on conflict do nothing;

-- name: rates
-- The rates of a store, the latest first.
select currency, into_currency, day, rate from currency_rate where site_id = $1
order by currency, into_currency, day desc limit 1000;
