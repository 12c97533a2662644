"""Calendars from outside: what they say is taken is taken, what they leave out is given back, and a conflict with a
booking is a finding, never an overlap."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.actors import CONSOLE
from holdfast.gateways.calendar_source import CalendarSource
from holdfast.gateways.calendar_text import Stretch, read
from holdfast.jobs import enqueue
from holdfast.services.calendar_feeds import CalendarChange, CalendarFeeds, CalendarRequest
from holdfast.services.calendar_following import FollowedView, Following, register, times_of
from holdfast.services.jobs.registry import Registry
from holdfast.services.reconcile import Reconciler
from holdfast.services.sealing import Sealing
from holdfast.services.sites import Sites
from holdfast.services.watch import Watch
from holdfast.store import calendar_feeds as store
from holdfast.testing import jobs_on
from tests.calendar_server import CalendarServer, calendar, nights, serving_calendars
from tests.stage import Stage, make_site, refused, staged

LOOPBACK = (ip_network("127.0.0.0/8"),)


class Scene:
    """A stage whose clock is the database's, a calendar server, and one calendar that the stage's site follows."""

    def __init__(self, stage: Stage, served: CalendarServer, following: Following) -> None:
        self.stage, self.served, self.following = stage, served, following

    async def add(self, unit: str, name: str = "Airbnb", **more: Any) -> None:
        request = CalendarRequest(unit=unit, name=name, url=self.served.url, **more)
        await self.following.feeds.add(CONSOLE, await self.site(), request)

    async def site(self) -> Any:
        return await Sites(self.stage.pool).find(str(self.stage.site_id))

    async def follow(self, *events: Any, name: str = "Airbnb") -> FollowedView:
        if events:
            self.served.body = calendar(*events)
        return await self.following.follow(self.stage.site_id, name)

    async def state(self) -> str:
        (one,) = await self.following.feeds.page(await self.site())
        return one.state

    def day(self, number: int) -> str:
        return f"{self.stage.clock.day + timedelta(days=number):%Y%m%d}"

    async def findings(self) -> list[tuple[str, str]]:
        rows = await self.stage.pool.fetch(
            "select rule, state from finding where site_id = $1 and stands order by 1", self.stage.site_id
        )
        return [(row["rule"], row["state"]) for row in rows]


@asynccontextmanager
async def scene(
    pool: asyncpg.Pool, folder: Path, kind: str = "hotel", units: Any = ("101", "102"), **more: Any
) -> AsyncIterator[Scene]:
    start = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    async with staged(pool, kind, units, start=start, **more) as stage, serving_calendars() as served:
        feeds = CalendarFeeds(pool, Sealing((), folder), http=True)
        source = CalendarSource(allowed=LOOPBACK, http=True, within_s=5.0)
        yield Scene(stage, served, Following(feeds, Sites(pool), stage.desk, source))


async def test_what_a_calendar_lists_is_taken_moved_and_given_back(pool: asyncpg.Pool, tmp_path: Path):
    async with scene(pool, tmp_path) as on:
        await on.add("101")
        found = await on.follow(nights("a", on.day(2), on.day(4)), nights("b", on.day(4), on.day(5)))
        assert (found.blocks, found.added, found.removed, found.error) == (2, 2, 0, None)
        # from check-in to check-out: who leaves on the day that another one comes is in nobody's way
        assert await on.stage.claims("101") == [("calendar", "2 15:00", "4 11:00"), ("calendar", "4 15:00", "5 11:00")]
        await refused(on.stage.book("101", "3 15:00", "4 11:00"), "slot_taken")
        await on.stage.book("101", "5 15:00", "6 11:00")
        version = await on.stage.version()
        assert not (await on.follow()).is_changed and on.served.unchanged == 1
        on.served.has_etag = False
        on.served.body = on.served.body.replace(b"DTSTAMP:20260301", b"DTSTAMP:20260302")
        assert not (await on.follow()).is_changed, "only the stamp of the reading is another"
        assert await on.stage.version() == version
        moved = await on.follow(nights("a", on.day(2), on.day(3)))
        assert (moved.blocks, moved.added, moved.removed) == (1, 1, 2)
        assert await on.stage.claims("101") == [("calendar", "2 15:00", "3 11:00"), ("booking", "5 15:00", "6 11:00")]
        await on.stage.tick("2 16:00")
        assert await on.stage.status("101") == "RESERVED"
        removed = await on.following.remove(CONSOLE, await on.site(), "Airbnb")
        assert removed.removed == 1 and await on.stage.status("101") == "AVAILABLE"
        await refused(on.following.feeds.find(await on.site(), "Airbnb"), "unknown_calendar")


async def test_blocks_that_a_provider_moves_each_day_replace_each_other(pool: asyncpg.Pool, tmp_path: Path):
    async with scene(pool, tmp_path) as on:
        await on.add("101")
        rolling = "Airbnb (Not available)"
        await on.follow(
            nights("day-0", on.day(-1), on.day(5), rolling), nights("far-0", on.day(300), on.day(400), rolling)
        )
        version = await on.stage.version()
        same = await on.follow(
            nights("day-1", on.day(0), on.day(5), rolling), nights("far-0", on.day(300), on.day(400), rolling)
        )
        assert not same.is_changed and await on.stage.version() == version, "what lies behind is no change"
        found = await on.follow(
            nights("day-2", on.day(0), on.day(5), rolling), nights("far-1", on.day(301), on.day(401), rolling)
        )
        assert (found.blocks, found.added, found.removed) == (2, 1, 1)
        assert (await on.stage.claims("101"))[-1] == ("calendar", "301 15:00", "401 11:00")
        # the clock ends a block as any other
        await on.stage.tick("6 00:00")
        assert [kind for kind, _, _ in await on.stage.claims("101")] == ["calendar"]


async def test_a_conflict_with_a_booking_is_a_finding_and_never_an_overlap(pool: asyncpg.Pool, tmp_path: Path):
    async with scene(pool, tmp_path) as on:
        await on.add("101")
        booking = await on.stage.book("101", "3 15:00", "5 11:00")
        found = await on.follow(nights("a", on.day(2), on.day(6)))
        assert found.conflicts == 1
        assert await on.stage.claims("101") == [
            ("calendar", "2 15:00", "3 15:00"), ("booking", "3 15:00", "5 11:00"), ("calendar", "5 11:00", "6 11:00"),
        ]  # fmt: skip
        assert await on.findings() == [("calendar_conflict", "open")]
        reconciler = Reconciler(pool, on.stage.desk, clock=on.stage.clock)
        await reconciler.run()
        assert await on.findings() == [("calendar_conflict", "open")], "it stands while it is so"
        await on.stage.act(booking, "cancel")
        assert await on.stage.claims("101") == [
            ("calendar", "2 15:00", "3 15:00"), ("calendar", "3 15:00", "5 11:00"), ("calendar", "5 11:00", "6 11:00"),
        ]  # fmt: skip
        await reconciler.run()
        assert await on.findings() == []


async def test_a_booking_that_comes_back_by_another_calendar_is_no_conflict(pool: asyncpg.Pool, tmp_path: Path):
    async with scene(pool, tmp_path) as on:
        await on.add("101")
        booking = await on.stage.book("101", "3 15:00", "5 11:00")
        found = await on.follow(nights(str(booking), on.day(3), on.day(5)), nights(str(uuid4()), on.day(7), on.day(8)))
        assert (found.blocks, found.conflicts) == (1, 0)


FAULTS: list[tuple[int | str | None, bytes | None, str]] = [
    (503, None, "answered 503"),
    ("hang up", None, "disconnected"),
    ("huge", None, "larger than"),
    ("http://10.0.0.1/x", None, "no public address"),
    (None, b"<html>Please sign in</html>", "is no calendar"),
    (None, b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n", "cut off"),
]


async def test_a_calendar_that_cannot_be_read_gives_nothing_back_and_is_a_finding_until_it_can(
    pool: asyncpg.Pool, tmp_path: Path
):
    async with scene(pool, tmp_path) as on:
        await on.add("101")
        good = calendar(nights("a", on.day(2), on.day(4)))
        on.served.body = good
        await on.follow()
        claims = await on.stage.claims("101")
        watch = Watch.__new__(Watch)
        watch._pool = pool
        for number, (fault, body, why) in enumerate(FAULTS, start=1):
            on.served.fault, on.served.body = fault, body or good
            # a new mark each time, or it would say that nothing has changed
            await pool.execute("update calendar_feed set etag = null, digest = null")
            found = await on.follow()
            assert found.error is not None and why in found.error
            assert await on.stage.claims("101") == claims
            assert bool(await watch._stale_calendars()) == (number >= 3)
            assert await on.state() == "failing"
        (told,) = (await watch._stale_calendars()).values()
        assert told["failures"] == len(FAULTS) and "cut off" in told["reason"]
        on.served.fault, on.served.body = None, good
        assert (await on.follow()).error is None
        assert await watch._stale_calendars() == {}
        await pool.execute("update calendar_feed set read_at = now() - interval '5 hours'")
        assert len(await watch._stale_calendars()) == 1, "one that nobody asks is stale, too"
        assert await on.state() == "stale"


async def test_one_that_is_read_in_part_gives_nothing_back(pool: asyncpg.Pool, tmp_path: Path):
    async with scene(pool, tmp_path) as on:
        await on.add("101")
        await on.follow(nights("a", on.day(2), on.day(4)), nights("b", on.day(6), on.day(7)))
        broken = ["UID:b", "DTSTART;VALUE=DATE:soon"]
        found = await on.follow(nights("a", on.day(2), on.day(5)), broken)
        assert found.unread == 1 and "cannot be understood" in (found.error or "")
        assert await on.state() == "partial"
        # what has a successor in its place is replaced; what is only not listed stays
        assert await on.stage.claims("101") == [("calendar", "2 15:00", "5 11:00"), ("calendar", "6 15:00", "7 11:00")]


async def test_addresses_are_sealed_checked_and_told_by_their_host_only(pool: asyncpg.Pool, tmp_path: Path):
    async with scene(pool, tmp_path) as on:
        site, feeds = await on.site(), on.following.feeds
        await on.add("101")
        row = await feeds.find(site, "Airbnb")
        assert b"secret" not in row.url and feeds.url_of(row) == on.served.url
        (told,) = await feeds.page(site)
        assert told.host.startswith("127.0.0.1") and "secret" not in repr(told)
        ask = CalendarRequest(unit="101", name="Airbnb", url="webcal://x.example/a.ics")
        await refused(feeds.add(CONSOLE, site, ask), "already_exists")
        for url in ("ftp://x.example/a", "https://u:p@x.example/", "nothing", "https://x.example/ a"):
            await refused(feeds.add(CONSOLE, site, CalendarRequest(unit="101", name="B", url=url)), "invalid_request")
        await refused(feeds.add(CONSOLE, site, CalendarRequest(unit="9", name="B", url=on.served.url)), "unknown_unit")
        changed = await feeds.change(CONSOLE, site, "Airbnb", CalendarChange(every_minutes=15, active=False))
        assert (changed.every_minutes, changed.active) == (15, False)
        await refused(feeds.change(CONSOLE, site, "Airbnb", CalendarChange(active=False)), "nothing_to_change")
        # without the operator's word private addresses are not asked
        strict = Following(feeds, Sites(pool), on.stage.desk, CalendarSource(http=True, within_s=5.0))
        assert "no public address" in ((await strict.follow(on.stage.site_id, "Airbnb")).error or "")
        https = Following(feeds, Sites(pool), on.stage.desk, CalendarSource(allowed=LOOPBACK, within_s=5.0))
        assert "https" in ((await https.follow(on.stage.site_id, "Airbnb")).error or "")


async def test_calendars_that_are_due_are_asked_by_jobs_which_try_again(
    pool: asyncpg.Pool, tmp_path: Path, database_url: str
):
    async with scene(pool, tmp_path) as on:
        registry = Registry()
        register(registry)
        services = {"calendars": on.following, "registry": registry}
        await on.add("101")
        on.served.fault = 500
        async with jobs_on(database_url, registry, services=services) as stage:
            async with stage.pool.acquire() as tx:
                await enqueue(tx, registry.find("holdfast.calendars"))
            outcomes = sorted((run.function, run.outcome) for run in await stage.run())
            assert outcomes == [("holdfast.calendar", "failed"), ("holdfast.calendars", "succeeded")]
            on.served.fault, on.served.body = None, calendar(nights("a", on.day(2), on.day(4)))
            await stage.advance(minutes=2)
            assert [run.outcome for run in await stage.run()] == ["succeeded"]
            assert len(await on.stage.claims("101")) == 1
            assert await store.due(stage.pool, 10) == []


# -- what a calendar's times mean -------------------------------------------------------------------------------------

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


def stretches(*events: Any, more: Any = ()) -> list[Stretch]:
    found = read(calendar(*events, more=more), SINCE, UNTIL)
    assert found.problem is None and not found.unread, found
    return found.stretches


@pytest.mark.parametrize(
    "kind, lines, wanted",
    [
        # a day in March in which Berlin's clocks skip an hour is 23 hours long
        ("grounds", ["DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330"], "2026-03-28T23:00 2026-03-29T22:00"),
        ("hotel", ["DTSTART;VALUE=DATE:20260328", "DTEND;VALUE=DATE:20260330"], "2026-03-28T14:00 2026-03-30T09:00"),
        # without an end a day is one day, and a floating time is one on the site's clock
        ("grounds", ["DTSTART;VALUE=DATE:20261024"], "2026-10-23T22:00 2026-10-24T22:00"),
        ("grounds", ["DTSTART:20260601T100000", "DURATION:PT90M"], "2026-06-01T08:00 2026-06-01T09:30"),
        ("grounds", ["DTSTART:20260601T100000Z", "DTEND:20260601T110000Z"], "2026-06-01T10:00 2026-06-01T11:00"),
        (
            "grounds", ["DTSTART;TZID=America/New_York:20260601T100000", "DTEND;TZID=America/New_York:20260601T110000"],
            "2026-06-01T14:00 2026-06-01T15:00",
        ),
        (
            "grounds", ['DTSTART;TZID="W. Europe Standard Time":20260601T100000', "DURATION:PT1H"],
            "2026-06-01T08:00 2026-06-01T09:00",
        ),
        # a time that is skipped lies behind the gap, one that is shown twice is the first
        ("grounds", ["DTSTART:20260329T023000", "DURATION:PT1H"], "2026-03-29T01:30 2026-03-29T01:30"),
        (
            "grounds", ["DTSTART;TZID=Europe/Berlin:20261025T023000", "DURATION:PT1H"],
            "2026-10-25T00:30 2026-10-25T01:30",
        ),
    ],
)  # fmt: skip
async def test_times_are_those_of_the_units_zone(pool: asyncpg.Pool, kind: str, lines: list[str], wanted: str):
    site_id = await make_site(pool, kind, zone="Europe/Berlin")
    site = await Sites(pool).find(str(site_id))
    (one,) = stretches(["UID:a", *lines])
    assert " ".join(f"{each:%Y-%m-%dT%H:%M}" for each in times_of(one, site)) == wanted


def test_a_series_keeps_its_local_hour_and_its_exceptions():
    found = stretches(
        [
            "UID:s", "DTSTART;TZID=Europe/Berlin:20260316T180000", "DTEND;TZID=Europe/Berlin:20260316T200000",
            "RRULE:FREQ=WEEKLY;UNTIL=20260420T235959Z", "EXDATE;TZID=Europe/Berlin:20260406T180000",
            "RDATE;TZID=Europe/Berlin:20260408T180000",
        ],
        [
            "UID:s", "RECURRENCE-ID;TZID=Europe/Berlin:20260323T180000",
            "DTSTART;TZID=Europe/Berlin:20260324T190000", "DURATION:PT1H",
        ],
        [
            "UID:s", "RECURRENCE-ID;TZID=Europe/Berlin:20260413T180000",
            "DTSTART;TZID=Europe/Berlin:20260413T180000", "STATUS:CANCELLED",
        ],
    )  # fmt: skip
    assert sorted(one.start[:16] for one in found) == [
        "2026-03-16T17:00", "2026-03-24T18:00", "2026-03-30T16:00", "2026-04-08T16:00", "2026-04-20T16:00",
    ]  # fmt: skip
    assert len({(one.uid, one.recurrence) for one in found}) == 5


def test_a_series_goes_on_as_it_was_changed_from_one_occurrence_on():
    found = stretches(
        ["UID:s", "DTSTART;TZID=Europe/Berlin:20260316T180000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY;COUNT=9"],
        [
            "UID:s", "RECURRENCE-ID;TZID=Europe/Berlin;RANGE=THISANDFUTURE:20260330T180000",
            "DTSTART;TZID=Europe/Berlin:20260331T200000", "DURATION:PT1H",
        ],
        [
            "UID:s", "RECURRENCE-ID;TZID=Europe/Berlin:20260406T180000",
            "DTSTART;TZID=Europe/Berlin:20260409T090000", "DURATION:PT3H",
        ],
        ["UID:s", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260420T160000Z", "STATUS:CANCELLED"],
    )  # fmt: skip
    assert sorted((one.start[:16], one.end[11:16]) for one in found) == [
        ("2026-03-16T17:00", "19:00"), ("2026-03-23T17:00", "19:00"), ("2026-03-31T18:00", "19:00"),
        ("2026-04-09T07:00", "10:00"), ("2026-04-14T18:00", "19:00"),
    ]  # fmt: skip
    assert len({(one.uid, one.recurrence) for one in found}) == 5


def test_what_was_moved_far_from_one_occurrence_on_is_found_where_it_is_now():
    days = ["UID:d", "DTSTART;VALUE=DATE:20250101", "RRULE:FREQ=YEARLY;COUNT=2"]
    onwards = ["UID:d", "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20250101", "DTSTART;VALUE=DATE:20250601"]
    found = stretches(days, onwards)
    assert [(one.kind, one.start, one.end) for one in found] == [("day", "2026-06-01", "2026-06-02")]


@pytest.mark.parametrize("moved", ["99990101", "00010101"])
def test_what_was_moved_out_of_all_time_takes_nothing_of_the_rest_along(moved: str):
    days = ["UID:d", "DTSTART;VALUE=DATE:20260601", "RRULE:FREQ=DAILY;COUNT=5"]
    onwards = ["UID:d", "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20260603", f"DTSTART;VALUE=DATE:{moved}"]
    assert [one.start for one in stretches(days, onwards)] == ["2026-06-01", "2026-06-02"]


def test_an_endless_series_that_takes_no_time_is_not_counted():
    every_minute = ["UID:f", "DTSTART:20260601T100000Z", "DURATION:PT1M", "RRULE:FREQ=MINUTELY"]
    for free in ("TRANSP:TRANSPARENT", "STATUS:CANCELLED"):
        assert stretches([*every_minute, free]) == []
    assert stretches(["UID:f", "RRULE:FREQ=DAILY", "STATUS:CANCELLED"]) == []
    # from an occurrence on it takes time, until it is called off
    found = stretches(
        ["UID:s", "DTSTART;VALUE=DATE:20260601", "RRULE:FREQ=DAILY", "TRANSP:TRANSPARENT"],
        ["UID:s", "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20260603", "DTSTART;VALUE=DATE:20260603"],
        ["UID:s", "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20260605", "STATUS:CANCELLED"],
    )
    assert sorted(one.start for one in found) == ["2026-06-03", "2026-06-04"]


def test_what_is_free_cancelled_old_or_names_somebody_is_left_out():
    found = stretches(
        ["UID:a", "DTSTART:20260601T100000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT"],
        ["UID:b", "DTSTART:20260601T100000Z", "DURATION:PT1H", "STATUS:CANCELLED"],
        ["UID:c", "DTSTART:20200601T100000Z", "DURATION:PT1H"],
        ["UID:d", "SEQUENCE:2", "DTSTART:20260601T100000Z", "DURATION:PT1H", "SUMMARY:Reserved for Ann Example"],
        ["UID:d", "SEQUENCE:1", "DTSTART:20260701T100000Z", "DURATION:PT1H"],
        ["UID:e", "DTSTART:20260801T100000Z", "DURATION:PT1H", "SUMMARY:Ann Example"],
    )  # fmt: skip
    assert [(one.uid, one.start[:10], one.word) for one in found] == [
        ("d", "2026-06-01", "reserved"), ("e", "2026-08-01", ""),
    ]  # fmt: skip


async def test_a_calendar_made_to_hang_is_ended_and_one_of_too_many_events_refused():
    rule = ["UID:a", "DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=SECONDLY"]
    assert "more than" in (read(calendar(rule), SINCE, UNTIL).problem or "")
    many = calendar(*([f"UID:a{n}", "DTSTART:20260601T100000Z", "DURATION:PT1H"] for n in range(2_001)))
    assert "more than" in (await asyncio.wait_for(CalendarSource().read(many, SINCE, UNTIL), 60)).problem


def test_whatever_is_sent_is_an_answer():
    for body in (
        b"",
        b"\x00\xff" * 99,
        b"BEGIN:VCALENDAR\r\nEND:VCALENDAR",
        b"BEGIN:VCALENDAR\n\x00;;:\nEND:VCALENDAR",
    ):
        found = read(body, SINCE, UNTIL)
        assert found.problem is not None or found.stretches == []
