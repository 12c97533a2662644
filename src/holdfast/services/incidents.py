"""What the desk says when it meets a claim that no decision knew of: a finding per unit, for a person to look at."""

import asyncio
from collections.abc import Callable, Iterable
from uuid import uuid4

import asyncpg
import structlog

from holdfast.domain.commands import OpenFinding
from holdfast.services.waiting import Waiting
from holdfast.store import sql

_Q = sql.load("incidents")
RULE = "claim_without_holder"
FINDINGS_MAX = 50
WITHIN_S = 10.0

log = structlog.get_logger("holdfast.desk")


async def report_written_past(pool: asyncpg.Pool, taken: Iterable[Waiting], put: Callable[[Waiting], None]) -> None:
    """Opens a finding for each claim at these commands' sites that nobody holds and that is not reported yet.

    It reports and repairs nothing: whether the stranger or the booking it kept out is right is somebody's to judge.
    """
    sites = sorted({one.site_id for one in taken})
    try:
        async with asyncio.timeout(WITHIN_S):
            rows = await pool.fetch(_Q["claims_without_holder"], sites, FINDINGS_MAX)
    except Exception as error:
        # the next command that meets the claim looks again
        log.warning("could not look for claims written past the desk", error=str(error)[:200])
        return
    for row in rows:
        data = {"unit": row["code"], "from": row["start"], "to": row["end"], "holder": str(row["holder_id"])}
        command = OpenFinding(uuid4(), RULE, str(row["holder_id"]), data)
        put(Waiting(row["site_id"], command, "desk", key=None, body_hash=b"", future=_Unheard()))


class _Unheard:
    """The future of a command nobody waits for."""

    def done(self) -> bool:
        return True
