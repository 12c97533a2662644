"""The journal folded: what the events alone say of a site, to be compared with what its tables say.

A screen does the same with a snapshot and the events after it; so where this fold and the tables differ, somewhere
a screen lies. Refuses nothing: what does not fit is reported.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from holdfast.domain.change import Event
from holdfast.domain.sites import Site
from holdfast.domain.units import Unit
from holdfast.domain.wire import BookingView, booking_view
from holdfast.services.checking import Mismatch
from holdfast.store import checks as store


class _Told(msgspec.Struct, gc=False):
    """What an event's data may say."""

    booking: BookingView | str | None = None
    code: str | None = None
    condition: str | None = None
    before: str | None = msgspec.field(name="from", default=None)
    after: str | None = msgspec.field(name="to", default=None)


_decode = msgspec.json.Decoder(_Told).decode


class UnitFold(msgspec.Struct):
    """What the events say of a unit: its word, since when, and its condition."""

    status: str
    since: datetime
    condition: str | None


class Fold:
    """One site as its journal tells it, up to `version`. `changed` are the bookings told of since the last compare."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.version = 0
        self.at: datetime | None = None
        self.bookings: dict[UUID, BookingView] = {}
        self.units: dict[str, UnitFold] = {}
        self.changed: set[UUID] = set()
        self.mismatches: list[Mismatch] = []

    async def read_on(self, connection: store.Connection) -> list[Event]:
        """Folds what the journal says from where the last reading ended, and returns it."""
        events: list[Event] = []
        while True:
            page = await store.journal_after(connection, self.site.id, self.version)
            for event in page:
                self.apply(event)
            events += page
            if len(page) < store.JOURNAL_LINES_MAX:
                return events

    def apply(self, event: Event) -> None:
        """Takes one event in; one that cannot follow on the last is a mismatch."""
        if event.version != self.version + 1:
            self._note("journal is dense", f"version {event.version}", "there", f"{self.version + 1} first")
        if event.effective_at > event.at or (self.at is not None and event.at < self.at):
            self._note("journal runs forward", f"version {event.version}", f"{event.at}", f"not before {self.at}")
        self.version, self.at = event.version, event.at
        if event.type.startswith("booking."):
            told = _decode(event.data)
            assert isinstance(told.booking, BookingView)
            self.bookings[told.booking.id] = told.booking
            self.changed.add(told.booking.id)
        elif event.type.startswith("unit."):
            self._unit(event, _decode(event.data))

    def _unit(self, event: Event, told: _Told) -> None:
        code = told.code or ""
        if event.type == "unit.created":
            self.units[code] = UnitFold(told.after or "", event.effective_at, told.condition)
            return
        unit = self.units.get(code)
        if unit is None:
            self._note("events are of known units", code, event.type, "unit.created before")
        elif event.type in ("unit.status_changed", "unit.status_repaired"):
            # a repair is of a word that somebody wrote past the journal
            if event.type == "unit.status_changed" and told.before != unit.status:
                self._note("a status follows on the last", f"{code} at {event.version}", str(told.before), unit.status)
            unit.status, unit.since = told.after or "", event.effective_at
        elif event.type == "unit.condition_changed":
            if told.before != unit.condition:
                subject = f"{code} at {event.version}"
                self._note("a condition follows on the last", subject, str(told.before), str(unit.condition))
            unit.condition = told.after

    async def compare(
        self, connection: store.Connection, units: Iterable[Unit], *, whole: bool = False
    ) -> list[Mismatch]:
        """What differs between the fold and the tables: units, and bookings told of since the last compare or all."""
        found, self.mismatches = self.mismatches, []
        by_id = {unit.id: unit for unit in units}
        for unit in by_id.values():
            mine = self.units.get(unit.code)
            theirs = UnitFold(unit.shown_status, unit.shown_since, unit.condition)
            if mine != theirs:
                found.append(Mismatch(self.site.slug, "journal = unit", unit.code, str(theirs), str(mine)))
        if len(by_id) != len(self.units):
            found.append(Mismatch(self.site.slug, "journal = units", "count", str(len(by_id)), str(len(self.units))))
        rows = await store.bookings(connection, self.site.id, None if whole else self.changed)
        expected = len(self.bookings) if whole else len(self.changed)
        if len(rows) != expected:
            found.append(Mismatch(self.site.slug, "journal = bookings", "count", str(len(rows)), str(expected)))
        for booking in rows:
            view = booking_view(booking, self.site.slug, by_id)
            if view != self.bookings.get(booking.id):
                told = str(self.bookings.get(booking.id))
                found.append(Mismatch(self.site.slug, "journal = booking", str(booking.id), str(view), told))
        self.changed.clear()
        return found

    def _note(self, rule: str, subject: str, recorded: str, expected: str) -> None:
        self.mismatches.append(Mismatch(self.site.slug, rule, subject, recorded, expected))
