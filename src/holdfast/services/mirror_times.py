"""Their times as instants: dates, local times, instants with an offset, seconds or milliseconds since 1970.

Refuses what can be read in two ways (08/03/2026), unless the owner says the format.
"""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.domain.local_time import YEAR_MAX, YEAR_MIN, resolve
from holdfast.domain.mirror import Rules

MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds; as seconds this is the year 5138."""
_MIDNIGHT = time()
_EXPECTED = "a date, or a date and time such as 2026-03-08T15:00 or 2026-03-08T09:30:00Z"


class Times:
    """How the times of their bookings are read: a local time in `zone`, a date in the site's zone, at the hours at
    which its stays begin and end."""

    def __init__(self, rules: Rules, zone: ZoneInfo, time_format: str | None = None) -> None:
        self._site = rules.site
        self._zone = zone
        self._format = time_format
        self._by_nights = rules.policy.kind == "hotel"
        self._instants: dict[tuple[date, time], datetime] = {}
        self.midnights = 0
        """How many bookings had midnights for both ends, and were read as dates."""

    def interval(self, start: Any, end: Any) -> tuple[datetime, datetime | None]:
        """The time of a booking. Without an end it is None.

        Raises:
            ValueError: with what is wrong with it, to stand behind the row's name.
        """
        first = self._read(start, "start")
        if first is None:
            raise ValueError("has no start")
        last = self._read(end, "end")
        if isinstance(first, datetime) and isinstance(last, datetime) and self._by_nights:
            days = self._day_of(first), self._day_of(last)
            if days[0] is not None and days[1] is not None:
                # an instant at midnight is how a date without a time is kept by many programs
                self.midnights += 1
                first, last = days[0], days[1]
        return self._ends(first, last)

    def _ends(self, first: date | datetime, last: date | datetime | None) -> tuple[datetime, datetime | None]:
        early, late = self._site.check_in, self._site.check_out
        if first == last and not isinstance(first, datetime):
            # day use: between one guest's leaving and the next one's arriving
            early, late = min(early, late), max(early, late)
        start = first if isinstance(first, datetime) else self._at(first, early)
        end = last if last is None or isinstance(last, datetime) else self._at(last, late)
        if end is not None and end <= start:
            raise ValueError("does not end after its start")
        return start, end

    def _read(self, value: Any, which: str) -> date | datetime | None:
        """An instant in UTC, or a date where only that is said."""
        try:
            found = self._found(value)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"has the {which} {str(value)[:40]!r}, which is not {self._format or _EXPECTED}") from None
        if found is None:
            return None
        if not YEAR_MIN < found.year < YEAR_MAX:
            raise ValueError(f"has the {which} {str(value)[:40]!r}, which is no year from {YEAR_MIN} to {YEAR_MAX}")
        if not isinstance(found, datetime):
            if not self._by_nights:
                raise ValueError(f"has the {which} {str(value)[:40]!r}, a date without a time of day")
            return found
        return found.astimezone(UTC) if found.tzinfo is not None else resolve(found, self._zone).instant

    def _found(self, value: Any) -> date | datetime | None:
        if value is None or value == "":
            return None
        if isinstance(value, date):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)
        text = str(value).strip()
        if self._format is not None:
            found = datetime.strptime(text, self._format)
            return found if any(mark in self._format for mark in ("%H", "%I", "%X", "%c", "%T")) else found.date()
        if text.isdigit() and len(text) > 8:
            return self._found(int(text))
        return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)

    def _at(self, day: date, hour: time) -> datetime:
        found = self._instants.get((day, hour))
        if found is None:
            found = self._instants[day, hour] = resolve(datetime.combine(day, hour), self._site.zone).instant
        return found

    def _day_of(self, instant: datetime) -> date | None:
        for zone in (self._site.zone, self._zone, UTC):
            local = instant.astimezone(zone)
            if local.time() == _MIDNIGHT:
                return local.date()
        return None


def plain(value: Any) -> Any:
    """What MongoDB's extended JSON means: `{"$oid": …}`, `{"$date": …}`, `{"$numberLong": …}` and the like."""
    if type(value) is not dict:
        return value
    if len(value) == 1:
        (name, inner), *_ = value.items()
        if name in ("$oid", "$uuid", "$symbol"):
            return inner
        if name in ("$numberInt", "$numberLong"):
            return int(inner)
        if name in ("$numberDouble", "$numberDecimal"):
            return float(inner)
        if name == "$date":
            inner = plain(inner)
            # a number is always milliseconds here, even a small one
            return datetime.fromtimestamp(inner / 1000, UTC) if isinstance(inner, int | float) else inner
    return value
