"""Shown statuses: what a unit shows is what follows from its claims, its condition and the clock."""

from msgspec.structs import replace

from holdfast.domain.draft import Draft
from holdfast.domain.reasons import reason_of
from holdfast.domain.reconcile.alarms import REASON, RULE
from holdfast.domain.reconcile.going import Going
from holdfast.domain.statuses import next_alarm
from holdfast.domain.units import Unit


def put_statuses_right(going: Going) -> None:
    """Repairs the status and the alarm of each suspect unit, and of those that the repairs before have touched."""
    state = going.state
    draft = going.draft()
    for unit_id in dict.fromkeys((*going.command.units, *going.touched)):
        unit = state.units.get(unit_id)
        if unit is not None:
            _put_right(going, draft, unit)
    going.apply(draft)


def _put_right(going: Going, draft: Draft, unit: Unit) -> None:
    state = going.state
    status, booking_id = state.policy.shown(unit, state.claims_of(unit.id), state.now, state.site)
    needed = next_alarm(state, replace(unit, wakes_at=None), state.now)
    is_late = needed is not None and (unit.wakes_at is None or unit.wakes_at > needed)
    if status == unit.shown_status:
        if is_late:
            draft.change.units[unit.id] = replace(unit, wakes_at=needed)
            going.repaired(
                draft, RULE, unit.code, {"unit": unit.code, "from": unit.wakes_at, "to": needed, "reason": REASON}
            )
        return
    if state.is_due() and unit.wakes_at is not None and unit.wakes_at <= state.now:
        # its alarm has just rung: it is the clock's to do, and no repair
        return
    reason = reason_of(state.policy, unit.shown_status, status, going.reference(booking_id))
    told = {"unit": unit.code, "from": unit.shown_status, "to": status, "reason": reason}
    right = replace(unit, shown_status=status, shown_since=state.now, wakes_at=needed if is_late else unit.wakes_at)
    data = {"code": unit.code, "from": unit.shown_status, "to": status, "reason": reason, "booking": booking_id}
    draft.unit(right, "unit.status_repaired", "reconciled", data)
    going.repaired(draft, "status_differs", unit.code, told, silent=True)
