"""What the desk must read before it can decide: set-based, for all commands of a batch at once."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from holdfast.domain.bookings.assign import MARGIN
from holdfast.domain.calendars import edge_of
from holdfast.domain.commands import (
    Act,
    AddBlock,
    AddUnits,
    Book,
    ChangeSite,
    ChangeUnit,
    Check,
    CloseFinding,
    Command,
    Erase,
    FollowCalendar,
    OpenFinding,
    Reconcile,
    RemoveBlock,
    SettleFinding,
    Together,
)
from holdfast.domain.policies import session_words
from holdfast.domain.state import SiteState
from holdfast.domain.units import BLOCK_KINDS
from holdfast.services.wanted import AHEAD, Wanted, want_now, want_window
from holdfast.services.wanted_suspects import concerned_by, want_suspect_windows, want_suspects, want_what_is_around
from holdfast.store import desk as store
from holdfast.store.connection import Connection

States = dict[int, SiteState]
COLD_LOADS_MAX = 4
"""After so many separate looks into a small site all of it is read at once: it is busy, and the next commands will ask
about its other units."""
SMALL_SITE_UNITS = 256

Asked = list[tuple[SiteState, Command]]


def each(command: Command) -> Iterable[Command]:
    """The command, or the parts of one that is made of several."""
    if isinstance(command, Check):
        command = command.command
    return command.commands if isinstance(command, Together) else (command,)


async def load(connection: Connection, states: States, asked: Asked) -> None:
    """Puts into the states all that deciding these commands will look at."""
    parts = [(state, part) for state, command in asked for part in each(command)]
    wanted = Wanted()
    for state in {id(state): state for state, part in parts if isinstance(part, Reconcile)}.values():
        # what was known before the lock is just what somebody may have written past us
        state.forget()
        state.observations.clear()
    for state, part in parts:
        _want_names(wanted, state, part)
    await _load_holders(connection, states, wanted)
    for site_id, booking_id in wanted.bookings:
        want_units_of_booking(wanted, states[site_id], booking_id)
    await load_units(connection, states, wanted)
    for state, part in parts:
        _want_windows(wanted, state, part)
    await load_claims(connection, states, wanted)
    for site_id, key in wanted.people:
        # who has none yet has no row, but is counted within the batch from here on
        states[site_id].live_counts[key] = 0
    for row in await store.by_keys(connection, "live_counts", wanted.people):
        states[row["site_id"]].live_counts[row["customer_key"]] = row["live"]
    await load_blocks_on_units(connection, states, wanted)
    await load_findings(connection, states, wanted)
    for state, part in parts:
        if isinstance(part, FollowCalendar):
            await _load_bookings_on(connection, state, _known(state, (part.unit,)))
        if isinstance(part, Reconcile):
            await _load_around(connection, state, part)


def nothing_to_load(state: SiteState, command: Command) -> bool:
    """Whether a command is a booking whose units and claims are all known already."""
    if type(command) is not Book:
        return False
    wanted = Wanted()
    _want_names(wanted, state, command)
    if wanted.codes or wanted.categories or wanted.people:
        return False
    _want_booking_windows(wanted, state, command)
    return not (wanted.windows or wanted.sessions)


def _want_names(wanted: Wanted, state: SiteState, part: Command) -> None:
    site_id = state.site.id
    match part:
        case Book():
            _want_codes(wanted, state, part.units)
            if state.cold_loads > COLD_LOADS_MAX and state.is_whole is None:
                wanted.busy_sites.add(site_id)
            if not part.units and part.category is not None:
                want_category(wanted, state, part.category)
            if state.site.settings.quota_per_person and (key := part.customer.key) is not None:
                wanted.people[site_id, key] = None
        case Act():
            wanted.bookings[site_id, part.booking_id] = None
            if part.other_id is not None:
                wanted.bookings[site_id, part.other_id] = None
            _want_codes(wanted, state, part.units)
            wanted.releasing.add(site_id)
        case Erase():
            wanted.bookings.update(((site_id, booking_id), None) for booking_id in part.bookings)
        case AddBlock():
            _want_codes(wanted, state, part.units)
        case RemoveBlock():
            wanted.blocks[site_id, part.block_id] = None
            wanted.releasing.add(site_id)
        case FollowCalendar():
            _want_codes(wanted, state, (part.unit,))
            wanted.releasing.add(site_id)
            wanted.findings.add(site_id)
        case AddUnits():
            for new in part.units:
                wanted.codes[site_id, new.code] = None
                if new.parent is not None:
                    wanted.codes[site_id, new.parent] = None
        case ChangeUnit():
            wanted.codes[site_id, part.code] = None
            if isinstance(part.parent, str):
                wanted.codes[site_id, part.parent] = None
        case ChangeSite():
            wanted.whole_sites.add(site_id)
        case OpenFinding() | CloseFinding() | SettleFinding():
            wanted.findings.add(site_id)
        case Reconcile():
            want_suspects(wanted, state, part)


def _want_codes(wanted: Wanted, state: SiteState, codes: Iterable[str]) -> None:
    for code in codes:
        if code not in state.codes:
            wanted.codes[state.site.id, code] = None


def want_category(wanted: Wanted, state: SiteState, category: str) -> None:
    """Asks for all units of a category, unless they are known."""
    if category not in state.whole_categories:
        wanted.categories[state.site.id, category] = None


async def _load_holders(connection: Connection, states: States, wanted: Wanted) -> None:
    for row in await store.by_keys(connection, "bookings", wanted.bookings):
        booking = store.booking_of(row)
        states[row["site_id"]].bookings[booking.id] = booking
    for row in await store.by_keys(connection, "blocks", wanted.blocks):
        block = store.block_of(row)
        states[row["site_id"]].blocks[block.id] = block
        wanted.holders[row["site_id"], block.id] = None
        wanted.ids.update(((row["site_id"], unit_id), None) for unit_id in block.unit_ids)


def want_units_of_booking(wanted: Wanted, state: SiteState, booking_id: UUID) -> None:
    """Asks for a booking's units and claims; nothing when there is no such booking."""
    booking = state.bookings.get(booking_id)
    if booking is None:
        return
    wanted.holders[state.site.id, booking_id] = None
    for unit_id in (*booking.unit_ids, *(part.unit_id for part in booking.parts or ())):
        wanted.ids[state.site.id, unit_id] = None
    if state.site.settings.quota_per_person and (key := booking.customer.key) is not None:
        wanted.people[state.site.id, key] = None


async def load_units(connection: Connection, states: States, wanted: Wanted) -> None:
    rows = await store.by_keys(connection, "units_by_code", wanted.codes)
    rows += await store.by_keys(connection, "units_by_id", wanted.ids)
    if wanted.categories:
        pairs = list(wanted.categories)
        columns = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        rows += await connection.fetch(store.Q["units_by_category"], *columns, store.UNITS_MAX)
        for site_id, category in pairs:
            states[site_id].whole_categories.add(category)
    for site_id in wanted.busy_sites:
        found = await connection.fetch(store.Q["units_of_site"], site_id, SMALL_SITE_UNITS + 1)
        states[site_id].is_whole = len(found) <= SMALL_SITE_UNITS
        rows += found if states[site_id].is_whole else []
    for site_id in wanted.whole_sites:
        rows += await connection.fetch(store.Q["units_of_site"], site_id, store.UNITS_MAX)
    for row in rows:
        states[row[0]].put_unit(store.unit_of(row))


def _want_windows(wanted: Wanted, state: SiteState, part: Command) -> None:
    now = state.now
    match part:
        case Book():
            before = len(wanted.windows)
            _want_booking_windows(wanted, state, part)
            if len(wanted.windows) > before:
                _want_neighbours(wanted, state, part)
        case Act():
            _want_act_windows(wanted, state, part)
        case AddBlock():
            unit_ids = _known(state, part.units)
            want_window(wanted, state, unit_ids, part.start, part.end)
            if state.policy.status_from(part.start, state.site) <= now:
                want_now(wanted, state, unit_ids)
        case RemoveBlock():
            block = state.blocks.get(part.block_id)
            want_now(wanted, state, block.unit_ids if block is not None else ())
        case FollowCalendar():
            unit_ids = _known(state, (part.unit,))
            want_window(wanted, state, unit_ids, now, edge_of(now))
            want_now(wanted, state, unit_ids)
        case AddUnits():
            want_now(wanted, state, _known(state, [new.code for new in part.units]))
        case ChangeUnit():
            want_now(wanted, state, _known(state, [part.code]))
        case ChangeSite():
            want_now(wanted, state, state.units)
        case Reconcile():
            want_suspect_windows(wanted, state, part)


def _want_booking_windows(wanted: Wanted, state: SiteState, part: Book) -> None:
    settings = state.site.settings
    start = state.now if part.walk_in else part.start
    buffer = timedelta(minutes=settings.buffer_minutes)
    end = part.end if part.end is not None else start + timedelta(hours=settings.walk_in_hours_max)
    if part.units:
        unit_ids: Iterable[int] = _known(state, part.units)
        want_window(wanted, state, unit_ids, start, end + buffer)
    else:
        unit_ids = state.categories.get(part.category or "", ())
        want_window(wanted, state, unit_ids, start - MARGIN, end + buffer + MARGIN)
    if state.policy.status_from(start, state.site) <= state.now:
        want_now(wanted, state, unit_ids)


def _want_neighbours(wanted: Wanted, state: SiteState, part: Book) -> None:
    """At a busy small site the other units' claims of that time as well."""
    state.cold_loads += 1
    if state.is_whole and part.end is not None:
        want_window(wanted, state, state.units, part.start, part.end)


def _want_act_windows(wanted: Wanted, state: SiteState, part: Act) -> None:
    booking = state.bookings.get(part.booking_id)
    if booking is None:
        return
    other = state.bookings.get(part.other_id) if part.other_id is not None else None
    pair = [booking] if other is None else [booking, other]
    unit_ids = {unit_id for one in pair for unit_id in one.unit_ids} | set(_known(state, part.units))
    length = booking.ends_at - booking.starts_at
    starts = [state.now, *(one.starts_at for one in pair), *([part.start] if part.start is not None else [])]
    ends = [*(one.ends_at for one in pair), *([part.end] if part.end is not None else [])]
    if part.start is not None:
        ends.append(part.start + length)
    if part.minutes is not None:
        ends.append(booking.ends_at + timedelta(minutes=part.minutes))
    buffer = timedelta(minutes=state.site.settings.buffer_minutes)
    want_window(wanted, state, unit_ids, min(starts), max(ends) + buffer)
    want_now(wanted, state, unit_ids)


async def load_claims(connection: Connection, states: States, wanted: Wanted) -> None:
    rows = await store.claims_in_windows(connection, wanted.windows)
    rows += await store.by_keys(connection, "claims_of_holders", wanted.holders)
    rows += await store.by_keys(connection, "sessions_on_units", wanted.sessions)
    for row in rows:
        states[row[0]].put_claim(store.claim_of(row))
    for site_id, unit_id, start, end in wanted.windows:
        states[site_id].cover(unit_id, start, end)


async def load_blocks_on_units(connection: Connection, states: States, wanted: Wanted) -> None:
    """Blocks that may take back what an act gives free."""
    if not wanted.releasing:
        return
    sites = sorted(wanted.releasing)
    unit_ids = sorted({unit_id for site_id in sites for unit_id in states[site_id].units})
    since = min(states[site_id].now for site_id in sites)
    rows: list[Any] = await connection.fetch(store.Q["blocks_on_units"], sites, unit_ids, since)
    for row in rows:
        state = states[row["site_id"]]
        if row["id"] not in state.blocks:
            block = store.block_of(row)
            state.blocks[block.id] = block


async def load_findings(connection: Connection, states: States, wanted: Wanted) -> None:
    """The standing findings of the sites that a command concerns findings of."""
    if wanted.findings:
        for row in await connection.fetch(store.Q["standing_findings"], sorted(wanted.findings)):
            finding = store.finding_of(row)
            states[row["site_id"]].findings[finding.rule, finding.subject] = finding


async def _load_around(connection: Connection, state: SiteState, part: Reconcile) -> None:
    """What reconciling looks at beside the suspects themselves: who holds their units now, what was seen of them, and
    which have claims beyond the loaded time."""
    states = {state.site.id: state}
    concerned = dict.fromkeys(concerned_by(state, part))
    wanted = Wanted()
    # a claim that strayed onto a unit is taken away from it: what it shows then follows from all of its other claims
    strayed = [unit_id for unit_id in state.timelines if unit_id not in concerned]
    want_now(wanted, state, strayed)
    await load_claims(connection, states, wanted)
    wanted = Wanted()
    want_what_is_around(wanted, state, part)
    for row in await store.by_keys(connection, "bookings", wanted.bookings):
        try:
            booking = store.booking_of(row)
        except msgspec.MsgspecError:
            continue  # it only lends a unit its reason; as a suspect itself it is met by its own
        state.bookings[booking.id] = booking
        wanted.ids.update(((state.site.id, unit_id), None) for unit_id in booking.unit_ids)
    await load_units(connection, states, wanted)
    for seen in await store.observations(connection, wanted.observed, now=state.now, sessions=session_words()):
        known = state.observations.setdefault(seen.unit_id, [])
        if seen not in known:
            known.append(seen)
    await note_more_ahead(connection, state, [*concerned, *strayed])


async def _load_bookings_on(connection: Connection, state: SiteState, unit_ids: Iterable[int]) -> None:
    """The bookings behind the loaded claims of units."""
    wanted = {
        (state.site.id, claim.holder_id): None
        for unit_id in unit_ids
        for claim in state.claims_of(unit_id)
        if claim.kind not in BLOCK_KINDS and claim.holder_id not in state.bookings
    }
    for row in await store.by_keys(connection, "bookings", wanted):
        booking = store.booking_of(row)
        state.bookings[booking.id] = booking


async def note_more_ahead(connection: Connection, state: SiteState, unit_ids: list[int]) -> None:
    """Units with claims beyond the loaded time must wake again at its end."""
    state.loaded_until = state.now + state.policy.look_ahead(state.site) + AHEAD
    if unit_ids:
        rows = await connection.fetch(
            store.Q["units_with_claims_from"], [state.site.id] * len(unit_ids), unit_ids, state.loaded_until
        )
        state.more_ahead |= {row["unit_id"] for row in rows}


def _known(state: SiteState, codes: Iterable[str]) -> list[int]:
    return [state.codes[code] for code in codes if code in state.codes]
