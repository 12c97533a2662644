-- name: begin
-- A store's verification, for a store that has none yet.
insert into store_verification (site_id, rule, days, due_at) values ($1, $2, $3, $4) on conflict (site_id) do nothing;

-- name: verification
-- When a store is verified, and the run that last did so.
select v.rule, v.days, v.is_enabled, v.due_at, v.asked_at, v.run_id, r.state, r.ended_at
from store_verification v left join sync_run r on r.site_id = v.site_id and r.id = v.run_id
where v.site_id = $1;

-- name: set
-- When a store is to be verified from now on.
insert into store_verification (site_id, rule, days, is_enabled, due_at) values ($1, $2, $3, $4, $5)
on conflict (site_id) do update set rule = excluded.rule, days = excluded.days, is_enabled = excluded.is_enabled,
    due_at = excluded.due_at;

-- name: due
-- Stores whose verification is due and that no run is at, the longest due first, with what can be asked of them now.
select v.site_id, v.rule, v.days, t.time_zone, now() as now, array(
    select c.id from connection c
    where c.site_id = v.site_id and c.is_enabled and c.kind <> 'upload'
        and (c.paused_until is null or c.paused_until <= now())
    order by c.id) as connections
from store_verification v join site t on t.id = v.site_id
where v.due_at <= now() and not exists (
    select 1 from connection c where c.site_id = v.site_id and c.run_id is not null)
order by v.due_at, v.site_id limit $1;

-- name: asked
-- A run was asked for, and when the next one is due; unless somebody changed the schedule meanwhile.
update store_verification set due_at = $2, asked_at = now(), run_id = $3 where site_id = $1 and due_at <= now();
