"""Who comes along: the people that a booking names beside its booker.

A site that sets `team_max` has them checked: printable names, nobody twice, not the booker again. One that does not is
told nothing of teams, and keeps what is sent as it came.
"""

from typing import Any, NoReturn

from holdfast.domain.bookings.values import Customer
from holdfast.domain.errors import Refusal
from holdfast.domain.people import name_of

MEMBER = "team"
"""Under this name a team stands in a booking's details."""
_PARTS = frozenset({"name", "reference"})

Member = str | dict[str, str]


def team_of(given: Any, booker: Customer, *, most: int, field: str) -> list[Member]:
    """The team as it is kept: each a name, or a name with a reference, in one line without spaces at its ends.

    Raises:
        Refusal: `invalid_request`, naming the member that cannot be meant.
    """
    if not isinstance(given, list):
        _refuse(field, f"must be a list of at most {most} names")
    if len(given) > most:
        raise Refusal("invalid_request", field=field, given=len(given), expected=f"at most {most}")
    own = {_known_by(booker.name, None), _known_by(booker.name, booker.reference)}
    seen: set[tuple[str, str] | None] = set()
    team: list[Member] = []
    for place, each in enumerate(given):
        here = f"{field}[{place}]"
        member, known_by = _member(each, here)
        if known_by in own:
            _refuse(here, "is whoever books; name only those who come along")
        if known_by in seen:
            _refuse(here, "is named twice")
        seen.add(known_by)
        team.append(member)
    return team


def team_from(text: str) -> list[Member]:
    """A team as people type it: one a line, who has a reference with it behind the name, in brackets."""
    found: list[Member] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, bracket, reference = line.removesuffix(")").rpartition("(")
        named = line.endswith(")") and bracket and name.strip() and reference.strip()
        found.append({"name": name.strip(), "reference": reference.strip()} if named else line)
    return found


def text_of(team: Any) -> str:
    """A kept team as people type it."""
    lines = []
    for each in team if isinstance(team, list) else ():
        name, reference = (each.get("name"), each.get("reference")) if isinstance(each, dict) else (each, None)
        lines.append(f"{name} ({reference})" if reference else str(name))
    return "\n".join(lines)


def _member(given: Any, field: str) -> tuple[Member, tuple[str, str] | None]:
    if isinstance(given, str):
        name = name_of(given, field)
        return name, _known_by(name, None)
    if not isinstance(given, dict) or not given.keys() <= _PARTS or not isinstance(given.get("name"), str):
        _refuse(field, "must be a name, or `name` and `reference`")
    name, reference = name_of(given["name"], f"{field}.name"), given.get("reference")
    if reference is None or reference == "":
        return {"name": name}, _known_by(name, None)
    if not isinstance(reference, str | int) or isinstance(reference, bool):
        _refuse(f"{field}.reference", "must be a text")
    reference = name_of(str(reference), f"{field}.reference")
    return {"name": name, "reference": reference}, _known_by(name, reference)


def _known_by(name: str | None, reference: str | None) -> tuple[str, str] | None:
    """What makes two members the same person: the reference where there is one, else the name."""
    if reference:
        return "reference", reference.strip().casefold()
    return ("name", " ".join(name.split()).casefold()) if name else None


def _refuse(field: str, problem: str) -> NoReturn:
    raise Refusal("invalid_request", field=field, problem=problem)
