"""What syncs find of a store, as findings that stand while they are so: one verdict opens, a later one closes."""

import asyncpg

from holdfast.domain.commands import CloseFinding, Command, OpenFinding
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.sync.verdicts import Verdict
from holdfast.services.desk import Desk
from holdfast.services.identity import new_id
from holdfast.store import runs

RULES = {"drift": "sync_drift", "unverifiable": "sync_unverifiable", "rejects": "sync_rejects"}
"""What a read may end in that somebody should look at → its rule."""


class Findings:
    """Tells the desk, as anybody would, where there is something to tell."""

    def __init__(self, pool: asyncpg.Pool, desk: Desk) -> None:
        self._pool = pool
        self._desk = desk

    async def judged(self, site: Site, connection: str, stream: str, verdict: Verdict) -> None:
        """Opens what the verdict on a connection's stream says, and closes what it says no more."""
        subject = f"{connection}: {stream}"
        async with self._pool.acquire() as borrowed:
            standing = await runs.standing(borrowed, site.id, list(RULES.values()), subject)
        for rule in standing:
            if rule != RULES.get(verdict.state):
                await self._tell(site, CloseFinding(rule, subject))
        if verdict.state in RULES:
            data = {"rows": verdict.n, "reason": verdict.reason, "connection": connection, "stream": stream}
            await self._tell(site, OpenFinding(new_id(), RULES[verdict.state], subject, data))

    async def _tell(self, site: Site, command: Command) -> None:
        try:
            await self._desk.submit(site.id, command, actor="sync")
        except Refusal as refusal:
            if refusal.code not in ("busy", "unavailable", "outcome_unknown", "disk_full"):
                raise
            # the next run says it again
