"""Alarms: the next instant at which a booking, block or unit may change by itself. Late or missing ones are set anew;
one that is too early costs a look and rights itself."""

from msgspec.structs import replace

from holdfast.domain.reconcile.going import Going

RULE = "alarm_differs"
REASON = "Its alarm was missing or late"


def put_alarms_right(going: Going) -> None:
    """Sets the alarms of suspect bookings and blocks to what the policy says. Those of units come with their status."""
    state = going.state
    draft = going.draft()
    failed = {one.key for one in going.aside}
    for booking_id in [booking.id for booking in going.sound_bookings() if booking.id not in failed]:
        booking = state.bookings[booking_id]
        due = state.policy.due(booking, state.site)
        if due is None or (booking.wakes_at is not None and booking.wakes_at <= due[0]):
            continue
        draft.change.bookings[booking_id] = replace(booking, wakes_at=due[0])
        told = {"from": booking.wakes_at, "to": due[0], "reason": REASON, "reference": booking.reference}
        going.repaired(draft, RULE, str(booking_id), told)
    for block_id in going.command.blocks_to_wake:
        block = state.blocks.get(block_id)
        if block is not None and block.ends_at > state.now:
            draft.change.blocks_woken.append(block_id)
            going.repaired(draft, RULE, str(block_id), {"reason": REASON, "to": block.ends_at})
    going.apply(draft)
