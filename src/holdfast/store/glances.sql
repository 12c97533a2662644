-- name: candidates
-- Of these connections those of whose orders all was in not long ago, and that nothing stands in the way of; they are
-- this process's to glance at for a while. `seen` and `read` are what their rows were then.
update stream s set glanced_until = now() + make_interval(secs => $5)
from (
    select o.site_id, o.connection_id from unnest($1::bigint[], $2::bigint[]) as g (site_id, connection_id)
    join connection c on c.site_id = g.site_id and c.id = g.connection_id
    join stream o on o.site_id = g.site_id and o.connection_id = g.connection_id and o.name = 'orders'
    where c.kind = any($3::text[]) and c.is_enabled and c.run_id is null and c.failures = 0 and c.paused_until is null
        and o.due_at <= now() and o.reading is null and o.verified_at is not null
        and o.watermark > now() - make_interval(days => $4)
        and (o.glanced_until is null or o.glanced_until <= now())
    for no key update of o skip locked
) as free, connection c, site t
where s.site_id = free.site_id and s.connection_id = free.connection_id and s.name = 'orders'
    and c.site_id = s.site_id and c.id = s.connection_id and t.id = s.site_id
returning c.site_id, c.id, c.kind, c.name, c.config, c.secret, c.secret_key_id, c.is_enabled, c.run_id, c.failures,
    c.paused_until, c.created_at, c.xmin::text as seen, s.xmin::text as read, s.watermark, s.schedule, t.time_zone,
    now() as now;

-- name: release
-- Lets those go that were not settled.
update stream s set glanced_until = null
from unnest($1::bigint[], $2::bigint[]) as g (site_id, connection_id)
where s.site_id = g.site_id and s.connection_id = g.connection_id and s.name = 'orders' and s.glanced_until is not null;

-- name: settle
-- Runs of stores without news, as if they had been made, in the caller's transaction under the sites' locks; which these
-- are. Of a store where anything else is to be done or to be said, or was changed since the glance, there is none.
with given as (
    select * from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[],
        $7::timestamptz[], $8::timestamptz[], $9::text[], $10::text[])
        as g (site_id, connection_id, run_id, seen, read, since, until, due_at, zone, currency)
), quiet as (
    select g.* from given g
    join site t on t.id = g.site_id and t.time_zone = g.zone
    join connection c on c.site_id = g.site_id and c.id = g.connection_id and c.xmin::text = g.seen
    join stream s on s.site_id = c.site_id and s.connection_id = c.id and s.name = 'orders' and s.xmin::text = g.read
    join ltv_state l on l.site_id = g.site_id and (l.zone, l.currency) = (g.zone, g.currency)
    where l.generation = (select sum(o.generation) from stream o where o.site_id = g.site_id)
        and not exists (select 1 from stream o
            where o.site_id = g.site_id and o.name = 'orders' and o.connection_id <> g.connection_id)
        and not exists (select 1 from sync_run r where r.site_id = g.site_id and r.ended_at is null)
        and not exists (select 1 from shop_order o where o.site_id = g.site_id
            and o.connection_id = g.connection_id and o.updated_at >= g.since)
        and not exists (select 1 from quarantine q
            where q.site_id = g.site_id and q.connection_id = g.connection_id and q.stream = 'orders')
        and not exists (select 1 from ltv_touched t where t.site_id = g.site_id)
        and not exists (select 1 from finding f
            where f.site_id = g.site_id and f.rule = any($11::text[]) and f.stands)
), read as (
    update stream s set watermark = greatest(s.watermark, q.until), verified_at = now(), tried_at = now(),
        due_at = q.due_at, glanced_until = null
    from quiet q where s.site_id = q.site_id and s.connection_id = q.connection_id and s.name = 'orders'
    returning s.site_id, s.generation
), counted as (
    update ltv_state l set orders_as_of = greatest(l.orders_as_of, q.until), counted_at = now()
    from quiet q where l.site_id = q.site_id
), run as (
    insert into sync_run (site_id, id, operation, state, actor, cause, started_at, ended_at)
    select site_id, run_id, 'incremental', 'verified', $12, $13, now(), now() from quiet
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
