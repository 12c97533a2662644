-- name: state
-- What lifetime value was last counted of.
select zone, currency, orders_as_of, ads_as_of, generation, counted_at, rebuilt_at, guests, unconverted
from ltv_state where site_id = $1;

-- name: plan_for_counting
-- Lets the planner keep to index look-ups of the store's tables for this transaction, and join what it counts by hash. It
-- plans for the store and the customers at hand: a plan for any of them reads the whole store.
select set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: analyse
-- Lets the planner see how large the tables of lifetime value are.
analyze customer_first, customer_month;

-- name: take_touched
-- Takes customers to be counted again.
with next as (
    select customer_id from ltv_touched where site_id = $1 order by customer_id limit $2
)
delete from ltv_touched t using next where t.site_id = $1 and t.customer_id = next.customer_id
returning t.customer_id;

-- name: has_touched
-- Whether anybody is to be counted again.
select exists (select 1 from ltv_touched where site_id = $1);

-- name: subtract
-- Takes what these customers added to their cohorts out again.
with months as (
    select f.cohort,
        (extract(year from m.month) * 12 + extract(month from m.month)
            - extract(year from f.cohort) * 12 - extract(month from f.cohort))::int as month,
        count(*) as customers, count(*) filter (where m.orders > 0) as active, sum(m.orders) as orders,
        sum(m.gross) as gross, sum(m.discounts) as discounts, sum(m.refunds_by_order) as refunds_by_order,
        sum(m.refunds_by_date) as refunds_by_date
    from customer_first f join customer_month m on m.site_id = f.site_id and m.customer_id = f.customer_id
    where f.site_id = $1 and f.customer_id = any($2::text[])
    group by 1, 2
), less as (
    update cohort_month c set customers = c.customers - m.customers, active = c.active - m.active,
        orders = c.orders - m.orders, gross = c.gross - m.gross, discounts = c.discounts - m.discounts,
        refunds_by_order = c.refunds_by_order - m.refunds_by_order,
        refunds_by_date = c.refunds_by_date - m.refunds_by_date
    from months m where c.site_id = $1 and c.cohort = m.cohort and c.month = m.month
), sizes as (
    select cohort, count(*) as size, count(*) filter (where orders > 1) as repeaters
    from customer_first where site_id = $1 and customer_id = any($2::text[]) group by cohort
)
update cohort c set size = c.size - s.size, repeaters = c.repeaters - s.repeaters
from sizes s where c.site_id = $1 and c.cohort = s.cohort;

-- name: forget_customers
-- Takes these customers out.
with months as (
    delete from customer_month where site_id = $1 and customer_id = any($2::text[])
)
delete from customer_first where site_id = $1 and customer_id = any($2::text[]);

-- name: count_customers
-- Counts these customers (all, or those behind $5 up to $6, when $2 is null) from their orders and refunds, in the zone $3
-- and the currency $4, into the tables of counting. Orders in another currency count at the rate of their day, or not at
-- all.
with own as (
    select o.connection_id, o.id, o.customer_id, o.placed_at, date_trunc('month', o.placed_at at time zone $3)::date
        as month, o.gross * r.rate as gross, o.discounts * r.rate as discounts, o.refunded * r.rate as refunded, r.rate
    from shop_order o
    cross join lateral (
        select case when o.currency = $4 then 1 else (
            select c.rate from currency_rate c
            where c.site_id = $1 and c.currency = o.currency and c.into_currency = $4
                and c.day <= (o.placed_at at time zone $3)::date
            order by c.day desc limit 1) end as rate
    ) as r
    where o.site_id = $1 and o.customer_id is not null and ($2::text[] is null or o.customer_id = any($2::text[]))
        and ($5::text is null or o.customer_id > $5) and ($6::text is null or o.customer_id <= $6)
        and o.deleted_at is null and o.cancelled_at is null and not o.is_test and r.rate is not null
), firsts as (
    insert into counted_customer (customer_id, cohort, first_at, last_at, orders, net)
    select customer_id, min(month), min(placed_at), max(placed_at), count(*), sum(gross - discounts - refunded)
    from own group by customer_id
    returning customer_id, cohort
), months as (
    select customer_id, month, count(*) as orders, sum(gross) as gross, sum(discounts) as discounts,
        sum(refunded) as refunds_by_order, 0::numeric as refunds_by_date
    from own group by customer_id, month
    union all
    select o.customer_id, greatest(date_trunc('month', f.at at time zone $3)::date, s.cohort), 0, 0, 0, 0,
        sum(f.amount * o.rate)
    from own o
    join firsts s on s.customer_id = o.customer_id
    join shop_refund f on f.site_id = $1 and f.connection_id = o.connection_id and f.order_id = o.id
    where o.refunded <> 0
    group by 1, 2
)
insert into counted_month (customer_id, month, orders, gross, discounts, refunds_by_order, refunds_by_date)
select customer_id, month, sum(orders), sum(gross), sum(discounts), sum(refunds_by_order), sum(refunds_by_date)
from months group by customer_id, month;

-- name: keep_counted
-- Keeps what was counted.
with firsts as (
    insert into customer_first (site_id, customer_id, cohort, first_at, last_at, orders, net)
    select $1, customer_id, cohort, first_at, last_at, orders, net from counted_customer
)
insert into customer_month (site_id, customer_id, month, orders, gross, discounts, refunds_by_order, refunds_by_date)
select $1, customer_id, month, orders, gross, discounts, refunds_by_order, refunds_by_date from counted_month;

-- name: add_counted
-- Adds what was counted to its cohorts.
with months as (
    insert into cohort_month as c (site_id, cohort, month, customers, active, orders, gross, discounts,
        refunds_by_order, refunds_by_date)
    select $1, f.cohort,
        (extract(year from m.month) * 12 + extract(month from m.month)
            - extract(year from f.cohort) * 12 - extract(month from f.cohort))::int,
        count(*), count(*) filter (where m.orders > 0), sum(m.orders), sum(m.gross), sum(m.discounts),
        sum(m.refunds_by_order), sum(m.refunds_by_date)
    from counted_customer f join counted_month m on m.customer_id = f.customer_id
    group by 2, 3
    on conflict (site_id, cohort, month) do update set customers = c.customers + excluded.customers,
        active = c.active + excluded.active, orders = c.orders + excluded.orders, gross = c.gross + excluded.gross,
        discounts = c.discounts + excluded.discounts,
        refunds_by_order = c.refunds_by_order + excluded.refunds_by_order,
        refunds_by_date = c.refunds_by_date + excluded.refunds_by_date
)
insert into cohort as c (site_id, cohort, size, repeaters)
select $1, cohort, count(*), count(*) filter (where orders > 1) from counted_customer group by cohort
on conflict (site_id, cohort) do update set size = c.size + excluded.size,
    repeaters = c.repeaters + excluded.repeaters;

-- name: forget_empty
-- Cohorts and months that nobody is in any more.
with months as (
    delete from cohort_month where site_id = $1 and customers = 0
)
delete from cohort where site_id = $1 and size = 0;

-- name: end_of_part
-- The customer up to whom there are about $3 orders behind those of another one; null when there are fewer.
select customer_id from shop_order
where site_id = $1 and customer_id is not null and ($2::text is null or customer_id > $2)
order by customer_id, placed_at offset $3 limit 1;

-- name: differing_customers
-- Customers behind $2 up to $3 of whom other things are kept than counting anew has found, and how many rows of each;
-- not those who are to be counted again anyway. Everything here must be of one snapshot.
with found as (
    select customer_id from counted_customer n
    full join (
        select * from customer_first
        where site_id = $1 and ($2::text is null or customer_id > $2) and ($3::text is null or customer_id <= $3)
    ) o using (customer_id)
    where (n.cohort, n.first_at, n.last_at, n.orders, n.net)
        is distinct from (o.cohort, o.first_at, o.last_at, o.orders, o.net)
    union all
    select customer_id from counted_month n
    full join (
        select * from customer_month
        where site_id = $1 and ($2::text is null or customer_id > $2) and ($3::text is null or customer_id <= $3)
    ) o using (customer_id, month)
    where (n.orders, n.gross, n.discounts, n.refunds_by_order, n.refunds_by_date)
        is distinct from (o.orders, o.gross, o.discounts, o.refunds_by_order, o.refunds_by_date)
)
select f.customer_id, count(*) as rows from found f
where not exists (select 1 from ltv_touched t where t.site_id = $1 and t.customer_id = f.customer_id)
group by f.customer_id;

-- name: touch_customers
-- Customers who are to be counted again.
insert into ltv_touched (site_id, customer_id) select $1, unnest($2::text[]) on conflict do nothing;

-- name: differing_cohorts
-- Cohorts that are not the sum of their customers, and how many rows of each are not. What is kept of a customer and what
-- that adds to the cohort are written in one transaction, so one statement sees both or neither.
with cells as (
    select f.cohort,
        (extract(year from m.month) * 12 + extract(month from m.month)
            - extract(year from f.cohort) * 12 - extract(month from f.cohort))::int as month,
        count(*) as customers, count(*) filter (where m.orders > 0) as active, sum(m.orders) as orders,
        sum(m.gross) as gross, sum(m.discounts) as discounts, sum(m.refunds_by_order) as refunds_by_order,
        sum(m.refunds_by_date) as refunds_by_date
    from customer_first f join customer_month m on m.site_id = f.site_id and m.customer_id = f.customer_id
    where f.site_id = $1
    group by 1, 2
), found as (
    select cohort from cells n
    full join (select * from cohort_month where site_id = $1) o using (cohort, month)
    where (n.customers, n.active, n.orders, n.gross, n.discounts, n.refunds_by_order, n.refunds_by_date)
        is distinct from
        (o.customers, o.active, o.orders, o.gross, o.discounts, o.refunds_by_order, o.refunds_by_date)
    union all
    select cohort from (
        select cohort, count(*) as size, count(*) filter (where orders > 1) as repeaters
        from customer_first where site_id = $1 group by cohort
    ) n
    full join (select * from cohort where site_id = $1) o using (cohort)
    where (n.size, n.repeaters) is distinct from (o.size, o.repeaters)
)
select cohort, count(*) as rows from found group by cohort;

-- name: take_cohorts
-- What is kept of the customers of these cohorts, as if it had just been counted; the cohorts themselves are taken out.
with customers as (
    insert into counted_customer (customer_id, cohort, first_at, last_at, orders, net)
    select customer_id, cohort, first_at, last_at, orders, net from customer_first
    where site_id = $1 and cohort = any($2::date[])
), months as (
    insert into counted_month (customer_id, month, orders, gross, discounts, refunds_by_order, refunds_by_date)
    select m.customer_id, m.month, m.orders, m.gross, m.discounts, m.refunds_by_order, m.refunds_by_date
    from customer_first f join customer_month m on m.site_id = f.site_id and m.customer_id = f.customer_id
    where f.site_id = $1 and f.cohort = any($2::date[])
), cells as (
    delete from cohort_month where site_id = $1 and cohort = any($2::date[])
)
delete from cohort where site_id = $1 and cohort = any($2::date[]);

-- name: forget_all
-- Takes out everything counted of a store.
with customers as (
    delete from customer_first where site_id = $1
), months as (
    delete from customer_month where site_id = $1
), cohort_months as (
    delete from cohort_month where site_id = $1
), touched as (
    delete from ltv_touched where site_id = $1
)
delete from cohort where site_id = $1;

-- name: count_spend
-- Spend by month in the store's currency; days in another currency count at the rate of their day, or are told.
with days as (
    select date_trunc('month', a.day)::date as month, a.spend * r.rate as spend, r.rate
    from ad_spend a
    cross join lateral (
        select case when a.currency = $2 then 1 else (
            select c.rate from currency_rate c
            where c.site_id = $1 and c.currency = a.currency and c.into_currency = $2 and c.day <= a.day
            order by c.day desc limit 1) end as rate
    ) as r
    where a.site_id = $1
), gone as (
    delete from spend_month m where m.site_id = $1 and not exists (select 1 from days d where d.month = m.month)
)
insert into spend_month (site_id, month, spend, unconverted)
select $1, month, coalesce(sum(spend), 0), count(*) filter (where rate is null) from days group by month
on conflict (site_id, month) do update set spend = excluded.spend, unconverted = excluded.unconverted;

-- name: left_out
-- Orders that no customer is counted for: without a customer, and in a currency without a rate; up to 100,000 of each.
with recursive currencies as (
    (select currency from shop_order where site_id = $1 order by currency limit 1)
    union all
    select (select o.currency from shop_order o where o.site_id = $1 and o.currency > c.currency
        order by o.currency limit 1)
    from currencies c where c.currency is not null
)
select (
    select count(*) from (select 1 from shop_order where site_id = $1 and customer_id is null limit 100000) as guests
) as guests, (
    select count(*) from (
        select 1 from currencies c join shop_order o on o.site_id = $1 and o.currency = c.currency
        where c.currency <> $2 and o.deleted_at is null and o.cancelled_at is null and not o.is_test and not exists (
            select 1 from currency_rate r
            where r.site_id = $1 and r.currency = c.currency and r.into_currency = $2
                and r.day <= (o.placed_at at time zone $3)::date)
        limit 100000) as others
) as unconverted;

-- name: watermarks
-- Up to when all orders, and all ad spend, of a store are in; null while a stream has never been read to its end.
select name, min(coalesce(watermark, '-infinity')) as complete_until, sum(generation)::bigint as generation
from stream where site_id = $1 group by name;

-- name: keep_state
-- What was counted now.
insert into ltv_state (site_id, zone, currency, orders_as_of, ads_as_of, generation, counted_at, rebuilt_at, guests,
    unconverted)
values ($1, $2, $3, $4, $5, $6, now(), case when $7 then now() end, $8, $9)
on conflict (site_id) do update set zone = excluded.zone, currency = excluded.currency,
    orders_as_of = excluded.orders_as_of, ads_as_of = excluded.ads_as_of, generation = excluded.generation,
    counted_at = excluded.counted_at, rebuilt_at = coalesce(excluded.rebuilt_at, ltv_state.rebuilt_at),
    guests = excluded.guests, unconverted = excluded.unconverted;

-- name: cohorts
-- The cohorts of a store, the oldest first.
select cohort, size, repeaters from cohort where site_id = $1 order by cohort limit 1200;

-- name: cohort_months
-- Their months.
select cohort, month, active, orders, gross, discounts, refunds_by_order, refunds_by_date
from cohort_month where site_id = $1 order by cohort, month limit 200000;

-- name: spend_months
-- Spend by month.
select month, spend, unconverted from spend_month where site_id = $1 order by month limit 1200;

-- name: customers
-- Customers by what they brought, the most first, from behind one on.
select f.customer_id, f.cohort, f.first_at, f.last_at, f.orders, f.net, (
    select o.email from shop_order o where o.site_id = $1 and o.customer_id = f.customer_id and o.email is not null
    order by o.placed_at desc limit 1) as email
from customer_first f
where f.site_id = $1 and ($2::numeric is null or f.net < $2 or (f.net = $2 and f.customer_id > $3::text))
order by f.net desc, f.customer_id limit $4;

-- name: customers_in_segment
-- The same of those with so many orders, the last of them within bounds.
select f.customer_id, f.cohort, f.first_at, f.last_at, f.orders, f.net, (
    select o.email from shop_order o where o.site_id = $1 and o.customer_id = f.customer_id and o.email is not null
    order by o.placed_at desc limit 1) as email
from customer_first f
where f.site_id = $1 and ($2::numeric is null or f.net < $2 or (f.net = $2 and f.customer_id > $3::text))
    and f.orders >= $5::bigint and ($6::bigint is null or f.orders <= $6)
    and ($7::timestamptz is null or f.last_at > $7) and ($8::timestamptz is null or f.last_at <= $8)
order by f.net desc, f.customer_id limit $4;

-- name: segments
-- How many customers are within each of these bounds, and what they brought.
select b.segment, count(f.customer_id) as customers, coalesce(sum(f.orders), 0)::bigint as orders,
    coalesce(sum(f.net), 0) as net
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[])
    as b (segment, orders_min, orders_max, last_after, last_until)
left join customer_first f on f.site_id = $1 and f.orders >= b.orders_min
    and (b.orders_max is null or f.orders <= b.orders_max)
    and (b.last_after is null or f.last_at > b.last_after) and (b.last_until is null or f.last_at <= b.last_until)
group by b.segment order by b.segment limit 100;

-- name: totals
-- All of a store's customers that count, their orders, and what they brought.
select (select coalesce(sum(size), 0)::bigint from cohort where site_id = $1) as customers,
    coalesce(sum(m.orders), 0)::bigint as orders, coalesce(sum(m.gross - m.discounts - m.refunds_by_order), 0) as net
from cohort_month m where m.site_id = $1;

-- name: histories
-- Days of order of a sample of customers whose first order came before an instant: those whose id hashes lowest.
select o.customer_id, array_agg((o.placed_at at time zone $2)::date order by o.placed_at) as days,
    array_agg((o.gross - o.discounts - o.refunded)::double precision order by o.placed_at) as amounts
from (
    select customer_id from customer_first where site_id = $1 and first_at < $3
    order by hashtext(customer_id), customer_id limit $4
) as chosen
join shop_order o on o.site_id = $1 and o.customer_id = chosen.customer_id
where o.deleted_at is null and o.cancelled_at is null and not o.is_test and o.currency = $5
group by o.customer_id order by o.customer_id;

-- name: histories_of
-- Days of order of these customers, up to an instant.
select o.customer_id, array_agg((o.placed_at at time zone $2)::date order by o.placed_at) as days,
    array_agg((o.gross - o.discounts - o.refunded)::double precision order by o.placed_at) as amounts
from shop_order o
where o.site_id = $1 and o.customer_id = any($4::text[]) and o.placed_at < $3
    and o.deleted_at is null and o.cancelled_at is null and not o.is_test and o.currency = $5
group by o.customer_id;

-- name: customers_before
-- How many customers' first order came before an instant.
select count(*) from customer_first where site_id = $1 and first_at < $2;
