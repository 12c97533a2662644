"""Gaming cafés: PCs and consoles by the half hour, walk-ins, sessions that end by themselves."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import local_date
from holdfast.domain.machine import Machine
from holdfast.domain.opening import next_on_grid, on_grid
from holdfast.domain.policies.base import GRAIN, Policy, Shown, hold_expiry, minutes
from holdfast.domain.sites import Site
from holdfast.domain.units import HAND_KINDS, UNSERVICEABLE, Claim, Unit


class Cafe(Policy):
    """Held → Booked → Active → Completed; at its end a session completes and frees its unit at once."""

    kind = "cafe"
    noun = "PC"
    machine = Machine(
        {
            "Held": {"confirmed": "Booked", "cancelled": "Cancelled", "expired": "Cancelled"},
            "Booked": {
                "started": "Active",
                "extended": "Booked",
                "moved": "Booked",
                "swapped": "Booked",
                "cancelled": "Cancelled",
                "no_show": "NoShow",
            },
            "Active": {
                "extended": "Active",
                "moved": "Active",
                "swapped": "Active",
                "ended": "Completed",
                "undone": "Booked",
            },
            "Completed": {},
            "Cancelled": {},
            "NoShow": {"undone": "Booked"},
        },
        initial=("Held", "Booked", "Active"),
    )
    claim_kinds: ClassVar[Mapping[str, str]] = {"Held": "hold", "Booked": "booking", "Active": "session"}
    started_states = frozenset({"Active"})
    booked_state = "Booked"
    acts: ClassVar[Mapping[str, str]] = {
        "confirm": "confirmed",
        "start": "started",
        "extend": "extended",
        "move": "moved",
        "swap": "swapped",
        "end": "ended",
        "cancel": "cancelled",
        "no-show": "no_show",
        "undo": "undone",
    }
    statuses = ("Available", "Reserved", "Active", "Under Maintenance")
    session_status = "Active"
    nothing_behind: ClassVar[Mapping[str, str]] = {
        "Active": "No active session found",
        "Reserved": "No active reservations found",
        "Under Maintenance": "No maintenance found",
    }
    backed_by: ClassVar[Mapping[str, str]] = {
        "Active": "The session of booking {holder} is running",
        "Reserved": "Booking {holder} comes next",
    }
    out_of_use = frozenset({"Under Maintenance"})
    defaults: ClassVar[Mapping[str, Any]] = {"grid_minutes": 30, "look_ahead": 30}

    def shown(self, unit: Unit, claims: Iterable[Claim], now: datetime, site: Site) -> Shown:
        reserved = None
        blocked = unit.condition in UNSERVICEABLE
        for claim in claims:
            if claim.kind == "session":
                if claim.covers(now):
                    return "Active", claim.holder_id
            elif claim.kind in HAND_KINDS:
                blocked = blocked or claim.covers(now)
            elif self.status_from(claim.start, site) <= now < claim.end and not _lapsed(claim, now):
                reserved = claim if reserved is None or claim.start < reserved.start else reserved
        if blocked:
            return "Under Maintenance", None
        return ("Reserved", reserved.booking_id) if reserved is not None else ("Available", None)

    def status_from(self, claim_start: datetime, site: Site) -> datetime:
        ahead = site.settings.look_ahead
        return claim_start - minutes(ahead) if isinstance(ahead, int) else claim_start

    def seen_until(self, now: datetime, site: Site) -> datetime:
        return now + self.look_ahead(site) + GRAIN if isinstance(site.settings.look_ahead, int) else now + GRAIN

    def clock(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        if booking.state == "Held":
            return hold_expiry(booking)
        if booking.state == "Booked":
            if site.settings.auto_start:
                return booking.starts_at, "started"
            # an `expires_at` is the second chance that taking a no-show back gives
            missed = booking.expires_at or booking.starts_at + minutes(site.settings.no_show_grace_minutes)
            return min(missed, booking.ends_at), "no_show"
        return (booking.ends_at, "ended") if booking.state == "Active" else None

    def second_chance(self, booking: Booking, now: datetime, site: Site) -> datetime | None:
        return now + minutes(max(site.settings.no_show_grace_minutes, 1))

    def check_day(self, booking: Booking, now: datetime, site: Site) -> None:
        same_day = local_date(booking.starts_at, site.zone) == local_date(now, site.zone)
        if not same_day and now < self.status_from(booking.starts_at, site):
            raise Refusal("wrong_day", starts_at=booking.starts_at)

    def earliest_start(self, now: datetime, site: Site) -> datetime:
        # the running half hour can still be booked: a customer at the door at 10:05 wants the 10:00 slot
        return now - minutes(max(site.settings.grid_minutes - 1, 1))

    def check_interval(self, start: datetime, end: datetime, site: Site) -> None:
        grid = site.settings.grid_minutes
        if grid and not (on_grid(start, grid, site.zone) and on_grid(end, grid, site.zone)):
            nearest = next_on_grid(start, grid, site.zone)
            raise Refusal("off_grid", grid_minutes=grid, next_start=nearest)


def _lapsed(claim: Claim, now: datetime) -> bool:
    return claim.expires_at is not None and claim.expires_at <= now
