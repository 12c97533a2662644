"""Lets go of what was kept for a while only. Refuses to touch bookings and the journal."""

import asyncpg

from holdfast.store import sql

_Q = sql.load("retention")
ANSWERS_MAX = 5_000


async def forget_old_answers(pool: asyncpg.Pool, *, after_hours: float) -> bool:
    """Deletes answers to keyed commands older than this; True when there may be more of them."""
    status = await pool.execute(_Q["delete_old_answers"], after_hours, ANSWERS_MAX)
    return int(status.rsplit(" ", 1)[1]) >= ANSWERS_MAX
