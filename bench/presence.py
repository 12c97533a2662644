"""Signs of life: what collecting and writing one costs this process, by beats a second and core; what PostgreSQL works
for each second's beats of a million people who have leases; and the sweep of them, when none has gone and when a
sixtieth has. Work is counted as processor time, as the clock on the wall tells of the machine's other guests, too."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from holdfast.services.presence import Presence, PresenceRules
from holdfast.store.database import open_pool

PEOPLE = 1_000_000
A_SECOND = PEOPLE // 60
ROUNDS = 10
DEVICE = "0123456789abcdef"


async def main(database_url: str) -> dict[str, object]:
    pool = await open_pool(database_url)
    try:
        presence = Presence(pool, PresenceRules())
        people = await _million(pool)
        return {
            "collecting": _collecting(presence, people),
            "known": await _writing(pool, presence, people),
            "known again": await _writing(pool, presence, people),
            "new": await _writing(pool, presence, await _others(pool)),
            "updates": await _in_place(pool),
            "sweep of a million": await _sweeps(pool, presence),
        }
    finally:
        await pool.close()


async def _million(pool: asyncpg.Pool) -> list[UUID]:
    """A million people with leases, as ids come from the database, in the order in which they came."""
    async with pool.acquire() as connection:
        await connection.execute("set statement_timeout = 0")
        await connection.execute(
            "insert into presence_lease select gen_random_uuid(), $1, 'active', now(), now(), now() + interval '300 s' "
            f"from generate_series(1, {PEOPLE})",
            DEVICE,
        )
        await connection.execute("vacuum analyze presence_lease")
        return [row["subject_id"] for row in await connection.fetch("select subject_id from presence_lease")]


async def _others(pool: asyncpg.Pool) -> list[UUID]:
    rows = await pool.fetch(f"select gen_random_uuid() as id from generate_series(1, {ROUNDS * A_SECOND})")
    return [row["id"] for row in rows]


def _collecting(presence: Presence, people: Sequence[UUID]) -> dict[str, object]:
    wanted = people[: ROUNDS * A_SECOND]
    began = time.process_time()
    for each in wanted:
        presence.beat(each, DEVICE)
    took_s = time.process_time() - began
    presence._beats.clear()
    return {"beats_a_second_and_core": round(len(wanted) / took_s)}


async def _writing(pool: asyncpg.Pool, presence: Presence, people: Sequence[UUID]) -> dict[str, object]:
    """Each second's beats are collected and written, so many seconds."""
    ours_s, wall_s = 0.0, 0.0
    theirs_s = await _database_s(pool)
    for number in range(ROUNDS):
        cpu = time.process_time()
        for each in people[number * A_SECOND : (number + 1) * A_SECOND]:
            presence.beat(each, DEVICE)
        wall = time.perf_counter()
        await presence.write()
        ours_s, wall_s = ours_s + time.process_time() - cpu, wall_s + time.perf_counter() - wall
    theirs_s = await _database_s(pool) - theirs_s
    return {
        "beats_a_second_and_core": round(ROUNDS * A_SECOND / ours_s),
        "our_ms_for_a_second_of_a_million": round(ours_s / ROUNDS * 1000, 1),
        "postgres_ms_for_a_second_of_a_million": round(theirs_s / ROUNDS * 1000, 1),
        "wall_ms": round(wall_s / ROUNDS * 1000, 1),
    }


async def _in_place(pool: asyncpg.Pool) -> dict[str, object]:
    hot = await pool.fetchrow(
        "select n_tup_upd as updates, n_tup_hot_upd as in_place from pg_stat_user_tables "
        "where relname = 'presence_lease'"
    )
    return dict(hot) if hot else {}


async def _sweeps(pool: asyncpg.Pool, presence: Presence) -> dict[str, object]:
    found: dict[str, object] = {"nobody has gone": await _sweep(pool, presence)}
    await pool.execute(
        "update presence_lease set expires_at = now() - interval '1 s', seen_at = now() - interval '301 s' "
        f"where ctid in (select ctid from presence_lease limit {A_SECOND})"
    )
    return {**found, "a sixtieth has gone": await _sweep(pool, presence)}


async def _sweep(pool: asyncpg.Pool, presence: Presence) -> dict[str, float]:
    theirs_s, began = await _database_s(pool), time.perf_counter()
    await presence.mark_offline(0.0)
    wall_s = time.perf_counter() - began
    return {
        "postgres_ms": round((await _database_s(pool) - theirs_s) * 1000, 1),
        "wall_ms": round(wall_s * 1000, 1),
    }


async def _database_s(pool: asyncpg.Pool) -> float:
    """Processor time of the database's processes so far, where it is on this machine and that can be read."""
    pids = [row["pid"] for row in await pool.fetch("select pid from pg_stat_activity where pid is not null")]
    return sum(_process_s(pid) for pid in pids)


def _process_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
