"""Instants and durations as people read them in a mail: in the site's zone, with the zone named, in their language."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec


class _Words(msgspec.Struct, frozen=True):
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    date: str
    clock: str
    until: str
    then: str
    hour: tuple[str, str]
    day: tuple[str, str]


_WORDS: Mapping[str, _Words] = {
    "en": _Words(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        (
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ),
        "{weekday}, {day} {month} {year}", "{clock}", "{start} to {end}", "then",
        ("hour", "hours"), ("day", "days"),
    ),
    "de": _Words(
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        (
            "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
            "November", "Dezember",
        ),
        "{weekday}, {day}. {month} {year}", "{clock} Uhr", "{start} bis {end}", "dann",
        ("Stunde", "Stunden"), ("Tag", "Tage"),
    ),
}  # fmt: skip


def spoken_instant(at: datetime, zone: ZoneInfo, language: str) -> str:
    """Such as `Monday, 2 March 2026, 10:00 (Europe/Berlin, UTC+1)`."""
    local = at.astimezone(zone)
    words = _WORDS[language]
    return f"{_date(local, words)}, {_clock(local, words)} ({_named(zone, _offset(local))})"


def spoken_interval(start: datetime, end: datetime, zone: ZoneInfo, language: str) -> str:
    """Such as `Monday, 2 March 2026, 10:00 to 11:00 (Europe/Berlin, UTC+1)`; both offsets when they differ."""
    first, last = start.astimezone(zone), end.astimezone(zone)
    words = _WORDS[language]
    if first.date() == last.date():
        begun = f"{first:%H:%M}" if _offset(first) == _offset(last) else _clock(first, words)
        spoken = f"{_date(first, words)}, {words.until.format(start=begun, end=_clock(last, words))}"
    else:
        spoken = words.until.format(
            start=f"{_date(first, words)}, {_clock(first, words)}", end=f"{_date(last, words)}, {_clock(last, words)}"
        )
    offsets = _offset(first)
    if offsets != _offset(last):
        offsets += f", {words.then} {_offset(last)}"
    return f"{spoken} ({_named(zone, offsets)})"


def spoken_hours(hours: int, language: str) -> str:
    """Such as `1 hour`, `36 hours`, `7 days`: whole days from two days on."""
    words = _WORDS[language]
    count, (one, many) = (hours // 24, words.day) if hours >= 48 and hours % 24 == 0 else (hours, words.hour)
    return f"{count} {one if count == 1 else many}"


def _date(local: datetime, words: _Words) -> str:
    return words.date.format(
        weekday=words.weekdays[local.weekday()], day=local.day, month=words.months[local.month - 1], year=local.year
    )


def _clock(local: datetime, words: _Words) -> str:
    return words.clock.format(clock=f"{local:%H:%M}")


def _named(zone: ZoneInfo, offsets: str) -> str:
    return offsets if offsets == zone.key else f"{zone.key}, {offsets}"


def _offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")
