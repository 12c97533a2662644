"""Web stores: sites without units. What changes them is what their sources say, not bookings."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.machine import Machine
from holdfast.domain.policies.base import Policy, Shown
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit


class Store(Policy):
    """No booking can be born here, and no unit added: a store has connections, orders and what follows from them."""

    kind = "store"
    noun = "store"
    has_units = False
    machine = Machine({}, initial=())
    claim_kinds: ClassVar[Mapping[str, str]] = {}
    acts: ClassVar[Mapping[str, str]] = {}
    started_states = frozenset()
    held_state = None
    booked_state = ""
    statuses = ()
    defaults: ClassVar[Mapping[str, Any]] = {}

    def shown(self, unit: Unit, claims: Iterable[Claim], now: datetime, site: Site) -> Shown:
        return "", None

    def status_from(self, claim_start: datetime, site: Site) -> datetime:
        return claim_start

    def clock(self, booking: Booking, site: Site) -> tuple[datetime, str] | None:
        return None

    def earliest_start(self, now: datetime, site: Site) -> datetime:
        return now


def check_store(site: Site) -> None:
    """Raises:
    Refusal: `unknown_store` when the site is of another kind.
    """
    if site.kind != Store.kind:
        raise Refusal("unknown_store", site=site.slug, kind=site.kind)
