"""Our ticks against a simulation of Debian's cron: random lines, every zone, around every kind of change of clocks."""

import random
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.cron import Rules, between, next_tick, parse, prev_tick
from holdfast.domain.errors import Refusal
from tests.domain.cron_daemon import Line, changes_of, daemon, random_line, zones

SECOND = timedelta(seconds=1)


def wrong(count: int, seed: int) -> list[str]:
    """What differs of so many random lines, each around a random change of a zone, all zones in turn."""
    chance = random.Random(seed)
    names = [name for name in zones() if changes_of(name)]
    chance.shuffle(names)
    found = []
    for number in range(count):
        name = names[number % len(names)]
        zone, change = ZoneInfo(name), chance.choice(changes_of(name))
        line = random_line(chance)
        try:
            schedule = parse(line.text)
        except Refusal:
            assert "30" in line.text or "31" in line.text, line.text
            continue
        begin = (change - timedelta(minutes=chance.randint(200, 900))).replace(second=0)
        end = change + timedelta(minutes=chance.randint(200, 900))
        wanted = daemon(line, begin, end, zone)
        ours = list(between(schedule, begin - SECOND, end - SECOND, zone))
        if ours != wanted:
            found.append(f"{line.text!r} in {name} around {change}: {ours[:5]} instead of {wanted[:5]}")
        _check_looking_back(line, ours, name, change)
    return found


def _check_looking_back(line: Line, ticks: list, name: str, change) -> None:
    """What comes next after one is what came last before the other."""
    schedule, zone = parse(line.text), ZoneInfo(name)
    for earlier, later in list(pairwise(ticks))[:3]:
        assert prev_tick(schedule, later, zone) == earlier, (line.text, name, earlier, later)
    at = next_tick(schedule, change, zone)
    if at is not None:
        before = prev_tick(schedule, at, zone)
        assert before is None or before <= change, (line.text, name, change)
        assert prev_tick(schedule, at + SECOND, zone) == at


def test_ticks_are_those_of_the_cron_daemon_around_every_change_of_clocks():
    assert wrong(150, seed=1) == []


@pytest.mark.long
def test_ticks_of_100_000_random_lines_are_those_of_the_cron_daemon():
    assert wrong(100_000, seed=2) == []


def test_every_change_of_every_zone_since_1970_once():
    """One fixed and one wildcard line over each zone's changes; of alike ones of a year one is enough."""
    found, seen = [], set()
    for name in zones():
        zone = ZoneInfo(name)
        for change in changes_of(name):
            shift = change.astimezone(zone).utcoffset(), (change - SECOND).astimezone(zone).utcoffset()
            kind = (*shift, change.astimezone(zone).hour, change.astimezone(zone).minute)
            if kind in seen:
                continue
            seen.add(kind)
            begin, end = (change - timedelta(hours=4)).replace(second=0), change + timedelta(hours=4)
            for line in (_line(range(0, 60, 10), "*/10", "*"), _line(range(0, 60, 5), "0-59/5", "0-23")):
                ours = list(between(parse(line.text), begin - SECOND, end - SECOND, zone))
                if ours != daemon(line, begin, end, zone):
                    found.append((line.text, name, change))
    assert found == []
    assert len(seen) > 150


def _line(minutes: range, minute: str, hour: str) -> Line:
    every = frozenset(range(32))
    return Line(f"{minute} {hour} * * *", frozenset(minutes), every, every, every, every)


@pytest.mark.parametrize("gap", ["after", "skip"])
@pytest.mark.parametrize("fold", ["once", "both"])
def test_the_schedules_own_rules_hold_for_every_line_and_zone(gap: str, fold: str):
    """By their definition, minute by minute: each local minute that exists, once or as often as it does; and one tick
    right behind a gap for what it skipped."""
    chance = random.Random(gap + fold)
    names = [name for name in zones() if changes_of(name)]
    rules = Rules(gap, fold)  # type: ignore[arg-type]
    for number in range(120):
        name = names[(number * 7) % len(names)]
        zone, change, line = ZoneInfo(name), chance.choice(changes_of(name)), random_line(chance)
        try:
            schedule = parse(line.text)
        except Refusal:
            continue
        begin = (change - timedelta(hours=30)).replace(second=0)
        end = change + timedelta(hours=30)
        ours = list(between(schedule, begin - SECOND, end - SECOND, zone, rules))
        assert ours == _by_definition(line, begin, end, zone, gap, fold), (line.text, name, change)


def _by_definition(line: Line, begin, end, zone, gap: str, fold: str) -> list:
    found, at, shown = [], begin, None
    minute = timedelta(minutes=1)
    while at < end:
        local = at.astimezone(zone).replace(tzinfo=None)
        is_again = shown is not None and local <= shown
        is_behind_a_gap = shown is not None and local > shown + minute
        skipped = [shown + n * minute for n in range(1, (local - shown) // minute)] if is_behind_a_gap else []
        if (line.fits(local) and not (is_again and fold == "once")) or (
            gap == "after" and any(line.fits(each.replace(second=0)) for each in skipped)
        ):
            found.append(at)
        shown = local if shown is None else max(shown, local)
        at += minute - timedelta(seconds=(local.second))
    return found
