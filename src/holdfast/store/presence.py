"""Signs of life as they are recorded. Rows in, values out; decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Grant
from holdfast.domain.presence import Said, Sign
from holdfast.store import sql
from holdfast.store.connection import Database

_Q = sql.load("presence")
WITHIN_S = 10.0

Beat = tuple[UUID, str, str, float, float, float]
"""Of whom, of which device, its status, for how long nobody has touched it, how long ago it gave the sign, and for how
long that counts."""


class Moment(msgspec.Struct, frozen=True):
    """The database's time, and whether a missing sign says something by now."""

    now: datetime
    is_known: bool


class Seen(msgspec.Struct, frozen=True):
    last_seen: datetime | None
    said: Said | None


class Device(msgspec.Struct, frozen=True):
    """A device that a program gives signs of."""

    token_id: UUID
    name: str
    device: str
    sign: Sign
    is_live: bool


async def write_beats(pool: Database, beats: Sequence[Beat]) -> None:
    columns = [list(column) for column in zip(*beats, strict=True)]
    await pool.execute(_Q["write_beats"], *columns, timeout=WITHIN_S)


async def beat_process(pool: Database, process_id: UUID) -> bool:
    """Says that a process is alive; True when it was not known before."""
    found: bool = await pool.fetchval(_Q["beat_process"], process_id, timeout=WITHIN_S)
    return found


async def begin_memory(pool: Database) -> None:
    await pool.execute(_Q["begin_memory"])


async def add_connections(pool: Database, process_id: UUID, subjects: Sequence[UUID]) -> None:
    await pool.execute(_Q["add_connections"], process_id, subjects, timeout=WITHIN_S)


async def remove_connections(pool: Database, process_id: UUID, subjects: Sequence[UUID]) -> None:
    await pool.execute(_Q["remove_connections"], process_id, subjects, timeout=WITHIN_S)


async def signs(pool: Database, subjects: Sequence[UUID], process_lease_s: float) -> dict[UUID, list[Sign]]:
    found: dict[UUID, list[Sign]] = {}
    for row in await pool.fetch(_Q["signs"], subjects, process_lease_s):
        found.setdefault(row["subject_id"], []).append(Sign(row["status"], row["active_at"], row["seen_at"]))
    return found


async def seen(pool: Database, subjects: Sequence[UUID]) -> dict[UUID, Seen]:
    return {
        row["subject_id"]: Seen(row["last_seen"], _said(row)) for row in await pool.fetch(_Q["seen"], subjects)
    }  # fmt: skip


async def moment(pool: Database, lease_s: float) -> Moment:
    row = await pool.fetchrow(_Q["moment"], lease_s)
    assert row is not None
    return Moment(row["now"], row["is_known"])


async def say(pool: Database, subject_id: UUID, status: str | None, until: datetime | None) -> None:
    await pool.execute(_Q["say"], subject_id, status, until)


async def sweep(
    pool: Database, silent_s: float, limit: int, process_lease_s: float, organisation_id: UUID | None = None
) -> tuple[int, int]:
    """Leases that were let go of, and people who are gone altogether; of an organisation's, or of all."""
    row = await pool.fetchrow(_Q["sweep"], silent_s, limit, process_lease_s, organisation_id)
    assert row is not None
    return row["leases"], row["people"]


async def sweep_processes(pool: Database, silent_s: float) -> None:
    await pool.execute(_Q["sweep_processes"], silent_s)


async def team(pool: Database, organisation_id: UUID, site_id: int, limit: int) -> list[tuple[UUID, str]]:
    return [(row["id"], row["name"]) for row in await pool.fetch(_Q["team"], organisation_id, site_id, limit)]


async def devices(pool: Database, organisation_id: UUID, site_id: int, limit: int) -> list[Device]:
    return [
        Device(row["token_id"], row["name"], row["device"], Sign(row["status"], row["active_at"], row["seen_at"]),
               row["is_live"])
        for row in await pool.fetch(_Q["devices"], organisation_id, site_id, limit)
    ]  # fmt: skip


async def grants_of(pool: Database, accounts: Sequence[UUID]) -> dict[UUID, list[Grant]]:
    found: dict[UUID, list[Grant]] = {}
    for row in await pool.fetch(_Q["grants_of"], accounts):
        found.setdefault(row["account_id"], []).append(Grant(row["organisation_id"], row["site_id"], row["role"]))
    return found


def _said(row: asyncpg.Record) -> Said | None:
    return None if row["said"] is None else Said(row["said"], row["said_at"], row["said_until"])
