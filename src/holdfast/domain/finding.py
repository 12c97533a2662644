"""The finding as a value."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

REASON_MAX = 1_000


class Finding(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Recorded ≠ expected, by a rule: with its repair made, or open for a person to judge.

    `state` is open, repaired, resolved or dismissed. It `stands` while what it says is so: from its opening until it
    is resolved, and a dismissed one until it has ceased to be so.
    """

    id: UUID
    rule: str
    subject: str
    state: str
    opened_at: datetime
    data: dict[str, Any]
    stands: bool = False
    closed_at: datetime | None = None
    closed_by: str | None = None
    reason: str | None = None
