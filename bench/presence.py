"""Signs of life: what collecting and writing one costs this process, by beats a second and core; and a million people
with leases, of whom none has gone, or a sixtieth."""

import time
from uuid import UUID

import asyncpg

from holdfast.services.presence import PART, Presence, PresenceRules
from holdfast.store.database import open_pool

PEOPLE = 1_000_000
A_SECOND = PEOPLE // 60
ROUNDS = 10


async def main(database_url: str) -> dict[str, object]:
    pool = await open_pool(database_url)
    try:
        presence = Presence(pool, PresenceRules())
        return {
            "beats": await _beats(pool, presence),
            "a_million": await _million(pool, presence),
        }
    finally:
        await pool.close()


async def _beats(pool: asyncpg.Pool, presence: Presence) -> dict[str, object]:
    """A minute's people beat once each, then again: collecting alone, and with writing, of new rows and of known."""
    people = [UUID(int=number * 7919) for number in range(ROUNDS * A_SECOND)]
    device = "0123456789abcdef"
    began = time.process_time()
    for each in people:
        presence.beat(each, device)
    collecting_s = time.process_time() - began
    presence._beats.clear()
    figures: dict[str, object] = {"collected_a_second_and_core": round(len(people) / collecting_s)}
    for name in ("new", "known", "known again"):
        cpu_s, wall_s = 0.0, 0.0
        for number in range(ROUNDS):
            for each in people[number * A_SECOND : (number + 1) * A_SECOND]:
                presence.beat(each, device)
            cpu, wall = time.process_time(), time.perf_counter()
            await presence.write()
            cpu_s, wall_s = cpu_s + time.process_time() - cpu, wall_s + time.perf_counter() - wall
        figures[name] = {
            "beats_a_second_and_core": round(len(people) / (cpu_s + collecting_s)),
            "ms_to_write_a_second_of_a_million": round(wall_s / ROUNDS * 1000, 1),
        }
    hot = await pool.fetchrow(
        "select n_tup_upd as updates, n_tup_hot_upd as in_place from pg_stat_user_tables "
        "where relname = 'presence_lease'"
    )
    return {**figures, "updates": dict(hot) if hot else {}}


async def _million(pool: asyncpg.Pool, presence: Presence) -> dict[str, float]:
    await pool.execute("truncate presence_lease")
    await pool.execute(
        "insert into presence_lease select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'd', "
        f"'active', now(), now(), now() + interval '300 s' from generate_series(1, {PEOPLE}) as n"
    )
    await pool.execute("vacuum analyze presence_lease")
    figures = {"sweep_ms_when_nobody_has_gone": await _sweep(presence)}
    await pool.execute(
        "update presence_lease set expires_at = now() - interval '1 s', seen_at = now() - interval '301 s' "
        "where ('x' || right(subject_id::text, 8))::bit(32)::bigint % 60 = 0"
    )
    figures["sweep_ms_when_a_sixtieth_has_gone"] = await _sweep(presence)
    return {**figures, "part": PART}


async def _sweep(presence: Presence) -> float:
    began = time.perf_counter()
    await presence.mark_offline(0.0)
    return round((time.perf_counter() - began) * 1000, 1)
