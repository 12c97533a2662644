"""Blocks: units out of use without a booking."""

from datetime import datetime
from uuid import UUID

import msgspec


class Block(msgspec.Struct, frozen=True, gc=False):
    """Units out of use for [starts_at, ends_at). At its end the units get `return_condition`, if any."""

    id: UUID
    unit_ids: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime
    kind: str
    reason: str | None
    return_condition: str | None
    created_by: str
    created_at: datetime
    version: int
