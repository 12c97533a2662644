"""The clock's part of a desk transaction: what is due at the locked sites, loaded, decided and stored first.

A transaction takes a bounded number of due rows, a fair share of each site, so that neither a site with a long backlog
nor an instant at which everything ends holds up anybody else. What cannot be processed is set aside.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import asyncpg

from holdfast.domain.bookings.clock import BLOCK, BOOKING, CLOCK, UNIT, Rank, catch_up
from holdfast.domain.poison import Kind, Poisoned, poisoned, set_aside
from holdfast.domain.state import SiteState
from holdfast.services.loading import load_claims, load_findings, want_units_of_booking
from holdfast.services.wanted import AHEAD, Wanted, want_now
from holdfast.store import alarms, desk
from holdfast.store.changes import Writing
from holdfast.store.connection import Connection

DUE_MAX = 1024
"""How many due bookings, blocks and units each one transaction takes at most, of all its sites together."""
SITES_MAX = 64
"""How many sites are caught up in one transaction."""

_INSTANT = timedelta(microseconds=1)

States = dict[int, SiteState]


class Slice:
    """What of one site is caught up in one transaction: at most `share` rows of each kind, all that is due by `until`
    among them. With more due of a kind than was read, nothing of any kind may be told that lies beyond."""

    def __init__(self, state: SiteState, share: int) -> None:
        self.state = state
        self.share = share
        self.site_id = state.site.id
        self.until: Rank = (state.now, UNIT)
        self.since = state.now
        self.bookings: list[Any] = []
        self.blocks: list[Any] = []
        self.units: list[Any] = []
        self.counts = {"booking": 0, "block": 0, "unit": 0}
        self.aside: list[Poisoned] = []

    @property
    def is_all(self) -> bool:
        return max(self.counts.values()) < self.share

    def read(self, kind: Kind, row: asyncpg.Record, take: Callable[["Slice", asyncpg.Record], None]) -> None:
        """Takes a row into the state; one that cannot be read is set aside."""
        self.counts[kind] += 1
        at = row["wakes_at"]
        try:
            take(self, row)
            if at.tzinfo is None:
                raise ValueError("its alarm is infinite")
        except Exception as error:  # somebody wrote past the desk: the rows beside it are read all the same
            self.aside.append(poisoned(kind, row["id"], error, **_readable(kind, row)))
            return
        self.since = min(self.since, at)
        if self.counts[kind] == self.share:
            self.until = min(self.until, (at, {"booking": BOOKING, "block": BLOCK, "unit": UNIT}[kind]))

    def concerned(self) -> dict[int, None]:
        """The ids of all units that can change now."""
        found: dict[int, None] = dict.fromkeys(self.units)
        for booking in (self.state.bookings[key] for key in self.bookings):
            found.update(dict.fromkeys(booking.unit_ids))
            found.update(dict.fromkeys(part.unit_id for part in booking.parts or ()))
        for block in (self.state.blocks[key] for key in self.blocks):
            found.update(dict.fromkeys(block.unit_ids))
        return found


async def catch_up_sites(connection: Connection, states: States, writing: Writing, *, rows_max: int) -> set[int]:
    """Applies to the states what is due by their now, the longest overdue sites first and about `rows_max` rows in all,
    and adds it to `writing`. Returns the sites at which more is due: their commands must wait for the rest."""
    due = sorted((state for state in states.values() if state.is_due()), key=attrgetter("wakes_at"))
    if not due:
        return set()
    taken = due[:SITES_MAX]
    share = max(min(rows_max, DUE_MAX) // len(taken), 1)
    slices = {state.site.id: Slice(state, share) for state in taken}
    await _read_due(connection, slices)
    await _load_around(connection, slices)
    for one in slices.values():
        state = one.state
        writing.add(one.site_id, catch_up(state, one.bookings, one.blocks, one.units, until=one.until, aside=one.aside))
        if one.aside:
            await _set_aside(connection, one, writing)
    behind = {one.site_id for one in slices.values() if not one.is_all}
    return behind | {state.site.id for state in due[SITES_MAX:]}


async def _read_due(connection: Connection, slices: dict[int, Slice]) -> None:
    asked = [(one.site_id, one.state.now, one.share) for one in slices.values()]
    for row in await alarms.due(connection, "booking", asked):
        slices[row["site_id"]].read("booking", row, _take_booking)
    for row in await alarms.due(connection, "block", asked):
        slices[row["site_id"]].read("block", row, _take_block)
    # the alarms of units that a booking or block wakes are put right with it, so only the others are asked for
    asked = [
        (one.site_id, one.state.now if one.is_all else one.until[0] - _INSTANT, one.share) for one in slices.values()
    ]
    for row in await alarms.due(connection, "unit", asked):
        slices[row["site_id"]].read("unit", row, _take_unit)


def _take_booking(one: Slice, row: asyncpg.Record) -> None:
    booking = desk.booking_of(row)
    one.state.bookings[booking.id] = booking
    one.bookings.append(booking.id)


def _take_block(one: Slice, row: asyncpg.Record) -> None:
    block = desk.block_of(row)
    one.state.blocks[block.id] = block
    one.blocks.append(block.id)


def _take_unit(one: Slice, row: asyncpg.Record) -> None:
    unit = desk.unit_of(row)
    one.state.put_unit(unit)
    one.units.append(unit.id)


def _readable(kind: Kind, row: asyncpg.Record) -> dict[str, Any]:
    if kind == "booking":
        return {"reference": row["reference"], "state": row["state"], "unit_ids": tuple(row["unit_ids"])}
    return {"unit_ids": tuple(row["unit_ids"])} if kind == "block" else {"unit": row["code"]}


async def _load_around(connection: Connection, slices: dict[int, Slice]) -> None:
    """The units that can change now with the claims their status follows from, and the blocks that wait for them. Only
    of these units: a warm state knows many more, and asking for all would cost by the site."""
    wanted = Wanted()
    states = {one.site_id: one.state for one in slices.values()}
    concerned = {one.site_id: one.concerned() for one in slices.values()}
    for one in slices.values():
        for booking_id in one.bookings:
            want_units_of_booking(wanted, one.state, booking_id)
        wanted.holders.update(((one.site_id, block_id), None) for block_id in one.blocks)
        wanted.ids.update(((one.site_id, unit_id), None) for unit_id in concerned[one.site_id])
        want_now(wanted, one.state, concerned[one.site_id], since=one.since)
    for row in await desk.by_keys(connection, "units_by_id", wanted.ids):
        try:
            states[row["site_id"]].put_unit(desk.unit_of(row))
        except Exception as error:  # as above; what is in it cannot be processed either
            slices[row["site_id"]].aside.append(poisoned("unit", row["id"], error, **_readable("unit", row)))
    await load_claims(connection, states, wanted)
    await _load_blocks(connection, slices, concerned)
    await _note_more_ahead(connection, slices, concerned)


async def _load_blocks(connection: Connection, slices: dict[int, Slice], concerned: dict[int, dict[int, None]]) -> None:
    sites = [site_id for site_id, unit_ids in concerned.items() if unit_ids]
    if not sites:
        return
    unit_ids = sorted({unit_id for site_id in sites for unit_id in concerned[site_id]})
    since = min(slices[site_id].since for site_id in sites)
    for row in await connection.fetch(desk.Q["blocks_on_units"], sites, unit_ids, since):
        state = slices[row["site_id"]].state
        if row["id"] not in state.blocks:
            block = desk.block_of(row)
            state.blocks[block.id] = block


async def _note_more_ahead(
    connection: Connection, slices: dict[int, Slice], concerned: dict[int, dict[int, None]]
) -> None:
    """Units with claims beyond the loaded time must wake again at its end."""
    for one in slices.values():
        one.state.loaded_until = one.state.now + one.state.policy.look_ahead(one.state.site) + AHEAD
        one.state.more_ahead = set()
    asked: Iterable[tuple[int, int, datetime]] = (
        (site_id, unit_id, slices[site_id].state.loaded_until)
        for site_id, unit_ids in concerned.items()
        for unit_id in unit_ids
    )
    for site_id, unit_id in await alarms.with_claims_beyond(connection, asked):
        slices[site_id].state.more_ahead.add(unit_id)


async def _set_aside(connection: Connection, one: Slice, writing: Writing) -> None:
    wanted = Wanted()
    wanted.findings.add(one.site_id)
    await load_findings(connection, {one.site_id: one.state}, wanted)
    writing.add(one.site_id, set_aside(one.state, one.aside, CLOCK))
    for row in one.aside:
        writing.silence(one.site_id, row.kind, row.key)
