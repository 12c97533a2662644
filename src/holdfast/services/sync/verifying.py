"""The schedule by which a store is verified: its rows held against the source's, its lifetime value counted anew.

Each night by default, on the store's clock. A difference is a finding, and put right. Refuses to take a run of another
kind for it: while one is under way the verification waits, and stays due.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, Meta, UnsetType

from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.due import VERIFICATION_DAYS, VERIFICATION_RULE
from holdfast.domain.sync.rules import following
from holdfast.services.sync.kit import SyncKit
from holdfast.services.sync.runs import Runs, Wish
from holdfast.store import verifications as store

DUE_MAX = 100
"""Verifications asked for in one step; what is due beyond them is so in the next."""
ACTOR = "schedule"
CAUSE = "verification"


class VerificationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change; what is left out stays. `days`: orders that changed in so many days are compared row by row;
    null is all there are, 0 none, so that lifetime value alone is counted anew."""

    rule: Annotated[str, Meta(max_length=100, examples=[VERIFICATION_RULE])] | None = None
    days: Annotated[int, Meta(ge=0, le=36_600)] | UnsetType | None = UNSET
    is_enabled: bool | None = None


class VerificationView(msgspec.Struct, frozen=True):
    """When a store is verified next; when that was last asked for, by which run, and how it ended."""

    rule: str
    days: int | None
    is_enabled: bool
    next_at: datetime | None
    asked_at: datetime | None
    run: UUID | None
    state: str | None
    ended_at: datetime | None


class Verifying:
    """The verifications of all stores."""

    def __init__(self, kit: SyncKit, runs: Runs) -> None:
        self._kit = kit
        self._runs = runs

    async def view(self, site: Site) -> VerificationView:
        async with self._kit.pool.acquire() as connection:
            row = await store.one(connection, site.id)
        return _view(row)

    async def change(self, site: Site, request: VerificationRequest, *, actor: str) -> VerificationView:
        """Raises:
        Refusal: `invalid_request` for a rule that is not understood.
        """
        kit = self._kit
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            now = _view(await store.one(connection, site.id))
            rule = request.rule if request.rule is not None else now.rule
            days = now.days if request.days is UNSET else request.days
            is_enabled = now.is_enabled if request.is_enabled is None else request.is_enabled
            due_at = following(rule, lines.now, site.zone)
            await store.keep(
                connection, site.id, rule=rule, days=days, is_enabled=is_enabled,
                due_at=due_at if is_enabled else None,
            )  # fmt: skip
            told = {"rule": rule, "days": days, "is_enabled": is_enabled}
            lines.add(events.CONNECTION_CHANGED, site.slug, told, actor=actor, cause="verification_set")
        return await self.view(site)

    async def ask(self, site: Site, due: store.Due) -> bool:
        """Asks for the run that is due; False when another run came first, and it stays due.

        Raises:
            Refusal: as for a run that anybody asks for.
        """
        wish = wish_of(due)
        run_id, joined = await self._runs.ask(site, wish, actor=ACTOR, cause=CAUSE)
        if joined:
            return False
        next_at = following(due.rule, due.now, ZoneInfo(due.time_zone))
        async with self._kit.pool.acquire() as connection:
            await store.note_asked(connection, site.id, next_at, run_id)
        return True

    async def due(self) -> list[store.Due]:
        async with self._kit.pool.acquire() as connection:
            return await store.due(connection, DUE_MAX)


def wish_of(due: store.Due) -> Wish:
    """What a run that verifies is to do: lifetime value in any case, rows where they can be asked for."""
    if not due.connections or due.days == 0:
        return Wish("verify", streams=())
    since = None if due.days is None else due.now - timedelta(days=due.days)
    return Wish("verify", tuple(due.connections), since)


def _view(row: store.VerificationRow | None) -> VerificationView:
    if row is None:
        return VerificationView(VERIFICATION_RULE, VERIFICATION_DAYS, False, None, None, None, None, None)
    return VerificationView(
        row.rule, row.days, row.is_enabled, row.due_at, row.asked_at, row.run_id, row.state, row.ended_at
    )
