"""Units as screens show them: the word of their row, and the booking that their claims put behind it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.policies.base import Policy, Shown
from holdfast.domain.sites import Site
from holdfast.domain.units import UNSERVICEABLE, Claim, Unit
from holdfast.domain.wire import UnitView

NEXT_WITHIN = timedelta(days=14)
"""How far ahead a list of units looks for the next booking."""
_End = tuple[datetime, str, bool]
"""When something ends, the condition it leaves its unit in, and whether it is a block (which ends a repair too)."""
_BOOKED = frozenset({"hold", "booking", "session"})


def by_unit(claims: Iterable[Claim]) -> dict[int, dict[tuple[UUID, int], Claim]]:
    """Claims per unit, each once, however many questions found it."""
    found: dict[int, dict[tuple[UUID, int], Claim]] = {}
    for claim in claims:
        found.setdefault(claim.unit_id, {})[claim.holder_id, claim.part] = claim
    return found


def horizon(site: Site, policy: Policy, now: datetime, *, within: timedelta) -> datetime:
    """Until when claims must be known to say what a unit shows at `now`, and what comes next."""
    return now + max(policy.look_ahead(site) + timedelta(minutes=1), within)


def present(
    units: Iterable[Unit], claims: Mapping[int, Mapping[tuple[UUID, int], Claim]], codes: Mapping[int, str],
    *, site: Site, policy: Policy, now: datetime,
) -> list[UnitView]:  # fmt: skip
    """The units as their rows say. The booking behind a status is named while row and claims agree: for the moment in
    which the clock is about to change the row, it is None."""
    views = []
    for unit in units:
        own = list(claims.get(unit.id, {}).values())
        status, booking = _shown(policy, unit, own, now, site)
        views.append(
            UnitView(
                unit.code, unit.name, unit.category, _parent(unit, codes), unit.condition,
                unit.shown_status, unit.shown_since, booking if status == unit.shown_status else None,
                _next(own, now), unit.version, unit.attributes,
            )
        )  # fmt: skip
    return views


def expected(
    units: Iterable[Unit], claims: Mapping[int, Mapping[tuple[UUID, int], Claim]], codes: Mapping[int, str],
    *, site: Site, policy: Policy, at: datetime, blocks: Iterable[Block] = (),
) -> list[UnitView]:  # fmt: skip
    """The units as they will show at an instant ahead, if nothing is booked, moved or noted until then, and guests
    leave when they are to: `blocks` are those that may end before. Each end leaves its condition behind."""
    left = policy.after_end_condition
    returns: dict[int, list[_End]] = {}
    for block in blocks:
        if block.return_condition is not None and block.ends_at <= at:
            for unit_id in block.unit_ids:
                returns.setdefault(unit_id, []).append((block.ends_at, block.return_condition, True))
    views = []
    for unit in units:
        own = []
        ends = returns.get(unit.id, [])
        for claim in claims.get(unit.id, {}).values():
            if left is not None and claim.kind == "session" and claim.end <= at:
                ends.append((claim.end, left, False))
            else:
                own.append(claim)
        if ends:
            unit = replace(unit, condition=_after(unit.condition, ends))
        status, booking = _shown(policy, unit, own, at, site)
        views.append(
            UnitView(
                unit.code, unit.name, unit.category, _parent(unit, codes), unit.condition,
                status, at, booking, _next(own, at), unit.version, unit.attributes,
            )
        )  # fmt: skip
    return views


def _shown(policy: Policy, unit: Unit, claims: list[Claim], at: datetime, site: Site) -> Shown:
    try:
        return policy.shown(unit, claims, at, site)
    except Exception:  # a bug of another package's policy at one unit must not blind the whole board
        return unit.shown_status, None


def _after(condition: str | None, ends: list[_End]) -> str | None:
    for _, becomes, of_block in sorted(ends):
        if of_block or condition not in UNSERVICEABLE:
            condition = becomes
    return condition


def parents(units: Iterable[Unit]) -> list[int]:
    return sorted({unit.parent_id for unit in units if unit.parent_id is not None})


def _parent(unit: Unit, codes: Mapping[int, str]) -> str | None:
    return codes.get(unit.parent_id) if unit.parent_id is not None else None


def _next(claims: Iterable[Claim], now: datetime) -> datetime | None:
    ahead = [claim for claim in claims if claim.kind in _BOOKED and claim.start > now]
    return min((claim.start for claim in ahead if claim.expires_at is None or claim.expires_at > now), default=None)
