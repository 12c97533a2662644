"""Their rows understood: as units and live bookings that the domain can judge, and the rows that were not understood.

Refuses to guess what a word or a time means, and takes a unit out of the judgement when a booking that may be its
own was not understood: better nothing said of a room than something false.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from holdfast.domain.mirror import Discrepancy, Rules, TheirBooking, TheirUnit, conditions_by_status, spoken_unit
from holdfast.gateways.outside import Row, unknown
from holdfast.services.mirror_mapping import BookingPlace, MappingError, MirrorMapping, UnitPlace
from holdfast.services.mirror_sources import Source
from holdfast.services.mirror_times import Times, plain
from holdfast.services.mirror_words import Words, condition_words, folded, state_words, status_words

KEY, CODE, EITHER = "key", "code", "either"
USUAL: Mapping[str, tuple[str, ...]] = {
    # role → the names it usually has, the surest first; case and underscores do not count
    "unit key": ("id", "roomId", "systemId", "unitId", "groundId", "pcId", "uuid"),
    "unit code": (
        "roomNumber", "roomNo", "number", "room", "code", "pcNumber", "systemName", "pc", "name", "title", "label",
    ),
    "unit status": ("status", "roomStatus", "systemStatus", "state", "currentStatus"),
    "booking id": ("id", "bookingId", "reference", "bookingReference", "bookingNumber", "confirmationNumber"),
    "booking state": ("status", "bookingStatus", "state"),
    "booking start": (
        "checkIn", "checkInDate", "startDate", "arrivalDate", "arrival", "sessionStartTime", "startTime", "startsAt",
        "start", "from",
    ),
    "booking end": (
        "checkOut", "checkOutDate", "endDate", "departureDate", "departure", "sessionEndTime", "endTime", "endsAt",
        "end", "to",
    ),
    KEY: ("roomId", "systemId", "unitId", "groundId", "pcId"),
    CODE: ("roomNumber", "roomNo", "systemName", "pcNumber", "pcName", "groundName"),
    EITHER: ("room", "system", "unit", "pc", "ground"),
}  # fmt: skip


class NotUnderstood(msgspec.Struct, frozen=True):
    """A row that could not be read, and the unit that was not judged for it."""

    where: str
    problem: str
    unit: str | None = None


class UnitRow(msgspec.Struct, frozen=True, gc=False):
    """Where a unit of theirs is recorded: its row, its key, and the field and value of its status."""

    number: int
    key: Any
    field: str
    before: Any


class Understood(msgspec.Struct):
    """What the rows came to. `undecided` are units, by index, that cannot be judged."""

    units: list[TheirUnit] = []
    rows: list[UnitRow] = []
    bookings: list[TheirBooking] = []
    bookings_read: int = 0
    undecided: set[int] = set()
    over_is_recorded: bool = False
    discrepancies: list[Discrepancy] = []
    not_understood: list[NotUnderstood] = []
    midnights: int = 0
    key_field: str | None = None
    by: dict[str, dict[str, list[int]]] = {}
    """`key` and `code` → what they are → the units, by index."""


class _Reference(msgspec.Struct, frozen=True, gc=False):
    """A live booking, or one that may be, before it is known which unit it names."""

    where: str
    matches: str
    unit: str
    reference: str
    state: str | None
    start: datetime | None
    end: datetime | None
    problem: str | None = None


class UnitReader:
    """Reads their units. `words` are their statuses, to be written in as well."""

    def __init__(self, rules: Rules, mapping: MirrorMapping) -> None:
        self.words = status_words(rules.policy, mapping.words.units)
        self._conditions = condition_words(mapping.words.conditions)
        self._by_status = conditions_by_status(rules)
        self._rules = rules
        self._place: UnitPlace = mapping.units

    async def read(self, source: Source, into: Understood) -> None:
        place, named = self._place, source.named(self._place)
        known = await source.fields(place)
        keys = _names("unit key", place.key, known, named, vary=source.rows_vary)
        codes = _names("unit code", place.code, known, named, vary=source.rows_vary)
        statuses = _names("unit status", place.status, known, named, vary=source.rows_vary)
        conditions = _names("unit condition", place.condition, known, named) if place.condition else ()
        if not statuses or not (keys or codes):
            _refuse("status" if keys or codes else "code", known, named, "units")
        into.key_field = (keys or codes)[0]
        async for batch in source.rows(place, (*keys, *codes, *statuses, *conditions)):
            for row in batch:
                self._take(row, (keys, codes, statuses, conditions), into, named)
        _note_doubles(self._rules, into)

    def _take(self, row: Row, fields: tuple[tuple[str, ...], ...], into: Understood, named: str) -> None:
        if row.values is None:
            into.not_understood.append(NotUnderstood(f"{named}, row {row.number}", row.problem or "is no row"))
            return
        keys = [value for name in fields[0] if (value := _first(row.values, (name,))[1]) is not None]
        _, code = _first(row.values, fields[1])
        field, before = _first(row.values, fields[2])
        texts = dict.fromkeys(filter(None, map(_text, keys)))
        code_text = _text(code) or next(iter(texts), "")
        if not code_text:
            into.not_understood.append(NotUnderstood(f"{named}, row {row.number}", "has neither a code nor a key"))
            return
        number = len(into.units)
        means = self.words.read(_text(before))
        condition, keeps, problem = self._condition(row.values, fields[3], means)
        if not means:
            problem = f"has the status {self.words.unknown(_text(before))}" if _text(before) else "has no status"
        if problem is not None:
            into.undecided.add(number)
            into.not_understood.append(NotUnderstood(f"{named}, row {row.number}", problem, code_text))
        into.units.append(TheirUnit(code_text, means, condition, keeps))
        into.rows.append(UnitRow(row.number, keys[0] if keys else code, field, before))
        into.by.setdefault(CODE, {}).setdefault(code_text, []).append(number)
        for text in texts:
            into.by.setdefault(KEY, {}).setdefault(text, []).append(number)

    def _condition(
        self, values: dict[str, Any], fields: tuple[str, ...], means: tuple[str, ...]
    ) -> tuple[str | None, bool, str | None]:
        """The condition, whether it is kept beside the status, and what is wrong with it."""
        text = _text(_first(values, fields)[1]) if fields else ""
        if text:
            found = self._conditions.read(text)
            return (
                (found[0], True, None) if found else (None, True, f"has the condition {self._conditions.unknown(text)}")
            )
        return next((self._by_status[status] for status in means if status in self._by_status), None), False, None


class BookingReader:
    """Reads their bookings: only the live ones, for no other can make a status true."""

    def __init__(self, rules: Rules, mapping: MirrorMapping, times: Times) -> None:
        self._words: Words = state_words(rules.policy, mapping.words.bookings)
        self._rules = rules
        self._place: BookingPlace = mapping.bookings
        self._times = times
        self._named = ""

    async def read(self, source: Source, into: Understood) -> None:
        """Adds the bookings to the units that were read before.

        Raises:
            MappingError: a field is missing, or none of the live bookings names a unit that there is.
        """
        place, vary = self._place, source.rows_vary
        named = self._named = source.named(place)
        known = await source.fields(place)
        if not known:
            return
        given = {
            "booking id": place.id, "booking state": place.state, "booking start": place.starts_at,
            "booking end": place.ends_at,
        }  # fmt: skip
        fields = {role: _names(role, name, known, named, vary=vary) for role, name in given.items()}
        for role in ("booking state", "booking start", "booking end"):
            if not fields[role]:
                _refuse(role.removeprefix("booking "), known, named, "bookings")
        units = self._units(known, named, has_keys=KEY in into.by, vary=vary)
        live: list[_Reference] = []
        names = [
            *(name for found in fields.values() for name in found),
            *(name for _, found in units for name in found),
        ]
        async for batch in source.rows(place, names):
            for row in batch:
                self._take(row, fields, units, into, live)
        self._assign(live, into)
        into.midnights = self._times.midnights

    def _units(self, known: list[str], named: str, *, has_keys: bool, vary: bool) -> list[tuple[str, tuple[str, ...]]]:
        """By what a booking names its unit, and in which fields; the first field with a value counts."""
        if self._place.unit is not None:
            return [(self._place.matches or EITHER, _names(EITHER, self._place.unit, known, named, vary=vary))]
        found = [(how, _names(how, None, known, named, vary=vary)) for how in (KEY, CODE, EITHER)]
        found = [(how if has_keys or how != KEY else CODE, names) for how, names in found if names]
        if not found:
            _refuse("unit", known, named, "bookings")
        return found

    def _take(
        self,
        row: Row,
        fields: Mapping[str, tuple[str, ...]],
        units: list[tuple[str, tuple[str, ...]]],
        into: Understood,
        live: list[_Reference],
    ) -> None:
        into.bookings_read += 1
        where = f"{self._named}, row {row.number}"
        if row.values is None:
            into.not_understood.append(NotUnderstood(where, row.problem or "is no row"))
            return
        word = _text(_first(row.values, fields["booking state"])[1])
        states = self._words.read(word)
        if states and not self._rules.policy.holds_claim(states[0]):
            into.over_is_recorded = into.over_is_recorded or states[0] == _over(self._rules)
            return
        how, unit = next(
            ((how, text) for how, names in units if (text := _text(_first(row.values, names)[1]))), ("", "")
        )
        reference = _text(_first(row.values, fields["booking id"])[1]) or f"no. {row.number}"
        problem, start, end = None, None, None
        if not states:
            problem = f"has the state {self._words.unknown(word)}" if word else "has no state"
        elif not unit:
            problem = "names no unit"
        else:
            try:
                start, end = self._times.interval(
                    plain(_first(row.values, fields["booking start"])[1]),
                    plain(_first(row.values, fields["booking end"])[1]),
                )
            except (ValueError, TypeError, OverflowError, OSError) as error:
                problem = str(error)
            if problem is None and end is None and states[0] not in self._rules.policy.started_states:
                problem = "has no end"
        state = states[0] if states else None
        live.append(_Reference(f"{where} ({reference})", how, unit, reference, state, start, end, problem))

    def _assign(self, live: list[_Reference], into: Understood) -> None:
        either = _decided(live, into)
        matched = 0
        for each in live:
            numbers = into.by.get(either if each.matches == EITHER else each.matches, {}).get(each.unit, [])
            matched += bool(numbers)
            if each.problem is not None or len(numbers) > 1:
                into.undecided.update(numbers)
            if each.problem is not None:
                unit = into.units[numbers[0]].code if numbers else each.unit or None
                into.not_understood.append(NotUnderstood(each.where, each.problem, unit))
            elif not numbers:
                unit = spoken_unit(self._rules, each.unit)
                what = f"Booking {each.reference} ({each.state}) is of {unit}, which does not exist"
                into.discrepancies.append(Discrepancy("unknown_unit", each.unit, (each.reference,), what))
            else:
                assert each.state is not None and each.start is not None
                into.bookings += [
                    TheirBooking(each.reference, n, each.state, each.start, each.end) for n in numbers[:1]
                ]
        if into.units and any(each.unit for each in live) and not matched:
            raise MappingError(
                f"None of the {len(live)} live bookings names a {self._rules.policy.noun} that there is "
                f"(the first names {live[0].unit!r}, the first {self._rules.policy.noun} is {into.units[0].code!r}). "
                "Say in a mapping file which column refers to which: [bookings] unit and matches."
            )


def _decided(live: list[_Reference], into: Understood) -> str:
    """Whether a column that might hold either holds keys or codes: what more of its values are.

    Raises:
        MappingError: they are as many, of other units.
    """
    keys, codes = into.by.get(KEY, {}), into.by.get(CODE, {})
    texts = [each.unit for each in live if each.matches == EITHER]
    as_keys, as_codes = sum(text in keys for text in texts), sum(text in codes for text in texts)
    if as_keys == as_codes and any(keys.get(text) != codes.get(text) for text in texts):
        raise MappingError(
            f"The bookings' units, such as {texts[0]!r}, may be keys or codes. "
            "Say in a mapping file: [bookings] matches."
        )
    return KEY if as_keys > as_codes else CODE


def _note_doubles(rules: Rules, into: Understood) -> None:
    """Two units of one name: a booking of that name could be of either, and a row could not be told from the other."""
    has_keys, said = KEY in into.by, set()
    for how in (CODE, KEY):
        for text, numbers in into.by.get(how, {}).items():
            if len(numbers) == 1:
                continue
            if how == KEY or not has_keys:
                into.undecided.update(numbers)
            codes = frozenset(into.units[number].code for number in numbers)
            if codes not in said:
                said.add(codes)
                what = f"{len(numbers)} {rules.policy.noun}s have the same {'code' if how == CODE else 'id'}, {text}"
                into.discrepancies.append(Discrepancy("duplicate_unit", text, (), what))


def _over(rules: Rules) -> str | None:
    """The state of a booking that took place and is over."""
    machine = rules.policy.machine
    for row in machine.table.values():
        for cause, state in row.items():
            if cause in rules.policy.end_causes:
                return state
    return None


def _names(role: str, given: str | None, known: list[str], named: str, *, vary: bool = False) -> tuple[str, ...]:
    """The fields of a role: the one that is given, or the usual ones that are there.

    Raises:
        MappingError: the given one is not there.
    """
    if given is not None:
        top = given.partition(".")[0] if vary else given
        if known and top not in known:
            raise MappingError(f"{named}: {unknown('field' if vary else 'column', given, known)}")
        return (given,)
    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(folded(name), name)
    found = [by_fold[folded(usual)] for usual in USUAL[role] if folded(usual) in by_fold]
    return tuple(found if vary else found[:1])


def _first(values: Mapping[str, Any], names: Iterable[str]) -> tuple[str, Any]:
    """The first of these fields that has a value, and the value; dots lead into objects."""
    name = ""
    for name in names:
        value = values.get(name)
        if value is None and "." in name:
            value = values
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return name, value
    return name, None


def _text(value: Any) -> str:
    """A key, code or word as text, so that 102 and "102" are one."""
    if type(value) is str:
        return value.strip()
    if type(value) is dict:
        try:
            value = plain(value)
        except (ValueError, TypeError, OverflowError):
            return ""
    if value is None or isinstance(value, Mapping | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _refuse(role: str, known: list[str], named: str, section: str) -> None:
    listed = ", ".join(known[:20]) or "no fields at all"
    raise MappingError(
        f"{named} has no field that looks like the {role} of {section}; it has {listed}. "
        f"Name it in a mapping file: [{section}]."
    )
