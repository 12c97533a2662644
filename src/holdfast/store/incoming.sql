-- name: incoming_order
-- Orders of one batch, as they are copied in. None of these tables has an index: a batch is small, and each of its rows is
-- asked for once, by a hash of all of them.
create temp table if not exists incoming_order (
    number integer, id text, updated_at timestamptz, placed_at timestamptz, currency text, gross numeric,
    discounts numeric, refunded numeric, customer_id text, email text, name text, is_test boolean,
    cancelled_at timestamptz, hash bytea
) on commit delete rows;

-- name: incoming_line
-- Their lines, by the number of the order in the batch.
create temp table if not exists incoming_line (
    order_number integer, number integer, product text, sku text, quantity bigint, price numeric, discount numeric
) on commit delete rows;

-- name: incoming_refund
-- Their refunds.
create temp table if not exists incoming_refund (
    order_number integer, id text, at timestamptz, amount numeric
) on commit delete rows;

-- name: incoming_changed
-- Those of them that were new or changed.
create temp table if not exists incoming_changed (
    number integer, id text, customer_id text
) on commit delete rows;

-- name: incoming_spend
-- Days of ad spend of one batch.
create temp table if not exists incoming_spend (
    number integer, day date, campaign_id text, campaign text, currency text, spend numeric, impressions bigint,
    clicks bigint
) on commit delete rows;

-- name: counted_customer
-- Customers as counting anew finds them.
create temp table if not exists counted_customer (
    customer_id text, cohort date, first_at timestamptz, last_at timestamptz, orders bigint, net numeric
) on commit delete rows;

-- name: counted_month
-- Their months, as counting anew finds them.
create temp table if not exists counted_month (
    customer_id text, month date, orders bigint, gross numeric, discounts numeric, refunds_by_order numeric,
    refunds_by_date numeric
) on commit delete rows;
