"""How late the clock's transitions are: 100,000 sessions of 100 cafés that end within one minute (evenly, and on its
whole seconds, so 1,667 at a time), all of them at one instant, and ten a second (evenly), done by a server process of
its own; beside it the way of the systems this replaces, a cron of once a minute that updates row after row.

`decided` is the journal's `at` - `effective_at`, by the database's clock; `known` is when somebody who looks on from
another process had seen the change committed; `beside` is how long a booking at another site takes meanwhile."""

import asyncio
import json
import time
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import asyncpg

from bench.ground import desk_on, make_sites, slots
from bench.minute_cron import minute_cron
from bench.serving import Client, served
from holdfast.domain.commands import Book, Together
from holdfast.services.desk import Desk
from holdfast.services.identity import new_id

SITES, UNITS = 100, 1_000
PARTS = 200
FILLERS = 8
FREE = '{"grid_minutes": 0}'
STEADY_PER_S, STEADY_S = 10, 25
DRAINED_WITHIN_S = 180
ENDED = """
select site_id, version, at, effective_at from journal where site_id = any($1) and type = 'booking.completed'
"""
VERSIONS = "select id, version from site where id = any($1) order by id"
ANY_LEFT = "select exists (select 1 from claim where site_id = any($1))"
NOT_FREE = "select count(*) from unit where site_id = any($1) and shown_status <> 'Available'"
BESIDE_EVERY_S = 0.1
WATCH_S, WATCH_CLOSELY_S = 0.02, 0.004
OUT_OF_ORDER = """
select count(*) from (
    select effective_at < lag(effective_at) over (partition by site_id order by version) as is_back
    from journal where site_id = any($1) and actor = 'clock') as line where is_back
"""


async def main(database_url: str) -> dict[str, object]:
    evenly = await ends(database_url, SITES, UNITS, spread_s=60)
    on_seconds = await ends(database_url, SITES, UNITS, spread_s=60, grain_s=1.0)
    at_once = await ends(database_url, SITES, UNITS, spread_s=0)
    steady = await ends(database_url, STEADY_PER_S, STEADY_S, spread_s=STEADY_S)
    cron = await minute_cron(database_url, rush=10_000, steady=STEADY_PER_S * 60)
    return {
        "100,000 within a minute, evenly": evenly,
        "100,000 within a minute, on its seconds": on_seconds,
        "100,000 at one instant": at_once,
        "10 a second": steady,
        "minute cron": cron,
        "ratios": {
            "rows a second": round(at_once["per_s"] / cron["rush"]["rows_per_s"], 1),
            "p50 of 10 a second": round(cron["steady"]["p50_ms"] / steady["known"]["p50_ms"]),
            "p99 of 10 a second": round(cron["steady"]["p99_ms"] / steady["known"]["p99_ms"]),
        },
    }


async def ends(
    database_url: str, sites: int, units: int, *, spread_s: float, grain_s: float | None = None
) -> dict[str, Any]:
    """Sessions that end spread evenly over so many seconds, or at each `grain_s` of them: how late a server was."""
    async with desk_on(database_url) as (pool, desk):
        began = time.monotonic()
        *site_ids, quiet_id = await make_sites(pool, desk, sites + 1, units)
        await pool.execute("update site set settings = $2 where id = any($1)", site_ids, FREE.encode())
        # sessions cost a little more to make than units, and the machine may be busy
        margin_s = 10 + 8 * (time.monotonic() - began)
        first = (await pool.fetchval("select now()") + timedelta(seconds=margin_s)).replace(microsecond=0)
        await fill(desk, site_ids, units, first, spread_s, grain_s)
        await pool.execute("vacuum analyze")
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=2)
    async with pool, served(database_url=database_url) as server:
        left_s = (first - datetime.now(UTC)).total_seconds()
        assert left_s > 1, "the sessions were not there in time"
        await asyncio.sleep(left_s - 0.5)
        before = cpu_s(server.process.pid), await postgres_cpu_s(pool)
        asking = asyncio.create_task(bookings_beside(server.port, quiet_id, units))
        seen = await observed(pool, site_ids, after=first)
        asking.cancel()
        after = cpu_s(server.process.pid), await postgres_cpu_s(pool)
        assert await pool.fetchval(OUT_OF_ORDER, site_ids) == 0
        assert not await pool.fetchval(NOT_FREE, site_ids)
        lines = await pool.fetch(ENDED, site_ids)
    count = len(lines)
    assert count == sites * units
    known = [(seen.at(line["site_id"], line["version"]) - line["effective_at"]).total_seconds() for line in lines]
    done_s = max(seen.last.values()) - first.timestamp()
    return {
        "ends": count,
        "decided": spread_of([(line["at"] - line["effective_at"]).total_seconds() for line in lines]),
        "known": spread_of(known),
        "beside": spread_of(await asking),
        "all_known_after_s": round(done_s, 2),
        "per_s": round(count / done_s),
        "cpu_us_server": round((after[0] - before[0]) / count * 1e6),
        "cpu_us_postgres": round((after[1] - before[1]) / count * 1e6),
    }


async def bookings_beside(port: int, site_id: int, units: int) -> list[float]:
    """Books at a site of its own, a few times a second, until cancelled; how long each took."""
    took: list[float] = []
    client = await Client.open(port)
    try:
        for _, code, start, end in slots([site_id], units, 20):
            began = time.perf_counter()
            body = json.dumps({"unit": code, "from": start.isoformat(), "to": end.isoformat()}).encode()
            status, answer = await client.request("POST", f"/api/sites/{site_id}/bookings", body)
            assert status == 201, answer
            took.append(time.perf_counter() - began)
            await asyncio.sleep(BESIDE_EVERY_S)
    except asyncio.CancelledError:
        await client.close()
    return took


class Seen:
    """When a watcher of the sites' versions first saw each of them reached."""

    def __init__(self) -> None:
        self.steps: dict[int, list[tuple[int, datetime]]] = {}
        self.last: dict[int, float] = {}

    def note(self, site_id: int, version: int, now: datetime) -> None:
        steps = self.steps.setdefault(site_id, [])
        if not steps or steps[-1][0] < version:
            steps.append((version, now))
            self.last[site_id] = now.timestamp()

    def at(self, site_id: int, version: int) -> datetime:
        steps = self.steps[site_id]
        return steps[bisect_left(steps, version, key=itemgetter(0))][1]


async def observed(pool: asyncpg.Pool, site_ids: list[int], *, after: datetime) -> Seen:
    """Watches the sites until no session is left."""
    seen = Seen()
    watch_s = WATCH_S if len(site_ids) > 10 else WATCH_CLOSELY_S
    looks = 0
    async with asyncio.timeout(DRAINED_WITHIN_S), pool.acquire() as connection:
        # each look is a transaction of its own, and its clock is read last: what it shows was committed by then
        while True:
            rows = await connection.fetch(VERSIONS, site_ids)
            now = await connection.fetchval("select clock_timestamp()")
            for row in rows:
                seen.note(row["id"], row["version"], now)
            looks += 1
            if looks % 20 == 0 and now > after and not await connection.fetchval(ANY_LEFT, site_ids):
                return seen
            await asyncio.sleep(watch_s)


def spread_of(seconds: list[float]) -> dict[str, float]:
    seconds.sort()
    p50, p99 = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
    return {"p50_ms": ms(p50), "p99_ms": ms(p99), "max_ms": ms(seconds[-1])}


def ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


async def fill(
    desk: Desk, site_ids: list[int], units: int, first: datetime, spread_s: float, grain_s: float | None
) -> None:
    """A running session on every unit of these sites, through the desk, so that all is as it must be."""
    total = len(site_ids) * units

    def walk_in(site: int, unit: int) -> Book:
        number = unit * len(site_ids) + site
        after_s = number * spread_s / total
        end = first + timedelta(seconds=after_s // grain_s * grain_s if grain_s else after_s)
        return Book(new_id(), end, end, (f"PC{unit:03}",), walk_in=True)

    waiting = enumerate(site_ids)

    async def filler() -> None:
        for site, site_id in waiting:
            for start in range(0, units, PARTS):
                parts = tuple(walk_in(site, unit) for unit in range(start, min(start + PARTS, units)))
                await desk.submit(site_id, Together(parts), actor="bench")

    await asyncio.gather(*(filler() for _ in range(FILLERS)))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def postgres_cpu_s(pool: asyncpg.Pool) -> float:
    """What all of the database server's processes have used, those that have ended too."""
    postmaster_pid = parent_of(await pool.fetchval("select pg_backend_pid()"))
    fields = Path(f"/proc/{postmaster_pid}/stat").read_text().rsplit(")", 1)[1].split()
    used = sum(map(int, fields[11:15])) / 100
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if parent_of(int(folder.name)) == postmaster_pid:
                    used += cpu_s(int(folder.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return used
