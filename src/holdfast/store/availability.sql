-- name: free_units
-- How many units of a site, or of a category, nobody holds at any time of a window, out of how many; and a page of them
-- by code. There is always a row: without a page it names no unit.
with taken as materialized (
    select unit_id from claim
    where site_id = $1 and lower(during) > $2::timestamptz - interval '6 hours' and lower(during) < $3
        and upper(during) > $2 and upper(during) - lower(during) <= interval '6 hours'
        and (expires_at is null or expires_at > $4)
    union all
    select unit_id from claim
    where site_id = $1 and during && tstzrange($2, $3) and upper(during) - lower(during) > interval '6 hours'
        and (expires_at is null or expires_at > $4)
), counted as (
    select count(*) as among, count(*) filter (
        where (u.condition is null or u.condition not in ('under_maintenance', 'out_of_service'))
            and u.id not in (select unit_id from taken)) as free
    from unit u where u.site_id = $1 and ($5::text is null or u.category = $5)
), page as (
    -- "not in" over a list without nulls is one look-up a unit, in the order of the index: no sorting of all that is free
    select u.id, u.code, u.name, u.category from unit u
    where u.site_id = $1 and ($5::text is null or u.category = $5) and u.code > $6
        and (u.condition is null or u.condition not in ('under_maintenance', 'out_of_service'))
        and u.id not in (select unit_id from taken)
    order by u.code limit $7
)
select c.free, c.among, p.id, p.code, p.name, p.category
from counted c left join page p on true order by p.code limit $7 + 1;

-- name: serviceable_units
-- A page, by code, of the units of a site or category that may be booked.
select u.id, u.code, u.name, u.category from unit u
where u.site_id = $1 and u.code > $2 and ($3::text is null or u.category = $3)
    and (u.condition is null or u.condition not in ('under_maintenance', 'out_of_service'))
order by u.code limit $4;

-- name: named_units
-- Units by code, with their condition.
select u.id, u.code, u.name, u.category, u.condition from unit u
where u.site_id = $1 and u.code = any($2::text[]) order by u.code limit 500;

-- name: first_units
-- The units of a site or category by code, with their condition.
select u.id, u.code, u.name, u.category, u.condition from unit u
where u.site_id = $1 and ($2::text is null or u.category = $2) and u.code > $3 order by u.code limit $4;

-- name: claims_of_units
-- What is taken of these units in a window, unit by unit in the order of time; holds that have lapsed take nothing.
select c.unit_id, lower(c.during) as starts_at, upper(c.during) as ends_at, c.kind
from unnest($2::bigint[]) as k (unit_id)
cross join lateral (
    select unit_id, during, kind from claim
    where site_id = $1 and unit_id = k.unit_id and during && tstzrange($3, $4)
        and (expires_at is null or expires_at > $5)
    order by lower(during) limit 5000
) c
order by c.unit_id, starts_at limit 200000;

-- name: nights_by_category
-- How many bookable units each category has, and how many of them are taken in each of these nights. Numbers of
-- nights count from 1; 0 is the line that says how many units there are.
with taken as materialized (
    select unit_id, during from claim
    where site_id = $1 and lower(during) > $4::timestamptz - interval '6 hours' and lower(during) < $5
        and upper(during) > $4 and upper(during) - lower(during) <= interval '6 hours'
        and (expires_at is null or expires_at > $6)
    union all
    select unit_id, during from claim
    where site_id = $1 and during && tstzrange($4, $5) and upper(during) - lower(during) > interval '6 hours'
        and (expires_at is null or expires_at > $6)
), bookable as materialized (
    select id, category from unit
    where site_id = $1 and ($7::text is null or category = $7)
        and (condition is null or condition not in ('under_maintenance', 'out_of_service'))
)
select 0 as night, category, count(*) as units from bookable group by category
union all
select n.night, b.category, count(distinct b.id)
from unnest($2::timestamptz[], $3::timestamptz[]) with ordinality as n (starts_at, ends_at, night)
join taken t on t.during && tstzrange(n.starts_at, n.ends_at)
join bookable b on b.id = t.unit_id
group by n.night, b.category
order by night, category limit 100000;

-- name: category_exists
-- Whether any unit of a site has a category.
select exists (select from unit where site_id = $1 and category = $2);
