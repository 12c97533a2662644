"""Guesses at secrets, and the places that accounts are known from. Rows in, values out; decides nothing."""

from collections.abc import Sequence

import asyncpg

from holdfast.store import sql

_Q = sql.load("throttle")

Weighed = tuple[bytes, float]
"""A key's digest, and how much of a failure one attempt is for it."""


async def attempt(pool: asyncpg.Pool, keys: Sequence[Weighed]) -> float | None:
    """Counts a failure for each of the keys that is open; for how many seconds the closed ones still are, None when
    all were open."""
    closed_s: float | None = await pool.fetchval(_Q["try"], *_columns(keys))
    return closed_s


async def take_back(pool: asyncpg.Pool, keys: Sequence[Weighed]) -> None:
    """Takes one attempt back."""
    await pool.execute(_Q["take_back"], *_columns(keys))


async def clear(pool: asyncpg.Pool, key: bytes) -> None:
    """Forgets a key."""
    await pool.execute(_Q["clear"], key)


async def is_known(pool: asyncpg.Pool, account: bytes, place: bytes) -> bool:
    """Whether the account was signed in to from there."""
    found: bool = await pool.fetchval(_Q["is_known"], account, place)
    return found


async def know(pool: asyncpg.Pool, account: bytes, place: bytes) -> None:
    """Remembers that the account was signed in to from there."""
    await pool.execute(_Q["know"], account, place)


async def forget(pool: asyncpg.Pool, *, limit: int) -> int:
    """Deletes what no longer counts; how many rows of the kind there were more of."""
    deleted = [await pool.execute(_Q[name], limit) for name in ("forget_guesses", "forget_places")]
    return max(int(status.rsplit(" ", 1)[1]) for status in deleted)


def _columns(keys: Sequence[Weighed]) -> tuple[list[bytes], list[float]]:
    return [key for key, _ in keys], [weight for _, weight in keys]
