"""What the clock cannot process: set aside, so that everything else of its site goes on."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from holdfast.domain.change import Change
from holdfast.domain.draft import Draft
from holdfast.domain.findings import raise_finding
from holdfast.domain.state import SiteState

ERROR_MAX = 300

Kind = Literal["booking", "block", "unit"]


class Poisoned(msgspec.Struct, frozen=True):
    """A row that the clock failed at: which, why, and what can be read of it."""

    kind: Kind
    key: UUID | int
    error: str
    data: dict[str, Any] = {}


def poisoned(kind: Kind, key: UUID | int, error: Exception, **data: Any) -> Poisoned:
    """A row as `error` found it: what went wrong in a line, never where in our code."""
    return Poisoned(kind, key, f"{type(error).__name__}: {error}"[:ERROR_MAX], data)


def set_aside(state: SiteState, found: list[Poisoned], actor: str) -> list[Change]:
    """Applies to `state`, and returns, an open finding for each poisoned row that none stands for. Whoever stores them
    must silence the rows' alarms. All standing findings of the site must be loaded."""
    draft = Draft(state, actor)
    for one in found:
        raise_finding(draft, f"poisoned_{one.kind}", str(one.key), {"error": one.error, **_told(state, one)})
    state.apply(draft.change)
    return [draft.change]


def _told(state: SiteState, one: Poisoned) -> dict[str, Any]:
    data = dict(one.data)
    if isinstance(one.key, int):
        if (unit := state.units.get(one.key)) is not None:
            data |= {"unit": unit.code, "status": unit.shown_status}
    elif (booking := state.bookings.get(one.key)) is not None:
        data |= {"reference": booking.reference, "state": booking.state, "unit_ids": booking.unit_ids}
    elif (block := state.blocks.get(one.key)) is not None:
        data |= {"kind": block.kind, "unit_ids": block.unit_ids}
    if "unit_ids" in data:
        known = state.units
        data["units"] = [known[unit_id].code if unit_id in known else unit_id for unit_id in data.pop("unit_ids")]
    return data
