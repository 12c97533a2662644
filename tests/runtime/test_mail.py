"""The loops of mail: woken at once in their own process, by the poll otherwise, and patient with a dead mail server."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import Book
from holdfast.gateways.mail import outbox_of
from holdfast.gateways.mail_url import read
from holdfast.runtime import mail as loops
from holdfast.runtime.mail import Sending, Telling
from holdfast.services import mail as service
from holdfast.services.booking_mail import BookingMails
from holdfast.services.desk import Desk
from holdfast.services.mail import Mailer, enqueue
from holdfast.services.mail_message import Letterhead
from tests.runtime.test_alarms import running
from tests.smtp import mail_server
from tests.stage import make_site

NEVER_S = 3600.0
RESET = {"link": "/reset#x", "valid_hours": 2}


def sending(pool: asyncpg.Pool, port: int) -> Sending:
    box = outbox_of(read(f"smtp://127.0.0.1:{port}?tls=none"), Path())
    return Sending(Mailer(pool, box, Letterhead("no-reply@example.org", "http://x")))


async def put(pool: asyncpg.Pool, to: str = "ann@example.org", *, hold_s: float = 0.0) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await enqueue(connection, kind="reset", recipient=to, language="en", data=RESET)
        # the loop is rung before this ends
        await connection.execute("select pg_sleep($1)", hold_s)


async def settled(loop: loops.Loop) -> None:
    """Waits for the end of the first step."""
    async with asyncio.timeout(10):
        while loop.next_at is None:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("hold_s", [0.0, 0.3])
async def test_a_mail_put_in_here_goes_at_once_though_its_transaction_has_yet_to_end(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, hold_s: float
) -> None:
    monkeypatch.setattr(loops, "POLL_S", NEVER_S)
    async with mail_server() as server:
        loop = sending(pool, server.port)
        async with running(loop):
            await settled(loop)
            await put(pool, hold_s=hold_s)
            await server.until(1)
    assert loop.hear not in service.enqueued


async def test_a_mail_of_another_process_is_found_by_the_poll(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "POLL_S", 0.05)
    async with mail_server() as server, running(sending(pool, server.port)):
        await pool.execute(
            "insert into mail (id, kind, language, recipient, data) values ($1, 'reset', 'en', 'a@b.org', $2)",
            uuid4(), b'{"link": "/x", "valid_hours": 2}',
        )  # fmt: skip
        await server.until(1)


async def test_a_rush_is_sent_over_several_connections(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH_MAILS_MAX", 5)
    for number in range(60):
        await put(pool, f"p{number}@example.org")
    async with mail_server() as server, running(sending(pool, server.port)):
        await server.until(60)
        assert len(set(server.recipients)) == 60
        assert server.connections >= 12


async def test_a_dead_mail_server_is_asked_ever_less_often_and_then_gets_all(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "PAUSE_MIN_S", 0.05)
    async with mail_server() as server:
        port = server.port
    await put(pool)
    loop = sending(pool, port)
    first = await loop.step()
    assert first == pytest.approx(0.05)
    loop.ring()
    assert 0 < await loop.step() <= 0.05, "a ring does not shorten the pause"
    await asyncio.sleep(0.06)
    assert await loop.step() == pytest.approx(0.1)
    assert loop.failures == 0
    async with mail_server() as server, running(sending(pool, server.port)):
        await server.until(1)


async def test_a_loop_that_is_to_stop_does_not_finish_its_batch(pool: asyncpg.Pool) -> None:
    for _ in range(5):
        await put(pool)
    async with mail_server() as server:
        loop = sending(pool, server.port)
        loop.stop()
        await loop.step()
        assert server.mails == []
    assert await pool.fetchval("select count(*) from mail where next_at <= now() and attempts = 0") == 5


async def book(desk: Desk, site_id: int) -> None:
    start = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    wish = Book(uuid4(), start, start + timedelta(hours=1), ("A",), customer=Customer(email="ann@example.org"))
    await desk.submit(site_id, wish, actor="test")


@pytest.mark.parametrize("poll_s", [NEVER_S, 0.05], ids=["woken", "polled"])
async def test_a_booking_is_told_of_by_whichever_process(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, poll_s: float
) -> None:
    monkeypatch.setattr(loops, "TELL_POLL_S", poll_s)
    monkeypatch.setattr(loops, "BREATH_S", 0.0)
    site_id = await make_site(pool, "cafe", ["A"], {"mail_bookings": True})
    ours, theirs = Desk(pool), Desk(pool)
    loop = Telling(BookingMails(pool), ours)
    desk = ours if poll_s == NEVER_S else theirs
    await desk.start()
    try:
        async with running(loop):
            await settled(loop)
            await book(desk, site_id)
            async with asyncio.timeout(10):
                while not await pool.fetchval("select count(*) from mail"):
                    await asyncio.sleep(0.005)
    finally:
        await desk.stop()
    assert loop.failures_total == 0
