"""Hotels: rooms by the night, check-in and check-out, housekeeping."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import reached, to_local
from holdfast.domain.machine import Machine
from holdfast.domain.policies.base import FAR, GRAIN, Late, Policy, Shown, hold_expiry, minutes
from holdfast.domain.sites import Site
from holdfast.domain.units import CALENDAR, Claim, Unit

_DAY = timedelta(days=1)


class Hotel(Policy):
    """Held → Reserved → CheckedIn → CheckedOut. A late check-out is somebody's to judge, not the clock's."""

    kind = "hotel"
    noun = "room"
    machine = Machine(
        {
            "Held": {"confirmed": "Reserved", "cancelled": "Cancelled", "expired": "Cancelled"},
            "Reserved": {
                "checked_in": "CheckedIn",
                "extended": "Reserved",
                "moved": "Reserved",
                "swapped": "Reserved",
                "split": "Reserved",
                "cancelled": "Cancelled",
                "no_show": "NoShow",
            },
            "CheckedIn": {
                "extended": "CheckedIn",
                "moved": "CheckedIn",
                "swapped": "CheckedIn",
                "split": "CheckedIn",
                "checked_out": "CheckedOut",
                "undone": "Reserved",
            },
            "CheckedOut": {},
            "Cancelled": {},
            "NoShow": {"undone": "Reserved"},
        },
        initial=("Held", "Reserved", "CheckedIn"),
    )
    claim_kinds: ClassVar[Mapping[str, str]] = {"Held": "hold", "Reserved": "booking", "CheckedIn": "session"}
    started_states = frozenset({"CheckedIn"})
    booked_state = "Reserved"
    acts: ClassVar[Mapping[str, str]] = {
        "confirm": "confirmed",
        "check-in": "checked_in",
        "check-out": "checked_out",
        "extend": "extended",
        "move": "moved",
        "swap": "swapped",
        "split": "split",
        "cancel": "cancelled",
        "no-show": "no_show",
        "undo": "undone",
    }
    statuses = ("AVAILABLE", "RESERVED", "OCCUPIED", "DIRTY", "CLEAN", "MAINTENANCE", "OUT_OF_SERVICE")
    session_status = "OCCUPIED"
    nothing_behind: ClassVar[Mapping[str, str]] = {
        "OCCUPIED": "No checked-in guest found",
        "RESERVED": "No active reservations found",
        "MAINTENANCE": "No maintenance found",
        "OUT_OF_SERVICE": "Nothing takes it out of service",
    }
    backed_by: ClassVar[Mapping[str, str]] = {
        "OCCUPIED": "The guest of booking {holder} is checked in",
        "RESERVED": "The guest of booking {holder} arrives",
    }
    out_of_use = frozenset({"MAINTENANCE", "OUT_OF_SERVICE"})
    defaults: ClassVar[Mapping[str, Any]] = {"look_ahead": "today"}
    overstays = True
    after_end_condition = "dirty"

    def shown(self, unit: Unit, claims: Iterable[Claim], now: datetime, site: Site) -> Shown:
        blocked = {"under_maintenance": "MAINTENANCE", "out_of_service": "OUT_OF_SERVICE"}.get(unit.condition or "")
        arrival: Claim | None = None
        for claim in claims:
            if claim.kind == "session":
                # a guest who has not left is there, whatever the plan said
                if claim.start <= now:
                    return "OCCUPIED", claim.holder_id
                arrival = _earlier(arrival, claim)
            elif claim.kind in ("hold", "booking", CALENDAR):
                # one that is over must not hide the next
                if claim.end > now and not (claim.expires_at is not None and claim.expires_at <= now):
                    arrival = _earlier(arrival, claim)
            elif claim.covers(now) and blocked is None:
                blocked = "MAINTENANCE" if claim.kind == "maintenance" else "OUT_OF_SERVICE"
        if blocked is not None:
            return blocked, None
        if arrival is not None and self.status_from(arrival.start, site) <= now < arrival.end:
            return "RESERVED", arrival.booking_id
        if unit.condition == "dirty":
            return "DIRTY", None
        return ("CLEAN" if site.settings.show_clean and unit.condition in ("clean", "inspected") else "AVAILABLE"), None

    def status_from(self, claim_start: datetime, site: Site) -> datetime:
        ahead = site.settings.look_ahead
        if ahead == "any":
            return claim_start - FAR
        if ahead == "today":
            return self._day_of(claim_start, site)
        return claim_start - minutes(int(ahead))

    def look_ahead(self, site: Site) -> timedelta:
        return 2 * _DAY if site.settings.look_ahead == "today" else super().look_ahead(site)

    def seen_until(self, now: datetime, site: Site) -> datetime:
        if site.settings.look_ahead == "today":
            return self._day_of(now, site, days=1)
        return now + self.look_ahead(site) + GRAIN

    def late(self, booking: Booking, now: datetime, site: Site) -> Late | None:
        settings = site.settings
        if booking.state == "CheckedIn" and booking.ends_at + minutes(settings.late_check_out_minutes) <= now:
            return "late_check_out", "The guest is still there after the time to leave", ("check-out", "extend")
        expected_by = booking.starts_at + minutes(settings.late_arrival_minutes)
        # one whose no-show was taken back has until `expires_at`, and somebody expects them
        is_awaited = booking.state == "Reserved" and booking.expires_at is None
        if is_awaited and settings.late_arrival_minutes and expected_by <= now:
            return "no_arrival", "The guest has not arrived", ("check-in", "no-show", "cancel")
        return None

    def clock(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        if booking.state == "Held":
            return hold_expiry(booking)
        if booking.state == "Reserved":
            # an `expires_at` is the second chance that taking a no-show back gives
            missed = booking.expires_at or self._day_of(booking.starts_at, site, days=1)
            return min(missed, booking.ends_at), "no_show"
        return None

    def second_chance(self, booking: Booking, now: datetime, site: Site) -> datetime | None:
        return self._day_of(now, site, days=1)

    def earliest_start(self, now: datetime, site: Site) -> datetime:
        return self._day_of(now, site)

    def check_day(self, booking: Booking, now: datetime, site: Site) -> None:
        if now < self._day_of(booking.starts_at, site):
            raise Refusal("wrong_day", arrival=to_local(booking.starts_at, site.zone).date().isoformat())

    def _day_of(self, instant: datetime, site: Site, *, days: int = 0) -> datetime:
        """The start of the hotel's day that `instant` falls in (it changes at the cut-off), or `days` later."""
        date = to_local(instant, site.zone).date()
        # by instants, not by clock times: a cut-off may be skipped, or shown twice, in a night when clocks change
        if instant < reached(datetime.combine(date, site.cut_off), site.zone):
            date -= _DAY
        return reached(datetime.combine(date + days * _DAY, site.cut_off), site.zone)


def _earlier(first: Claim | None, second: Claim) -> Claim:
    return second if first is None or second.start < first.start else first
