"""Journal lines as the events that clients of the replaced systems listen to.

`booking.approved` is told as `booking:approved` with `{booking}`: in full, in the former shape, for staff and the
booker; for everybody else only ground, date, time and status. What else changes which slots are vacant is told as
`slots:changed` with `{ground}`. Refuses to tell strangers whose a booking is.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from holdfast.domain.intervals import Interval
from holdfast.domain.sites import Site
from holdfast.domain.slots import spoken_time
from holdfast.domain.wire import BookingView
from holdfast.realtime.frames import Frame
from holdfast.services.former_grounds import booking_as_before, names_of
from holdfast.services.sites import Sites

NAMES_MAX = 5_000
"""Units of one site whose names are kept."""
_PREFIX = "booking."
_TAKING = frozenset({"block.created", "block.removed", "unit.condition_changed"})
_RENAMING = frozenset({"unit.created", "unit.changed"})


class Told(msgspec.Struct, frozen=True):
    """What is told of one journal line. `slots` are the units it is about, each as strangers are told of it; `left`
    those that it no longer is; `booker` are the names under which its customer may listen; `full` is None when there is
    no more to know of it."""

    event: str
    version: int
    slots: dict[str, dict[str, Any]]
    full: dict[str, Any] | None = None
    left: dict[str, dict[str, Any]] = {}
    booker: tuple[str, ...] = ()
    then: "Told | None" = None
    """What is told behind it, of the same line."""


class _Line(msgspec.Struct):
    booking: BookingView
    from_units: tuple[str, ...] = ()
    from_start: datetime | None = None
    from_end: datetime | None = None


_line = msgspec.json.Decoder(_Line).decode


class Teller:
    """Tells journal lines of one site in its words; keeps the names of its units."""

    def __init__(self, reads: asyncpg.Pool, sites: Sites, slug: str) -> None:
        self._reads = reads
        self._sites = sites
        self._slug = slug
        self._names: dict[str, str] = {}

    async def told(self, frame: Frame) -> Told | None:
        """What is told of a line; None for one that clients are not told of.

        Raises:
            the database's failures, when it has to ask for names.
        """
        if frame.type in _TAKING:
            names = await self._names_of(await self._sites.find(self._slug), set(frame.units))
            slots = {code: {"ground": names.get(code, code)} for code in sorted(frame.units)}
            return Told("slots:changed", frame.version, slots)
        if not frame.type.startswith(_PREFIX):
            if frame.type in _RENAMING:
                self._names.clear()
            elif frame.type == "site.changed":
                # perhaps by another process, whose change is not heard of otherwise
                self._sites.forget((await self._sites.find(self._slug)).id)
            return None
        try:
            line = _line(frame.data)
        except msgspec.MsgspecError:
            return None
        site = await self._sites.find(self._slug)
        names = await self._names_of(site, {*line.booking.units, *line.from_units})
        return _told(site, frame, line, names)

    async def _names_of(self, site: Site, codes: set[str]) -> Mapping[str, str]:
        missing = codes - self._names.keys()
        if missing:
            found = await names_of(self._reads, site, missing)
            if len(self._names) + len(missing) > NAMES_MAX:
                self._names = {code: name for code, name in self._names.items() if code in codes}
            self._names.update({code: found.get(code, code) for code in missing})
        return self._names


def booker_key(given: str) -> str:
    """A roll number, reference or e-mail in the one form in which they are compared."""
    return given.strip().casefold()


def _told(site: Site, frame: Frame, line: _Line, names: Mapping[str, str]) -> Told:
    booking = line.booking
    day, label = spoken_time(site.slots, Interval(booking.start, booking.end), site.zone)
    moved = _moved(site, line, names)
    slots = {
        code: {
            "booking": {
                "ground": names.get(code, code), "date": day.isoformat(), "time": label, "status": booking.state,
            },
            **moved,
        }
        for code in booking.units
    }  # fmt: skip
    any_slot = next(iter(slots.values()), None)
    left = {code: any_slot for code in line.from_units if code not in slots and any_slot is not None}
    who = booking.customer
    booker = tuple({booker_key(name) for name in (who.reference, who.email) if name and name.strip()})
    full = {"booking": booking_as_before(site, booking, names), **moved}
    event = "booking:" + frame.type.removeprefix(_PREFIX)
    return Told(event, frame.version, slots, msgspec.to_builtins(full), left, booker)


def _moved(site: Site, line: _Line, names: Mapping[str, str]) -> dict[str, Any]:
    """Where a booking was before, for an event that moved it."""
    if line.from_start is None or line.from_end is None:
        return {}
    day, label = spoken_time(site.slots, Interval(line.from_start, line.from_end), site.zone)
    grounds = ", ".join(names.get(code, code) for code in line.from_units)
    return {"from": {"ground": grounds, "date": day.isoformat(), "time": label}}
