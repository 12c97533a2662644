"""Units, and claims on them: what can be occupied and what occupies it."""

from datetime import datetime
from uuid import UUID

import msgspec

HAND_KINDS = ("maintenance", "out_of_service", "closed", "event")
"""Blocks that people make."""
CALENDAR = "calendar"
"""A block that stands for what a calendar from outside says of a unit: sold or taken elsewhere."""
BLOCK_KINDS = (*HAND_KINDS, CALENDAR)
CLAIM_KINDS = ("hold", "booking", "session", *BLOCK_KINDS)
CONDITIONS = ("clean", "dirty", "inspected", "under_maintenance", "out_of_service")
UNSERVICEABLE = frozenset({"under_maintenance", "out_of_service"})


class Unit(msgspec.Struct, frozen=True, gc=False):
    """What can be occupied. `condition` is what staff say of it; `shown_status` the word on the screen since
    `shown_since`; `wakes_at` a hint when that may change by itself. `version` is the journal's at its last change."""

    id: int
    code: str
    name: str
    category: str
    parent_id: int | None
    condition: str | None
    shown_status: str
    shown_since: datetime
    wakes_at: datetime | None
    version: int
    attributes: dict[str, object] = {}


class Claim(msgspec.Struct, frozen=True, gc=False):
    """One unit taken for [start, end) by its holder (a booking's or a block's id)."""

    unit_id: int
    start: datetime
    end: datetime
    kind: str
    holder_id: UUID
    expires_at: datetime | None = None
    part: int = 0

    def overlaps(self, start: datetime, end: datetime) -> bool:
        return self.start < end and start < self.end

    def covers(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    @property
    def booking_id(self) -> UUID | None:
        """Whose it is, unless it is sold elsewhere: then there is no booking here."""
        return None if self.kind == CALENDAR else self.holder_id
