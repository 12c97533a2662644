"""The only place that turns local clocks into instants and back.

The rule for a local time that clocks skip: as far behind the end of the gap as it lay behind the gap's start
(02:30 in a one-hour gap means 03:30). For one that occurs twice: the first. Both are said in a note.
Refuses to know what the times are for, and to guess the zone of a text without offset: the caller names it.
"""

import difflib
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from holdfast.domain.errors import Refusal

YEAR_MIN = 1970
YEAR_MAX = 2200
GIVEN_CHARS_MAX = 60

INSTANT_EXPECTED = "a date and time such as 2026-03-08T09:00:00Z, 2026-03-08T09:00:00+05:30 or 2026-03-08T09:00"
DATE_EXPECTED = "a date such as 2026-03-08"
YEARS_EXPECTED = f"a year from {YEAR_MIN} to {YEAR_MAX}"

_EARLIEST = datetime(YEAR_MIN, 1, 1, tzinfo=UTC)
_LATEST = datetime(YEAR_MAX + 1, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"([0-9]{4})-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"([Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Real entries of the time zone database that are no place: the machine's own zone, and a filler.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_MIDNIGHT = time()

_zones: dict[str, ZoneInfo] = {}


class Resolved(msgspec.Struct, frozen=True, gc=False):
    """The UTC instant that a text or local time means; `note` is one sentence when a rule had to decide."""

    instant: datetime
    note: str | None = None


def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name, the same object for the same name.

    Raises: Refusal invalid_settings for a name that the time zone database does not have.
    """
    try:
        return _zones[name]
    except (KeyError, TypeError):
        if not isinstance(name, str) or name not in _zone_names():
            raise _unknown_zone(name) from None
        return _zones.setdefault(name, ZoneInfo(name))


def resolve(local: datetime, zone: ZoneInfo) -> Resolved:
    """The instant of a naive local time; monotone except inside a gap, where the note says so."""
    if local.tzinfo is not None or local.fold:
        local = _plain(local)
    # fold=0 asks for the offset before a change of clocks, fold=1 for the one after it; away from changes
    # they are one object. The rule for gaps and for folds alike is the offset before.
    before = zone.utcoffset(local)
    after = zone.utcoffset(local.replace(fold=1))
    assert before is not None and after is not None
    instant = (local - before).replace(tzinfo=UTC)
    if before is after or before == after:
        return Resolved(instant)
    return Resolved(instant, _note(local, instant, zone, is_gap=before < after))


def reached(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the zone's clocks first show `local` or later: monotone, unlike `resolve`.

    Meant for boundaries (opening, closing, midnight): one inside a gap falls on the jump itself.
    """
    if local.tzinfo is not None or local.fold:
        local = _plain(local)
    before = zone.utcoffset(local)
    after = zone.utcoffset(local.replace(fold=1))
    assert before is not None and after is not None
    if before is after or before >= after:
        return (local - before).replace(tzinfo=UTC)
    return _jump(local, zone, before=before, after=after)


def to_local(instant: datetime, zone: ZoneInfo) -> datetime:
    """What clocks in the zone show, aware with their offset; `.replace(tzinfo=None)` gives the naive form."""
    return instant.astimezone(zone)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar date in the zone at that instant."""
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local date; a date that clocks skipped whole starts and ends at the jump."""
    return reached(datetime.combine(day, _MIDNIGHT), zone)


def day_exists(day: date, zone: ZoneInfo) -> bool:
    """False for a date that the zone left out (Apia had no 2011-12-30)."""
    return start_of_day(day, zone) < start_of_day(day + _DAY, zone)


def parse_instant(text: str, zone: ZoneInfo, *, field: str = "time") -> Resolved:
    """Read RFC 3339 with an offset, or a local time without one in `zone`; seconds may be missing.

    Digits beyond the microsecond are cut off. A note is set only where `resolve` sets one.
    Raises: Refusal invalid_time for any other text, and outside the years 1970 to 2200.
    """
    match = _INSTANT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Refusal("invalid_time", field=field, given=as_given(text), expected=INSTANT_EXPECTED)
    # One year of slack on both sides lets the exact bound below be asked without an overflow.
    if not YEAR_MIN - 1 <= int(match[1]) <= YEAR_MAX + 1:
        raise Refusal("invalid_time", field=field, given=as_given(text), expected=YEARS_EXPECTED)
    try:
        read = datetime.fromisoformat(text.upper())
    except ValueError:
        raise Refusal("invalid_time", field=field, given=as_given(text), expected=INSTANT_EXPECTED) from None
    resolved = resolve(read, zone) if match[2] is None else Resolved(read.astimezone(UTC))
    if not _EARLIEST <= resolved.instant < _LATEST:
        raise Refusal("invalid_time", field=field, given=as_given(text), expected=YEARS_EXPECTED)
    return resolved


def parse_date(text: str, *, field: str = "date") -> date:
    """Read YYYY-MM-DD and nothing else.

    Raises: Refusal invalid_time for any other text, and outside the years 1970 to 2200.
    """
    if isinstance(text, str) and _DATE.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            day = None
        if day is not None and YEAR_MIN <= day.year <= YEAR_MAX:
            return day
        if day is not None:
            raise Refusal("invalid_time", field=field, given=as_given(text), expected=YEARS_EXPECTED)
    raise Refusal("invalid_time", field=field, given=as_given(text), expected=DATE_EXPECTED)


def as_given(value: object) -> str:
    """A value as a refusal repeats it: short, and safe to encode."""
    # A lone surrogate can arrive in JSON, and would break the answer that quotes it.
    return str(value)[:GIVEN_CHARS_MAX].encode("utf-8", "replace").decode()


def _plain(local: datetime) -> datetime:
    if local.tzinfo is not None:
        raise ValueError("a local time must be naive; use astimezone for one that has an offset")
    return local.replace(fold=0)


def _note(local: datetime, instant: datetime, zone: ZoneInfo, *, is_gap: bool) -> str:
    shown = f"{local.date()} {_clock(local)}"
    actual = instant.astimezone(zone)
    if is_gap:
        instead = _clock(actual) if actual.date() == local.date() else f"{actual.date()} {_clock(actual)}"
        return f"{shown} does not exist in {zone.key}, where clocks jump ahead; {instead} is meant."
    offset = f"{actual:%z}"
    return f"{shown} occurs twice in {zone.key}; the first one (offset {offset[:3]}:{offset[3:5]}) is meant."


def _clock(local: datetime) -> str:
    return local.strftime("%H:%M:%S" if local.second else "%H:%M")


def _jump(local: datetime, zone: ZoneInfo, *, before: timedelta, after: timedelta) -> datetime:
    # zoneinfo does not show its transitions, but the gap brackets this one: not yet at `low`, over at `high`.
    low = (local - after).replace(tzinfo=UTC, microsecond=0)
    high = (local - before).replace(tzinfo=UTC, microsecond=0) + _SECOND
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_PLACES)


def _unknown_zone(name: object) -> Refusal:
    wanted = as_given(name).strip().lower().replace(" ", "_")
    names = sorted(_zone_names())
    folded = {each.lower(): each for each in names}
    hint = [folded[wanted]] if wanted in folded else []
    # People write the city alone; the database files it under its continent.
    hint += [each for each in names if wanted and each.lower().rsplit("/", 1)[-1] == wanted]
    hint += [folded[each] for each in difflib.get_close_matches(wanted, folded, n=3, cutoff=0.6)]
    return Refusal("invalid_settings", field="time_zone", given=as_given(name), hint=list(dict.fromkeys(hint))[:3])
