"""The booking as a value, and who it is for."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs


class Customer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Who a booking is for. All parts are optional; quotas count by e-mail, else reference, else phone."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    reference: str | None = None

    @property
    def key(self) -> str | None:
        """What makes two bookings the same person's, or None for nobody in particular."""
        if self.email:
            return "e:" + self.email.strip().lower()
        if self.reference:
            return "r:" + self.reference.strip()
        return "p:" + self.phone.strip() if self.phone else None


NOBODY = Customer()


class Part(msgspec.Struct, frozen=True, gc=False):
    """One stretch of a stay that changes units: `unit_id` for [start, end); `left` once it is over."""

    unit_id: int
    start: datetime
    end: datetime
    left: bool = False


class Booking(msgspec.Struct, frozen=True, gc=False):
    """Somebody's right to units for [starts_at, ends_at), with a state of its site's policy.

    `live` says whether it holds claims. `unit_ids` are the units it is in or is yet to be in; `parts` is set only
    when they differ over its time (a split stay, a session moved to another unit). `wakes_at` is a hint when the
    clock may change it. `version` is the journal version of its last change.
    """

    id: UUID
    reference: str
    state: str
    live: bool
    category: str | None
    unit_ids: tuple[int, ...]
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    version: int
    parts: tuple[Part, ...] | None = None
    open_ended: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    wakes_at: datetime | None = None
    customer: Customer = NOBODY
    party: int | None = None
    note: str | None = None
    start_code: str | None = None
    series_id: UUID | None = None
    requested_by: str | None = None
    decided_by: str | None = None
    decision_reason: str | None = None
    details: dict[str, Any] | None = None

    @property
    def begins_at(self) -> datetime:
        """When its units are taken from: its planned start, or the true one if that was earlier."""
        return self.starts_at if self.started_at is None else min(self.started_at, self.starts_at)

    def stretches(self) -> tuple[Part, ...]:
        """Which unit for which time: one entry a unit, or the parts of a split stay."""
        begin = self.begins_at
        if self.parts is None:
            return tuple([Part(unit_id, begin, self.ends_at) for unit_id in self.unit_ids])
        if begin == self.starts_at:
            return self.parts
        return tuple(
            structs.replace(part, start=begin) if part.start == self.starts_at else part for part in self.parts
        )


_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)
_SPREAD = 0x2545F491
_MASK = (1 << 30) - 1


def reference_of(version: int) -> str:
    """A short reference for people, unique within a site for its first 2^30 journal versions.

    Multiplying by an odd number is one-to-one modulo a power of two: neighbours look unlike each other,
    and no index is needed to keep references apart. Digits are Crockford's base 32 (no I, L, O, U).
    """
    number = version * _SPREAD & _MASK
    text = _PAIRS[number >> 20] + _PAIRS[number >> 10 & 1023] + _PAIRS[number & 1023]
    return text if version <= _MASK else f"{version >> 30}-{text}"
