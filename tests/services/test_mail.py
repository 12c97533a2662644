"""The queue of mails: in with its transaction, out at least once, whatever the mail server or the process does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.gateways.mail import Outbox, Send, outbox_of
from holdfast.gateways.mail_url import read
from holdfast.services import mail as service
from holdfast.services.mail import ATTEMPTS_MAX, DELAY_S, JITTER, Mailer, Sent, delay_s, enqueue
from holdfast.services.mail_message import Letterhead
from holdfast.services.retention import forget_old_mails
from tests.smtp import MailServer, mail_server, plain_of
from tests.stage import make_site

LETTERHEAD = Letterhead("Holdfast <no-reply@example.org>", "https://bookings.example.org")
RESET = {"link": "/reset#secret-token", "valid_hours": 2}


async def put(pool: asyncpg.Pool, to: str = "ann@example.org", **more: Any) -> UUID | None:
    given = {"kind": "reset", "language": "en", "data": RESET, **more}
    async with pool.acquire() as connection, connection.transaction():
        return await enqueue(connection, recipient=to, **given)


def mailer(pool: asyncpg.Pool, server: MailServer, query: str = "tls=none", **more: Any) -> Mailer:
    return Mailer(pool, outbox_of(read(f"smtp://127.0.0.1:{server.port}?{query}"), Path()), LETTERHEAD, **more)


async def rows(pool: asyncpg.Pool) -> list[dict[str, Any]]:
    found = await pool.fetch(
        "select recipient, state, attempts, last_error, data, sent_at, extract(epoch from next_at - now())::float "
        "as due_in_s from mail order by id"
    )
    return [{**row, "data": json.loads(row["data"])} for row in found]


async def make_due(pool: asyncpg.Pool) -> None:
    await pool.execute("update mail set next_at = now() where state = 'waiting'")


class Stopped(Outbox):
    """An outbox that holds each mail until it is let go on."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.has_one = asyncio.Event()
        self.go_on = asyncio.Event()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        yield self._send

    async def _send(self, message: EmailMessage) -> None:
        self.has_one.set()
        await self.go_on.wait()
        self.sent.append(message["Message-ID"])


async def test_a_mail_is_sent_once_and_its_link_forgotten(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        mail_id = await put(pool)
        assert await mailer(pool, server).send_due() == Sent(1, 1)
        assert await mailer(pool, server).send_due() == Sent()
        (got,) = server.mails
        assert (got["To"], got["From"]) == ("ann@example.org", "Holdfast <no-reply@example.org>")
        assert got["Message-ID"] == f"<{mail_id}@example.org>"
        assert got["Auto-Submitted"] == "auto-generated" and got["Date"] and got["Content-Language"] == "en"
        plain, html = plain_of(got), got.get_body(("html",))
        assert "\nhttps://bookings.example.org/reset#secret-token\n" in plain and "2 hours" in plain
        assert html is not None and '<a href="https://bookings.example.org/reset#secret-token">' in html.get_content()
        (row,) = await rows(pool)
        assert (row["state"], row["attempts"], row["data"]) == ("sent", 1, {"valid_hours": 2}) and row["sent_at"]


async def test_a_sender_in_other_letters_is_told_so_that_every_server_understands(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        await put(pool)
        box = outbox_of(read(f"smtp://127.0.0.1:{server.port}?tls=none"), Path())
        await Mailer(pool, box, Letterhead("Café, Größe <post@bücher.example>", "http://x")).send_due()
        (sender,) = server.mails[0]["From"].addresses
        assert (sender.display_name, sender.addr_spec) == ("Café, Größe", "post@xn--bcher-kva.example")


async def test_a_mail_of_a_transaction_that_fails_is_never_sent(pool: asyncpg.Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.acquire() as connection, connection.transaction():
            await enqueue(connection, kind="reset", recipient="ann@example.org", language="en", data=RESET)
            raise ZeroDivisionError
    assert await rows(pool) == []


async def test_a_dedupe_key_names_one_mail(pool: asyncpg.Pool) -> None:
    assert await put(pool, dedupe_key="welcome:1") is not None
    assert await put(pool, dedupe_key="welcome:1") is None
    assert await put(pool, dedupe_key="welcome:2") is not None
    assert len(await rows(pool)) == 2


async def test_mails_of_accounts_go_first(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        await put(pool, "site@example.org", site_id=1)
        await put(pool, "account@example.org")
        await put(pool, "other@example.org", site_id=1)
        service_max, service.BATCH_MAILS_MAX = service.BATCH_MAILS_MAX, 1
        try:
            await mailer(pool, server).send_due()
        finally:
            service.BATCH_MAILS_MAX = service_max
        assert server.recipients == ["account@example.org"]


async def test_a_refused_recipient_is_given_up_and_the_others_are_not(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        for to in ("gone@example.org", "later@example.org", "ann@example.org"):
            await put(pool, to)
        before = service.outcomes.copy()
        assert await mailer(pool, server).send_due() == Sent(3, 1)
        assert service.outcomes - before == {"sent": 1, "put_off": 1, "given_up": 1}
        gone, later, ann = await rows(pool)
        assert (gone["state"], gone["data"]) == ("failed", {"valid_hours": 2}) and "550" in gone["last_error"]
        assert (later["state"], later["attempts"], later["data"]) == ("waiting", 1, RESET)
        assert "451" in later["last_error"] and 0.7 * DELAY_S < later["due_in_s"] < 1.3 * DELAY_S
        assert ann["state"] == "sent"


async def test_what_is_put_off_is_tried_for_a_day_and_then_given_up(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        await put(pool, "later@example.org", data={**RESET, "valid_hours": 100})
        for attempt in range(1, ATTEMPTS_MAX + 1):
            await make_due(pool)
            await mailer(pool, server).send_due()
            (row,) = await rows(pool)
            assert row["attempts"] == attempt == len(server.tried)
        assert row["state"] == "failed" and "link" not in row["data"]


def test_eight_attempts_take_about_a_day() -> None:
    for _ in range(50):
        waits = [delay_s(attempts) for attempts in range(1, ATTEMPTS_MAX)]
        assert 24 * 3600 * (1 - JITTER) <= sum(waits) <= 25 * 3600 * (1 + JITTER)
    assert len({delay_s(1) for _ in range(10)}) > 1, "not all at the same instant"


async def test_while_nobody_is_there_no_mail_loses_an_attempt(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        pass
    for _ in range(3):
        await put(pool)
    for _ in range(3):
        sent = await mailer(pool, server).send_due()
        assert (sent.claimed, sent.sent) == (3, 0) and sent.unreachable
    assert [(row["state"], row["attempts"]) for row in await rows(pool)] == [("waiting", 0)] * 3


async def test_a_mail_that_breaks_the_connection_does_not_stop_the_others(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        for to in ("drop@example.org", "ann@example.org"):
            await put(pool, to)
        first = await mailer(pool, server).send_due()
        assert first.unreachable and server.recipients == []
        assert [(row["attempts"], row["due_in_s"] > 0) for row in await rows(pool)] == [(1, True), (0, False)]
        assert await mailer(pool, server).send_due() == Sent(1, 1)
        assert server.recipients == ["ann@example.org"]


async def test_a_mail_that_hangs_is_put_off(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        await put(pool, "hang@example.org")
        sent = await mailer(pool, server, "tls=none&timeout_s=1").send_due()
        assert sent.unreachable
        (row,) = await rows(pool)
        assert (row["state"], row["attempts"]) == ("waiting", 1)


async def test_a_mail_whose_answer_was_lost_comes_again_under_the_same_id(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        await put(pool)
        server.is_deaf = True
        await mailer(pool, server).send_due()
        server.is_deaf = False
        await make_due(pool)
        assert (await mailer(pool, server).send_due()).sent == 1
        first, second = server.mails
        assert first["Message-ID"] == second["Message-ID"]


async def test_a_sender_that_dies_between_sending_and_noting_it_loses_nothing(pool: asyncpg.Pool) -> None:
    """The mail is out, the row says nothing of it: after the lease somebody sends it again, under the same id."""
    box = Stopped()
    await put(pool)
    dying = asyncio.create_task(Mailer(pool, box, LETTERHEAD).send_due())
    await box.has_one.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with mail_server() as server:
        assert await mailer(pool, server).send_due() == Sent(), "it is still claimed"
        (row,) = await rows(pool)
        assert (row["state"], row["attempts"]) == ("waiting", 1) and row["due_in_s"] > 100
        await make_due(pool)
        assert await mailer(pool, server).send_due() == Sent(1, 1)


async def test_a_mail_that_kills_its_senders_is_given_up_in_the_end(pool: asyncpg.Pool) -> None:
    await put(pool)
    await pool.execute("update mail set attempts = $1", ATTEMPTS_MAX)
    async with mail_server() as server:
        await mailer(pool, server).send_due()
        assert server.tried == []
    assert [row["state"] for row in await rows(pool)] == ["failed"]


async def test_senders_side_by_side_send_each_mail_once(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        for number in range(70):
            await put(pool, f"p{number}@example.org")
        for _ in range(2):
            await asyncio.gather(*(mailer(pool, server).send_due() for _ in range(4)))
        assert sorted(server.recipients) == sorted(f"p{number}@example.org" for number in range(70))
        assert {(row["state"], row["attempts"]) for row in await rows(pool)} == {("sent", 1)}


async def test_a_sender_that_is_to_stop_gives_back_what_it_has_not_tried(pool: asyncpg.Pool) -> None:
    async with mail_server() as server:
        for _ in range(3):
            await put(pool)
        sent = await mailer(pool, server, go_on=lambda: not server.mails).send_due()
        assert (sent.claimed, sent.sent) == (3, 1)
        assert [(row["state"], row["attempts"], row["due_in_s"] <= 0) for row in await rows(pool)][1:] == [
            ("waiting", 0, True), ("waiting", 0, True),
        ]  # fmt: skip


async def test_no_transaction_is_open_while_the_mail_server_is_talked_to(pool: asyncpg.Pool) -> None:
    box = Stopped()
    await put(pool)
    sending = asyncio.create_task(Mailer(pool, box, LETTERHEAD).send_due())
    await box.has_one.wait()
    assert await pool.fetchval("select count(*) from pg_stat_activity where state = 'idle in transaction'") == 0
    box.go_on.set()
    assert await sending == Sent(1, 1)


@pytest.mark.parametrize(
    ("aged", "said"), [("3 hours", "no longer valid"), ("8 days", "not sent within 7 days")], ids=["link", "mail"]
)
async def test_a_mail_that_helps_nobody_any_more_is_not_sent(pool: asyncpg.Pool, aged: str, said: str) -> None:
    await put(pool, data={**RESET, "valid_hours": 2 if "hours" in aged else 1_000})
    await pool.execute("update mail set created_at = now() - $1::text::interval", aged)
    async with mail_server() as server:
        await mailer(pool, server).send_due()
        assert server.tried == []
    (row,) = await rows(pool)
    assert row["state"] == "failed" and said in row["last_error"]


async def test_a_row_that_somebody_else_wrote_holds_up_nobody(pool: asyncpg.Pool) -> None:
    await put(pool)
    await pool.execute("update mail set data = '{}', kind = 'nonsense'")
    await put(pool)
    async with mail_server() as server:
        assert await mailer(pool, server).send_due() == Sent(2, 1)
    assert [row["state"] for row in await rows(pool)] == ["failed", "sent"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "rest"},
        {"language": "fr"},
        {"data": {"link": "/x"}},
        {"data": {**RESET, "further": 1}},
        {"data": {**RESET, "valid_hours": "2"}},
        {"data": {**RESET, "valid_hours": 0}},
        {"data": {**RESET, "link": "javascript:alert(1)"}},
        {"data": {**RESET, "link": "//evil.example"}},
        {"data": {**RESET, "link": "https://x/\r\nBcc: y"}},
        {"data": {**RESET, "link": "https://"}},
        {"data": {**RESET, "link": None}},
    ],
)
async def test_a_callers_mistake_is_said_at_once(pool: asyncpg.Pool, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        await put(pool, **wrong)
    assert await rows(pool) == []


async def test_a_recipient_that_is_not_one_address_is_refused(pool: asyncpg.Pool) -> None:
    for to in ("ann", "a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org"):
        with pytest.raises(Refusal):
            await put(pool, to)
    assert await rows(pool) == []


async def test_hostile_names_stay_what_they_are(pool: asyncpg.Pool) -> None:
    evil = "Eve\r\nBcc: all@example.org\n\n<b>{link}</b> {x.__class__} &amp; " + "x" * 100_000
    data = {**RESET, "organisation": evil, "inviter": "<script>alert(1)</script>"}
    async with mail_server() as server:
        await put(pool, kind="invitation", data=data)
        await mailer(pool, server).send_due()
        (got,) = server.mails
        assert server.recipients == ["ann@example.org"] and got["Bcc"] is None
        assert len(got["Subject"]) <= 200 and "{link}" in got["Subject"] and "\n" not in got["Subject"]
        plain, html = got.get_body(("plain",)), got.get_body(("html",))
        assert plain is not None and html is not None
        assert "{x.__class__}" in plain.get_content() and plain.get_content().count("secret-token") == 1
        assert "<script>" not in html.get_content() and "&lt;script&gt;" in html.get_content()
        assert "<b>" not in html.get_content()
        assert all(len(line) <= 998 for line in got.as_bytes().splitlines())


async def test_an_owners_words_are_used_and_may_be_as_long_as_they_are_allowed_to_be(pool: asyncpg.Pool) -> None:
    body = "<b>{link}</b>\n" + "ä" * 3_900
    own = {"reset": {"de": {"subject": "Für {recipient}", "body": body}}}
    site_id = await make_site(pool, "cafe", (), {"mail_texts": own})
    async with mail_server() as server:
        await put(pool, language="de", site_id=site_id)
        await put(pool, language="en", site_id=site_id)
        await mailer(pool, server).send_due()
        theirs, ours = server.mails
        assert (theirs["Subject"], ours["Subject"]) == ("Für ann@example.org", "Choose a new password")
        plain, html = theirs.get_body(("plain",)), theirs.get_body(("html",))
        assert plain is not None and "ä" * 3_900 in plain.get_content()
        assert html is not None and "&lt;b&gt;https://" in html.get_content()
        assert all(len(line) <= 998 for line in theirs.as_bytes().splitlines())


async def test_old_mails_are_let_go_of_and_waiting_ones_are_not(pool: asyncpg.Pool) -> None:
    for number in range(4):
        await put(pool, f"p{number}@example.org")
    await pool.execute("update mail set created_at = now() - interval '31 days'")
    await pool.execute("update mail set state = 'sent', sent_at = now() where recipient like 'p1@%'")
    await pool.execute("update mail set state = 'sent', sent_at = created_at where recipient like 'p2@%'")
    await pool.execute("update mail set state = 'failed' where recipient like 'p3@%'")
    assert await forget_old_mails(pool) is False
    assert [row["recipient"][:2] for row in await rows(pool)] == ["p0", "p1"]


async def test_due_mails_are_found_by_their_index(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "insert into mail (id, kind, language, recipient, data, state, sent_at) "
        "select gen_random_uuid(), 'reset', 'en', 'a@b.org', '{}', 'sent', now() from generate_series(1, 20000)"
    )
    await pool.execute("analyze mail")
    from holdfast.store import sql

    async with pool.acquire() as connection:
        plan = await connection.fetch("explain " + sql.load("mail")["claim_mails"], 20, 60.0)
    text = "\n".join(row[0] for row in plan)
    assert "mail_waiting" in text and "Seq Scan on mail" not in text
