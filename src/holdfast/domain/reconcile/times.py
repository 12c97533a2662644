"""What time should have made true already, and whether a booking counts as holding its units."""

from uuid import UUID

from msgspec.structs import replace

from holdfast.domain.bookings.clock import catch_up
from holdfast.domain.bookings.values import Booking
from holdfast.domain.reconcile.going import Going

LOST = "Its alarm had been lost"


def catch_up_missed(going: Going) -> None:
    """Lets the clock do what it has missed at the suspects, with the true instants: their alarms were wrong."""
    state = going.state
    late: list[UUID] = []
    missed: list[tuple[Booking, str, str]] = []
    for booking in going.sound_bookings():
        due = state.policy.due(booking, state.site)
        if due is None or due[0] > state.now:
            continue
        late.append(booking.id)
        # with the right alarm it is the clock's to do, and no repair
        if booking.wakes_at is None or booking.wakes_at > due[0]:
            missed.append((booking, booking.state, f"{LOST}; it was due at {due[0]:%Y-%m-%dT%H:%M:%SZ}"))
    over = [
        block.id
        for block in going.command.blocks_in(state.blocks)
        if block.ends_at <= state.now and all(unit_id in state.units for unit_id in block.unit_ids)
    ]
    if not late and not over:
        return
    changes = catch_up(state, late, over, (), aside=going.aside)
    failed = {one.key for one in going.aside}
    missed = [one for one in missed if one[0].id not in failed]
    over = [block_id for block_id in over if block_id not in failed]
    going.changes.extend(changes)
    for change in changes:
        going.touched.update(change.touched)
    draft = going.draft()
    for booking, before, reason in missed:
        after = state.bookings[booking.id].state
        units = [going.code(unit_id) for unit_id in booking.unit_ids]
        told = {"from": before, "to": after, "reason": reason, "reference": booking.reference, "units": units}
        going.repaired(draft, "overdue", str(booking.id), told)
    for block_id in over:
        going.repaired(draft, "overdue", str(block_id), {"reason": f"{LOST}; the block was over"})
    going.apply(draft)


def put_live_right(going: Going) -> None:
    """A booking is live when its state holds claims; whoever wrote a state past the desk may have left the other."""
    state = going.state
    draft = going.draft()
    for booking in going.sound_bookings():
        live = state.policy.holds_claim(booking.state)
        if booking.live != live:
            draft.change.bookings[booking.id] = replace(booking, live=live)
            words = ("not live", "live") if live else ("live", "not live")
            reason = f"A booking that is {booking.state} {'holds' if live else 'does not hold'} its units"
            told = {"from": words[0], "to": words[1], "reason": reason, "reference": booking.reference}
            going.repaired(draft, "live_differs", str(booking.id), told)
    going.apply(draft)
