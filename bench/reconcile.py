"""Reconciling: 1,000,000 units and 1,000,000 live bookings of 200 cafés, of which one in a hundred shows a wrong status
and one in a hundred has lost its alarm. How long detecting takes, how many repairs a second, and beside it the way of
the systems this replaces: each unit by itself, its bookings asked for, its status compared and written."""

import os
import time

import asyncpg

from holdfast.services.desk import Desk
from holdfast.services.reconcile import Reconciler
from holdfast.store.database import ConnectionLimits, open_pool

SITES = int(os.environ.get("BENCH_SITES", "200"))
UNITS = int(os.environ.get("BENCH_UNITS", "5000"))
ONE_BY_ONE_S = 15.0
"""How long the row-by-row way is watched; the whole is reckoned from its rate."""

_SITES = """
insert into site (organisation_id, kind, slug, name, time_zone, version)
select $1, 'cafe', 'site-' || n, 'Site ' || n, 'Europe/Berlin', $3 from generate_series(1, $2::bigint) n
"""
# every other unit has a session that runs, the others a booking in the days to come, all on the half hour
_BOOKINGS = """
insert into booking (site_id, id, reference, state, live, category, unit_ids, starts_at, ends_at, started_at, wakes_at,
    created_at, version)
select s, gen_random_uuid(), 'R' || u, case when u % 2 = 0 then 'Active' else 'Booked' end, true, 'pc', array[u],
    starts, ends, case when u % 2 = 0 then starts end,
    case when u % 2 = 0 then ends else starts + interval '15 minutes' end, now(), u
from (
    select s, u,
        case when u % 2 = 0 then hour - interval '1 hour' * (u % 4)
            else hour + interval '30 minutes' * (4 + u % 300) end as starts,
        case when u % 2 = 0 then hour + interval '30 minutes' * (6 + u % 12)
            else hour + interval '30 minutes' * (6 + u % 300) end as ends
    from generate_series(1, $1::bigint) s, generate_series(1, $2::bigint) u,
        (select date_trunc('hour', now()) as hour) h
) as wishes
"""
_CLAIMS = """
insert into claim (site_id, unit_id, holder_id, kind, during)
select site_id, unit_ids[1], id, case when state = 'Active' then 'session' else 'booking' end,
    tstzrange(starts_at, ends_at)
from booking order by site_id, unit_ids[1]
"""
_UNITS = """
insert into unit (site_id, id, code, name, category, shown_status, shown_since, wakes_at, version)
select site_id, unit_ids[1], 'PC' || lpad(unit_ids[1]::text, 5, '0'), 'PC', 'pc',
    case when state = 'Active' then 'Active' else 'Available' end, now(),
    case when state = 'Active' then ends_at else starts_at - interval '30 minutes' end, version
from booking order by site_id, unit_ids[1]
"""
_JOURNAL = """
insert into journal (site_id, version, at, effective_at, type, subject, actor, cause, data)
select b.site_id, b.version, now(), now(), 'booking.created', b.id::text, 'bench', 'created',
    jsonb_build_object('booking', jsonb_build_object(
        'id', b.id, 'reference', b.reference, 'site', 'site-' || b.site_id,
        'units', jsonb_build_array('PC' || lpad(b.unit_ids[1]::text, 5, '0')),
        'category', b.category, 'state', b.state,
        'from', to_char(b.starts_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'to', to_char(b.ends_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'started_at', b.started_at,
        'customer', jsonb_build_object('name', 'Somebody', 'email', 'somebody@example.org'), 'version', b.version,
        'created_at', b.created_at))
from booking b order by site_id, version
"""
_DRIFT = """
update unit set shown_status = case when shown_status = 'Active' then 'Available' else 'Active' end
where id % 100 = 7
"""
_LOST = "update booking set wakes_at = null where version % 100 = 11"


async def fill(connection: asyncpg.Connection) -> None:
    """Makes the sites past the desk, as fast as the database can, without anything wrong yet."""
    organisation = await connection.fetchval("insert into organisation (name) values ('bench') returning id")
    await connection.execute("set statement_timeout = 0")
    await connection.execute(_SITES, organisation, SITES, UNITS)
    await connection.execute(_BOOKINGS, SITES, UNITS)
    for statement in (_CLAIMS, _UNITS, _JOURNAL):
        await connection.execute(statement)
    await connection.execute(
        "update site s set wakes_at = (select min(wakes_at) from unit u where u.site_id = s.id), journal_at = now()"
    )
    for table in ("site", "unit", "booking", "claim", "journal"):
        await connection.execute(f"vacuum (analyze) {table}")


async def one_by_one(pool: asyncpg.Pool) -> dict[str, float]:
    """The replaced way, for a while: every unit asked for its bookings, compared, and written if it differs."""
    units = await pool.fetch("select site_id, id, shown_status from unit order by site_id, id limit 200000")
    began, looked, fixed = time.perf_counter(), 0, 0
    for unit in units:
        if time.perf_counter() - began > ONE_BY_ONE_S:
            break
        looked += 1
        rows = await pool.fetch(
            "select b.state from claim c join booking b on b.site_id = c.site_id and b.id = c.holder_id "
            "where c.site_id = $1 and c.unit_id = $2 and c.during @> now() and b.live",
            unit["site_id"],
            unit["id"],
        )
        right = "Active" if any(row["state"] == "Active" for row in rows) else "Available"
        if right != unit["shown_status"]:
            fixed += 1
            await pool.execute(
                "update unit set shown_status = $3 where site_id = $1 and id = $2", unit["site_id"], unit["id"], right
            )
    elapsed = time.perf_counter() - began
    return {
        "units_looked_at_per_s": round(looked / elapsed),
        "reckoned_s_for_all": round(SITES * UNITS / (looked / elapsed)),
        "repaired_meanwhile": fixed,
    }


async def main(database_url: str) -> dict[str, object]:
    pool = await open_pool(database_url, ConnectionLimits(connections_max=8, statement_timeout_s=600))
    desk = Desk(pool)
    await desk.start()
    try:
        async with pool.acquire() as connection:
            began = time.perf_counter()
            await fill(connection)
            filled_s = time.perf_counter() - began
        reconciler = Reconciler(pool, desk)
        clean = await reconciler.run(dry_run=True)
        assert not clean.found_any, (clean.details[:3], clean.discrepancies[:3], clean.failed)
        async with pool.acquire() as connection:
            await connection.execute("set statement_timeout = 0")
            drifted = int((await connection.execute(_DRIFT)).split()[1])
            lost = int((await connection.execute(_LOST)).split()[1])
        peer = await one_by_one(pool)
        cpu = time.process_time()
        report = await reconciler.run()
        cpu = time.process_time() - cpu
        again = await reconciler.run()
        assert not again.found_any, (again.details[:3], again.discrepancies[:3], again.failed)
        repairing_s = max((report.took_ms - again.took_ms) / 1000, 0.001)
        return {
            "filled": {"units": clean.checked, "live_bookings": clean.bookings, "s": round(filled_s)},
            "detecting, nothing wrong": {"s": [round(clean.took_ms / 1000, 2), round(again.took_ms / 1000, 2)]},
            "detecting and repairing": {
                "wrong": drifted + lost, "repaired": report.fixed, "s": round(report.took_ms / 1000, 2),
                "repairs_per_s": round(report.fixed / repairing_s),
                "python_us_per_repair": round(cpu / report.fixed * 1e6),
            },
            "one by one, as replaced": peer,
            "ratio": {"one by one / detecting": round(peer["reckoned_s_for_all"] / (again.took_ms / 1000), 1)},
        }  # fmt: skip
    finally:
        await desk.stop()
        await pool.close()
