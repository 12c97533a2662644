"""What people do to jobs, as it is recorded. Decides nothing."""

from collections.abc import Sequence

from holdfast.store import sql
from holdfast.store.connection import Connection, Database

_Q = sql.load("job_acts")

Gone = tuple[int, str]
"""A job's id and queue."""


async def cancel_waiting(tx: Connection, id: int, by: str) -> Gone | None:
    """Takes a waiting job out; None when it does not wait."""
    row = await tx.fetchrow(_Q["cancel_waiting"], id, f"cancelled by {by}")
    return None if row is None else (row["id"], row["queue"])


async def cancel_running(tx: Connection, id: int, by: str) -> Gone | None:
    """Asks a running job's worker to end it; None when it does not run, or was asked already."""
    row = await tx.fetchrow(_Q["cancel_running"], id, by)
    return None if row is None else (row["id"], row["queue"])


async def start_now(tx: Connection, id: int) -> Gone | None:
    row = await tx.fetchrow(_Q["start_now"], id)
    return None if row is None else (row["id"], row["queue"])


async def redrive(
    tx: Connection, *, ids: Sequence[int] | None, queue: str | None, name: str | None, tenants: Sequence[str] | None,
    limit: int,
) -> list[Gone]:  # fmt: skip
    rows = await tx.fetch(_Q["redrive"], ids, queue, name, tenants, limit)
    return [(row["id"], row["queue"]) for row in rows]


async def discard(tx: Database, ids: Sequence[int], *, tenants: Sequence[str] | None) -> int:
    return len(await tx.fetch(_Q["discard"], ids, tenants))


async def pause_queue(tx: Database, name: str, by: str) -> None:
    await tx.execute(_Q["pause_queue"], name, by)


async def resume_queue(tx: Database, name: str) -> bool:
    """Whether it was paused."""
    return await tx.fetchval(_Q["resume_queue"], name) is not None
