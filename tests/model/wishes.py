"""Random commands: drawn as small numbers, made into commands when it is known what time it is and what there is."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from hypothesis import strategies as st

from holdfast.domain.bookings.values import NOBODY, Customer
from holdfast.domain.commands import (
    Act,
    AddBlock,
    Book,
    ChangeSite,
    ChangeUnit,
    Check,
    Command,
    RemoveBlock,
    Tick,
    Together,
)
from holdfast.domain.policies import policy_of
from holdfast.domain.units import CONDITIONS, HAND_KINDS

UNITS = ("A1", "A2", "B1")
STEP = {"cafe": timedelta(minutes=30), "hotel": timedelta(hours=6), "grounds": timedelta(hours=1)}
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "cafe": [
        {}, {"buffer_minutes": 15}, {"auto_start": True, "look_ahead": 120}, {"quota_per_person": 2},
        {"walk_in_hours_max": 3, "no_show_grace_minutes": 0}, {"look_ahead": 0, "no_show_grace_minutes": 45},
    ],
    "hotel": [{}, {"look_ahead": "any", "show_clean": True}, {"look_ahead": 90, "buffer_minutes": 60},
              {"cut_off": "02:30"}],
    "grounds": [{"slots": {"first": "00:00", "minutes": 60, "count": 24}}],
}  # fmt: skip
CHANGES: dict[str, list[dict[str, Any]]] = {
    "cafe": [{"look_ahead": 60}, {"look_ahead": 0}, {"no_show_grace_minutes": 20}, {"auto_start": True}],
    "hotel": [{"look_ahead": "any"}, {"look_ahead": "today"}, {"look_ahead": 300}, {"cut_off": "12:00"}],
    "grounds": [{"horizon_days": 60}],
}
PEOPLE = (NOBODY, Customer(email="a@example.org"), Customer(phone="1"))
DELTAS = [timedelta(seconds=1), *(timedelta(minutes=n) for n in (1, 10, 15, 30, 60, 95)), timedelta(hours=7)]
LONG_DELTAS = [timedelta(days=1), timedelta(days=6, hours=5), timedelta(days=23)]

small = st.integers(0, 7)
some_units = st.lists(st.sampled_from(UNITS), min_size=1, max_size=2, unique=True).map(tuple)


class Scene(NamedTuple):
    """What a wish is made into a command with."""

    kind: str
    now: datetime
    bookings: list[UUID]
    blocks: list[UUID]

    def at(self, steps: int) -> datetime:
        """The start of the running step, or some steps later."""
        step = STEP[self.kind]
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + ((self.now - midnight) // step + steps) * step


books = st.fixed_dictionaries({
    "units": st.one_of(some_units, st.just(())), "count": st.integers(1, 3), "start": small,
    "length": st.integers(1, 4), "how": st.sampled_from(["plain", "plain", "plain", "hold", "walk_in", "open"]),
    "who": st.sampled_from(PEOPLE),
})  # fmt: skip
acts = st.fixed_dictionaries({
    "act": st.integers(0, 11), "which": small, "other": small, "start": st.none() | small, "length": st.integers(1, 4),
    "minutes": st.sampled_from([None, -60, -30, 30, 60, 360]), "units": st.just(()) | some_units,
    "override": st.booleans(), "has_end": st.booleans(),
})  # fmt: skip
blocks = st.fixed_dictionaries({
    "units": some_units, "start": small, "length": st.integers(1, 6), "kind": st.sampled_from(HAND_KINDS),
    "hit": st.booleans(), "leaves": st.none() | st.sampled_from(CONDITIONS),
})  # fmt: skip
rare = st.one_of(
    st.tuples(st.just("unblock"), small),
    st.tuples(st.just("condition"), st.sampled_from(UNITS), st.none() | st.sampled_from(CONDITIONS)),
    st.tuples(st.just("settings"), small),
    st.tuples(st.just("tick")),
)
single = st.one_of(books, books, acts, acts, acts, blocks, rare)
wishes = st.one_of(
    single, single, single, single,
    st.tuples(st.just("check"), st.one_of(books, acts, blocks)),
    st.tuples(st.just("together"), st.lists(st.one_of(books, acts), min_size=1, max_size=4), st.booleans()),
)  # fmt: skip


def command(wish: Any, scene: Scene) -> Command:
    """The command a wish means here and now."""
    if isinstance(wish, tuple):
        return _rare(wish, scene)
    if "act" in wish:
        return _act(wish, scene)
    if "leaves" in wish:
        start = scene.at(wish["start"])
        return AddBlock(
            uuid4(), wish["units"], start, start + wish["length"] * STEP[scene.kind], wish["kind"],
            return_condition=wish["leaves"], allow_conflicts=wish["hit"],
        )  # fmt: skip
    start = scene.at(wish["start"])
    how = wish["how"]
    return Book(
        uuid4(), start, None if how == "open" else start + wish["length"] * STEP[scene.kind],
        units=wish["units"], category=None if wish["units"] else "standard", count=wish["count"], customer=wish["who"],
        hold_s=700 if how == "hold" and scene.kind != "grounds" else None, walk_in=how in ("walk_in", "open"),
    )  # fmt: skip


def _act(wish: dict[str, Any], scene: Scene) -> Act:
    names = sorted(policy_of(scene.kind).acts)
    start = scene.at(wish["start"]) if wish["start"] is not None else None
    end = scene.at((wish["start"] or 0) + wish["length"]) if wish["has_end"] else None
    return Act(
        _pick(scene.bookings, wish["which"]), names[wish["act"] % len(names)], start, end, wish["minutes"],
        wish["units"], "because", wish["override"], None, _pick(scene.bookings, wish["other"]),
    )  # fmt: skip


def _rare(wish: tuple[Any, ...], scene: Scene) -> Command:
    match wish:
        case ("unblock", which):
            return RemoveBlock(_pick(scene.blocks, which))
        case ("condition", unit, condition):
            return ChangeUnit(unit, condition=condition)
        case ("settings", which):
            changes = CHANGES[scene.kind]
            return ChangeSite(settings=changes[which % len(changes)])
        case ("check", wished):
            return Check(command(wished, scene))  # type: ignore[arg-type]
        case ("together", parts, skip):
            return Together(tuple(command(part, scene) for part in parts), skip)  # type: ignore[arg-type]
    return Tick()


def _pick(known: list[UUID], which: int) -> UUID:
    return known[-1 - which % len(known)] if known else UUID(int=0)
