"""The only writer of sites' tables: what decisions returned, one statement per table. Decides nothing."""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import Booking
from holdfast.domain.change import Change, Event
from holdfast.domain.erasing import PERSONAL, TOLD_OF_FINDINGS
from holdfast.domain.finding import Finding
from holdfast.domain.poison import Kind
from holdfast.domain.sites import Site
from holdfast.domain.units import Claim, Unit
from holdfast.store import alarms, sql
from holdfast.store.connection import Connection

_Q = sql.load("changes")
_encode = msgspec.json.Encoder().encode

_BY_UNIT = itemgetter(0, 1)

ClaimKey = tuple[int, UUID, int, int]


class WrittenPast(Exception):
    """Somebody holds a claim that no decision knew of: written past the desk. Nothing of the batch was stored."""


class SiteRow(msgspec.Struct, gc=False):
    """Where a site stands after its decisions."""

    id: int
    version: int
    journal_at: datetime
    wakes_at: datetime | None


class AnswerRow(msgspec.Struct, gc=False):
    """The answer to a keyed command, to be given again byte for byte."""

    site_id: int
    key: str
    body_hash: bytes
    status: int
    body: bytes
    version: int
    at: datetime | None


class Writing:
    """All that one transaction stores. Several changes to one row fold into the last of them."""

    def __init__(self) -> None:
        self.bookings: dict[tuple[int, UUID], Booking] = {}
        self.new_bookings: set[tuple[int, UUID]] = set()
        self.claims_added: dict[ClaimKey, Claim] = {}
        self.claims_removed: set[ClaimKey] = set()
        self.units: dict[tuple[int, int], Unit] = {}
        self.new_units: set[tuple[int, int]] = set()
        self.blocks_added: dict[tuple[int, UUID], Block] = {}
        self.blocks_removed: set[tuple[int, UUID]] = set()
        self.events: list[tuple[int, Event]] = []
        self.blocks_woken: set[tuple[int, UUID]] = set()
        self.findings: dict[tuple[int, UUID], Finding] = {}
        self.erased: dict[tuple[int, UUID], int] = {}
        self.settings: dict[int, tuple[Site, int]] = {}
        self.sites: list[SiteRow] = []
        self.answers: list[AnswerRow] = []
        self.silenced: dict[Kind, alarms.Silenced] = {}

    def silence(self, site_id: int, kind: Kind, key: UUID | int) -> None:
        """Takes the alarm off a row, whatever else is written of it."""
        self.silenced.setdefault(kind, set()).add((site_id, key))

    def add(self, site_id: int, changes: Iterable[Change]) -> None:
        for change in changes:
            for booking_id, booking in change.bookings.items():
                self.bookings[site_id, booking_id] = booking
            for booking_id in change.new_bookings:
                self.new_bookings.add((site_id, booking_id))
            for claim in change.claims_removed:
                key = (site_id, claim.holder_id, claim.unit_id, claim.part)
                if self.claims_added.pop(key, None) is None:
                    self.claims_removed.add(key)
            for claim in change.claims_added:
                self.claims_added[site_id, claim.holder_id, claim.unit_id, claim.part] = claim
            for unit_id, unit in change.units.items():
                self.units[site_id, unit_id] = unit
            self.new_units.update((site_id, unit_id) for unit_id in change.new_units)
            for event in change.events:
                self.events.append((site_id, event))
            if (
                change.findings or change.blocks_added or change.blocks_removed or change.blocks_woken
                or change.site or change.erased
            ):  # fmt: skip
                self._add_rare(site_id, change)

    def _add_rare(self, site_id: int, change: Change) -> None:
        for block in change.blocks_added:
            self.blocks_added[site_id, block.id] = block
        for block_id in change.blocks_removed:
            if self.blocks_added.pop((site_id, block_id), None) is None:
                self.blocks_removed.add((site_id, block_id))
        if change.site is not None:
            self.settings[site_id] = (change.site, change.events[-1].version)
        self.blocks_woken.update((site_id, block_id) for block_id in change.blocks_woken)
        for finding in change.findings:
            self.findings[site_id, finding.id] = finding
        self.erased.update({(site_id, booking_id): version for booking_id, version in change.erased.items()})


async def write(connection: Connection, writing: Writing, *, recount: Container[int] = ()) -> None:
    """Stores it all in the caller's transaction, which holds the sites' locks; for the sites in `recount` the alarm is
    read anew from what is there.

    Raises:
        WrittenPast: a claim met one that no decision knew of; the caller must roll back.
    """
    if writing.new_units:
        rows = [_unit_row(key[0], writing.units[key]) for key in sorted(writing.new_units)]
        await connection.execute(_Q["insert_units"], rows)
    if writing.claims_removed:
        await connection.execute(_Q["delete_claims"], *_columns(sorted(writing.claims_removed), 4))
    changed = [
        _booking_row(key[0], booking) for key, booking in writing.bookings.items() if key not in writing.new_bookings
    ]
    if changed:
        await connection.execute(_Q["update_bookings"], changed)
    await _write_rare(connection, writing)
    await _write_rows(connection, writing, [row for row in writing.sites if row.id not in recount])
    await _erase(connection, writing)
    await _write_settings(connection, writing)
    await alarms.silence(connection, writing.silenced)
    if anew := [row for row in writing.sites if row.id in recount]:
        soonest = await alarms.soonest(connection, [row.id for row in anew])
        for row in anew:
            row.wakes_at = soonest[row.id]
        await connection.execute(_Q["update_sites"], [_site_row(row) for row in anew])


async def write_if(
    connection: Connection, writing: Writing, bases: Mapping[int, int], *, now: datetime | None
) -> datetime | None:
    """Stores new bookings in one statement that is its own transaction, if the sites still stand at these versions and
    the clock is not due there (`now` replaces the database's). Returns that clock; None when nothing was stored.

    Raises:
        WrittenPast: a claim met one that no decision knew of; nothing was stored.
    """
    return await _write_rows(connection, writing, writing.sites, bases=bases, now=now)


async def _write_rows(
    connection: Connection,
    writing: Writing,
    sites: list[SiteRow],
    *,
    bases: Mapping[int, int] | None = None,
    now: datetime | None = None,
) -> datetime | None:
    new_bookings, new_units = writing.new_bookings, writing.new_units
    try:
        row = await connection.fetchrow(
            _Q["write"],
            _claim_rows(writing),
            [_booking_row(key[0], booking) for key, booking in writing.bookings.items() if key in new_bookings],
            [
                (site_id, e.version, e.at, e.effective_at, e.type, e.subject, e.actor, e.cause, e.data)
                for site_id, e in writing.events
            ],
            [(a.site_id, a.key, a.body_hash, a.status, a.body, a.version, a.at) for a in writing.answers],
            [_site_row(row) for row in sites],
            [_unit_row(key[0], writing.units[key]) for key in sorted(writing.units) if key not in new_units],
            list(bases or ()),
            list(bases.values()) if bases else [],
            now,
        )
    except asyncpg.DivisionByZeroError:
        raise WrittenPast from None
    assert row is not None
    then: datetime = row["now"]
    return then if row["holds"] else None


def _site_row(row: SiteRow) -> tuple[Any, ...]:
    return (row.id, row.version, row.journal_at, row.wakes_at)


async def _write_rare(connection: Connection, writing: Writing) -> None:
    if writing.blocks_removed:
        await connection.execute(_Q["delete_blocks"], *_columns(sorted(writing.blocks_removed), 2))
    if writing.blocks_added:
        rows = [
            (site_id, b.id, _array(b.unit_ids), b.starts_at, b.ends_at, b.kind, b.reason, b.return_condition,
             b.created_by, b.created_at, b.version)
            for (site_id, _), b in writing.blocks_added.items()
        ]  # fmt: skip
        await connection.execute(_Q["insert_blocks"], *_columns(rows, 11))
    if writing.blocks_woken:
        await connection.execute(_Q["wake_blocks"], *_columns(sorted(writing.blocks_woken), 2))
    if writing.findings:
        # what ceases to stand first, so that another may stand in its place
        for stands in (False, True):
            found = [(key[0], finding) for key, finding in writing.findings.items() if finding.stands is stands]
            if found:
                await connection.execute(_Q["write_findings"], *_finding_columns(found))


async def _erase(connection: Connection, writing: Writing) -> None:
    """After the rows of the same transaction: a command before it may have said more of the same bookings. What one
    behind it said is said anew, and stays."""
    if not writing.erased:
        return
    site_ids, ids = _columns(writing.erased, 2)
    subjects, versions = [str(booking_id) for booking_id in ids], list(writing.erased.values())
    await connection.execute(_Q["erase_bookings"], site_ids, ids)
    await connection.execute(_Q["erase_lines"], site_ids, subjects, versions, list(PERSONAL))
    await connection.execute(_Q["erase_finding_lines"], site_ids, subjects, versions, list(TOLD_OF_FINDINGS))
    await connection.execute(_Q["erase_findings"], site_ids, subjects, list(TOLD_OF_FINDINGS))


async def _write_settings(connection: Connection, writing: Writing) -> None:
    """After the rows of the same transaction, so that alarms made by the settings before are rung among them too."""
    for site_id, (site, version) in writing.settings.items():
        arguments = (site.name, site.time_zone, _encode(site.raw_settings), version)
        await connection.execute(_Q["update_site_settings"], site_id, *arguments)
        (stand,) = (row for row in writing.sites if row.id == site_id)
        await connection.execute(_Q["wake_bookings"], site_id, stand.journal_at)
        await connection.execute(_Q["wake_units"], site_id, stand.journal_at)


def _claim_rows(writing: Writing) -> list[tuple[Any, ...]]:
    """In sorted unit order: two writers that meet on several units then wait for each other in one direction only."""
    rows = [
        (site_id, unit_id, holder_id, claim.kind, claim.start, claim.end, claim.expires_at, part)
        for (site_id, holder_id, unit_id, part), claim in writing.claims_added.items()
    ]
    if len(rows) > 1:
        rows.sort(key=_BY_UNIT)
    return rows


def _booking_row(site_id: int, b: Booking) -> tuple[Any, ...]:
    who = b.customer
    return (
        site_id, b.id, b.reference, b.state, b.live, b.category, b.unit_ids, _parts(b), b.starts_at, b.ends_at,
        b.open_ended, b.started_at, b.ended_at, b.expires_at, b.wakes_at, who.name, who.email, who.phone, who.reference,
        who.key, b.party, b.note, b.start_code, b.series_id, b.requested_by, b.decided_by, b.decision_reason,
        _encode(b.details) if b.details is not None else None, b.created_at, b.version,
    )  # fmt: skip


def _unit_row(site_id: int, u: Unit) -> tuple[Any, ...]:
    return (
        site_id, u.id, u.code, u.name, u.category, u.parent_id, u.condition, u.shown_status, u.shown_since, u.wakes_at,
        u.version, _encode(u.attributes),
    )  # fmt: skip


def _finding_columns(findings: list[tuple[int, Finding]]) -> list[list[Any]]:
    rows = [
        (s, f.id, f.rule, f.subject, f.state, f.opened_at, _encode(f.data), f.stands, f.closed_at, f.closed_by,
         f.reason)
        for s, f in findings
    ]  # fmt: skip
    return _columns(rows, 11)


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[list[Any]]:
    columns = [list(column) for column in zip(*rows, strict=True)]
    assert len(columns) == width
    return columns


def _array(ids: tuple[int, ...]) -> str:
    # rows of several lengths cannot travel as one two-dimensional array, their text can
    return "{" + ",".join(map(str, ids)) + "}"


def _parts(booking: Booking) -> bytes | None:
    return _encode(booking.parts) if booking.parts is not None else None
