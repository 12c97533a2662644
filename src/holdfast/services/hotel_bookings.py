"""The public "hotel booking demand" file read as stays, and each stay as what happened to it, on which local hour.

The file says dates; the hours are ours, spread over the row numbers, so that two readings give the same story:
booked at arrival minus lead time; changed in even steps between booking and arrival (each change adds a night or
takes it back, so that the stay ends as recorded); cancelled at its status date; a guest who came checks in on the
afternoon of arrival into the room type that was assigned, and checks out on the morning of the status date.
A stay of 0 nights is day use, in the hours between check-out and check-in when a room stands empty anyway.
Refuses rows it cannot read, by number; never guesses a missing value.
"""

import csv
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import resolve

COLUMNS = (
    "hotel", "lead_time", "arrival_date_year", "arrival_date_month", "arrival_date_day_of_month",
    "stays_in_weekend_nights", "stays_in_week_nights", "adults", "children", "babies", "meal", "country",
    "market_segment", "reserved_room_type", "assigned_room_type", "booking_changes", "deposit_type", "customer_type",
    "adr", "reservation_status", "reservation_status_date",
)  # fmt: skip
KEPT = ("meal", "country", "market_segment", "deposit_type", "customer_type", "adr")
CHECK_IN, CHECK_OUT = time(15), time(11)
BOOKING_HOURS, ARRIVAL_HOURS, DEPARTURE_HOURS = (8, 11, 14, 19), (15, 18, 21), (8, 10)
CHANGES_EVERY_H = 12
CAME, CANCELLED, MISSED = "Check-Out", "Canceled", "No-Show"

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAY = timedelta(days=1)


class HotelFileError(Exception):
    """The file is not what it should be; the message says where and what was expected."""


class Stay(msgspec.Struct, frozen=True):
    """One row: a booking of one room, and what became of it on `decided_on`."""

    row: int
    hotel: str
    lead_days: int
    arrival: date
    nights: int
    reserved: str
    assigned: str
    changes: int
    outcome: str
    decided_on: date
    party: int
    details: dict[str, Any]

    @property
    def came(self) -> bool:
        return self.outcome == CAME


class Step(msgspec.Struct, frozen=True, order=True):
    """What is to be done for a stay at an instant: book, change, cancel, arrive or leave. `extra` nights are booked
    beyond the recorded ones from then on."""

    at: datetime
    row: int
    what: str
    extra: int = 0


def read_stays(lines: Iterable[str]) -> Iterator[Stay]:
    """The stays of a CSV text, in its order.

    Raises:
        HotelFileError: a column is missing, or a row cannot be read.
    """
    reader = csv.DictReader(lines)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise HotelFileError(f"This is no hotel bookings file: column {', '.join(missing[:3])} is missing.")
    for number, row in enumerate(reader, start=1):
        try:
            yield _stay(number, row)
        except (ValueError, KeyError, TypeError) as error:
            raise HotelFileError(f"Row {number} cannot be read: {error}.") from None


def generated_stays(count: int) -> Iterator[Stay]:
    """Stays of the real file's shape and mixture, where that file is not at hand; always the same ones."""
    for row in range(1, count + 1):

        def pick(what: str, choices: Sequence[Any], row: int = row) -> Any:
            return choices[zlib.crc32(f"{row} generated {what}".encode()) % len(choices)]

        outcome = pick("outcome", (CAME,) * 9 + (CANCELLED,) * 10 + (MISSED,))
        arrival = date(2015, 7, 1) + pick("day", range(max(30, min(550, count // 25)))) * _DAY
        lead = pick("lead", (0, 0, 1, 3, 8, 20, 45, 90, 150, 300))
        nights = pick("nights", (0, 1, 2, 2, 3, 3, 4, 7, 7, 14))
        reserved = pick("reserved", "AAAAAADDDEEG")
        decided = arrival + nights * _DAY
        if outcome == CANCELLED:
            decided = arrival - pick("notice", range(lead + 1)) * _DAY
        yield Stay(
            row, pick("hotel", ("Resort Hotel", "Resort Hotel", "City Hotel")), lead, arrival, nights, reserved,
            pick("assigned", (reserved,) * 6 + ("D",)), pick("changes", (0, 0, 0, 0, 0, 1, 2)), outcome,
            arrival if outcome == MISSED else decided, pick("party", (1, 2, 2, 2, 3)), {"generated": True},
        )  # fmt: skip


def interval_of(stay: Stay, zone: ZoneInfo, *, extra: int = 0) -> Interval:
    """The time a stay is booked for; day use when it has no night."""
    nights = stay.nights + extra
    if nights == 0:
        return Interval(_instant(stay.arrival, CHECK_OUT, zone), _instant(stay.arrival, CHECK_IN, zone))
    return Interval(_instant(stay.arrival, CHECK_IN, zone), _instant(stay.arrival + nights * _DAY, CHECK_OUT, zone))


def steps_of(stay: Stay, zone: ZoneInfo) -> list[Step]:
    """Everything that happens to a stay, in order. A no-show has no step of its own: the clock calls it."""
    booked_on = stay.arrival - stay.lead_days * _DAY
    hours = BOOKING_HOURS[:2] if stay.lead_days == 0 else BOOKING_HOURS
    booked = _instant(booked_on, time(_spread(stay, "book", hours)), zone)
    arrived = _arrival(stay, zone)
    last = arrived
    if stay.outcome == CANCELLED:
        # a cancellation may be recorded on the very day of the booking, but not before it
        cancelled = _instant(stay.decided_on, time(_spread(stay, "cancel", BOOKING_HOURS[:3])), zone)
        last = max(cancelled, booked + timedelta(hours=1))
    steps = [Step(booked, stay.row, "book", _extra_before(stay.changes, 0))]
    changes = stay.changes if stay.nights else 0
    for number in range(1, changes + 1):
        at = booked + (last - booked) * number / (changes + 1)
        at = at.replace(hour=at.hour // CHANGES_EVERY_H * CHANGES_EVERY_H, minute=0, second=0, microsecond=0)
        if booked < at < last:
            steps.append(Step(at, stay.row, "change", _extra_before(stay.changes, number)))
    if stay.outcome == CANCELLED:
        steps.append(Step(last, stay.row, "cancel"))
    elif stay.came:
        steps += [Step(arrived, stay.row, "arrive"), Step(_departure(stay, zone), stay.row, "leave")]
    return steps


def rooms_needed(stays: Iterable[Stay], zone: ZoneInfo) -> dict[str, int]:
    """Rooms per type so that every booking that stood, stood in a room of its own: the peak, over all nights and all
    moments, of bookings standing for the same night, in the type reserved until arrival and assigned from then on."""
    changes: dict[tuple[str, date], list[tuple[datetime, int]]] = {}
    for stay in stays:
        steps = steps_of(stay, zone)
        nights = [stay.arrival + n * _DAY for n in range(max(stay.nights, 1))]
        until = steps[-1].at if stay.outcome == CANCELLED else _arrival(stay, zone)
        if stay.outcome == MISSED:
            until += timedelta(hours=15)
        for night in nights:
            changes.setdefault((stay.reserved, night), []).extend([(steps[0].at, 1), (until, -1)])
            if stay.came:
                changes.setdefault((stay.assigned, night), []).append((until, 1))
    rooms: dict[str, int] = {}
    for (category, _), events in changes.items():
        standing = 0
        for _, step in sorted(events):
            standing += step
            rooms[category] = max(rooms.get(category, 1), standing)
    return dict(sorted(rooms.items()))


def _stay(number: int, row: dict[str, str]) -> Stay:
    arrival = date(
        int(row["arrival_date_year"]),
        _MONTHS.index(row["arrival_date_month"]) + 1,
        int(row["arrival_date_day_of_month"]),
    )
    outcome = row["reservation_status"]
    if outcome not in (CAME, CANCELLED, MISSED):
        raise ValueError(f"reservation_status {outcome!r} is not {CAME}, {CANCELLED} or {MISSED}")
    children = 0 if row["children"] == "NA" else int(row["children"])
    return Stay(
        row=number,
        hotel=row["hotel"],
        lead_days=int(row["lead_time"]),
        arrival=arrival,
        nights=int(row["stays_in_weekend_nights"]) + int(row["stays_in_week_nights"]),
        reserved=row["reserved_room_type"].strip(),
        assigned=row["assigned_room_type"].strip(),
        changes=int(row["booking_changes"]),
        outcome=outcome,
        decided_on=datetime.strptime(row["reservation_status_date"], "%m/%d/%Y").date(),
        party=int(row["adults"]) + children + int(row["babies"]),
        details={name: row[name] for name in KEPT},
    )


def _arrival(stay: Stay, zone: ZoneInfo) -> datetime:
    if stay.nights == 0:
        return _instant(stay.arrival, time(12), zone)
    return _instant(stay.arrival, time(_spread(stay, "arrive", ARRIVAL_HOURS)), zone)


def _departure(stay: Stay, zone: ZoneInfo) -> datetime:
    if stay.nights == 0:
        return _instant(stay.arrival, time(14), zone)
    if stay.decided_on <= stay.arrival:
        # left on the day of arrival after all
        return _instant(stay.arrival, time(22), zone)
    return _instant(stay.decided_on, time(_spread(stay, "leave", DEPARTURE_HOURS)), zone)


def _extra_before(changes: int, made: int) -> int:
    return (changes - made) % 2


def _spread(stay: Stay, what: str, hours: tuple[int, ...]) -> int:
    """One of the hours, the same for the same row and purpose."""
    return hours[zlib.crc32(f"{stay.row} {what}".encode()) % len(hours)]


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return resolve(datetime.combine(day, at), zone).instant
