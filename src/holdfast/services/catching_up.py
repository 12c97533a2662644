"""The clock's part of a desk transaction: what is due at the locked sites, loaded, decided and stored first."""

from holdfast.domain.bookings.clock import catch_up
from holdfast.domain.state import SiteState
from holdfast.services.loading import (
    AHEAD,
    Wanted,
    load_blocks_on_units,
    load_claims,
    load_units,
    want_now,
    want_units_of_booking,
)
from holdfast.store import desk as store
from holdfast.store.changes import Writing
from holdfast.store.connection import Connection

DUE_MAX = 2_000
"""How many due bookings, units or blocks of one site are caught up in one transaction."""


async def catch_up_site(connection: Connection, state: SiteState, writing: Writing) -> bool:
    """Applies what is due by the state's now and adds it to `writing`. True when nothing due is left; with more due
    than one transaction takes, False: the site's commands must wait for the rest."""
    site_id, now = state.site.id, state.now
    wanted = Wanted()
    bookings = await connection.fetch(store.Q["bookings_due"], site_id, now, DUE_MAX)
    blocks = await connection.fetch(store.Q["blocks_due"], site_id, now, DUE_MAX)
    units = await connection.fetch(store.Q["units_due"], site_id, now, DUE_MAX)
    since = min((row["wakes_at"] for rows in (bookings, units) for row in rows), default=now)
    for row in bookings:
        booking = store.booking_of(row)
        state.bookings[booking.id] = booking
        want_units_of_booking(wanted, state, booking.id)
    for row in blocks:
        block = store.block_of(row)
        state.blocks[block.id] = block
        wanted.holders[site_id, block.id] = None
        wanted.ids.update(((site_id, unit_id), None) for unit_id in block.unit_ids)
        since = min(since, block.ends_at)
    for row in units:
        state.put_unit(store.unit_of(row))
    states = {site_id: state}
    await load_units(connection, states, wanted)
    # only these can change now; a warm state knows many more units, and asking for all of them would cost by the site
    concerned = {unit_id for _, unit_id in wanted.ids} | {row["id"] for row in units}
    want_now(wanted, state, concerned, since=since)
    wanted.releasing.add(site_id)
    await load_claims(connection, states, wanted)
    await load_blocks_on_units(connection, states, wanted)
    await _note_more_ahead(connection, state, sorted(concerned))
    due_blocks = [row["id"] for row in blocks]
    due_units = [row["id"] for row in units]
    # with more due of a kind than was read, nothing of any kind may be told that lies beyond what was read of it
    read = ((bookings, "wakes_at"), (blocks, "ends_at"), (units, "wakes_at"))
    until = min((rows[-1][at] for rows, at in read if len(rows) == DUE_MAX), default=now)
    writing.add(site_id, catch_up(state, [row["id"] for row in bookings], due_blocks, due_units, until=until))
    return max(len(bookings), len(blocks), len(units)) < DUE_MAX


async def _note_more_ahead(connection: Connection, state: SiteState, unit_ids: list[int]) -> None:
    """Units with claims beyond the loaded time must wake again at its end."""
    state.loaded_until = state.now + state.policy.look_ahead(state.site) + AHEAD
    if unit_ids:
        rows = await connection.fetch(
            store.Q["units_with_claims_from"], [state.site.id] * len(unit_ids), unit_ids, state.loaded_until
        )
        state.more_ahead = {row["unit_id"] for row in rows}
