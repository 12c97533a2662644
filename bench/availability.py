"""What is free: one site with 10,000 units and 1,000,000 claims of live bookings. 500 questions of each kind, beside
`select 1` on the same server in the same run."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg

from holdfast.services.availability import Asked, free_times
from holdfast.services.sites import Sites
from holdfast.store.database import ConnectionLimits, open_pool

UNITS = 10_000
CLAIMS_PER_UNIT = 100
CATEGORIES = 10
QUERIES = 500

_UNITS = """
insert into unit (site_id, id, code, name, category, shown_status, shown_since, version)
select $1, n, 'PC' || lpad(n::text, 5, '0'), 'PC ' || n, 'category-' || n % $3, 'Available', now(), n
from generate_series(1, $2::bigint) n
"""
# sessions of one to three hours on the half hour, about half of all units taken at any time
_CLAIMS = """
insert into claim (site_id, unit_id, holder_id, kind, during)
select $1, unit, gen_random_uuid(), 'booking', tstzrange(starts, starts + (1 + noise % 3) * interval '1 hour')
from (
    select unit, noise,
        date_trunc('hour', now()) + number * interval '5 hours' + (noise / 8) % 5 * interval '30 minutes' as starts
    from (
        select unit, number, abs(hashint8(unit * 1000003 + number * 7919)) as noise
        from generate_series(1, $2::bigint) unit, generate_series(0, $3 - 1) number
        order by hashint8(unit * 1000 + number)
    ) seeds
) wishes
"""


async def fill(pool: asyncpg.Pool, *, units: int, claims_per_unit: int) -> str:
    """Makes the site past the desk, as fast as the database can, and returns its slug."""
    organisation = await pool.fetchval("insert into organisation (name) values ('bench') returning id")
    slug = f"availability-{time.monotonic_ns()}"
    site_id = await pool.fetchval(
        "insert into site (organisation_id, kind, slug, name, time_zone) "
        "values ($1, 'cafe', $2, 'Big', 'Europe/Berlin') returning id",
        organisation,
        slug,
    )
    async with pool.acquire() as connection:
        await connection.execute("set statement_timeout = 0")
        await connection.execute(_UNITS, site_id, units, CATEGORIES)
        await connection.execute(_CLAIMS, site_id, units, claims_per_unit)
        # what autovacuum does within its minute
        await connection.execute("vacuum (analyze) claim")
        await connection.execute("vacuum (analyze) unit")
        await connection.execute("reset statement_timeout")
    return slug


async def measure(count: int, ask: Callable[[int], Awaitable[object]]) -> dict[str, float]:
    for number in range(20):
        await ask(number)
    took = []
    for number in range(count):
        began = time.perf_counter()
        await ask(number)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return {"p50_ms": round(took[count // 2], 2), "p99_ms": round(took[int(count * 0.99)], 2)}


async def main(database_url: str) -> dict[str, object]:
    pool = await open_pool(database_url, ConnectionLimits(connections_max=4))
    try:
        slug = await fill(pool, units=UNITS, claims_per_unit=CLAIMS_PER_UNIT)
        site = await Sites(pool).find(slug)
        start = (datetime.now(UTC) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
        rng = random.Random(7)

        def question(**more: object) -> Asked:
            begins = start + timedelta(minutes=30) * rng.randrange(48 * 15)
            ends = begins + timedelta(hours=2)
            return Asked(begins.isoformat(), ends.isoformat(), **more)  # type: ignore[arg-type]

        async def everywhere(number: int) -> object:
            return await free_times(pool, site, question(length=120))

        async def category(number: int) -> object:
            return await free_times(pool, site, question(length=120, category=f"category-{number % CATEGORIES}"))

        async def gaps(number: int) -> object:
            return await free_times(pool, site, question(length=60, category=f"category-{number % CATEGORIES}"))

        async def one(number: int) -> object:
            return await free_times(pool, site, question(length=60, units=(f"PC{1 + number % UNITS:05}",)))

        async def nothing(number: int) -> object:
            return await pool.fetchval("select 1")

        return {
            "all units, 2 h: count and first 100": await measure(QUERIES, everywhere),
            "a category, 2 h: count and first 100": await measure(QUERIES, category),
            "a category, 1 h within 2 h: count, first 100 and their gaps": await measure(QUERIES, gaps),
            "one unit": await measure(QUERIES, one),
            "select 1": await measure(QUERIES, nothing),
        }
    finally:
        await pool.close()


def table(results: dict[str, object]) -> str:
    lines = [f"{'':60} {'p50 ms':>8} {'p99 ms':>8}"]
    for what, figures in results.items():
        assert isinstance(figures, dict)
        lines.append(f"{what:60} {figures['p50_ms']:8.2f} {figures['p99_ms']:8.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    found = asyncio.run(main(sys.argv[1]))
    print(json.dumps(found))
    print(table(found), file=sys.stderr)
