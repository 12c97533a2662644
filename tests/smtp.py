"""A real mail server for tests, which also does what mail servers do to us: refuse, put off, hang up, be silent.

What it does is told by the recipient: `gone@`, `later@`, `relay@`, `drop@`, `hang@`; all others are taken.
"""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

ANSWERS = {
    "gone": "550 5.1.1 no such user",
    "later": "451 4.3.0 try again later",
    "relay": "554 5.7.1 relay access denied",
}
USER, PASSWORD = "holdfast", "p@ss word/1"


class MailServer:
    """What came in, in order. `port` is where it listens."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        self.tried: list[str] = []
        self.came = asyncio.Event()
        self.is_deaf = False
        """Takes mails, and hangs up before it says so."""

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.mails) < count:
                self.came.clear()
                await self.came.wait()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.tried.append(address)
        word = address.partition("@")[0]
        if word == "hang":
            await asyncio.sleep(60)
        if word == "drop":
            server.transport.abort()
        if word in ANSWERS:
            return ANSWERS[word]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.recipients += envelope.rcpt_tos
        self.came.set()
        if self.is_deaf:
            server.transport.abort()
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)


@asynccontextmanager
async def mail_server(*, tls: str = "none", certificate: Path | None = None) -> AsyncIterator[MailServer]:
    """A running server on loopback. `tls` none, starttls or tls; with a certificate it asks for user and password."""
    server = MailServer()
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)

    def protocol() -> SMTP:
        server.connections += 1
        return SMTP(
            server,
            hostname="mail.test",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=server.authenticate if context else None,
            auth_required=tls == "starttls",
            auth_require_tls=tls == "starttls",
        )

    listening = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if tls == "tls" else None
    )
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


def make_certificate(folder: Path, names: str = "IP:127.0.0.1") -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody has signed but itself."""
    file = folder / "mail.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", f"subjectAltName={names}",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return file


def plain_of(mail: EmailMessage) -> str:
    """What a reader without HTML sees, with plain line breaks."""
    body = mail.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text.replace("\r\n", "\n")
