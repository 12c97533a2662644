"""Reading the times of a request: instants, local times, slots of a day, nights of a stay.

Whatever a rule had to resolve (a local hour that does not exist, or exists twice) is told as a note.
"""

from datetime import UTC, date, datetime, time
from typing import NoReturn, Protocol

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import local_date, parse_date, parse_instant, resolve
from holdfast.domain.opening import find_slot, nights
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site

_DATE_CHARS = 10

Read = tuple[datetime, datetime | None, tuple[str, ...]]


class Timed(Protocol):
    """A request that says when: in one of the ways there are."""

    @property
    def start(self) -> str | None: ...
    @property
    def end(self) -> str | None: ...
    @property
    def slot(self) -> str | int | None: ...
    @property
    def date(self) -> str | None: ...
    @property
    def nights(self) -> int | None: ...


def read_interval(site: Site, request: Timed, now: datetime | None) -> Read:
    """Start, end and notes. `now` is the start of a walk-in, the only request that may name neither; None: no walk-in.

    Raises:
        Refusal: `invalid_time`, `invalid_request`, `unknown_slot`, naming the field.
    """
    if request.slot is not None:
        return _read_slot(site, request)
    if request.nights is not None:
        if now is not None and getattr(request, "walk_in", False):
            _check_arrival(site, request, now)
        return _read_nights(site, request)
    if request.date is not None:
        _refuse("date", "needs a `slot` or `nights` beside it")
    if now is not None and getattr(request, "walk_in", False):
        return _read_walk_in(site, request, now)
    if request.start is None:
        _refuse("from", "say when: `from` and `to`, or `slot` and `date`, or `date` and `nights`")
    if request.end is None:
        _refuse("to", "is missing; only a walk-in may leave it out")
    if len(request.start) == _DATE_CHARS and len(request.end) == _DATE_CHARS and _sells_nights(site):
        count = (parse_date(request.end, field="to") - parse_date(request.start, field="from")).days
        if count < 1:
            raise Refusal("invalid_time", field="to", problem="is not after `from`")
        return _stay(site, parse_date(request.start, field="from"), count)
    start = parse_instant(request.start, site.zone, field="from")
    end = parse_instant(request.end, site.zone, field="to")
    if start.note is None and end.note is None:
        return start.instant, end.instant, ()
    return start.instant, end.instant, tuple(note for note in (start.note, end.note) if note is not None)


def read_start(site: Site, text: str, notes: list[str], *, field: str = "from") -> datetime:
    """An instant; for sites that sell nights a date alone means its check-in hour.

    Raises:
        Refusal: `invalid_time`.
    """
    if len(text) == _DATE_CHARS and _sells_nights(site):
        return _at(site, parse_date(text, field=field), site.check_in, notes)
    return _read(site, text, notes, field)


def read_end(site: Site, text: str, notes: list[str], *, field: str = "to") -> datetime:
    """An instant; for sites that sell nights a date alone means its check-out hour.

    Raises:
        Refusal: `invalid_time`.
    """
    if len(text) == _DATE_CHARS and _sells_nights(site):
        return _at(site, parse_date(text, field=field), site.check_out, notes)
    return _read(site, text, notes, field)


def _at(site: Site, day: date, clock: time, notes: list[str]) -> datetime:
    read = resolve(datetime.combine(day, clock), site.zone)
    if read.note is not None:
        notes.append(read.note)
    return read.instant


def _read(site: Site, text: str, notes: list[str], field: str) -> datetime:
    read = parse_instant(text, site.zone, field=field)
    if read.note is not None:
        notes.append(read.note)
    return read.instant


def _read_walk_in(site: Site, request: Timed, now: datetime) -> Read:
    if request.start is not None:
        _refuse("from", "a walk-in starts now; leave `from` out")
    notes: list[str] = []
    end = read_end(site, request.end, notes) if request.end is not None else None
    return now.astimezone(UTC), end, tuple(notes)


def _read_slot(site: Site, request: Timed) -> Read:
    for name, other in (("from", request.start), ("to", request.end), ("nights", request.nights)):
        if other is not None:
            _refuse(name, "give `slot` and `date`, or `from` and `to`, not both")
    if request.date is None:
        _refuse("date", "say on which date the slot is meant")
    if site.slots is None:
        _refuse("slot", "this site has no slots; give `from` and `to`")
    assert request.slot is not None
    slot = find_slot(site.slots, request.slot, parse_date(request.date), site.zone)
    return slot.interval.start, slot.interval.end, (slot.note,) if slot.note is not None else ()


def _read_nights(site: Site, request: Timed) -> Read:
    if request.end is not None:
        _refuse("to", "give `nights` or `to`, not both")
    given = request.date if request.date is not None else request.start
    name = "date" if request.date is not None else "from"
    if given is None or (request.date is not None and request.start is not None):
        _refuse("date", "say on which date the guest arrives")
    if not _sells_nights(site):
        _refuse("nights", "this site does not sell nights; give `from` and `to`")
    assert request.nights is not None
    return _stay(site, parse_date(given, field=name), request.nights)


def _check_arrival(site: Site, request: Timed, now: datetime) -> None:
    """Who walks in is there: a later date would take the room for all the nights until then."""
    name, given = ("date", request.date) if request.date is not None else ("from", request.start)
    if given is not None and parse_date(given, field=name) > local_date(now, site.zone):
        _refuse(name, "a walk-in arrives now; give today's date, or book without `walk_in`")


def _stay(site: Site, arrival: date, count: int) -> Read:
    interval, notes = nights(arrival, count, check_in=site.check_in, check_out=site.check_out, zone=site.zone)
    return interval.start, interval.end, notes


def _sells_nights(site: Site) -> bool:
    return policy_of(site.kind).overstays


def _refuse(name: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=name, problem=problem)
