-- name: claims_without_holder
-- Claims at these sites that belong to no live booking and no block, and are not reported yet.
select c.site_id, u.code, lower(c.during) as start, upper(c.during) as end, c.holder_id
from claim c
join unit u on u.site_id = c.site_id and u.id = c.unit_id
where c.site_id = any($1::bigint[]) and c.kind <> 'calendar'
    and not exists (select 1 from booking b where b.site_id = c.site_id and b.id = c.holder_id and b.live)
    and not exists (select 1 from block k where k.site_id = c.site_id and k.id = c.holder_id)
    and not exists (
        select 1 from finding f
        where f.site_id = c.site_id and f.state = 'open' and f.rule = 'claim_without_holder'
            and f.subject = c.holder_id::text)
order by c.site_id, u.code limit $2;
