"""What somebody wishes for on a booking page, as its address or form says it, and the request it comes to.

Refuses nothing: what cannot be read is what was not said. The desk decides, by the request that comes of it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import local_date, parse_date, parse_instant
from holdfast.domain.opening import nights as nights_of
from holdfast.domain.opening import slots_of
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.domain.team import MEMBER, team_from
from holdfast.services.requests import BookingRequest, CustomerRequest

NIGHTS_MAX = 30
LENGTHS = (30, 60, 90, 120, 180, 240, 360, 480)
DEFAULT_LENGTH = 60
TYPED = ("name", "email", "phone", "note", "party", "team")
"""What is typed, beside what is chosen; it goes from step to step in forms, never in addresses."""
_DAY = timedelta(days=1)
_CHARS_MAX = 2_000
_AT = "~"


class Wish(msgspec.Struct, frozen=True):
    """`place` is a unit (`u:North`) or a category (`c:pc`), or empty for all. `pick` is what was chosen of what is
    free: `3~North` (slot and ground), the instant of a start, or rooms (`c:double`). `typed` is what was typed."""

    day: date
    place: str = ""
    pick: str = ""
    length: int = DEFAULT_LENGTH
    nights: int = 1
    typed: dict[str, str] = {}

    @property
    def unit(self) -> str | None:
        return self.place[2:] if self.place.startswith("u:") else None

    @property
    def category(self) -> str | None:
        return self.place[2:] if self.place.startswith("c:") else None

    def chosen(self, kind: str) -> dict[str, str]:
        """What is chosen, by the names that addresses and forms know it by."""
        said = {"date": self.day.isoformat(), "place": self.place, "pick": self.pick}
        if kind == "hotel":
            said["nights"] = str(self.nights)
        elif kind != "grounds":
            said["length"] = str(self.length)
        return {name: value for name, value in said.items() if value}

    def query(self, kind: str, **changes: Any) -> str:
        """The query of an address; a change of day, place or length leaves out what was picked."""
        changed = msgspec.structs.replace(self, **({"pick": ""} | changes))
        return "?" + urlencode(changed.chosen(kind))


class Chosen(msgspec.Struct, frozen=True):
    """What a pick means: from when to when, what, and the request for it, without who asks."""

    start: datetime
    end: datetime
    what: str
    request: BookingRequest


def read_wish(site: Site, given: Mapping[str, str], *, today: date) -> Wish:
    """The wish that an address and a form say; days before today and beyond the horizon are brought in."""
    try:
        day = parse_date(given.get("date", ""))
    except Refusal:
        day = today
    last = today + timedelta(days=site.settings.horizon_days or 3_660)
    place = given.get("place", "")
    return Wish(
        min(max(day, today), last),
        place if place[:2] in ("u:", "c:") and len(place) <= 66 and place.isprintable() else "",
        given.get("pick", "")[:120],
        _number(given.get("length"), default_length(site), 1, 10_080),
        _number(given.get("nights"), 1, 1, NIGHTS_MAX),
        {name: given[name][:_CHARS_MAX] for name in TYPED if given.get(name, "").strip()},
    )  # fmt: skip


def default_length(site: Site) -> int:
    found = lengths(site)
    return DEFAULT_LENGTH if DEFAULT_LENGTH in found else found[0]


def lengths(site: Site) -> list[int]:
    """The lengths that are offered: those that fit the site's grid and limits."""
    rules = site.settings
    least, most, grid = rules.length_min_minutes, rules.length_max_minutes or LENGTHS[-1], rules.grid_minutes or 1
    found = [each for each in LENGTHS if least <= each <= most and each % grid == 0]
    return found or [max(least, rules.grid_minutes, 1)]


def pick_of_slot(index: int, unit: str) -> str:
    return f"{index}{_AT}{unit}"


def chosen_of(site: Site, wish: Wish) -> Chosen | None:
    """What was picked; None for nothing, or for what is not."""
    try:
        if policy_of(site.kind).overstays:
            return _stay(site, wish)
        return _slot(site, wish) if site.slots is not None else _time(site, wish)
    except (Refusal, ValueError):
        return None


def _slot(site: Site, wish: Wish) -> Chosen | None:
    index, _, unit = wish.pick.partition(_AT)
    assert site.slots is not None
    slot = next((each for each in slots_of(site.slots, wish.day, site.zone) if str(each.index) == index), None)
    if slot is None or not 1 <= len(unit) <= 64:
        return None
    request = BookingRequest(unit=unit, date=wish.day.isoformat(), slot=slot.index)
    return Chosen(slot.interval.start, slot.interval.end, unit, request)


def _time(site: Site, wish: Wish) -> Chosen | None:
    if not wish.pick or not (wish.unit or wish.category):
        return None
    start = parse_instant(wish.pick, site.zone).instant
    end = start + timedelta(minutes=wish.length)
    request = BookingRequest(unit=wish.unit, category=wish.category, start=start.isoformat(), end=end.isoformat())
    return Chosen(start, end, wish.place[2:], request)


def _stay(site: Site, wish: Wish) -> Chosen | None:
    if wish.pick[:2] not in ("u:", "c:") or len(wish.pick) < 3:
        return None
    interval, _ = nights_of(wish.day, wish.nights, check_in=site.check_in, check_out=site.check_out, zone=site.zone)
    unit, category = (wish.pick[2:], None) if wish.pick[0] == "u" else (None, wish.pick[2:])
    request = BookingRequest(unit=unit, category=category, date=wish.day.isoformat(), nights=wish.nights)
    return Chosen(interval.start, interval.end, wish.pick[2:], request)


def instant_in(given: Any) -> datetime:
    """An instant of an answer, whether it is still one or a text already."""
    return given if isinstance(given, datetime) else datetime.fromisoformat(str(given))


def instead(site: Site, wish: Wish, free: Mapping[str, Any]) -> Wish:
    """The wish for something that the desk says is free: a unit, from when, to when."""
    start, end = instant_in(free["from"]), instant_in(free["to"])
    unit, day = str(free["unit"]), local_date(start, site.zone)
    if policy_of(site.kind).overstays:
        nights = max(1, (local_date(end, site.zone) - day).days)
        return msgspec.structs.replace(wish, day=day, nights=nights, place="", pick=f"u:{unit}")
    if site.slots is not None:
        slots = slots_of(site.slots, day, site.zone) + slots_of(site.slots, day - _DAY, site.zone)
        for slot in slots:
            if slot.interval.start == start:
                return msgspec.structs.replace(wish, day=day, pick=pick_of_slot(slot.index, unit))
    minutes = int((end - start).total_seconds() // 60)
    return msgspec.structs.replace(wish, day=day, length=minutes, place=f"u:{unit}", pick=start.isoformat())


def with_customer(
    request: BookingRequest, wish: Wish, *, language: str, hold_s: int | None = None, has_team: bool = False
) -> BookingRequest:
    """The request with who asks, as far as they said it, and what else they typed."""
    typed = wish.typed
    team = {MEMBER: team_from(typed["team"])} if has_team and "team" in typed else {}
    who = CustomerRequest(typed.get("name"), typed.get("email"), typed.get("phone"))
    party = typed.get("party", "")
    return msgspec.structs.replace(
        request, customer=who if who != CustomerRequest() else None, note=typed.get("note"), hold_s=hold_s,
        party=int(party) if party.isascii() and party.isdigit() and 0 < len(party) < 5 and int(party) else None,
        details={"language": language, **team},
    )  # fmt: skip


def _number(text: str | None, default: int, least: int, most: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return default
    return min(max(int(text), least), most)
