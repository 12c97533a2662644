"""What is asked before a booking is made or moved: open, on the grid, long enough, soon enough, not too many."""

from datetime import datetime, timedelta
from uuid import UUID

from holdfast.domain.bookings.values import Customer
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.opening import is_open
from holdfast.domain.state import SiteState
from holdfast.domain.units import UNSERVICEABLE, Claim

_LENGTH_MAX = timedelta(days=366)
_HORIZON_MAX = timedelta(days=3660)
BLOCKING_MAX = 20


def check_times(state: SiteState, start: datetime, end: datetime, *, walk_in: bool = False) -> None:
    """Refuses an interval that this site does not sell.

    Raises:
        Refusal: `invalid_time`, `off_grid`, `too_short`, `too_long`, `in_the_past`, `too_soon`, `too_far`, `closed`.
    """
    settings, now, site = state.site.settings, state.now, state.site
    check_length(start, end)
    if not walk_in:
        state.policy.check_interval(start, end, site)
        if start < state.policy.earliest_start(now, site) or end <= now:
            raise Refusal("in_the_past", now=now)
        length_s = (end - start).total_seconds()
        if length_s < settings.length_min_minutes * 60:
            raise Refusal("too_short", minutes_min=settings.length_min_minutes)
        if settings.length_max_minutes and length_s > settings.length_max_minutes * 60:
            raise Refusal("too_long", minutes_max=settings.length_max_minutes)
        if settings.notice_minutes and start < now + timedelta(minutes=settings.notice_minutes):
            raise Refusal("too_soon", notice_minutes=settings.notice_minutes)
    if start > now + (timedelta(days=settings.horizon_days) if settings.horizon_days else _HORIZON_MAX):
        raise Refusal("too_far", horizon_days=settings.horizon_days)
    if not is_open(state.site.hours, Interval(start, end), site.zone):
        raise Refusal("closed", **{"from": start, "to": end})


def check_length(start: datetime, end: datetime) -> None:
    """Refuses what no site can mean.

    Raises:
        Refusal: `invalid_time`, `too_long`.
    """
    if end <= start:
        raise Refusal("invalid_time", field="to", problem="is not after `from`")
    if end - start > _LENGTH_MAX:
        raise Refusal("too_long", minutes_max=366 * 24 * 60)


def check_quota(state: SiteState, customer: Customer, asked: int) -> None:
    """Refuses more live bookings than one person may have; counted under the lock, so two tabs cannot slip by.

    Raises:
        Refusal: `quota_reached`; `invalid_request` when the site has a quota and the booking names nobody.
    """
    quota = state.site.settings.quota_per_person
    if not quota:
        return
    key = customer.key
    if key is None:
        raise Refusal("invalid_request", field="customer", problem="this site needs an e-mail, reference or phone")
    if state.live_counts.get(key, 0) + asked > quota:
        raise Refusal("quota_reached", quota=quota, live=state.live_counts.get(key, 0))


def check_bookable(state: SiteState, unit_ids: tuple[int, ...]) -> None:
    """Refuses units that are out of use for no stated time.

    Raises:
        Refusal: `not_bookable`.
    """
    for unit_id in unit_ids:
        unit = state.units[unit_id]
        if unit.condition in UNSERVICEABLE:
            raise Refusal("not_bookable", unit=unit.code, condition=unit.condition)


def check_vacant(state: SiteState, unit_ids: tuple[int, ...], holder_id: UUID) -> None:
    """Refuses to let somebody into a unit that is out of use, or that another session has not left.

    Raises:
        Refusal: `not_serviceable`, `unit_occupied`.
    """
    for unit_id in unit_ids:
        unit = state.units[unit_id]
        if unit.condition in UNSERVICEABLE:
            raise Refusal("not_serviceable", unit=unit.code, condition=unit.condition)
        if overstayed(state, unit_id, besides=holder_id):
            raise Refusal("unit_occupied", unit=unit.code)


def overstayed(state: SiteState, unit_id: int, *, besides: UUID | None = None) -> bool:
    """Whether somebody is in a unit now, even past the planned end where a session lasts until somebody ends it."""
    return any(
        claim.kind == "session"
        and claim.holder_id != besides
        and claim.start <= state.now
        and (state.policy.overstays or claim.end > state.now)
        for claim in state.claims_of(unit_id)
    )


def taken_by(state: SiteState, claims: list[Claim]) -> Refusal:
    """The refusal that says what stands in the way; who it is stays with staff (`holders`)."""
    blocking = [
        {"unit": state.units[claim.unit_id].code, "from": claim.start, "to": claim.end}
        for claim in claims[:BLOCKING_MAX]
    ]
    holders = [str(claim.holder_id) for claim in claims[:BLOCKING_MAX]]
    return Refusal("slot_taken", blocking=blocking, holders=holders)


def check_free(state: SiteState, wanted: list[Claim]) -> None:
    """Refuses claims that would overlap live ones of other holders.

    Raises:
        Refusal: `slot_taken`, with what is in the way.
    """
    for claim in wanted:
        if found := state.taken(claim.unit_id, claim.start, claim.end, besides=claim.holder_id):
            raise taken_by(state, found)
