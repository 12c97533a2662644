-- name: plan_for_batches
-- Lets the planner keep to index look-ups of a store's tables for this transaction, which its guess of a scan would read
-- whole for each batch. Orders are looked up one by one (`offset 0` keeps it so): on a table that was never analysed any
-- other way may be taken for the cheaper one.
select set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true);

-- name: analyse
-- Lets the planner see how large the tables of orders are: on tables never analysed it takes any index for the best.
analyze shop_order, shop_order_line, shop_refund;

-- name: touch_former
-- Customers who lose an order to another one by this batch.
insert into ltv_touched (site_id, customer_id)
select distinct $1::bigint, o.customer_id
from incoming_order n cross join lateral (
    select s.customer_id, s.updated_at from shop_order s
    where s.site_id = $1 and s.connection_id = $2 and s.id = n.id offset 0
) as o
where o.customer_id is not null and o.customer_id is distinct from n.customer_id and n.updated_at >= o.updated_at
on conflict do nothing;

-- name: upsert_orders
-- The newest version of each order of the batch, where it is not older than what is there and not the same. $3 is when
-- the source was asked: a deletion heard of later stands. With $4 every column is compared, not the hash alone.
with newest as (
    select distinct on (id) * from incoming_order order by id, updated_at desc, number desc
), changed as (
    insert into shop_order as t (site_id, connection_id, id, updated_at, placed_at, currency, gross, discounts,
        refunded, customer_id, email, name, is_test, cancelled_at, deleted_at, hash)
    select $1, $2, n.id, n.updated_at, n.placed_at, n.currency, n.gross, n.discounts, n.refunded, n.customer_id,
        n.email, n.name, n.is_test, n.cancelled_at,
        (select g.at from shop_order_gone g
            where g.site_id = $1 and g.connection_id = $2 and g.id = n.id and g.at > $3::timestamptz),
        n.hash
    from newest n
    on conflict (site_id, connection_id, id) do update set updated_at = excluded.updated_at,
        placed_at = excluded.placed_at, currency = excluded.currency, gross = excluded.gross,
        discounts = excluded.discounts, refunded = excluded.refunded, customer_id = excluded.customer_id,
        email = excluded.email, name = excluded.name, is_test = excluded.is_test,
        cancelled_at = excluded.cancelled_at, hash = excluded.hash,
        deleted_at = case when t.deleted_at > $3::timestamptz then t.deleted_at end
    where excluded.updated_at >= t.updated_at
        and (excluded.hash <> t.hash
            or t.deleted_at <= $3::timestamptz
            or ($4::boolean and (t.updated_at, t.placed_at, t.currency, t.gross, t.discounts, t.refunded, t.customer_id,
                    t.email, t.name, t.is_test, t.cancelled_at)
                is distinct from (excluded.updated_at, excluded.placed_at, excluded.currency, excluded.gross,
                    excluded.discounts, excluded.refunded, excluded.customer_id, excluded.email, excluded.name,
                    excluded.is_test, excluded.cancelled_at)))
    returning t.id, t.customer_id
)
insert into incoming_changed (number, id, customer_id)
select n.number, c.id, c.customer_id from changed c join newest n on n.id = c.id;

-- name: differing_children
-- Orders of the batch that did not change themselves but whose lines or refunds are not those of the source: somebody
-- wrote them past us. They count as changed.
with newest as (
    select distinct on (id) number, id from incoming_order order by id, updated_at desc, number desc
), unchanged as (
    select n.number, o.id, o.customer_id from newest n cross join lateral (
        select s.id, s.customer_id, s.hash from shop_order s
        where s.site_id = $1 and s.connection_id = $2 and s.id = n.id offset 0
    ) as o
    where not exists (select 1 from incoming_changed c where c.id = n.id)
        and exists (select 1 from incoming_order i where i.number = n.number and i.hash = o.hash)
), incoming_lines as (
    select order_number, array_agg((number, product, sku, quantity, price, discount) order by number) as lines
    from incoming_line group by order_number
), incoming_refunds as (
    select order_number, array_agg((id, at, amount) order by id) as refunds from incoming_refund group by order_number
)
insert into incoming_changed (number, id, customer_id)
select u.number, u.id, u.customer_id
from unchanged u left join incoming_lines l on l.order_number = u.number
    left join incoming_refunds r on r.order_number = u.number
where l.lines is distinct from
    (select array_agg((k.number, k.product, k.sku, k.quantity, k.price, k.discount) order by k.number)
        from shop_order_line k where k.site_id = $1 and k.connection_id = $2 and k.order_id = u.id)
    or r.refunds is distinct from
    (select array_agg((k.id, k.at, k.amount) order by k.id)
        from shop_refund k where k.site_id = $1 and k.connection_id = $2 and k.order_id = u.id);

-- name: touch_changed
-- Customers of the changed orders; and how many those are, and how many of them should have been so before $3.
with touched as (
    insert into ltv_touched (site_id, customer_id)
    select distinct $1::bigint, customer_id from incoming_changed where customer_id is not null
    on conflict do nothing
), gone as (
    delete from shop_order_line
    where site_id = $1 and connection_id = $2 and order_id = any(array(select id from incoming_changed))
), refunds_gone as (
    delete from shop_refund
    where site_id = $1 and connection_id = $2 and order_id = any(array(select id from incoming_changed))
)
select count(*) as changed, count(*) filter (where n.updated_at < $3) as overdue
from incoming_changed c join incoming_order n on n.number = c.number;

-- name: insert_children
-- The lines and refunds of the changed orders, in place of those before.
with lines as (
    insert into shop_order_line (site_id, connection_id, order_id, number, product, sku, quantity, price, discount)
    select $1, $2, c.id, l.number, l.product, l.sku, l.quantity, l.price, l.discount
    from incoming_line l join incoming_changed c on c.number = l.order_number
)
insert into shop_refund (site_id, connection_id, order_id, id, at, amount)
select $1, $2, c.id, r.id, r.at, r.amount from incoming_refund r join incoming_changed c on c.number = r.order_number;

-- name: note_seen
-- What a verifying read has met.
insert into sync_seen (site_id, connection_id, id) select $1, $2, unnest($3::text[]) on conflict do nothing;

-- name: forget_seen
-- Begins a verifying read.
delete from sync_seen where site_id = $1 and connection_id = $2;

-- name: unseen
-- Orders of a window that a verifying read has not met, and that came in before it began.
select o.id from shop_order o
where o.site_id = $1 and o.connection_id = $2 and o.updated_at >= coalesce($3, '-infinity'::timestamptz)
    and o.updated_at <= $4 and o.deleted_at is null
    and not exists (
        select 1 from sync_seen s where s.site_id = $1 and s.connection_id = $2 and s.id = o.id)
order by o.id limit $5;

-- name: delete_orders
-- Marks orders as deleted at the source, notes it for versions that come late, and touches their customers.
with gone as (
    insert into shop_order_gone (site_id, connection_id, id, at)
    select $1, $2, unnest($3::text[]), $4
    on conflict (site_id, connection_id, id) do update set at = greatest(shop_order_gone.at, excluded.at)
), marked as (
    update shop_order set deleted_at = $4
    where site_id = $1 and connection_id = $2 and id = any($3::text[]) and deleted_at is null
    returning id, customer_id
), touched as (
    insert into ltv_touched (site_id, customer_id)
    select distinct $1::bigint, customer_id from marked where customer_id is not null
    on conflict do nothing
)
select count(*) from marked;

-- name: count_orders
-- How many rows of a window we have: orders, and rows set aside that are no order of the window too.
select (
    select count(*) from shop_order o
    where o.site_id = $1 and o.connection_id = $2 and o.deleted_at is null
        and o.updated_at >= coalesce($3, '-infinity'::timestamptz) and o.updated_at <= $4
) + (
    select count(*) from quarantine q
    where q.site_id = $1 and q.connection_id = $2 and q.stream = 'orders'
        and (q.updated_at is null or q.updated_at >= coalesce($3, '-infinity'::timestamptz) and q.updated_at <= $4)
        and not exists (
            select 1 from shop_order o
            where o.site_id = $1 and o.connection_id = $2 and o.id = q.id and o.deleted_at is null
                and o.updated_at >= coalesce($3, '-infinity'::timestamptz) and o.updated_at <= $4)
) as count;

-- name: upsert_spend
-- Days of ad spend as they are now; how many changed.
with newest as (
    select distinct on (day, campaign_id) * from incoming_spend order by day, campaign_id, number desc
), met as (
    -- a day that is as it was is noted as met, no more
    update ad_spend a set read = $3 from newest n
    where a.site_id = $1 and a.connection_id = $2 and a.day = n.day and a.campaign_id = n.campaign_id
        and (a.campaign, a.currency, a.spend, a.impressions, a.clicks)
            is not distinct from (n.campaign, n.currency, n.spend, n.impressions, n.clicks)
    returning a.day, a.campaign_id
), changed as (
    insert into ad_spend as a (site_id, connection_id, day, campaign_id, campaign, currency, spend, impressions, clicks,
        read)
    select $1, $2, n.day, n.campaign_id, n.campaign, n.currency, n.spend, n.impressions, n.clicks, $3
    from newest n where not exists (select 1 from met m where m.day = n.day and m.campaign_id = n.campaign_id)
    on conflict (site_id, connection_id, day, campaign_id) do update set campaign = excluded.campaign,
        currency = excluded.currency, spend = excluded.spend, impressions = excluded.impressions,
        clicks = excluded.clicks, read = excluded.read
    returning 1
)
select count(*) from changed;

-- name: delete_unmet_spend
-- Takes out days and campaigns of a window that its whole read did not meet: restated to nothing. How many.
with gone as (
    delete from ad_spend
    where site_id = $1 and connection_id = $2 and day >= $3 and day <= $4 and read < $5 returning 1
)
select count(*) from gone;

-- name: sum_spend
-- Our spend of a window by currency, and how many rows make it.
select currency, sum(spend) as spend, count(*) as rows from ad_spend
where site_id = $1 and connection_id = $2 and day >= $3 and day <= $4 group by currency order by currency;

-- name: set_aside
-- Rows that could not be read, with the reason; the latest of each counts.
insert into quarantine (site_id, connection_id, stream, id, reason, raw, updated_at, run_id)
select $1, $2, $3, n.id, n.reason, n.raw, n.updated_at, $8
from unnest($4::text[], $5::text[], $6::bytea[], $7::timestamptz[]) as n (id, reason, raw, updated_at)
on conflict (site_id, connection_id, stream, id) do update set reason = excluded.reason, raw = excluded.raw,
    updated_at = excluded.updated_at, run_id = excluded.run_id, at = now();

-- name: take_back
-- Rows that were set aside and have come in whole since.
delete from quarantine q using incoming_order n
where q.site_id = $1 and q.connection_id = $2 and q.stream = 'orders' and q.id = n.id
    and (q.updated_at is null or q.updated_at <= n.updated_at);

-- name: rejects
-- Rows set aside at a store, the latest first, from behind one on: of a connection, of a stream, with words in their
-- reason, where such are given. Of what a row was only the beginning is read. Whatever the plan, it begins at the place.
select q.connection_id, q.stream, q.id, q.reason, substring(q.raw for $10::integer) as raw, q.updated_at, q.at
from quarantine q
where q.site_id = $1 and ($2::bigint is null or q.connection_id = $2) and ($3::text is null or q.stream = $3)
    and ($4::text is null or strpos(lower(q.reason), lower($4)) > 0)
    and q.at <= coalesce($5::timestamptz, 'infinity')
    and (q.at < coalesce($5, 'infinity') or (q.connection_id, q.stream, q.id) > ($6::bigint, $7::text, $8::text))
order by q.at desc, q.connection_id, q.stream, q.id limit $9;

-- name: count_rejects_like
-- How many rows are set aside at a store by the same choice.
select count(*) from quarantine q
where q.site_id = $1 and ($2::bigint is null or q.connection_id = $2) and ($3::text is null or q.stream = $3)
    and ($4::text is null or strpos(lower(q.reason), lower($4)) > 0);

-- name: reject_reasons
-- For which reasons most rows of a store are set aside; of a connection, of a stream.
select q.reason, count(*) as rows from quarantine q
where q.site_id = $1 and ($2::bigint is null or q.connection_id = $2) and ($3::text is null or q.stream = $3)
group by q.reason order by rows desc, q.reason limit $4;

-- name: rejects_to_retry
-- Rows set aside of one connection and stream, from behind an id on.
select q.id, q.raw, q.updated_at from quarantine q
where q.site_id = $1 and q.connection_id = $2 and q.stream = $3 and q.id > $4 order by q.id limit $5;

-- name: drop_rejects
-- Lets rows set aside go.
with gone as (
    delete from quarantine
    where site_id = $1 and connection_id = $2 and stream = $3 and id = any($4::text[]) returning 1
)
select count(*) from gone;

-- name: count_rejects
-- How many rows of a connection's stream are set aside.
select count(*) from quarantine where site_id = $1 and connection_id = $2 and stream = $3;

-- name: count_rejects_of_store
-- How many rows of a store are set aside.
select count(*) from quarantine where site_id = $1;

-- name: orders_after
-- Orders of a store by connection and id, from behind one on, for export.
select o.connection_id, o.id, o.name, o.placed_at, o.updated_at, o.currency, o.gross, o.discounts, o.refunded,
    o.customer_id, o.is_test, o.cancelled_at, o.deleted_at
from shop_order o where o.site_id = $1 and (o.connection_id, o.id) > ($2::bigint, $3::text)
order by o.connection_id, o.id limit $4;
