-- name: sites_due
-- The sites whose clock is due, but for those of $2, the longest overdue first, and when the next one will be.
select array(
    select id from site where wakes_at <= now() and id <> all($2::bigint[]) order by wakes_at, id limit $1
) as due,
extract(epoch from (select min(wakes_at) from site where wakes_at > now()) - now())::double precision as next_in_s;
