"""Reading calendars that others wrote (RFC 5545): which stretches of time they say are taken. Run as a program it reads
one from its input, within bounds of time and memory, so that no calendar can hold up who asked for it.

It takes out of a calendar no words that could name a person. Which instants a local time or a day means is for who
knows the place. Refuses what is cut off or is no calendar.
"""

import re
import sys
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import zip_longest
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrulestr
from icalendar import Calendar

from holdfast.domain.local_time import resolve

CPU_S_MAX = 20
MEMORY_BYTES_MAX = 2 << 30
STRETCHES_MAX = 2_000
UID_CHARS_MAX = 500
SLACK = timedelta(days=2)
"""What local times may lie apart from instants, and a bit."""
_DAY = timedelta(days=1)
_FIRST, _LAST = datetime(2, 1, 1), datetime(9998, 1, 1)
"""Between which a time can be moved by days and stay one."""
_END = b"END:VCALENDAR"
_PLAIN_WORDS = re.compile(
    r"(not available|unavailable|blocked|closed|reserved|booked|busy|occupied|maintenance|out of service)",
    re.IGNORECASE,
)
Event = Any
"""A component of the library, whose properties may be of any of its types."""
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError)
"""What a property raises that is not what it must be."""


class Stretch(msgspec.Struct, frozen=True):
    """Time that an event takes: `start` and `end` (excluded) are instants, times on the clock of wherever it is, or
    dates, as `kind` says. `recurrence` tells occurrences of one event apart. `word` is one of a few, or nothing."""

    uid: str
    recurrence: str
    kind: Literal["instant", "local", "day"]
    start: str
    end: str
    word: str = ""


class Read(msgspec.Struct, frozen=True):
    """What a calendar says is taken; `unread` are events that cannot be understood. `problem` says why it is none."""

    stretches: list[Stretch] = []
    unread: int = 0
    problem: str | None = None


class _TooMany(Exception):
    pass


def read(text: bytes, since: datetime, until: datetime) -> Read:
    """What a calendar says is taken between two instants, give or take two days; whatever it is, this is an answer."""
    body = text.strip(b"\xef\xbb\xbf \t\r\n\x00")
    if not body[:15].upper().startswith(b"BEGIN:VCALENDAR"):
        shown = body[:40].decode("utf-8", "replace")
        return Read(problem=f"what was sent is no calendar: it begins with {shown!r}" if shown else "nothing was sent")
    if not body[-len(_END) :].upper().startswith(_END):
        return Read(problem="the calendar is cut off: its end is missing")
    try:
        calendar = Calendar.from_ical(body)
    except _UNREADABLE as error:
        return Read(problem=f"the calendar cannot be read: {str(error)[:200]}")
    found: list[Stretch] = []
    unread = 0
    by_uid: dict[str, list[Event]] = {}
    for number, event in enumerate(calendar.walk("VEVENT")):
        by_uid.setdefault(str(event.get("UID") or f"#{number}")[:UID_CHARS_MAX], []).append(event)
    try:
        for uid, events in by_uid.items():
            try:
                _take(found, list(_stretches(uid, events, since, until)))
            except _UNREADABLE:
                unread += len(events)
    except _TooMany:
        return Read(problem=f"the calendar has more than {STRETCHES_MAX} events ahead")
    return Read(found, unread)


def _take(found: list[Stretch], more: list[Stretch]) -> None:
    found.extend(more)
    if len(found) > STRETCHES_MAX:
        raise _TooMany


def _stretches(uid: str, events: list[Event], since: datetime, until: datetime) -> Iterator[Stretch]:
    """The occurrences of what has one UID: a series or single event, and those that were moved or cancelled."""
    latest: dict[str, Event] = {}
    for event in events:
        key = _key(event["RECURRENCE-ID"].dt) if event.get("RECURRENCE-ID") is not None else ""
        known = latest.get(key)
        if known is None or int(known.get("SEQUENCE", 0)) <= int(event.get("SEQUENCE", 0)):
            latest[key] = event
    changed = latest.keys() - {""}
    for key, event in latest.items():
        if not key and any(event.get(name) is not None for name in ("RRULE", "RDATE")):
            yield from _series(uid, event, {name: latest[name] for name in changed}, since, until)
        elif not _is_free(event):
            start, length = _times(event)
            if (stretch := _stretch(uid, key, start, length, event, since, until)) is not None:
                yield stretch


def _series(uid: str, event: Event, changed: dict[str, Event], since: datetime, until: datetime) -> Iterator[Stretch]:
    """The occurrences of a series that are as its rule has them, or as one that was changed with all after it."""
    onwards = [each for each in changed.values() if _is_onwards(each)]
    if all(_is_free(each) for each in (event, *onwards)):
        return
    start, _ = _times(event)
    rulings = _rulings(event, onwards, start.tzinfo if isinstance(start, datetime) else None)
    begins = [ruling.since for ruling in rulings]
    earliest, latest = _looked_at(rulings, _naive(since), _naive(until))
    for count, one in enumerate(_recurring(event, start, earliest, latest)):
        if count > STRETCHES_MAX:
            raise _TooMany
        ruling = rulings[bisect_right(begins, _naive(one)) - 1]
        if (name := _key(one)) in changed or ruling.is_free:
            continue
        moved = _later(_naive(one), ruling.shift)
        at = moved.replace(tzinfo=ruling.start.tzinfo) if isinstance(ruling.start, datetime) else moved.date()
        if (stretch := _stretch(uid, name, at, ruling.length, ruling.event, since, until)) is not None:
            yield stretch


class _Ruling(NamedTuple):
    """What occurrences are like whose own time is not before `since`: as `event` has them, later by `shift`."""

    since: datetime
    event: Event
    start: date
    length: timedelta
    shift: timedelta
    is_free: bool


def _rulings(event: Event, onwards: list[Event], place: tzinfo | None) -> list[_Ruling]:
    """The series as it was made, and each of its occurrences that was changed with all after it, in their order."""
    found = [_Ruling(datetime.min, event, *_times(event), timedelta(), _is_free(event))]
    for each in onwards:
        at = _on_clock(each["RECURRENCE-ID"].dt, place)
        if _is_free(each):
            found.append(_Ruling(at, each, at, _DAY, timedelta(), is_free=True))
        else:
            start, length = _times(each)
            found.append(_Ruling(at, each, start, length, _naive(start) - at, is_free=False))
    return sorted(found, key=lambda ruling: ruling.since)


def _looked_at(rulings: list[_Ruling], since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The first and last of the series' own times that any ruling has between two times, or may have."""
    times = []
    for ruling, after in zip_longest(rulings, rulings[1:]):
        first = max(ruling.since, _later(since - ruling.length, -ruling.shift))
        last = _later(until, -ruling.shift)
        last = last if after is None else min(last, after.since)
        if not ruling.is_free and first - SLACK <= last + SLACK:
            times += [first, last]
    return (min(times), max(times)) if times else (until, since)


def _later(at: datetime, by: timedelta) -> datetime:
    """So much later, as far as there are years."""
    try:
        return min(max(at + by, _FIRST), _LAST)
    except OverflowError:
        return _FIRST if by < timedelta() else _LAST


def _is_onwards(event: Event) -> bool:
    """Whether it is an occurrence that was changed with all after it."""
    return str(event["RECURRENCE-ID"].params.get("RANGE", "")).upper() == "THISANDFUTURE"


def _is_free(event: Event) -> bool:
    """Whether it takes no time: it was called off, or only stands in the calendar."""
    is_off = str(event.get("STATUS", "")).upper() == "CANCELLED"
    return is_off or str(event.get("TRANSP", "")).upper() == "TRANSPARENT"


def _stretch(
    uid: str, name: str, start: date, length: timedelta, event: Event, since: datetime, until: datetime
) -> Stretch | None:
    """One occurrence; None when it lies outside of what is looked at, or takes no time."""
    end = start + length
    if length <= timedelta() or _naive(end) + SLACK < _naive(since) or _naive(start) - SLACK > _naive(until):
        return None
    kind: Literal["instant", "local", "day"] = "day"
    if isinstance(start, datetime) and isinstance(end, datetime):
        kind = "local" if start.tzinfo is None else "instant"
        if start.tzinfo is not None:
            # a length in days is one on the clock; one in hours is of real time
            is_days = length % _DAY == timedelta()
            start, after = _instant(start), _instant(end)
            end = after if is_days else start + length
    return Stretch(uid, name, kind, start.isoformat(), end.isoformat(), _word(str(event.get("SUMMARY", ""))))


def _times(event: Event) -> tuple[date, timedelta]:
    start: date = event["DTSTART"].dt
    if event.get("DTEND") is not None:
        end: date = event["DTEND"].dt
        if isinstance(start, datetime) and isinstance(end, datetime) and start.tzinfo != end.tzinfo:
            return start, _instant(end) - _instant(start)
        length = end - start
    elif event.get("DURATION") is not None:
        length = event["DURATION"].dt
    else:
        length = timedelta() if isinstance(start, datetime) else _DAY
    if not isinstance(start, datetime) and length <= timedelta():
        length = _DAY
    return start, length


def _recurring(event: Event, start: date, since: datetime, until: datetime) -> Iterator[date]:
    """The starts of a series: by its rules and further dates, without the excepted ones, on the clock of its zone."""
    place = start.tzinfo if isinstance(start, datetime) else None
    first, last = _naive(start), _naive(until) + SLACK
    excepted = {_on_clock(each, place) for each in _dates(event.get("EXDATE"))}
    found = {_on_clock(each, place) for each in _dates(event.get("RDATE"))}
    if event.get("RRULE") is None:
        found.add(first)
    rules = event.get("RRULE")
    for rule in rules if isinstance(rules, list) else [rules] if rules is not None else []:
        parts = dict(rule)
        ends = parts.pop("UNTIL", [None])[0]
        text = type(rule)(parts).to_ical().decode()
        limit = _until(ends, place)
        for count, each in enumerate(rrulestr(text, dtstart=first, cache=False)):
            if each > last or (limit is not None and each > limit):
                break
            if each + SLACK >= _naive(since):
                found.add(each)
            if len(found) > STRETCHES_MAX or count > 25 * STRETCHES_MAX:
                raise _TooMany
    for each in sorted(found - excepted):
        yield each.date() if not isinstance(start, datetime) else each.replace(tzinfo=place)


def _dates(given: Any) -> Iterator[date]:
    for each in given if isinstance(given, list) else [given] if given is not None else []:
        for one in each.dts:
            yield one.dt[0] if isinstance(one.dt, tuple) else one.dt


def _until(ends: date | None, place: tzinfo | None) -> datetime | None:
    if ends is None:
        return None
    return _on_clock(ends, place) if isinstance(ends, datetime) else datetime.combine(ends, time.max)


def _on_clock(given: date, place: tzinfo | None) -> datetime:
    """A time as the clock of a place shows it."""
    if isinstance(given, datetime) and given.tzinfo is not None and place is not None:
        given = given.astimezone(place)
    return _naive(given)


def _naive(given: date) -> datetime:
    if isinstance(given, datetime):
        return given.replace(tzinfo=None, fold=0)
    return datetime.combine(given, time())


def _instant(given: datetime) -> datetime:
    """As RFC 5545 has it: a local time that clocks skip counts by the offset before, one shown twice is the first."""
    if isinstance(given.tzinfo, ZoneInfo):
        return resolve(given.replace(tzinfo=None, fold=0), given.tzinfo).instant
    return given.astimezone(UTC)


def _key(given: date) -> str:
    if isinstance(given, datetime) and given.tzinfo is not None:
        return _instant(given).isoformat()
    return given.isoformat()


def _word(summary: str) -> str:
    """A word of the few that name nobody; a summary may hold a guest's name, and then nothing of it is kept."""
    found = _PLAIN_WORDS.search(summary)
    return found[1].lower() if found is not None else ""


def main() -> None:
    """Reads `since` and `until` (JSON, one line) and a calendar from the input; writes a `Read`."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows: who asked ends what takes too long
        pass
    else:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S_MAX, CPU_S_MAX))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    head = sys.stdin.buffer.readline()
    since, until = msgspec.json.decode(head, type=tuple[datetime, datetime])
    sys.stdout.buffer.write(msgspec.json.encode(read(sys.stdin.buffer.read(), since, until)))


if __name__ == "__main__":
    main()
