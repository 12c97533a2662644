"""The three policies against `tests/oracle.py`, which says what must be: tables and words exhaustively."""

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from holdfast.domain.bookings.acts import _DOINGS
from holdfast.domain.bookings.values import Booking
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.machine import Machine
from holdfast.domain.nights import nights
from holdfast.domain.policies import kinds, place_kinds, policy_of, register
from holdfast.domain.policies.base import EVENTS, GRAIN, Policy
from holdfast.domain.policies.cafe import Cafe
from holdfast.domain.sites import Site, parse_settings, rules_of
from holdfast.domain.units import CLAIM_KINDS, CONDITIONS, Claim, Unit
from tests import oracle

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KINDS = sorted(oracle.TABLES)
TYPES = {
    f"booking.{word}"
    for word in (
        *("created", "confirmed", "approved", "rejected", "revoked", "started", "extended", "moved", "completed"),
        *("cancelled", "no_show", "expired", "undone", "amended", "erased"),
    )
}
ACTS = {
    "cafe": {"confirm", "start", "extend", "move", "swap", "end", "cancel", "no-show", "undo"},
    "hotel": {"confirm", "check-in", "check-out", "extend", "move", "swap", "split", "cancel", "no-show", "undo"},
    "grounds": {"approve", "reject", "revoke", "move", "swap", "amend", "cancel", "undo"},
}


def site_of(kind: str, raw: dict[str, Any], time_zone: str = "UTC") -> Site:
    settings = parse_settings(raw, policy_of(kind).defaults)
    return Site(1, uuid4(), kind, "s", "S", zone(time_zone), settings, *rules_of(settings), raw, NOON)


def booking_of(state: str, start: datetime, end: datetime) -> Booking:
    return Booking(uuid4(), "R", state, True, None, (1,), start, end, NOON, 1)


# -- tables ------------------------------------------------------------------------------------------------------


def test_there_are_three_kinds_of_places_and_stores_that_nobody_can_book():
    assert place_kinds() == KINDS
    assert kinds() == sorted([*KINDS, "store"])
    store = policy_of("store")
    assert not store.has_units and store.machine.states == () and not store.acts


@pytest.mark.parametrize("kind", KINDS)
def test_every_state_and_cause_leads_where_the_table_says_or_is_refused(kind: str):
    machine, table = policy_of(kind).machine, oracle.TABLES[kind]
    assert set(machine.states) == set(table)
    causes = {cause for row in table.values() for cause in row} | set(EVENTS) | {"nonsense"}
    for state, cause in itertools.product(table, causes):
        expected = table[state].get(cause)
        assert machine.allows(state, cause) == (expected is not None)
        if expected is not None:
            assert machine.after(state, cause) == expected
        else:
            with pytest.raises(Refusal) as refusal:
                machine.after(state, cause)
            assert refusal.value.code == "wrong_state"
            assert refusal.value.data["possible"] == sorted(table[state])
    assert {state for state in table if machine.is_final(state)} == {s for s, row in table.items() if not row}


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_live_states_hold_time(kind: str):
    policy = policy_of(kind)
    assert dict(policy.claim_kinds) == oracle.HOLDS[kind]
    assert set(policy.machine.initial) == oracle.BORN[kind]
    for state in oracle.TABLES[kind]:
        assert policy.holds_claim(state) == (state in oracle.HOLDS[kind])
    for name in ("booked_state", "held_state"):
        assert getattr(policy, name) is None or getattr(policy, name) in oracle.BORN[kind]
    assert {s for s, k in oracle.HOLDS[kind].items() if k == "session"} == policy.started_states


@pytest.mark.parametrize("kind", KINDS)
def test_every_act_is_known_and_can_be_done_in_some_state(kind: str):
    policy = policy_of(kind)
    assert set(policy.acts) == ACTS[kind]
    for act in ACTS[kind]:
        cause = policy.cause(act)
        assert cause in policy.machine.causes, f"no state allows {act}"
        assert cause in _DOINGS, f"nobody knows how to {act}"
    with pytest.raises(Refusal) as refusal:
        policy.cause("destroy")
    assert refusal.value.code == "unknown_act"
    assert refusal.value.data["possible"] == sorted(ACTS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_every_cause_has_a_journal_type_and_somebody_who_causes_it(kind: str):
    policy = policy_of(kind)
    by_the_clock = {"expired", "started", "no_show", "ended"}
    for cause in (*policy.machine.causes, "created"):
        assert EVENTS[cause] in TYPES
        assert cause == "created" or cause in policy.acts.values() or cause in by_the_clock
    assert set(EVENTS.values()) == TYPES


@pytest.mark.parametrize("kind", KINDS)
def test_the_diagram_shows_every_state_and_every_step(kind: str):
    lines = set(policy_of(kind).machine.diagram().splitlines())
    assert "stateDiagram-v2" in lines
    for state, row in oracle.TABLES[kind].items():
        for cause, after in row.items():
            assert f"    {state} --> {after}: {cause}" in lines
        assert (f"    {state} --> [*]" in lines) == (not row)
        assert (f"    [*] --> {state}" in lines) == (state in oracle.BORN[kind])


def test_a_machine_with_a_state_without_a_row_is_refused():
    with pytest.raises(ValueError, match="Nowhere"):
        Machine({"A": {"go": "Nowhere"}}, initial=("A",))


def test_a_policy_whose_kind_is_taken_or_whose_claims_make_no_sense_is_refused():
    class Twin(Cafe):
        kind = "cafe"

    class Odd(Cafe):
        kind = "odd"
        machine = Machine({"A": {}}, initial=("A",))
        claim_kinds = {"B": "booking"}  # noqa: RUF012

    for policy in (Twin(), Odd()):
        with pytest.raises(ValueError, match="cafe|'B'"):
            register(policy)
    assert place_kinds() == KINDS


# -- shown status ------------------------------------------------------------------------------------------------


def claims_around(now: datetime) -> Iterator[tuple[Claim, ...]]:
    """None, one or two claims: each kind long past, just over, running, soon and far, some lapsed or to lapse."""
    hours = [(-50, -49), (-2, 0), (-1, 1), (0, 2), (0.25, 3), (5, 6), (30, 54), (700, 724)]
    one = []
    for kind, (start, end) in itertools.product(CLAIM_KINDS, hours):
        expiries = (None, now, now + timedelta(minutes=1)) if kind == "hold" else (None,)
        for expires_at in expiries:
            first, last = now + timedelta(hours=start), now + timedelta(hours=end)
            one.append(Claim(1, first, last, kind, UUID(int=len(one)), expires_at))
    yield ()
    yield from ((claim,) for claim in one)
    for first, second in itertools.combinations(one, 2):
        if not first.overlaps(second.start, second.end):
            yield tuple(sorted((first, second), key=lambda claim: claim.start))


LOOK_AHEADS = {
    "cafe": [{"look_ahead": 0}, {"look_ahead": 30}, {"look_ahead": 600}],
    "hotel": [
        {"look_ahead": "today"}, {"look_ahead": "any", "show_clean": True}, {"look_ahead": 0}, {"look_ahead": 1440},
        {"look_ahead": "today", "cut_off": "12:00"},
    ],
    "grounds": [{}],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_word_on_the_screen_is_what_the_oracle_says_for_every_condition_claim_and_look_ahead(kind: str):
    policy, seen = policy_of(kind), set()
    for raw in LOOK_AHEADS[kind]:
        site, house = site_of(kind, raw), oracle.House(kind, "UTC", raw)
        for claims in claims_around(NOON):
            if any(c.kind == "session" and c.start > NOON for c in claims):
                continue  # a session starts when it starts: there is none ahead
            if kind == "grounds" and any(c.expires_at for c in claims):
                continue  # requests do not lapse, they are decided
            rows = [{n: getattr(c, n) for n in ("kind", "start", "end", "expires_at")} for c in claims]
            for condition in (None, *CONDITIONS):
                unit = Unit(1, "U", "U", "c", None, condition, "", NOON, None, 1)
                word, holder = policy.shown(unit, claims, NOON, site)
                assert word == oracle.shown(house, condition, rows, NOON), (raw, condition, claims)
                assert holder is None or holder in {c.holder_id for c in claims}
                assert word in policy.statuses
                seen.add(word)
    assert seen == set(policy.statuses)


@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_shows_from_the_instant_the_policy_names_and_not_a_moment_before(kind: str):
    policy = policy_of(kind)
    unit = Unit(1, "U", "U", "c", None, None, "", NOON, None, 1)
    for raw in LOOK_AHEADS[kind]:
        site = site_of(kind, raw)
        for hours in (1, 7, 20, 90):
            start = NOON + timedelta(hours=hours)
            claim = Claim(1, start, start + timedelta(hours=2), "booking", uuid4())
            since = policy.status_from(start, site)
            assert since == max(oracle.in_view_from(oracle.House(kind, "UTC", raw), start), since)
            before, _ = policy.shown(unit, [claim], since - timedelta(microseconds=1), site)
            after, _ = policy.shown(unit, [claim], since, site)
            assert before in ("Available", "AVAILABLE", "Vacant")
            assert after in ("Reserved", "RESERVED", "Booked")


@pytest.mark.parametrize("kind", KINDS)
def test_claims_have_come_into_view_if_they_start_before_the_instant_the_policy_names(kind: str):
    policy = policy_of(kind)
    for raw, zone_name, hour in itertools.product(LOOK_AHEADS[kind], ("UTC", "America/New_York"), range(0, 48, 5)):
        site = site_of(kind, raw, zone_name)
        now = datetime(2026, 3, 7, 3, 30, tzinfo=UTC) + timedelta(hours=hour)
        until = policy.seen_until(now, site)
        assert policy.status_from(until - GRAIN, site) <= now < policy.status_from(until, site)
        assert until == Policy.seen_until(policy, now, site), "halving finds the same"


@pytest.mark.parametrize("kind", KINDS)
def test_the_word_depends_on_no_more_of_a_claim_than_the_policy_says(kind: str):
    """Kind, and whether it has come into view, begun, ended and lapsed: reconciling tells units apart by that."""
    policy = policy_of(kind)
    words: dict[Any, str] = {}
    for index, raw in enumerate(LOOK_AHEADS[kind]):
        site = site_of(kind, raw)
        until = policy.seen_until(NOON, site)
        for claims in claims_around(NOON):
            relevant = [c for c in claims if c.start < until and (c.end > NOON or c.kind == "session")]
            signature = tuple(
                sorted(
                    (c.kind, c.start <= NOON, c.end <= NOON, c.expires_at is not None and c.expires_at <= NOON)
                    for c in relevant
                )
            )
            for condition in (None, *CONDITIONS):
                unit = Unit(1, "U", "U", "c", None, condition, "", NOON, None, 1)
                word, _ = policy.shown(unit, claims, NOON, site)
                assert words.setdefault((index, condition, signature), word) == word, (raw, condition, claims)


# -- the clock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_clock_does_to_each_state_what_the_oracle_says(kind: str):
    policy = policy_of(kind)
    raws: list[dict[str, Any]] = {
        "cafe": [{}, {"auto_start": True}, {"no_show_grace_minutes": 0}, {"no_show_grace_minutes": 600}],
        "hotel": [{}, {"cut_off": "12:00"}, {"cut_off": "00:00"}],
        "grounds": [{}],
    }[kind]
    for raw, state, hours in itertools.product(raws, oracle.TABLES[kind], (0.5, 2, 40)):
        booking = booking_of(state, NOON, NOON + timedelta(hours=hours))
        row = {n: getattr(booking, n) for n in ("state", "starts_at", "ends_at", "expires_at", "parts")}
        if state == "Held":
            assert policy.clock(booking, site_of(kind, raw)) is None  # a hold without an end waits for ever
            continue
        assert policy.clock(booking, site_of(kind, raw)) == oracle.due(oracle.House(kind, "UTC", raw), row)
        if (due := policy.clock(booking, site_of(kind, raw))) is not None:
            assert policy.machine.allows(state, due[1])


NIGHTS_OF_CHANGE = [
    ("America/New_York", date(2026, 3, 7)),
    ("America/New_York", date(2026, 10, 31)),
    ("Asia/Kolkata", date(2026, 3, 7)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Australia/Lord_Howe", date(2026, 10, 3)),
    ("Africa/Cairo", date(2026, 4, 23)),
    ("Africa/Cairo", date(2026, 10, 29)),
]


@pytest.mark.parametrize("cut_off", ["06:00", "00:00", "00:30", "01:30", "01:45", "02:15", "02:30", "12:00"])
@pytest.mark.parametrize(("name", "day"), NIGHTS_OF_CHANGE)
def test_a_hotels_day_changes_at_the_cut_off_also_in_a_night_when_clocks_change(name: str, day: date, cut_off: str):
    policy, site = policy_of("hotel"), site_of("hotel", {"cut_off": cut_off}, name)
    house = oracle.House("hotel", name, {"cut_off": cut_off})
    at = oracle.at_local(house.zone, day, time(12, 0))
    last = None
    for _ in range(4 * 36):
        began = policy.earliest_start(at, site)
        assert began == oracle.hotel_day(house, at), at.astimezone(house.zone)
        assert began <= at
        assert last is None or began >= last
        last, at = began, at + timedelta(minutes=15)


@pytest.mark.parametrize(("name", "day"), NIGHTS_OF_CHANGE)
def test_a_no_show_is_called_at_the_cut_off_of_the_next_local_morning(name: str, day: date):
    policy, site = policy_of("hotel"), site_of("hotel", {}, name)
    for count in (1, 3):
        stay, _ = nights(day, count, check_in=site.check_in, check_out=site.check_out, zone=site.zone)
        due = policy.clock(booking_of("Reserved", stay.start, stay.end), site)
        assert due is not None
        assert due[1] == "no_show"
        assert due[0].astimezone(site.zone).replace(tzinfo=None) == datetime.combine(
            day + timedelta(days=1), time(6, 0)
        )
        # from the cut-off of the day of arrival on the room is reserved, also in the night after midnight
        assert policy.status_from(stay.start, site) == oracle.at_local(site.zone, day, time(6, 0))
