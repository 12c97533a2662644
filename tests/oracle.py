"""What must be, written down a second time: from bookings.md, not from the code. Tests compare the two.

Deliberately shares nothing with `holdfast.domain`: plain rows (dicts) and instants in, words out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]
BLOCKS = ("maintenance", "out_of_service", "closed", "event")

# kind → state → cause → state. Everything that is not here is `wrong_state`.
TABLES: dict[str, dict[str, dict[str, str]]] = {
    "cafe": {
        "Held": {"confirmed": "Booked", "cancelled": "Cancelled", "expired": "Cancelled"},
        "Booked": {
            "started": "Active", "extended": "Booked", "moved": "Booked", "swapped": "Booked",
            "cancelled": "Cancelled", "no_show": "NoShow",
        },
        "Active": {
            "ended": "Completed", "extended": "Active", "moved": "Active", "swapped": "Active", "undone": "Booked",
        },
        "Completed": {},
        "Cancelled": {},
        "NoShow": {"undone": "Booked"},
    },
    "hotel": {
        "Held": {"confirmed": "Reserved", "cancelled": "Cancelled", "expired": "Cancelled"},
        "Reserved": {
            "checked_in": "CheckedIn", "extended": "Reserved", "moved": "Reserved", "swapped": "Reserved",
            "split": "Reserved", "cancelled": "Cancelled", "no_show": "NoShow",
        },
        "CheckedIn": {
            "checked_out": "CheckedOut", "extended": "CheckedIn", "moved": "CheckedIn", "swapped": "CheckedIn",
            "split": "CheckedIn", "undone": "Reserved",
        },
        "CheckedOut": {},
        "Cancelled": {},
        "NoShow": {"undone": "Reserved"},
    },
    "grounds": {
        "Pending": {
            "approved": "Approved", "rejected": "Rejected", "moved": "Pending", "cancelled": "Cancelled",
            "expired": "Expired", "amended": "Pending",
        },
        "Approved": {
            "revoked": "Pending", "moved": "Approved", "swapped": "Approved", "cancelled": "Cancelled",
            "ended": "Completed", "amended": "Approved",
        },
        "Rejected": {"undone": "Pending"},
        "Cancelled": {},
        "Expired": {},
        "Completed": {},
    },
}  # fmt: skip
BORN = {
    "cafe": {"Held", "Booked", "Active"},
    "hotel": {"Held", "Reserved", "CheckedIn"},
    "grounds": {"Pending", "Approved"},
}
# The states that hold time, and as what.
HOLDS = {
    "cafe": {"Held": "hold", "Booked": "booking", "Active": "session"},
    "hotel": {"Held": "hold", "Reserved": "booking", "CheckedIn": "session"},
    "grounds": {"Pending": "hold", "Approved": "booking"},
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "cafe": {"look_ahead": 30, "no_show_grace_minutes": 15, "auto_start": False},
    "hotel": {"look_ahead": "today", "cut_off": "06:00"},
    "grounds": {},
}


class House:
    """A site as the oracle sees it: its kind, zone and settings with the defaults that bookings.md names."""

    def __init__(self, kind: str, zone: str, settings: Mapping[str, Any]) -> None:
        self.kind = kind
        self.zone = ZoneInfo(zone)
        self.settings = {"show_clean": False, "buffer_minutes": 0, **DEFAULTS[kind], **settings}


def shown(house: House, condition: str | None, claims: Iterable[Row], now: datetime) -> str:
    """The word on the screen. A claim is a row with kind, start, end, expires_at."""
    claims = [c for c in claims if c["expires_at"] is None or c["expires_at"] > now]
    sessions = [c for c in claims if c["kind"] == "session"]
    blocks = {c["kind"] for c in claims if c["kind"] in BLOCKS and c["start"] <= now < c["end"]}
    waiting = [c for c in claims if c["kind"] not in BLOCKS and now < c["end"]]
    if house.kind == "cafe":
        if any(c["start"] <= now < c["end"] for c in sessions):
            return "Active"
        if blocks or condition in ("under_maintenance", "out_of_service"):
            return "Under Maintenance"
        seen = [c for c in waiting if c["kind"] != "session" and in_view_from(house, c["start"]) <= now]
        return "Reserved" if seen else "Available"
    if house.kind == "grounds":
        if blocks or condition in ("under_maintenance", "out_of_service"):
            return "Blocked"
        on = [c["kind"] for c in waiting if c["start"] <= now]
        return "Vacant" if not on else "Pending" if on == ["hold"] else "Booked"
    if any(c["start"] <= now for c in sessions):
        return "OCCUPIED"
    if condition == "under_maintenance":
        return "MAINTENANCE"
    if condition == "out_of_service":
        return "OUT_OF_SERVICE"
    if blocks:
        return "MAINTENANCE" if blocks == {"maintenance"} else "OUT_OF_SERVICE"
    if any(in_view_from(house, c["start"]) <= now for c in waiting):
        return "RESERVED"
    if condition == "dirty":
        return "DIRTY"
    return "CLEAN" if house.settings["show_clean"] and condition in ("clean", "inspected") else "AVAILABLE"


def in_view_from(house: House, start: datetime) -> datetime:
    """When an arrival begins to show on its unit."""
    ahead = house.settings.get("look_ahead", 0)
    if house.kind == "grounds":
        return start
    if ahead == "any":
        return datetime(1, 1, 1, tzinfo=UTC) if house.kind == "hotel" else start
    if ahead == "today":
        return hotel_day(house, start) if house.kind == "hotel" else start
    return start - timedelta(minutes=ahead)


def hotel_day(house: House, instant: datetime, days: int = 0) -> datetime:
    """The last cut-off not after `instant`, or the cut-off `days` dates later."""
    hour, minute = map(int, house.settings["cut_off"].split(":"))
    first = instant.astimezone(house.zone).date() + timedelta(days=1)
    for back in range(4):
        day = first - timedelta(days=back)
        if at_local(house.zone, day, time(hour, minute)) <= instant:
            return at_local(house.zone, day + timedelta(days=days), time(hour, minute))
    raise AssertionError("no cut-off within three days")


def at_local(zone: ZoneInfo, day: date, at: time) -> datetime:
    """The first instant whose wall clock there shows `at` or later on that day: found by walking, not by rule."""
    guess = datetime.combine(day, at, UTC) - timedelta(hours=15)
    naive = datetime.combine(day, at)
    step = timedelta(hours=1)
    while (guess + step).astimezone(zone).replace(tzinfo=None) < naive:
        guess += step
    while guess.astimezone(zone).replace(tzinfo=None) < naive:
        guess += timedelta(minutes=1)
    return guess


def due(house: House, booking: Row) -> tuple[datetime, str] | None:
    """When the clock changes a booking next, and by which cause."""
    state, kind = booking["state"], house.kind
    if state == "Held":
        return booking["expires_at"], "expired"
    if kind == "cafe" and state == "Booked":
        if house.settings["auto_start"]:
            return booking["starts_at"], "started"
        missed = booking["expires_at"] or booking["starts_at"] + timedelta(
            minutes=house.settings["no_show_grace_minutes"]
        )
        return min(missed, booking["ends_at"]), "no_show"
    if (kind, state) in (("cafe", "Active"), ("grounds", "Approved")):
        due_at: tuple[datetime, str] | None = (booking["ends_at"], "ended")
    elif (kind, state) == ("grounds", "Pending"):
        return booking["starts_at"], "expired"
    elif (kind, state) == ("hotel", "Reserved"):
        return min(booking["expires_at"] or hotel_day(house, booking["starts_at"], 1), booking["ends_at"]), "no_show"
    else:
        due_at = None
    if state in ("Active", "CheckedIn"):
        onward = [p["end"] for p in booking["parts"] or () if not p["left"] and p["end"] < booking["ends_at"]]
        if onward and (due_at is None or min(onward) < due_at[0]):
            return min(onward), "moved"
    return due_at


def claims_of(house: House, booking: Row) -> set[tuple[Any, ...]]:
    """(unit, start, end, kind, expiry) of each claim a booking in its state must hold: no more, no less."""
    kind = HOLDS[house.kind].get(booking["state"])
    if kind is None:
        return set()
    buffer = timedelta(minutes=house.settings["buffer_minutes"])
    if booking["parts"] is not None:
        stretches = [(p["unit_id"], p["start"], p["end"]) for p in booking["parts"] if not p["left"]]
    else:
        stretches = [(unit_id, booking["starts_at"], booking["ends_at"]) for unit_id in booking["unit_ids"]]
    planned = booking["starts_at"]
    begun = min(booking["started_at"] or planned, planned)
    expires_at = booking["expires_at"] if kind == "hold" else None
    claims = set()
    for unit_id, start, end in stretches:
        back = [later for other, later, _ in stretches if other == unit_id and later >= end]
        claims.add((unit_id, begun if start == planned else start, min([end + buffer, *back]), kind, expires_at))
    return claims


def next_change(house: House, condition: str | None, claims: Sequence[Row], now: datetime) -> datetime | None:
    """The first instant after `now` at which the word differs from now's, if time alone passes."""
    edges = set()
    for claim in claims:
        edges |= {claim["start"], claim["end"], claim["expires_at"], in_view_from(house, claim["start"])}
    word = shown(house, condition, claims, now)
    for edge in sorted(edge for edge in edges if edge is not None and edge > now):
        if shown(house, condition, claims, edge) != word:
            return edge
    return None
