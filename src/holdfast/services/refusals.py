"""Refusals in one sentence, for reports and the command line. What a program should read stays in `code` and `data`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from holdfast.domain.errors import CODES, Refusal

POSSIBLE_MAX = 12
OFFERED_MAX = 3
_SENTENCES = {"slot_taken": "Taken for that time.", "would_hit": "Bookings stand in that time."}
_FACTS = ("problem", "expected", "state", "site", "slug", "units", "unit", "category", "booking")


def spoken(refusal: Refusal, zone: ZoneInfo | None = None) -> str:
    """What was refused, with the facts that help to put it right; never who holds a unit. Times are told in `zone`."""
    return sentence(refusal.code, refusal.data, zone)


def sentence(code: str, data: Mapping[str, Any], zone: ZoneInfo | None = None, *, offers: bool = False) -> str:
    """The same from a code and its facts, as a server tells them too; with `offers` it names what is free instead."""
    facts = [_plain(data[name]) for name in _FACTS if data.get(name)]
    if data.get("possible"):
        facts.append(f"possible: {_some(data['possible'])}")
    if data.get("grid_minutes"):
        facts.append(f"times lie on a grid of {data['grid_minutes']} minutes")
    if data.get("next_start"):
        facts.append(f"the next start is {time_of(data['next_start'], zone)}")
    if data.get("blocking"):
        facts.append(f"{_stretch(data['blocking'][0], zone, 'is taken from')}")
    if data.get("did_you_mean"):
        facts.append(f"did you mean {data['did_you_mean']}?")
    if offers and data.get("alternatives"):
        free = ", ".join(_stretch(one, zone, "from") for one in data["alternatives"][:OFFERED_MAX])
        facts.append(f"free instead: {free}")
    said = _SENTENCES.get(code) or CODES.get(code, code)
    if data.get("field"):
        given = f" {data['given']!r}" if data.get("given") is not None else ""
        return f"`{data['field']}`{given}: {'; '.join(facts) or said}"
    if data.get("given") is not None:
        facts.insert(0, f"given: {_plain(data['given'])}")
    return f"{said} ({'; '.join(facts)})" if facts else said


def time_of(value: object, zone: ZoneInfo | None = None) -> str:
    """An instant, or its RFC 3339 text, as a local time with its offset."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        return str(value)
    return (instant.astimezone(zone) if zone is not None else instant).isoformat(" ", "minutes")


def _stretch(told: Mapping[str, Any], zone: ZoneInfo | None, words: str) -> str:
    return f"{told['unit']} {words} {time_of(told['from'], zone)} to {time_of(told['to'], zone)}"


def _some(values: Any) -> str:
    shown = list(values)
    more = f" and {len(shown) - POSSIBLE_MAX} more" if len(shown) > POSSIBLE_MAX else ""
    return _plain(shown[:POSSIBLE_MAX]) + more


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
