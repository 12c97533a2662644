"""What the journal says of bookings is told by mail once: after crashes, by several processes, on and off again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from icalendar import Calendar

from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import Book, ChangeSite, ChangeUnit
from holdfast.gateways.mail import outbox_of
from holdfast.gateways.mail_url import read
from holdfast.services import booking_mail
from holdfast.services.booking_links import BookingLinks
from holdfast.services.booking_mail import BookingMails
from holdfast.services.desk import Desk
from holdfast.services.identity import new_id
from holdfast.services.mail import Mailer
from holdfast.services.mail_message import Letterhead
from holdfast.store import reads
from tests.smtp import mail_server, plain_of
from tests.stage import Stage, VirtualClock, make_site, staged

ON = {"mail_bookings": True}
ANN = Customer(name="Ann Lee", email="ann@example.org")
NOON = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)


@asynccontextmanager
async def open_site(pool: asyncpg.Pool, kind: str = "cafe", settings: Any = ON, **more: Any) -> AsyncIterator[Stage]:
    """A site whose clock is the real one: what is over by the database's clock is not told of."""
    base = {"slots": None} if kind == "grounds" else {}
    async with staged(pool, kind, ["A", "B"], {**base, **settings}, start=datetime.now(UTC), **more) as stage:
        yield stage


@asynccontextmanager
async def touched_site(pool: asyncpg.Pool) -> AsyncIterator[Stage]:
    """A site whose rows the test writes past the desk, so that its promises are not kept afterwards."""
    clock = VirtualClock(datetime.now(UTC))
    site_id = await make_site(pool, "cafe", ["A", "B"], ON, clock=clock)
    desk = Desk(pool, clock=clock)
    await desk.start()
    try:
        yield Stage(pool, desk, site_id, clock)
    finally:
        await desk.stop()


async def book(stage: Stage, unit: str = "A", hours: int = 0, customer: Customer = ANN, **more: Any) -> UUID:
    start = NOON + hours * HOUR
    return await stage.book(unit, start, start + HOUR, customer=customer, **more)


async def queued(pool: asyncpg.Pool) -> list[asyncpg.Record]:
    return await pool.fetch("select kind, language, recipient, data, site_id, dedupe_key from mail order by id")


async def kinds(pool: asyncpg.Pool) -> list[str]:
    return [row["kind"] for row in await queued(pool)]


async def told(stage: Stage) -> list[str]:
    """The kinds of all mails, once everything has been told."""
    while await BookingMails(stage.pool).tell():
        pass
    return await kinds(stage.pool)


async def test_what_becomes_of_a_request_is_told(pool: asyncpg.Pool) -> None:
    async with open_site(pool, "grounds") as stage:
        await BookingMails(pool).tell()
        first, second = await book(stage), await book(stage, "B")
        await stage.act(first, "approve", reason="Bring shoes")
        await stage.act(first, "revoke", reason="Oh no")
        await stage.act(first, "move", start=NOON + 3 * HOUR, end=NOON + 4 * HOUR)
        await stage.act(first, "cancel", reason="Rain")
        await stage.act(second, "reject", reason="Closed")
        await stage.act(second, "undo")
        assert await told(stage) == [
            "booking_received", "booking_received", "booking_approved", "booking_revoked", "booking_moved",
            "booking_cancelled", "booking_rejected", "booking_revoked",
        ]  # fmt: skip
        rows = await queued(pool)
        assert {row["recipient"] for row in rows} == {"ann@example.org"}
        moved = json.loads(rows[4]["data"])
        assert moved["start_before"] == NOON.isoformat() and moved["start"] == (NOON + 3 * HOUR).isoformat()
        assert [json.loads(row["data"])["status"] for row in rows] == [
            "TENTATIVE", "TENTATIVE", "CONFIRMED", "TENTATIVE", "TENTATIVE", "CANCELLED", "CANCELLED", "TENTATIVE",
        ]  # fmt: skip


async def test_what_becomes_of_a_booking_is_told(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        await BookingMails(pool).tell()
        booked, held = await book(stage), await book(stage, "B", hold_s=600)
        await stage.act(held, "confirm")
        await stage.act(booked, "extend", end=NOON + 2 * HOUR)
        await stage.act(booked, "move", units="B", start=NOON + 5 * HOUR, end=NOON + 7 * HOUR)
        assert await told(stage) == ["booking_confirmed", "booking_confirmed", "booking_moved", "booking_moved"]
        moved = json.loads((await queued(pool))[3]["data"])
        assert (moved["units"], moved["units_before"]) == ("B", "A")


async def test_nothing_is_told_of_what_nobody_waits_for(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        await BookingMails(pool).tell()
        await stage.walk_in("A", customer=ANN)
        await book(stage, "B", hold_s=600)
        await book(stage, "A", 1, Customer(name="Nobody"))
        await book(stage, "A", 2, Customer(email="not an address"))
        await book(stage, "A", 3, Customer(email="a@example.org\r\nBcc: b@example.org"))
        await book(stage, "A", 4, imported=True)
        await book(stage, "A", -24 * 3, imported=True, state="Completed")
        assert await told(stage) == []


async def test_a_site_that_does_not_tell_tells_nobody(pool: asyncpg.Pool) -> None:
    async with open_site(pool, settings={}) as stage:
        await book(stage)
        assert await told(stage) == []
        assert await pool.fetchval("select count(*) from mail_position") == 0


async def test_a_site_tells_from_when_it_begins_to_until_it_ceases(pool: asyncpg.Pool) -> None:
    async with open_site(pool, settings={}) as stage:
        await book(stage, hours=0)
        await stage.submit(ChangeSite(settings=ON))
        await book(stage, hours=1, customer=Customer(email="first@example.org"))
        await stage.submit(ChangeSite(name="Other"))
        await told(stage)
        assert [row["recipient"] for row in await queued(pool)] == ["first@example.org"], "though the reader came later"
        await book(stage, hours=2, customer=Customer(email="second@example.org"))
        await stage.submit(ChangeSite(settings={"mail_bookings": False}))
        await book(stage, hours=3)
        await stage.submit(ChangeSite(settings=ON))
        await book(stage, hours=4, customer=Customer(email="third@example.org"))
        await told(stage)
        await stage.submit(ChangeSite(settings={"mail_bookings": False}))
        await book(stage, hours=5)
        await told(stage)
        assert await pool.fetchval("select count(*) from mail_position") == 0
        await stage.submit(ChangeSite(settings=ON))
        await told(stage)
        assert [row["recipient"].partition("@")[0] for row in await queued(pool)] == ["first", "second", "third"]


async def test_what_happened_before_a_site_ceased_to_tell_is_still_told(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        await told(stage)
        await book(stage)
        await stage.submit(ChangeSite(settings={"mail_bookings": False}))
        await book(stage, "B")
        assert await told(stage) == ["booking_confirmed"]
        assert await pool.fetchval("select count(*) from mail_position") == 0


async def test_a_site_whose_units_alone_are_busy_costs_no_transaction(pool: asyncpg.Pool) -> None:
    beats: list[int] = []
    async with open_site(pool) as stage:
        await told(stage)
        for number in range(3):
            await stage.submit(ChangeUnit("A", name=f"Desk {number}"))
        await BookingMails(pool).tell(beat=lambda: beats.append(1))
        assert beats == []
        assert await pool.fetchval("select version from mail_position") == await stage.version()
        await book(stage)
        assert await told(stage) == ["booking_confirmed"]


async def test_a_site_that_tells_from_its_making_on_tells_everything(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        await book(stage)
        assert await told(stage) == ["booking_confirmed"]


async def test_an_off_stretch_as_long_as_a_page_is_skipped(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking_mail, "LINES_MAX", 2)
    async with open_site(pool) as stage:
        await told(stage)
        await stage.submit(ChangeSite(settings={"mail_bookings": False}))
        for hours in range(5):
            await book(stage, hours=hours)
        await stage.submit(ChangeSite(settings=ON))
        await book(stage, "B", customer=Customer(email="told@example.org"))
        await told(stage)
        assert [row["recipient"] for row in await queued(pool)] == ["told@example.org"]


async def test_readers_side_by_side_tell_each_line_once(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        for hours in range(30):
            await book(stage, hours=hours)
        for _ in range(3):
            await asyncio.gather(*(BookingMails(pool).tell() for _ in range(5)))
        assert await kinds(pool) == ["booking_confirmed"] * 30


async def test_a_reader_that_dies_leaves_neither_half_nor_double(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after the mails are written and before the position is: both are gone, and the next one does both."""
    from holdfast.store import mail as store

    async def die(*_: Any) -> None:
        raise ConnectionError("killed")

    async with open_site(pool) as stage:
        await book(stage)
        with monkeypatch.context() as patch, pytest.raises(ConnectionError):
            patch.setattr(store, "move_position", die)
            await BookingMails(pool).tell()
        assert await kinds(pool) == []
        assert await told(stage) == ["booking_confirmed"]


async def test_a_reader_killed_in_the_database_leaves_neither_half_nor_double(pool: asyncpg.Pool) -> None:
    """Another transaction holds the position, as a reader does that is about to commit; its backend is killed."""
    async with open_site(pool) as stage:
        await told(stage)
        await book(stage)
        async with pool.acquire() as other:
            pid = other.get_server_pid()
            await other.execute("begin")
            await other.execute("select version from mail_position for update")
            assert await told(stage) == [], "somebody else is telling"
            await pool.execute("select pg_terminate_backend($1)", pid)
            async with asyncio.timeout(10):
                while await told(stage) == []:
                    await asyncio.sleep(0.01)
        assert await kinds(pool) == ["booking_confirmed"]


async def test_a_journal_trimmed_in_front_of_the_position_is_no_trouble(pool: asyncpg.Pool) -> None:
    async with touched_site(pool) as stage:
        await told(stage)
        await book(stage, hours=0)
        await book(stage, hours=1)
        await pool.execute("delete from journal where version < (select max(version) from journal)")
        await pool.execute("update site set trimmed_version = version - 1")
        assert await told(stage) == ["booking_confirmed"]


async def test_what_was_written_past_the_desk_holds_up_nobody(pool: asyncpg.Pool) -> None:
    broken = await make_site(pool, "cafe", ["A"], ON)
    await pool.execute("update site set settings = $1 where id = $2", b'{"mail_bookings": true, "language": 1}', broken)
    async with touched_site(pool) as stage:
        await told(stage)
        await book(stage, hours=0)
        await pool.execute("update journal set data = '{}' where version = (select max(version) from journal)")
        await book(stage, hours=1)
        assert await told(stage) == ["booking_confirmed"]


async def test_news_of_last_week_is_not_told(pool: asyncpg.Pool) -> None:
    async with touched_site(pool) as stage:
        await book(stage)
        await pool.execute("update journal set at = at - interval '8 days'")
        assert await told(stage) == []


@pytest.mark.parametrize(
    ("settings", "details", "language"),
    [
        ({}, None, "en"),
        ({"language": "de"}, None, "de"),
        ({"language": "de"}, {"language": "en"}, "en"),
        ({"language": "de"}, {"language": "fr"}, "de"),
        ({"language": "de"}, {"language": ["en"]}, "de"),
    ],
)
async def test_a_customer_is_written_to_in_their_language(
    pool: asyncpg.Pool, settings: dict[str, Any], details: dict[str, Any] | None, language: str
) -> None:
    async with open_site(pool, settings={**ON, **settings}) as stage:
        await book(stage, details=details)
        await told(stage)
        assert [row["language"] for row in await queued(pool)] == [language]


async def test_a_mail_holds_what_the_customer_must_know_and_an_entry_for_their_calendar(pool: asyncpg.Pool) -> None:
    async with open_site(pool, "hotel", {**ON, "language": "de"}, zone="Europe/Berlin") as stage:
        booking = await book(stage, customer=Customer(name="Zoë <b>", email="zoe@example.org"))
        await told(stage)
        await stage.act(booking, "cancel", reason="Krank")
        await told(stage)
        async with mail_server() as server:
            box = outbox_of(read(f"smtp://127.0.0.1:{server.port}?tls=none"), Path())
            await Mailer(pool, box, Letterhead("Haus <haus@example.org>", "http://x")).send_due()
        made, cancelled = server.mails
        plain, html = plain_of(made), made.get_body(("html",))
        assert html is not None
        assert "Guten Tag Zoë <b>," in plain and "Zoë &lt;b&gt;" in html.get_content()
        assert "Uhr (Europe/Berlin, UTC+" in plain and "Grund" not in plain
        assert "Grund: Krank" in plain_of(cancelled)
        entries = [entry_of(mail) for mail in server.mails]
        assert [method for method, _ in entries] == ["REQUEST", "CANCEL"]
        (_, first), (_, second) = entries
        assert first["uid"] == second["uid"] == str(booking) and first["sequence"] < second["sequence"]
        assert first["dtstart"].dt == NOON and first["dtend"].dt == NOON + HOUR
        assert first["dtstart"].to_ical().endswith(b"Z")
        assert (first["status"], second["status"]) == ("CONFIRMED", "CANCELLED")
        assert first["attendee"] == "mailto:zoe@example.org" and first["organizer"] == "mailto:haus@example.org"


def entry_of(mail: Any) -> tuple[str, Any]:
    """The method of a mail's calendar part, which its header and its text agree on, and the entry in it."""
    (part,) = [each for each in mail.iter_attachments() if each.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    assert part.get_filename() == "booking.ics" and part.get_param("method") == calendar["method"]
    return str(calendar["method"]), next(iter(calendar.walk("VEVENT")))


@pytest.mark.parametrize("name", ["WIN at http://evil.example", "www.evil.example", "evil.com", "a@b.org", "x:y"])
async def test_nobody_can_advertise_in_the_field_for_a_name(pool: asyncpg.Pool, name: str) -> None:
    async with open_site(pool) as stage:
        await book(stage, customer=Customer(name=name, email="victim@example.org"))
        await told(stage)
        async with mail_server() as server:
            box = outbox_of(read(f"smtp://127.0.0.1:{server.port}?tls=none"), Path())
            await Mailer(pool, box, Letterhead("haus@example.org", "http://x")).send_due()
        assert b"evil" not in server.mails[0].as_bytes()
        assert "Hello,\n" in plain_of(server.mails[0])


async def test_an_import_says_so_in_the_journal(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        made = await book(stage, imported=True)
        data = await pool.fetchval("select data from journal where subject = $1", str(made))
        assert json.loads(data)["imported"] is True


async def test_many_sites_are_told_of_in_pages(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booking_mail, "SITES_MAX", 2)
    sites = [await make_site(pool, "cafe", ["A"], ON) for _ in range(5)]
    desk = Desk(pool)
    await desk.start()
    for site_id in sites:
        await desk.submit(site_id, Book(new_id(), NOON, NOON + HOUR, ("A",), customer=ANN), actor="test")
    await desk.stop()
    beats: list[int] = []
    assert await BookingMails(pool).tell(sites[:1]) is False and len(await kinds(pool)) == 1
    assert await BookingMails(pool).tell(beat=lambda: beats.append(1)) is False
    assert await kinds(pool) == ["booking_confirmed"] * 5 and len(beats) == 4


async def test_a_guests_mail_leads_to_the_booking_and_nobody_elses_does(pool: asyncpg.Pool) -> None:
    async with open_site(pool) as stage:
        mine, theirs = new_id(), new_id()
        for id, actor in ((mine, f"guest:{mine}"), (theirs, "account:1")):
            hours = 0 if id == mine else 2
            start = NOON + hours * HOUR
            await stage.desk.submit(stage.site_id, Book(id, start, start + HOUR, ("A",), customer=ANN), actor=actor)
        await told(stage)
        async with pool.acquire() as connection:
            found = await reads.site(connection, stage.site_id)
        assert found is not None
        key = await BookingLinks(pool).key(found[0], mine)
        facts = [json.loads(row["data"]) for row in await queued(pool)]
        pages = {fact["booking_id"]: fact["page"] for fact in facts}
        path = f"/s/{found[0].slug}/booking/{mine}#{key}"
        assert pages == {str(mine): path, str(theirs): None}
        async with mail_server() as server:
            box = outbox_of(read(f"smtp://127.0.0.1:{server.port}?tls=none"), Path())
            await Mailer(pool, box, Letterhead("haus@example.org", "https://book.example")).send_due()
        with_page = [mail for mail in server.mails if "https://book.example/s/" in plain_of(mail)]
        assert [path in plain_of(mail) for mail in with_page] == [True]
        assert not any(key.encode() in row["data"] for row in await queued(pool))
