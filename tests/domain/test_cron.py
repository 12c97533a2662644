"""The cron language: what it means, what it says, what it refuses, and the traps that others fell into."""

import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from holdfast.domain.cron import Every, Rules, between, explain, explain_rules, next_tick, parse, prev_tick, preview
from holdfast.domain.errors import Refusal

UTC_ZONE = ZoneInfo("UTC")


def at(text: str, zone: ZoneInfo = UTC_ZONE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def ticks(text: str, after: str, count: int, zone: str = "UTC", rules: Rules | None = None) -> list[str]:
    """The next ticks as local times."""
    place, schedule = ZoneInfo(zone), parse(text)
    found, instant = [], at(after, place)
    for _ in range(count):
        instant = next_tick(schedule, instant, place, rules or Rules())
        if instant is None:
            break
        found.append(instant.astimezone(place).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00"))
    return found


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("0 2 * * *", "2026-01-02 02:00", "2026-01-03 02:00"),
        ("cron:0 2 * * *", "2026-01-02 02:00", "2026-01-03 02:00"),
        ("every_5_minutes", "2026-01-01 12:05", "2026-01-01 12:10"),
        ("every_minute", "2026-01-01 12:01", "2026-01-01 12:02"),
        ("every_2_hours", "2026-01-01 14:00", "2026-01-01 16:00"),
        ("hourly", "2026-01-01 13:00", "2026-01-01 14:00"),
        ("daily", "2026-01-02 00:00", "2026-01-03 00:00"),
        ("weekly", "2026-01-04 00:00", "2026-01-11 00:00"),
        ("@monthly", "2026-02-01 00:00", "2026-03-01 00:00"),
        ("@yearly", "2027-01-01 00:00", "2028-01-01 00:00"),
        ("@every 90s", "2026-01-01 12:01:30", "2026-01-01 12:03"),
        ("@every 1h30m", "2026-01-01 13:30", "2026-01-01 15:00"),
        ("*/20 * * * * *", "2026-01-01 12:00:20", "2026-01-01 12:00:40"),
        ("30 0 9 * * MON", "2026-01-05 09:00:30", "2026-01-12 09:00:30"),
        ("0 9 L * *", "2026-01-31 09:00", "2026-02-28 09:00"),
        ("0 9 L-2 * *", "2026-01-29 09:00", "2026-02-26 09:00"),
        ("0 9 LW * *", "2026-01-30 09:00", "2026-02-27 09:00"),
        ("0 9 15W * *", "2026-01-15 09:00", "2026-02-16 09:00"),
        ("0 9 1W * *", "2026-02-02 09:00", "2026-03-02 09:00"),
        ("0 9 ? * 5L", "2026-01-30 09:00", "2026-02-27 09:00"),
        ("0 9 ? * fri#2", "2026-01-09 09:00", "2026-02-13 09:00"),
        ("0 9 * * 1#5", "2026-03-30 09:00", "2026-06-29 09:00"),
        ("0 0 29 feb *", "2028-02-29 00:00", "2032-02-29 00:00"),
        ("0 9 * * sat-sun", "2026-01-03 09:00", "2026-01-04 09:00"),
        ("0 9 * * 5-7", "2026-01-02 09:00", "2026-01-03 09:00"),
        ("0 9 * * 7", "2026-01-04 09:00", "2026-01-11 09:00"),
        ("10/20 8 * * *", "2026-01-02 08:10", "2026-01-02 08:30"),
    ],
)
def test_what_a_schedule_means(text: str, first: str, second: str):
    assert ticks(text, "2026-01-01T12:00", 2) == [first, second]


def test_a_range_of_one_is_a_value():
    assert ticks("55-55 1 * * *", "2026-01-01T00:00", 1) == ["2026-01-01 01:55"]


def test_a_stepped_star_in_a_day_field_counts_as_a_star():
    """`*/2` with a weekday: both must fit. Where neither starts with a star, one is enough."""
    assert ticks("0 0 */2 * mon", "2026-01-01T12:00", 3) == ["2026-01-05 00:00", "2026-01-19 00:00", "2026-02-09 00:00"]
    assert ticks("0 0 1-31/2 * mon", "2026-01-03T12:00", 2) == ["2026-01-05 00:00", "2026-01-07 00:00"]
    assert ticks("0 0 2 * mon", "2026-01-01T12:00", 3) == ["2026-01-02 00:00", "2026-01-05 00:00", "2026-01-12 00:00"]


def test_the_seed_that_ran_every_cron_every_five_minutes_is_not_repeated():
    found = ticks("cron:0 2 * * *", "2026-01-01T00:00", 3)
    assert found == ["2026-01-01 02:00", "2026-01-02 02:00", "2026-01-03 02:00"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("* * * *", "4 fields"),
        ("* * * * * * *", "7 fields"),
        ("60 * * * *", "between 0 and 59"),
        ("* 24 * * *", "between 0 and 23"),
        ("* * 0 * *", "between 1 and 31"),
        ("* * * 13 *", "between 1 and 12"),
        ("* * * * 8", "between 0 and 7"),
        ("* * * * mno", "did you mean mon?"),
        ("*/0 * * * *", "never comes"),
        ("*/90 * * * *", "@every"),
        ("50-10 * * * *", "write 50-59,0-10"),
        ("1,,2 * * * *", "empty between"),
        ("1-2-3 * * * *", "cannot be read"),
        ("-5 * * * *", "cannot be read"),
        ("0 0 30 2 *", "never happens"),
        ("0 0 31 4,6,9,11 *", "never happens"),
        ("0 0 ? 2 mon#6", "1 to 5"),
        ("0 0 L-31 * *", "no month"),
        ("@reboot", "is no time"),
        ("@every", "expected a distance"),
        ("@every 0s", "between 1 second"),
        ("@every 400d", "between 1 second"),
        ("every_0_minutes", "between 1 second"),
        ("cron:", "fields"),
        ("täglich", "plain characters"),
        ("x" * 300, "plain characters"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_why(text: str, says: str):
    with pytest.raises(Refusal) as refused:
        parse(text)
    assert refused.value.code == "invalid_schedule"
    assert says in refused.value.data["problem"], refused.value.data


def test_a_rule_that_only_a_gap_could_hold_never_comes_when_gaps_are_skipped():
    """The second Sunday of March at 02:30 in New York does not exist in any year."""
    schedule, zone = parse("30 2 ? 3 0#2"), ZoneInfo("America/New_York")
    assert next_tick(schedule, at("2026-01-01"), zone, Rules(gap="skip")) is None
    assert next_tick(schedule, at("2026-01-01"), zone) is not None


@pytest.mark.parametrize(
    ("zone", "text", "after", "wanted"),
    [
        # a gap: fixed times run right after it, wildcards follow real time
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29 03:00", "2026-03-30 02:30"]),
        ("Europe/Berlin", "*/30 * * * *", "2026-03-29T01:00", ["2026-03-29 01:30", "2026-03-29 03:00"]),
        # a fold: fixed times run once
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25 02:30", "2026-10-26 02:30"]),
        ("Europe/Berlin", "30 * * * *", "2026-10-25T02:00", ["2026-10-25 02:30", "2026-10-25 02:30"]),
        # half an hour only
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00", ["2026-10-04 02:30", "2026-10-05 02:15"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00", ["2026-04-05 01:45", "2026-04-06 01:45"]),
        # midnight does not exist
        ("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00", ["2026-04-24 01:00", "2026-04-25 00:00"]),
        ("Asia/Beirut", "0 0 * * *", "2026-03-28T12:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
        ("America/Havana", "0 0 * * *", "2026-03-07T12:00", ["2026-03-08 01:00", "2026-03-09 00:00"]),
        ("America/Santiago", "30 0 * * *", "2026-09-05T12:00", ["2026-09-06 01:00", "2026-09-07 00:30"]),
        # a day that was left out: that is a clock being set, not a change of clocks
        ("Pacific/Apia", "0 9 * * *", "2011-12-29T00:00", ["2011-12-29 09:00", "2011-12-31 09:00"]),
    ],
)
def test_known_traps_of_the_clock(zone: str, text: str, after: str, wanted: list[str]):
    assert ticks(text, after, 2, zone) == wanted


def test_the_schedules_own_rules_outdo_the_daemons():
    berlin = "Europe/Berlin"
    assert ticks("30 2 * * *", "2026-03-28T12:00", 1, berlin, Rules(gap="skip")) == ["2026-03-30 02:30"]
    assert ticks("*/30 2 * * *", "2026-03-28T12:00", 1, berlin, Rules(gap="after")) == ["2026-03-29 03:00"]
    assert ticks("30 2 * * *", "2026-10-25T00:00", 2, berlin, Rules(fold="both")) == ["2026-10-25 02:30"] * 2
    assert ticks("30 * * * *", "2026-10-25T02:00", 2, berlin, Rules(fold="once")) == [
        "2026-10-25 02:30", "2026-10-25 03:30",
    ]  # fmt: skip
    assert ticks("0 9 * * *", "2011-12-29T12:00", 1, "Pacific/Apia", Rules(gap="after")) == ["2011-12-31 00:00"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 2 * * *", "at 02:00 every day"),
        ("*/5 * * * *", "every 5 minutes"),
        ("every_5_minutes", "every 5 minutes"),
        ("* * * * *", "every minute"),
        ("hourly", "every hour"),
        ("weekly", "at 00:00 on Sunday"),
        ("30 9 * * mon-fri", "at 09:30 on Monday to Friday"),
        ("0 9,17 * * 1,3", "at 09:00 and 17:00 on Monday and Wednesday"),
        ("0 9 L * *", "at 09:00 on the last day of the month"),
        ("0 9 LW * *", "at 09:00 on the last weekday (Monday to Friday) of the month"),
        ("0 9 ? * fri#2", "at 09:00 on the second Friday of the month"),
        ("0 9 ? * 5L", "at 09:00 on the last Friday of the month"),
        ("0 0 1 1 *", "at 00:00 on day 1 of the month in January"),
        ("0 0 13 * 5", "at 00:00 on day 13 of the month and on Friday"),
        ("0 0 13 * */5", "at 00:00 on day 13 of the month if it is Friday and Sunday"),
        ("*/15 9-17 * * *", "every 15 minutes of hours 09 to 17 every day"),
        ("0 */2 * * *", "every 2 hours every day"),
        ("*/7 * * * *", "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("@every 90s", "every 1 minute and 30 seconds, counted from 1970-01-01 00:00 UTC"),
        ("@every 1h", "every hour, counted from 1970-01-01 00:00 UTC"),
    ],
)
def test_a_schedule_explains_itself_in_plain_words(text: str, says: str):
    assert explain(parse(text)) == says


def test_it_says_what_a_change_of_clocks_does_to_it():
    fixed, wild = parse("30 2 * * *"), parse("*/5 * * * *")
    assert explain_rules(fixed, Rules()) == (
        "a time that clocks skip runs right after the gap; one that they show twice runs the first time only"
    )
    assert explain_rules(wild, Rules()) == (
        "a time that clocks skip does not run; one that they show twice runs both times"
    )
    assert explain_rules(Every("@every 90s", 90), Rules()) == "changes of clocks do not matter"


@pytest.mark.parametrize(
    ("after", "rules", "kind", "says"),
    [
        ("2026-03-27", Rules(), "moved", "2026-03-29 02:30 does not exist in Europe/Berlin: it runs at 03:00 instead"),
        ("2026-03-27", Rules(gap="skip"), "dropped", "it does not run then"),
        ("2026-10-23", Rules(), "once", "2026-10-25 02:30 occurs twice in Europe/Berlin: it runs the first time only"),
        ("2026-10-23", Rules(fold="both"), "doubled", "it runs both times"),
    ],
)
def test_the_preview_warns_of_ticks_that_a_change_of_clocks_moves_drops_or_doubles(
    after: str, rules: Rules, kind: str, says: str
):
    shown = preview(parse("30 2 * * *"), at(after), ZoneInfo("Europe/Berlin"), count=5, rules=rules)
    assert len(shown.ticks) == 5
    (warned,) = shown.warnings
    assert warned.kind == kind and says in warned.says


def test_a_preview_away_from_any_change_warns_of_nothing():
    shown = preview(parse("30 2 * * *"), at("2026-06-01"), ZoneInfo("Europe/Berlin"), count=3)
    assert [one.local for one in shown.ticks] == [f"2026-06-0{n} 02:30:00+02:00" for n in (1, 2, 3)]
    assert shown.warnings == []


def test_between_holds_its_end_and_not_its_start():
    found = list(between(parse("0 * * * *"), at("2026-01-01T00:00"), at("2026-01-01T03:00"), UTC_ZONE))
    assert found == [at(f"2026-01-01T0{n}:00") for n in (1, 2, 3)]
    endless = between(parse("* * * * * *"), at("2026-01-01"), at("2199-01-01"), UTC_ZONE)
    assert len(list(islice(endless, 5))) == 5


def test_before_the_first_and_behind_the_last_there_is_none():
    assert prev_tick(parse("0 0 1 1 *"), at("1970-01-01"), UTC_ZONE) is None
    assert next_tick(parse("0 0 1 1 *"), at("2199-06-01"), UTC_ZONE) is None
    assert prev_tick(parse("@every 1h"), at("1970-01-01"), UTC_ZONE) is None


def test_the_next_tick_takes_well_under_a_millisecond():
    schedules = [parse(text) for text in ("*/5 * * * *", "30 2 * * *", "0 9 L * *", "0 0 29 2 *")]
    zone, now = ZoneInfo("Europe/Berlin"), at("2026-06-01T12:00:05")
    best_s = min(_timed(schedules, now, zone) for _ in range(5))
    assert best_s / len(schedules) < 0.001


def _timed(schedules: list, now: datetime, zone: ZoneInfo) -> float:
    began = time.perf_counter()
    for schedule in schedules:
        next_tick(schedule, now + timedelta(seconds=1), zone)
    return time.perf_counter() - began
