"""What a policy is: the rules of one kind of place, as one value in code. Subclass it, or register your own
under the entry point group `holdfast.policies`."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.machine import Machine
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit

EVENTS: Mapping[str, str] = {
    # cause → journal type; a cause without a line here is a bug that the tests of the tables find
    "created": "booking.created",
    "confirmed": "booking.confirmed",
    "approved": "booking.approved",
    "rejected": "booking.rejected",
    "revoked": "booking.revoked",
    "started": "booking.started",
    "checked_in": "booking.started",
    "extended": "booking.extended",
    "moved": "booking.moved",
    "swapped": "booking.moved",
    "amended": "booking.amended",
    "split": "booking.moved",
    "ended": "booking.completed",
    "checked_out": "booking.completed",
    "cancelled": "booking.cancelled",
    "no_show": "booking.no_show",
    "expired": "booking.expired",
    "undone": "booking.undone",
    "erased": "booking.erased",
}

FAR = timedelta(days=3660)
"""Beyond every horizon: what `any` look-ahead means."""

GRAIN = timedelta(microseconds=1)
"""The shortest time there is between two instants."""

Shown = tuple[str, UUID | None]
"""The shown status and the booking behind it, or None when no booking is."""

Late = tuple[str, str, tuple[str, ...]]
"""The rule of the finding, why, and the acts that would settle it."""


class Policy(ABC):
    """The rules of one kind of site. All methods are pure; `now` is always an argument."""

    kind: ClassVar[str]
    machine: ClassVar[Machine]
    claim_kinds: ClassVar[Mapping[str, str]]
    """state → kind of claim, for the states that hold one."""
    acts: ClassVar[Mapping[str, str]]
    """act (as in the URL) → cause."""
    started_states: ClassVar[frozenset[str]]
    start_causes: ClassVar[frozenset[str]] = frozenset({"started", "checked_in"})
    end_causes: ClassVar[frozenset[str]] = frozenset({"ended", "checked_out"})
    held_state: ClassVar[str | None] = "Held"
    booked_state: ClassVar[str]
    statuses: ClassVar[tuple[str, ...]]
    defaults: ClassVar[Mapping[str, Any]]
    overstays: ClassVar[bool] = False
    """Whether a session stays true after its planned end until somebody ends it."""
    after_end_condition: ClassVar[str | None] = None
    """The condition an ended session leaves its unit in."""
    noun: ClassVar[str] = "unit"
    has_units: ClassVar[bool] = True
    """Whether such sites have units to book."""
    session_status: ClassVar[str | None] = None
    """What a unit shows while somebody is in it; None where nobody checks in."""
    nothing_behind: ClassVar[Mapping[str, str]] = {}
    """shown status → what to say when it is found with no booking or block behind it."""
    backed_by: ClassVar[Mapping[str, str]] = {}
    """shown status → what to say when a booking (`{holder}`) is behind it and another status was recorded."""
    out_of_use: ClassVar[frozenset[str]] = frozenset()
    """The shown statuses of units that a block or their condition takes out of use."""

    def holds_claim(self, state: str) -> bool:
        return state in self.claim_kinds

    @abstractmethod
    def shown(self, unit: Unit, claims: Iterable[Claim], now: datetime, site: Site) -> Shown:
        """The one word on the screen at `now`, derived from what is claimed and what staff say.

        The word may depend on a claim by its kind and by whether it has by then come into view (`status_from`), begun,
        lapsed and ended, on no other instant: that is what reconciling tells units apart by.
        """

    @abstractmethod
    def status_from(self, claim_start: datetime, site: Site) -> datetime:
        """The first instant at which a claim that starts then may show on its unit."""

    def seen_until(self, now: datetime, site: Site) -> datetime:
        """The claims that start before this instant have come into view by `now`: the inverse of `status_from`, found
        by halving here."""
        before, after = now, now + self.look_ahead(site) + timedelta(days=2)
        while after - before > GRAIN:
            middle = before + (after - before) / 2
            if self.status_from(middle, site) <= now:
                before = middle
            else:
                after = middle
        return after

    @abstractmethod
    def clock(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        """When the clock will next change this booking, and by which cause; None when it will not. It may depend on
        the booking's state, times and expiry, on nothing else of it."""

    def second_chance(self, booking: Booking, now: datetime, site: Site) -> datetime | None:
        """Until when somebody may still come whose no-show was taken back; None where the clock calls no no-shows."""
        return None

    def late(self, booking: Booking, now: datetime, site: Site) -> Late | None:
        """What a person should look at because it should have happened by `now`, and the clock does not do."""
        return None

    @abstractmethod
    def earliest_start(self, now: datetime, site: Site) -> datetime:
        """The earliest start a new booking may have."""

    def check_interval(self, start: datetime, end: datetime, site: Site) -> None:
        """Refuses an interval that does not lie on this kind of site's grid.

        Raises:
            Refusal: `off_grid`.
        """

    def check_day(self, booking: Booking, now: datetime, site: Site) -> None:
        """Refuses a start on another day than planned.

        Raises:
            Refusal: `wrong_day`.
        """

    def cause(self, act: str) -> str:
        """Raises:
        Refusal: `unknown_act`, naming the acts there are.
        """
        cause = self.acts.get(act)
        if cause is None:
            raise Refusal("unknown_act", act=act[:40], possible=sorted(self.acts))
        return cause

    def due(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        """The next change by the clock, with leaving a part of a split stay counted in; None when there is none."""
        due = self.clock(booking, site)
        if booking.parts is not None and booking.state in self.started_states:
            ends = [part.end for part in booking.parts if not part.left and part.end < booking.ends_at]
            if ends and (due is None or min(ends) < due[0]):
                return min(ends), "moved"
        return due

    def look_ahead(self, site: Site) -> timedelta:
        """How far before its start a claim may show on its unit, at most."""
        ahead = site.settings.look_ahead
        return minutes(ahead) if isinstance(ahead, int) else FAR


def hold_expiry(booking: Booking) -> tuple[datetime, str] | None:
    return (booking.expires_at, "expired") if booking.expires_at is not None else None


@lru_cache(maxsize=256)
def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
