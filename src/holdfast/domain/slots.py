"""Fixed slots of a day, as sports grounds sell them: their names, their intervals, and how to find one.

Refuses to know whether a slot is taken. Where clocks change, slots still follow each other without overlap:
one may last longer or shorter, and says so; one that clocks skip whole does not exist on that day.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.clock_minutes import DAY_MINUTES, at_minute, parse_clock, parse_span, refuse_setting
from holdfast.domain.errors import Refusal
from holdfast.domain.intervals import Interval
from holdfast.domain.local_time import as_given

SLOTS_MAX = 288
NAME_CHARS_MAX = 60
COVERED_DAYS_MAX = 366

_EXPECTED = '{"first": "08:00", "minutes": 60, "count": 11} or [{"name": "Morning", "from": "08:00", "to": "12:00"}]'
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_BLANKS = re.compile(r"\s+")
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class SlotTimes(msgspec.Struct, frozen=True, gc=False):
    """One slot of every day: minutes since local midnight, the end maybe on the next date."""

    name: str
    starts: int
    ends: int


class SlotRule(msgspec.Struct, frozen=True, gc=False):
    """The slots of a site in the order of the day, and the spellings by which each can be asked for."""

    slots: tuple[SlotTimes, ...]
    by_spelling: dict[str, int]
    by_start: dict[int, int]


class Slot(msgspec.Struct, frozen=True, gc=False):
    """A slot of one date; `index` counts from 0 over the rule; `note` says when clocks change during it."""

    name: str
    index: int
    interval: Interval
    note: str | None = None


def parse_slots(value: object, *, field: str = "slots") -> SlotRule:
    """Read the setting: equal slots in a row, or a list of named ones (the name may be left out).

    Raises: Refusal invalid_settings when malformed, when slots overlap, span more than a day or share a name.
    """
    if isinstance(value, Mapping):
        slots = _equal_slots(value, field)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        slots = _listed_slots(value, field)
    else:
        refuse_setting(field, value, _EXPECTED)
    for earlier, later in pairwise(slots):
        if later.starts < earlier.ends:
            refuse_setting(field, later.name, f"a start not before the end of {earlier.name!r}")
    if slots[-1].ends - slots[0].starts > DAY_MINUTES:
        refuse_setting(field, slots[-1].name, "all slots within 24 hours, so that days do not overlap")
    names = Counter(_spelling(each.name) for each in slots)
    for name, times in names.items():
        if times > 1:
            refuse_setting(field, name, "each name once")
    return SlotRule(
        slots=tuple(slots),
        by_spelling=_spellings(slots),
        by_start={each.starts % DAY_MINUTES: i for i, each in enumerate(slots)},
    )


def slots_of(rule: SlotRule, day: date, zone: ZoneInfo) -> list[Slot]:
    """The slots that start on that local date, in order; those that clocks skip whole are left out."""
    return [slot for i in range(len(rule.slots)) if (slot := _slot(rule, i, day, zone)) is not None]


def find_slot(rule: SlotRule, given: str | int, day: date, zone: ZoneInfo) -> Slot:
    """The slot of that name, start ("09:00"), span ("09:00-10:00") or index (from 0); case is free.

    Raises: Refusal unknown_slot when there is none, or clocks skip it on that date.
    """
    index: int | None = None
    if isinstance(given, str):
        if len(given) <= 2 * NAME_CHARS_MAX:
            index = rule.by_spelling.get(_spelling(given))
    elif type(given) is int and 0 <= given < len(rule.slots):
        index = given
    slot = None if index is None else _slot(rule, index, day, zone)
    if slot is not None:
        return slot
    names = [each.name for each in slots_of(rule, day, zone)]
    if index is None:
        raise Refusal("unknown_slot", given=as_given(given), slots=names)
    note = f"Clocks in {zone.key} skip {rule.slots[index].name!r} on {day}."
    raise Refusal("unknown_slot", given=as_given(given), slots=names, note=note)


def slots_covering(rule: SlotRule, interval: Interval, zone: ZoneInfo) -> list[Slot] | None:
    """The consecutive slots that fill the interval exactly; None when it is no such run."""
    length = interval.end - interval.start
    if length > COVERED_DAYS_MAX * _DAY:
        return None
    begins, ends = interval.start.astimezone(zone), interval.end.astimezone(zone)
    # Nearly every booking: one slot during which clocks do not change, so they can be read as they stand.
    if not begins.fold and not ends.fold and begins.utcoffset() == ends.utcoffset():
        index = rule.by_start.get(begins.hour * 60 + begins.minute)
        if index is not None and not begins.second and not begins.microsecond:
            times = rule.slots[index]
            if length == (times.ends - times.starts) * _MINUTE:
                return [Slot(times.name, index, interval)]
    found = _starting_at(rule, interval.start, zone)
    if found is None:
        return None
    slot, day = found
    covered = [slot]
    index = slot.index
    while slot.interval.end < interval.end:
        index += 1
        if index == len(rule.slots):
            index, day = 0, day + _DAY
        following = _slot(rule, index, day, zone)
        if following is None:
            continue
        if following.interval.start != slot.interval.end:
            return None
        slot = following
        covered.append(slot)
    return covered if slot.interval.end == interval.end else None


def spoken_time(rule: SlotRule | None, interval: Interval, zone: ZoneInfo) -> tuple[date, str]:
    """The date and the name by which people speak of a booked time: its slot's, where it is one, else the hours that
    clocks show. A slot after midnight belongs to the date on which its day began."""
    begins, ends = interval.start.astimezone(zone), interval.end.astimezone(zone)
    covered = slots_covering(rule, interval, zone) if rule is not None else None
    day = begins.date()
    if rule is not None and covered:
        day = _day_of(rule, covered[0], day, zone)
        if len(covered) == 1:
            return day, covered[0].name
    days = (ends.date() - begins.date()).days
    starts = begins.hour * 60 + begins.minute
    return day, slot_name(starts, days * DAY_MINUTES + ends.hour * 60 + ends.minute)


def slot_name(starts: int, ends: int) -> str:
    """The name of an unnamed slot, as people write it: "9-10 AM", "11 AM-12 PM", "9:30-10:30 AM"."""
    (first, half), (last, last_half) = _clock(starts), _clock(ends)
    # One AM or PM serves both ends only within one half of one day.
    if starts // 720 == ends // 720:
        return f"{first}-{last} {last_half}"
    return f"{first} {half}-{last} {last_half}"


def _clock(minute: int) -> tuple[str, str]:
    hour, rest = divmod(minute % DAY_MINUTES, 60)
    return f"{hour % 12 or 12}:{rest:02}" if rest else f"{hour % 12 or 12}", "PM" if hour >= 12 else "AM"


def _hours(minute: int) -> tuple[str, str, str]:
    """An hour as people write it before AM or PM: "9", "9:00", "09:00"."""
    hour, rest = divmod(minute % DAY_MINUTES, 60)
    return _clock(minute)[0], f"{hour % 12 or 12}:{rest:02}", f"{hour % 12 or 12:02}:{rest:02}"


def _slot(rule: SlotRule, index: int, day: date, zone: ZoneInfo) -> Slot | None:
    times = rule.slots[index]
    start, end = at_minute(day, times.starts, zone), at_minute(day, times.ends, zone)
    lasts, usual = (end - start) // _MINUTE, times.ends - times.starts
    if lasts == usual:
        return Slot(times.name, index, Interval(start, end))
    if lasts <= 0:
        return None
    note = f"Clocks change in {zone.key} on {day}: this slot lasts {lasts} minutes instead of {usual}."
    return Slot(times.name, index, Interval(start, end), note)


def _day_of(rule: SlotRule, slot: Slot, likely: date, zone: ZoneInfo) -> date:
    """The date whose slot this is: `likely`, or one before it, as days run past midnight and clocks may skip a date."""
    for day in (likely, likely - _DAY, likely - 2 * _DAY):
        found = _slot(rule, slot.index, day, zone)
        if found is not None and found.interval == slot.interval:
            return day
    return likely


def _starting_at(rule: SlotRule, instant: datetime, zone: ZoneInfo) -> tuple[Slot, date] | None:
    local = instant.astimezone(zone)
    today = local.date()
    likely = rule.by_start.get(local.hour * 60 + local.minute)
    if likely is not None:
        day = today - _DAY if rule.slots[likely].starts >= DAY_MINUTES else today
        slot = _slot(rule, likely, day, zone)
        if slot is not None and slot.interval.start == instant:
            return slot, day
    elif local.utcoffset() == (instant - _DAY).astimezone(zone).utcoffset():
        # Without a change of clocks a start shows on the clock as it is written.
        return None
    for day in (today, today - _DAY, today - 2 * _DAY):
        for slot in slots_of(rule, day, zone):
            if slot.interval.start == instant:
                return slot, day
    return None


def _equal_slots(value: Mapping[object, object], field: str) -> list[SlotTimes]:
    if set(value) != {"first", "minutes", "count"}:
        refuse_setting(field, sorted(map(str, value)), _EXPECTED)
    first = parse_clock(value["first"], f"{field}.first")
    minutes, count = value["minutes"], value["count"]
    if type(minutes) is not int or not 1 <= minutes <= DAY_MINUTES:
        refuse_setting(f"{field}.minutes", minutes, f"a whole number from 1 to {DAY_MINUTES}")
    if type(count) is not int or not 1 <= count <= SLOTS_MAX:
        refuse_setting(f"{field}.count", count, f"a whole number from 1 to {SLOTS_MAX}")
    if first == DAY_MINUTES or minutes * count > DAY_MINUTES:
        given = f"{count} slots of {minutes} minutes"
        refuse_setting(field, given, 'a start before "24:00" and at most 24 hours in all')
    starts = [first + i * minutes for i in range(count)]
    return [SlotTimes(slot_name(each, each + minutes), each, each + minutes) for each in starts]


def _listed_slots(value: Sequence[object], field: str) -> list[SlotTimes]:
    if not 1 <= len(value) <= SLOTS_MAX:
        refuse_setting(field, f"{len(value)} slots", f"1 to {SLOTS_MAX} slots")
    slots: list[SlotTimes] = []
    for i, each in enumerate(value):
        path = f"{field}[{i}]"
        if not isinstance(each, Mapping) or not {"from", "to"} <= set(each) <= {"name", "from", "to"}:
            refuse_setting(path, each, _EXPECTED)
        starts, ends = parse_span([each["from"], each["to"]], path)
        name = each.get("name")
        if name is None:
            name = slot_name(starts, ends)
        elif not isinstance(name, str) or not name.strip() or len(name) > NAME_CHARS_MAX:
            refuse_setting(f"{path}.name", name, f"a text of 1 to {NAME_CHARS_MAX} characters")
        slots.append(SlotTimes(name.strip(), starts, ends))
    return _in_order(slots)


def _in_order(slots: list[SlotTimes]) -> list[SlotTimes]:
    # A slot listed right behind one that ends at its start belongs to the same evening, also past midnight.
    placed: list[SlotTimes] = []
    for each in slots:
        follows = bool(placed) and placed[-1].ends % DAY_MINUTES == each.starts
        shift = placed[-1].ends - each.starts if follows else 0
        placed.append(SlotTimes(each.name, each.starts + shift, each.ends + shift))
    return sorted(placed, key=lambda each: each.starts)


def _spellings(slots: list[SlotTimes]) -> dict[str, int]:
    found = {_spelling(each.name): i for i, each in enumerate(slots)}
    others: dict[str, set[int]] = {}
    for i, each in enumerate(slots):
        for spelling in _other_spellings(each):
            others.setdefault(_spelling(spelling), set()).add(i)
    for spelling, owners in others.items():
        if len(owners) == 1:
            found.setdefault(spelling, next(iter(owners)))
    return found


def _other_spellings(slot: SlotTimes) -> Iterable[str]:
    (_, half), (_, last_half) = _clock(slot.starts), _clock(slot.ends)
    for first, last in zip(_hours(slot.starts), _hours(slot.ends), strict=True):
        # Clients of the system this replaces write "11-12 PM" for the hour before noon.
        yield from (f"{first}-{last} {last_half}", f"{first} {half}-{last} {last_half}", f"{first} {half}")
    start, end = slot.starts % DAY_MINUTES, slot.ends % DAY_MINUTES
    for pattern in ("{}:{:02}", "{:02}:{:02}"):
        opens = pattern.format(start // 60, start % 60)
        yield opens
        yield f"{opens}-{pattern.format(end // 60, end % 60)}"
        if end == 0:
            yield f"{opens}-24:00"


def _spelling(text: str) -> str:
    return _BLANKS.sub("", _DASHES.sub("-", text)).casefold()
