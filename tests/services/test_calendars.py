"""Calendars say what is booked in words that calendar programs know, and only to those who were given the link."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import asyncpg
from icalendar import Calendar

from holdfast.domain.bookings.values import Customer
from holdfast.services.calendars import Calendars, Which
from tests.stage import Stage, refused, site_of, staged


async def near(stage: Stage) -> None:
    """Calendars look around the database's own now."""
    stage.clock.set(await stage.pool.fetchval("select date_trunc('hour', now())"))
    stage.clock.day = stage.clock.now.replace(hour=0)
    await stage.tick()


async def test_a_calendar_tells_state_time_and_unit_without_names(pool: asyncpg.Pool) -> None:
    async with staged(pool, "grounds", ["G1", "G2"], {"slots": None}) as stage:
        await near(stage)
        ann = Customer(name="Ann Example", email="ann@x.org")
        asked_for = await stage.book("G1", "1 10:00", "1 11:00", customer=ann)
        approved = await stage.book("G1", "1 11:00", "1 12:00")
        cancelled = await stage.book("G2", "1 10:00", "1 11:00")
        await stage.act(approved, "approve")
        await stage.act(cancelled, "cancel")
        calendars, site = Calendars(pool), await site_of(stage)
        text = await calendars.read(site, Which())
        assert b"Ann" not in text
        events = {str(event["uid"]): event for event in Calendar.from_ical(text).walk("VEVENT")}
        assert {uid: str(event["status"]) for uid, event in events.items()} == {
            str(asked_for): "TENTATIVE", str(approved): "CONFIRMED", str(cancelled): "CANCELLED",
        }  # fmt: skip
        assert events[str(approved)]["dtstart"].dt == stage.clock.at("1 11:00")
        assert events[str(approved)]["dtend"].dt == stage.clock.at("1 12:00")
        version = await pool.fetchval("select version from booking where id = $1", approved)
        assert int(events[str(approved)]["sequence"]) == version
        assert b"G1: Ann Example" in await calendars.read(site, Which(names=True))
        of_unit = Calendar.from_ical(await calendars.read(site, Which(unit="G2"))).walk("VEVENT")
        of_person = Calendar.from_ical(await calendars.read(site, Which(person="ann@x.org"))).walk("VEVENT")
        assert [str(event["uid"]) for event in of_unit] == [str(cancelled)]
        assert [str(event["uid"]) for event in of_person] == [str(asked_for)]


async def test_what_began_early_or_is_over_is_told_as_it_was(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2", "PC-3"]) as stage:
        await near(stage)
        now = stage.clock()
        walk_in = (await stage.walk_in("PC-1"))["id"]
        early = str(await stage.book("PC-2", now + timedelta(hours=1), now + timedelta(hours=3)))
        gone = str(await stage.book("PC-3", now + timedelta(hours=1), now + timedelta(hours=3)))
        stage.clock.advance(minutes=40)
        await stage.act(early, "start")
        await stage.act(walk_in, "end")
        await stage.act(gone, "cancel")
        started = stage.clock()
        text = await Calendars(pool).read(await site_of(stage), Which())
        events = {str(event["uid"]): event for event in Calendar.from_ical(text).walk("VEVENT")}
        times = {uid: (event["dtstart"].dt, event["dtend"].dt) for uid, event in events.items()}
        assert times[walk_in] == (now, started)
        assert times[early] == (started, now + timedelta(hours=3))
        assert times[gone] == (now + timedelta(hours=1), now + timedelta(hours=3))
        assert str(events[gone]["status"]) == "CANCELLED"
        stage.clock.advance(minutes=10)
        await stage.act(early, "end")
        of_unit = await Calendars(pool).read(await site_of(stage), Which(unit="PC-2"))
        (event,) = Calendar.from_ical(of_unit).walk("VEVENT")
        assert (event["dtstart"].dt, event["dtend"].dt) == (started, stage.clock())


async def test_a_link_opens_its_own_calendar_and_no_other(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        site = await site_of(stage)
        path = urlsplit(await Calendars(pool).link(site, Which(unit="PC-1")))
        query = parse_qs(path.query)
        assert path.path == f"/api/sites/{site.slug}/calendar.ics"
        assert query["unit"] == ["PC-1"]
        (key,) = query["key"]
        # another process finds the same secret
        await Calendars(pool).check(site, Which(unit="PC-1"), key)
        for other in (Which(), Which(unit="PC-2"), Which(person="PC-1"), Which(unit="PC-1", names=True)):
            await refused(Calendars(pool).check(site, other, key), "unauthorised")
        await refused(Calendars(pool).check(site, Which(unit="PC-1"), "é" + key), "unauthorised")
        await refused(Calendars(pool).link(site, Which(unit="PC-9")), "unknown_unit")
