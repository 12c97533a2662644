"""Debian's cron as a simulation of its own: the minute loop of the daemon over virtual time, and random crontab lines
with the sets they mean. It shares no code with what it is held against."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

MINUTE = timedelta(minutes=1)
SMALL, LARGE = 5, 180
NO_PLACES = {"localtime", "posixrules", "Factory"}


@dataclass(frozen=True)
class Line:
    """A crontab line: its text, and what each field holds."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def fits(self, local: datetime) -> bool:
        if local.minute not in self.minutes or local.hour not in self.hours or local.month not in self.months:
            return False
        fields = self.text.split()
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        if fields[2].startswith("*") or fields[4].startswith("*"):
            return day and weekday
        return day or weekday

    @property
    def is_wild(self) -> bool:
        minute, hour, *_ = self.text.split()
        return minute.startswith("*") or hour.startswith("*")


def random_line(chance: random.Random) -> Line:
    fields = [
        _field(chance, 0, 59, star=0.25),
        _field(chance, 0, 23, star=0.35),
        _field(chance, 1, 31, star=0.7),
        _field(chance, 1, 12, star=0.9),
        _field(chance, 0, 6, star=0.7),
    ]
    text = " ".join(said for said, _ in fields)
    return Line(text, *(frozenset(held) for _, held in fields))


def _field(chance: random.Random, low: int, high: int, *, star: float) -> tuple[str, set[int]]:
    if chance.random() < star:
        if chance.random() < 0.6:
            return "*", set(range(low, high + 1))
        step = chance.randint(1, high - low + 1)
        return f"*/{step}", set(range(low, high + 1, step))
    parts, held = [], set()
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        first = chance.randint(low, high)
        last = chance.randint(first, high)
        match chance.randint(0, 3):
            case 0:
                step = chance.randint(1, high - low + 1)
                parts.append(f"{first}-{last}/{step}")
                held |= set(range(first, last + 1, step))
            case 1:
                parts.append(f"{first}-{last}")
                held |= set(range(first, last + 1))
            case _:
                parts.append(str(first))
                held.add(first)
    return ",".join(parts), held


def daemon(line: Line, begin: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants in [begin, end) at which the daemon starts the line. It wakes whenever the local minute becomes
    another, and does for each distance from its virtual time what Debian's does."""
    ran: list[datetime] = []
    virtual: int | None = None
    for instant in _wakings(begin, end, zone):
        running = _local_minute(instant, zone)
        ahead = 1 if virtual is None else running - virtual
        if ahead == 1:
            virtual = running
            runs = _runs(line, running, wild=True, fixed=True)
        elif SMALL < ahead <= LARGE:
            runs = _runs(line, running, wild=True, fixed=False)
            for minute in range(virtual + 1, running + 1):
                runs = runs or _runs(line, minute, wild=False, fixed=True)
            virtual = running
        elif 0 < ahead <= SMALL:
            runs = any(_runs(line, minute, wild=True, fixed=True) for minute in range(virtual + 1, running + 1))
            virtual = running
        elif -LARGE < ahead <= 0:
            runs = _runs(line, running, wild=True, fixed=False)
        else:
            virtual = running
            runs = _runs(line, running, wild=True, fixed=True)
        if runs:
            ran.append(instant)
    return ran


def _runs(line: Line, minute: int, *, wild: bool, fixed: bool) -> bool:
    local = datetime(1970, 1, 1) + minute * MINUTE
    return (wild if line.is_wild else fixed) and line.fits(local)


def _local_minute(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return (instant - datetime(1970, 1, 1, tzinfo=UTC) + offset) // MINUTE


def _wakings(begin: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """When the local minute becomes another: whole minutes of the offset in force, and the changes themselves."""
    offset = begin.astimezone(zone).utcoffset()
    found, at = [], begin + (datetime(1970, 1, 1, tzinfo=UTC) - begin - offset) % MINUTE
    while at < end:
        found.append(at)
        offset = at.astimezone(zone).utcoffset()
        beyond = (at - datetime(1970, 1, 1, tzinfo=UTC) + offset) % MINUTE
        later = at + MINUTE - beyond
        if later.astimezone(zone).utcoffset() != offset:
            second = timedelta(seconds=1)
            later = next(
                at + n * second for n in range(1, 61) if _local_minute(at + n * second, zone) != _local_minute(at, zone)
            )
        at = later
    return found


@cache
def changes_of(name: str, first_year: int = 1970, last_year: int = 2037) -> tuple[datetime, ...]:
    """When the clocks of a zone changed, found by looking at the offset each week or so."""
    zone, found = ZoneInfo(name), []
    at = datetime(first_year, 1, 2, tzinfo=UTC)
    end = datetime(last_year, 12, 31, tzinfo=UTC)
    before = at.astimezone(zone).utcoffset()
    day = timedelta(days=8)
    while at < end:
        there = (at + day).astimezone(zone).utcoffset()
        if there != before:
            low, high = 0, 8 * 86_400
            while high - low > 1:
                middle = (low + high) // 2
                is_before = (at + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before
                low, high = (middle, high) if is_before else (low, middle)
            found.append(at + timedelta(seconds=high))
            before = there
        at += day
    return tuple(found)


def zones() -> list[str]:
    return sorted(available_timezones() - NO_PLACES)
