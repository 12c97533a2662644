"""What a decision returns: rows, claims, events and their reason, to be stored by one writer as they stand."""

from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import Booking
from holdfast.domain.finding import Finding
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit

encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct, frozen=True, gc=False):
    """One journal line. `at` is when it was written, `effective_at` when it became true; `data` is JSON."""

    version: int
    at: datetime
    effective_at: datetime
    type: str
    subject: str
    actor: str
    cause: str
    data: bytes


class Change:
    """The rows one decision writes. Empty lists mean nothing of that kind changes."""

    __slots__ = (
        "answer", "blocks_added", "blocks_removed", "blocks_woken", "bookings", "claims_added",
        "claims_removed", "erased", "events", "findings", "new_bookings", "new_units", "site", "touched", "units",
    )  # fmt: skip

    def __init__(self) -> None:
        self.bookings: dict[UUID, Booking] = {}
        self.new_bookings: set[UUID] = set()
        self.claims_added: list[Claim] = []
        self.claims_removed: list[Claim] = []
        self.units: dict[int, Unit] = {}
        self.new_units: set[int] = set()
        self.blocks_added: list[Block] = []
        self.blocks_removed: list[UUID] = []
        self.blocks_woken: list[UUID] = []
        """Blocks whose alarm is to be set to their end."""
        self.site: Site | None = None
        self.events: list[Event] = []
        self.findings: list[Finding] = []
        self.erased: dict[UUID, int] = {}
        """Bookings of which everything about a person is to be taken out, with the version up to which the journal is
        to say no more of it."""
        self.touched: dict[int, None] = {}
        self.answer: bytes = b"{}"
