-- name: candidates
-- Of these connections those of whose orders all was in not long ago, and that nothing stands in the way of.
select c.site_id, c.id, c.kind, c.name, c.config, c.secret, c.secret_key_id, c.is_enabled, c.run_id, c.failures,
    c.paused_until, c.created_at, s.watermark, now() as now
from unnest($1::bigint[], $2::bigint[]) as g (site_id, connection_id)
join connection c on c.site_id = g.site_id and c.id = g.connection_id
join stream s on s.site_id = c.site_id and s.connection_id = c.id and s.name = 'orders'
where c.kind = any($3::text[]) and c.failures = 0 and c.paused_until is null and s.reading is null
    and s.verified_at is not null and s.watermark > now() - make_interval(days => $4);

-- name: settle
-- Runs of stores without news, as if they had been made, in the caller's transaction under the sites' locks; which these
-- are. Of a store where anything else is to be done or to be said there is none.
with given as (
    select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::timestamptz[],
        $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[])
        as g (site_id, connection_id, run_id, watermark, since, until, due_at, zone, currency)
), quiet as (
    select g.* from given g
    join connection c on c.site_id = g.site_id and c.id = g.connection_id
    join stream s on s.site_id = c.site_id and s.connection_id = c.id and s.name = 'orders'
    join ltv_state l on l.site_id = g.site_id and (l.zone, l.currency) = (g.zone, g.currency)
    where c.is_enabled and c.run_id is null and c.failures = 0 and c.paused_until is null
        and s.reading is null and s.watermark = g.watermark
        and l.generation = (select sum(o.generation) from stream o where o.site_id = g.site_id)
        and not exists (select 1 from stream o
            where o.site_id = g.site_id and o.name = 'orders' and o.connection_id <> g.connection_id)
        and not exists (select 1 from sync_run r where r.site_id = g.site_id and r.ended_at is null)
        and not exists (select 1 from shop_order o where o.site_id = g.site_id
            and o.connection_id = g.connection_id and o.updated_at >= g.since)
        and not exists (select 1 from quarantine q
            where q.site_id = g.site_id and q.connection_id = g.connection_id and q.stream = 'orders')
        and not exists (select 1 from ltv_touched t where t.site_id = g.site_id)
        and not exists (select 1 from finding f
            where f.site_id = g.site_id and f.rule = any($10::text[]) and f.stands)
), read as (
    update stream s set watermark = greatest(s.watermark, q.until), verified_at = now(), tried_at = now(),
        due_at = q.due_at
    from quiet q where s.site_id = q.site_id and s.connection_id = q.connection_id and s.name = 'orders'
    returning s.site_id, s.generation
), counted as (
    update ltv_state l set orders_as_of = greatest(l.orders_as_of, q.until), counted_at = now()
    from quiet q where l.site_id = q.site_id
), run as (
    insert into sync_run (site_id, id, operation, state, actor, cause, started_at, ended_at)
    select site_id, run_id, 'incremental', 'verified', $11, $12, now(), now() from quiet
), stages as (
    insert into sync_stage (site_id, run_id, number, name, connection_id, state, since, until, total, started_at,
        ended_at, generation)
    select q.site_id, q.run_id, 1, 'orders', q.connection_id, 'verified', q.since, q.until, 0, now(), now(),
        r.generation
    from quiet q join read r on r.site_id = q.site_id
    union all
    select site_id, run_id, 2, 'ltv', null, 'done', null, null, null, now(), now(), null from quiet
)
select site_id from quiet;
