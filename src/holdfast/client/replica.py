"""A site as a snapshot and the events behind it tell it: the same values a later snapshot would hold.

Values are the server's own JSON: `units` by code, `bookings` and `blocks` by id. Asks nothing and waits for nothing.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from holdfast.client.events import TYPES, Event, Position

Value = dict[str, Any]
_ENDING = frozenset(
    f"booking.{cause}" for cause in ("completed", "cancelled", "no_show", "expired", "rejected")
)  # fmt: skip
_ENDED = frozenset({"completed", "cancelled", "noshow", "expired", "rejected", "checkedout"})
"""Journal types that end a booking, and states that have: then it holds no unit."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event taken in, and what of the replica it changed."""

    event: Event
    units: tuple[str, ...] = ()
    bookings: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()


class Replica:
    """Units, bookings and blocks of a site at `position`; `start` and `end` bound the bookings, as in the snapshot.
    With `unit` only what is about that unit is kept, and with `types` only what those events tell all of: units need
    each `unit.` type, bookings each `booking.` type, blocks each `block.` type. What is not followed is not held, so
    that nothing here is ever old."""

    def __init__(self, board: Value, *, unit: str | None = None, types: Collection[str] = ()) -> None:
        self.site: str = board["site"]
        self.position = Position(board["epoch"], board["version"])
        self.start = datetime.fromisoformat(board["from"])
        self.end = datetime.fromisoformat(board["to"])
        self._heard_at = datetime.fromisoformat(board["now"])
        self.units: dict[str, Value] = {}
        self.bookings: dict[str, Value] = {}
        self.blocks: dict[str, Value] = {}
        self._unit = unit
        left_out = {kind.partition(".")[0] for kind in TYPES if types and kind not in types}
        self._follows = frozenset({"unit", "booking", "block"} - left_out)
        for name, kept in (("booking", self.bookings), ("block", self.blocks)):
            if name in self._follows:
                kept.update((told["id"], told) for told in board[f"{name}s"] if self._concerns(told))
        for told in board["units"] if "unit" in self._follows else ():
            if unit is None or told["code"] == unit:
                self._put_unit({name: value for name, value in told.items() if name != "next_booking_at"})

    def hear(self, event: Event) -> Change:
        """Takes the next event in."""
        self.position = event.position
        self._heard_at = max(self._heard_at, event.at)
        family, _, _ = event.type.partition(".")
        match family if family in self._follows else "":
            case "booking":
                return self._hear_booking(event)
            case "unit":
                return self._hear_unit(event)
            case "block":
                return self._hear_block(event)
            case _:
                return Change(event)

    def holds(self, booking: Value) -> bool:
        """Whether a booking holds its units: it has not ended, been refused or been let go."""
        state = "".join(letter for letter in booking["state"].casefold() if letter.isalpha())
        return booking["ended_at"] is None and state not in _ENDED

    def bookings_of(self, code: str) -> list[Value]:
        """The live bookings that are in a unit or are yet to be, in the order in which they come to it; those that have
        left it for another one are not."""
        found = [one for one in self.bookings.values() if self.holds(one) and code in one["units"]]
        return sorted(found, key=lambda one: _comes_at(one, code, self._heard_at))

    def next_booking_at(self, code: str, now: datetime) -> datetime | None:
        """When the unit's next booking starts, as far as the window goes."""
        own = [one for one in self.bookings_of(code) if not _is_lapsed(one, now)]
        return min((start for one in own for start, _ in _stretches(one, code) if start > now), default=None)

    def board(self, now: datetime) -> Value:
        """The replica in the shape of a snapshot, as of `now`."""
        units = []
        for code in sorted(self.units):
            coming = self.next_booking_at(code, now)
            units.append({**self.units[code], "next_booking_at": _text(coming) if coming is not None else None})
        return {
            "site": self.site, "version": self.position.version, "epoch": self.position.epoch, "now": _text(now),
            "from": _text(self.start), "to": _text(self.end), "units": units,
            "bookings": sorted(self.bookings.values(), key=_order), "blocks": sorted(self.blocks.values(), key=_order),
        }  # fmt: skip

    # -- events ------------------------------------------------------------------------------------------------------

    def _hear_booking(self, event: Event) -> Change:
        booking: Value = event.data["booking"]
        before = self.bookings.get(booking["id"])
        if self._concerns(booking) and self._is_in_view(booking, is_live=event.type not in _ENDING):
            self.bookings[booking["id"]] = booking
        else:
            self.bookings.pop(booking["id"], None)
        codes = sorted({*_units_of(booking), *(_units_of(before) if before is not None else ())} & self.units.keys())
        for code in codes:
            self._put_unit(self.units[code])
        return Change(event, units=tuple(codes), bookings=(booking["id"],))

    def _hear_unit(self, event: Event) -> Change:
        data = event.data
        code: str = data["code"]
        unit = dict(self.units.get(code, {"code": code}))
        match event.type:
            case "unit.created":
                unit.update(_described(data), condition=data["condition"], shown_status=data["to"], booking=None)
                unit["shown_since"] = _text(event.effective_at)
            case "unit.changed":
                unit = {name: value for name, value in unit.items() if name != "attributes"} | _described(data)
            case "unit.condition_changed":
                unit["condition"] = data["to"]
            case "unit.status_changed" | "unit.status_repaired":
                unit.update(shown_status=data["to"], booking=data.get("booking"))
                unit["shown_since"] = _text(event.effective_at)
        unit["version"] = event.version
        if self._unit in (None, code):
            self._put_unit(unit)
        return Change(event, units=(code,))

    def _hear_block(self, event: Event) -> Change:
        if event.type == "block.created":
            block: Value = event.data["block"]
            if self._concerns(block) and _overlaps(block, self.start, self.end):
                self.blocks[block["id"]] = block
            return Change(event, units=tuple(block["units"]), blocks=(block["id"],))
        self.blocks.pop(event.data["id"], None)
        return Change(event, units=tuple(event.data["units"]), blocks=(event.data["id"],))

    def _put_unit(self, unit: Value) -> None:
        """Keeps a unit, with the booking that is behind its status now. Another one may have come to be behind the
        same word, and then no event says so: who is there goes before who comes next."""
        code, told = unit["code"], unit.get("booking")
        if "booking" not in self._follows:
            self.units[code] = {name: value for name, value in unit.items() if name != "booking"}
            return
        if told is not None:
            own = self.bookings_of(code)
            here = [one for one in own if self._is_here(one, code)] or own
            told = here[0]["id"] if here else told
        self.units[code] = {**unit, "booking": told}

    def _is_here(self, booking: Value, code: str) -> bool:
        """Whether its people are in the unit, and not in another one before they come to this one."""
        return booking["started_at"] is not None and _comes_at(booking, code, self._heard_at) <= self._heard_at

    def _concerns(self, told: Value) -> bool:
        return self._unit is None or self._unit in _units_of(told)

    def _is_in_view(self, booking: Value, *, is_live: bool) -> bool:
        """Whether a snapshot of the same window would hold it: it starts there, or is live and reaches there."""
        starts_at, ends_at = (datetime.fromisoformat(booking[name]) for name in ("from", "to"))
        if self.start <= starts_at < self.end:
            return True
        is_there = booking["started_at"] is not None and booking["ended_at"] is None
        return starts_at < self.end and is_live and self.holds(booking) and (ends_at > self.start or is_there)


def _order(told: Value) -> tuple[datetime, str]:
    return datetime.fromisoformat(told["from"]), told["id"]


def _text(instant: datetime) -> str:
    """As the server writes instants."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _described(data: Value) -> Value:
    described = {name: data[name] for name in ("code", "name", "category", "parent")}
    return described | ({"attributes": data["attributes"]} if data["attributes"] else {})


def _units_of(told: Value) -> set[str]:
    return {*told["units"], *(part["unit"] for part in told.get("parts") or ())}


def _stretches(booking: Value, code: str) -> list[tuple[datetime, datetime]]:
    """When a booking is in a unit: all its time, or the parts of it that are spent there, in their order."""
    parts: Iterable[Value] = [part for part in booking.get("parts") or () if part["unit"] == code] or (booking,)
    return sorted((datetime.fromisoformat(part["from"]), datetime.fromisoformat(part["to"])) for part in parts)


def _comes_at(booking: Value, code: str, now: datetime) -> datetime:
    """When it came to the unit, or will next; of one that should be over, when it came last."""
    stretches = _stretches(booking, code)
    return next((start for start, end in stretches if end > now), stretches[-1][0])


def _is_lapsed(booking: Value, now: datetime) -> bool:
    expires_at = booking.get("expires_at")
    return expires_at is not None and datetime.fromisoformat(expires_at) <= now


def _overlaps(told: Value, start: datetime, end: datetime) -> bool:
    return datetime.fromisoformat(told["from"]) < end and datetime.fromisoformat(told["to"]) > start
