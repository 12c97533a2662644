"""Outboxes against a real mail server that misbehaves, a folder, and the log."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from holdfast.gateways import mail as gateway
from holdfast.gateways.mail import MailDelayed, MailRefused, Outbox, OutboxUnreachable, outbox_of
from holdfast.gateways.mail_url import ConsoleRoute, FileRoute, MailUrlError, SmtpRoute, problem, read
from tests.smtp import PASSWORD, USER, mail_server, make_certificate


def message(to: str = "ann@example.org", body: str = "Hello\n", number: int = 1) -> EmailMessage:
    made = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
    made["From"], made["To"], made["Subject"] = "Holdfast <no-reply@example.org>", to, "Grüße"
    made["Message-ID"] = f"<{number:04}@example.org>"
    made.set_content(body)
    return made


def outbox(port: int, query: str = "tls=none", user: str = "", scheme: str = "smtp") -> Outbox:
    return outbox_of(read(f"{scheme}://{user}127.0.0.1:{port}?{query}"), Path("/nonexistent"))


async def test_mails_of_a_block_go_over_one_connection() -> None:
    async with mail_server() as server:
        async with outbox(server.port).opened() as send:
            await send(message(body="Grüße aus Köln\n"))
            await send(message("bob@example.org"))
        assert server.recipients == ["ann@example.org", "bob@example.org"]
        assert server.connections == 1
        assert server.mails[0]["Subject"] == "Grüße"
        assert server.mails[0].get_content().strip() == "Grüße aus Köln"


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("gone@example.org", MailRefused),
        ("later@example.org", MailDelayed),
        ("relay@example.org", MailDelayed),
        ("drop@example.org", OutboxUnreachable),
    ],
)
async def test_what_a_server_says_no_to_is_told_apart(to: str, error: type[Exception]) -> None:
    async with mail_server() as server:
        with pytest.raises(error):
            async with outbox(server.port).opened() as send:
                await send(message(to))
        assert server.mails == []


async def test_after_a_refused_mail_the_next_one_goes() -> None:
    async with mail_server() as server, outbox(server.port).opened() as send:
        with pytest.raises(MailRefused, match="550"):
            await send(message("gone@example.org"))
        await send(message())
        assert server.recipients == ["ann@example.org"]


async def test_a_silent_server_is_waited_for_only_so_long() -> None:
    async with mail_server() as server:
        began = asyncio.get_running_loop().time()
        with pytest.raises(OutboxUnreachable):
            async with outbox(server.port, "tls=none&timeout_s=1").opened() as send:
                await send(message("hang@example.org"))
        assert asyncio.get_running_loop().time() - began < 8


async def test_nobody_there_is_unreachable() -> None:
    async with mail_server() as server:
        port = server.port
    with pytest.raises(OutboxUnreachable, match=f"127.0.0.1:{port}"):
        async with outbox(port).opened():
            pass


@pytest.mark.parametrize(("tls", "scheme"), [("starttls", "smtp"), ("tls", "smtps")])
async def test_a_password_is_told_to_a_known_server_only(tmp_path: Path, tls: str, scheme: str) -> None:
    certificate = make_certificate(tmp_path)
    user = f"{USER}:p%40ss%20word%2F1@"
    assert read(f"smtps://{user}host").password == PASSWORD  # type: ignore[union-attr]
    async with mail_server(tls=tls, certificate=certificate) as server:
        trusting = f"ca={tmp_path / 'cert.pem'}"
        async with outbox(server.port, trusting, user, scheme).opened() as send:
            await send(message())
        assert server.recipients == ["ann@example.org"]
        with pytest.raises(OutboxUnreachable, match=r"(?i)certificate"):
            async with outbox(server.port, "", user, scheme).opened():
                pass
        with pytest.raises(OutboxUnreachable, match="535") as refused:
            async with outbox(server.port, trusting, f"{USER}:wrong-one@", scheme).opened():
                pass
        assert "wrong-one" not in str(refused.value)


async def test_a_server_without_encryption_gets_nothing_when_it_was_asked_for() -> None:
    async with mail_server() as server:
        with pytest.raises(OutboxUnreachable):
            async with outbox(server.port, "tls=starttls").opened():
                pass


async def test_a_folder_gets_a_file_a_mail_that_nobody_else_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "FILES_MAX", 3)
    box = outbox_of(read("file:sent/mail"), tmp_path)
    async with box.opened() as send:
        for number in (1, 2, 2, 3, 4):
            await send(message(number=number))
    folder = tmp_path / "sent" / "mail"
    assert sorted(path.name for path in folder.iterdir()) == ["0002.eml", "0003.eml", "0004.eml"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "0002.eml").stat().st_mode & 0o777 == 0o600
    kept = message_from_bytes((folder / "0002.eml").read_bytes(), policy=policy.default)
    assert kept["To"] == "ann@example.org"


async def test_a_folder_that_cannot_be_written_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(OutboxUnreachable):
        async with outbox_of(FileRoute("mail"), tmp_path).opened() as send:
            await send(message())


async def test_the_log_says_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    log = CapturingLogger()
    monkeypatch.setattr(gateway, "log", log)
    async with outbox_of(ConsoleRoute(), Path()).opened() as send:
        await send(message(body="Hello\n\nhttps://example.org/reset#abc\n\nBye\n"))
    assert [(call.kwargs["to"], call.kwargs["link"]) for call in log.calls] == [
        ("ann@example.org", "https://example.org/reset#abc")
    ]


@pytest.mark.parametrize("name", ["To", "Subject", "From"])
def test_a_header_with_a_line_break_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        EmailMessage(policy=policy.SMTP)[name] = "a@example.org\r\nBcc: b@example.org"


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("smtp://host", SmtpRoute("host", 587, "starttls")),
        ("smtps://host", SmtpRoute("host", 465, "tls")),
        ("smtp://host:2525?tls=none&timeout_s=5", SmtpRoute("host", 2525, "none", timeout_s=5.0)),
        ("smtp://u:p@localhost?tls=none", SmtpRoute("localhost", 25, "none", "u", "p")),
        ("smtp://u:p@[::1]?tls=none", SmtpRoute("::1", 25, "none", "u", "p")),
        ("file:", FileRoute("mail")),
        ("file:some/where", FileRoute("some/where")),
        ("console:", ConsoleRoute()),
    ],
)
def test_an_address_of_a_mail_server_is_read(url: str, route: object) -> None:
    assert read(url) == route
    assert "p@" not in repr(route) and "'p'" not in repr(route)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "must look like"),
        ("http://host", "must look like"),
        ("smtp://", "must look like"),
        ("smtp://host:port", "must look like"),
        ("smtp://u:secret@host?tls=none", "without encryption"),
        ("smtp://u@host", "a user and a password"),
        ("smtp://host?tls=maybe", "tls=starttls"),
        ("smtps://host?tls=none", "smtps:// always"),
        ("smtp://host?retries=3", "unknown option 'retries'"),
        ("smtp://host?timeout_s=0", "timeout_s of 1 to 120"),
        ("file:/etc", "below the data folder"),
        ("file:../mail", "below the data folder"),
        ("file:///etc", "below the data folder"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url: str, said: str) -> None:
    assert said in (problem(url) or "")
    assert "secret" not in (problem(url) or "")
    with pytest.raises(MailUrlError):
        read(url)
