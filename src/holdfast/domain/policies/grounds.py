"""Sports grounds: fixed slots, asked for by customers and approved by staff."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.machine import Machine
from holdfast.domain.opening import slots_covering
from holdfast.domain.policies.base import GRAIN, Policy, Shown
from holdfast.domain.sites import Site
from holdfast.domain.units import HAND_KINDS, UNSERVICEABLE, Claim, Unit


class Grounds(Policy):
    """Pending → Approved or Rejected. A request holds its slot until it is decided or its start has come."""

    kind = "grounds"
    noun = "ground"
    machine = Machine(
        {
            "Pending": {
                "approved": "Approved",
                "rejected": "Rejected",
                "moved": "Pending",
                "amended": "Pending",
                "cancelled": "Cancelled",
                "expired": "Expired",
            },
            "Approved": {
                "revoked": "Pending",
                "moved": "Approved",
                "amended": "Approved",
                "swapped": "Approved",
                "cancelled": "Cancelled",
                "ended": "Completed",
            },
            "Rejected": {"undone": "Pending"},
            "Cancelled": {},
            "Expired": {},
            "Completed": {},
        },
        initial=("Pending", "Approved"),
    )
    claim_kinds: ClassVar[Mapping[str, str]] = {"Pending": "hold", "Approved": "booking"}
    started_states = frozenset()
    held_state = None
    booked_state = "Pending"
    acts: ClassVar[Mapping[str, str]] = {
        "approve": "approved",
        "reject": "rejected",
        "revoke": "revoked",
        "move": "moved",
        "swap": "swapped",
        "amend": "amended",
        "cancel": "cancelled",
        "undo": "undone",
    }
    statuses = ("Vacant", "Pending", "Booked", "Blocked")
    nothing_behind: ClassVar[Mapping[str, str]] = {
        "Pending": "No pending request found",
        "Booked": "No approved booking found",
        "Blocked": "No block found",
    }
    backed_by: ClassVar[Mapping[str, str]] = {
        "Pending": "Request {holder} waits for a decision",
        "Booked": "Booking {holder} is approved for now",
    }
    out_of_use = frozenset({"Blocked"})
    defaults: ClassVar[Mapping[str, Any]] = {
        "slots": {"first": "08:00", "minutes": 60, "count": 11},
        "booking_page": "accounts",
        "look_ahead": 0,
        "no_show_grace_minutes": 0,
    }

    def shown(self, unit: Unit, claims: Iterable[Claim], now: datetime, site: Site) -> Shown:
        shown: Shown = ("Blocked", None) if unit.condition in UNSERVICEABLE else ("Vacant", None)
        for claim in claims:
            if claim.kind in HAND_KINDS:
                if claim.covers(now):
                    return "Blocked", None
            elif shown[0] == "Vacant" and self.status_from(claim.start, site) <= now < claim.end:
                shown = ("Pending" if claim.kind == "hold" else "Booked", claim.booking_id)
        return shown

    def status_from(self, claim_start: datetime, site: Site) -> datetime:
        return claim_start

    def seen_until(self, now: datetime, site: Site) -> datetime:
        return now + GRAIN

    def clock(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        if booking.state == "Pending":
            return booking.starts_at, "expired"
        return (booking.ends_at, "ended") if booking.state == "Approved" else None

    def earliest_start(self, now: datetime, site: Site) -> datetime:
        return now

    def check_interval(self, start: datetime, end: datetime, site: Site) -> None:
        if site.slots is not None and slots_covering(site.slots, Interval(start, end), site.zone) is None:
            raise Refusal("off_grid", expected="one or more whole slots of the day; ask /availability for them")
