"""Outboxes: where a finished mail goes. A mail server (SMTP), a folder of `.eml` files, or the log.

They tell apart what one mail's fault is from what nobody can send now, never wait without a limit, and refuse headers
with line breaks. Whether and when to try again is not theirs to decide.
"""

import asyncio
import os
import re
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import aiosmtplib
import structlog

from holdfast.gateways.mail_url import ConsoleRoute, FileRoute, Route, SmtpRoute
from holdfast.gateways.outside import OutsideError

FILES_MAX = 1_000
"""A folder keeps the newest ones: it is for looking, not for keeping."""
QUIT_S = 2.0
SAID_CHARS_MAX = 200
_LASTING = 500
_CLOSING = 421
_NOT_LET_IN = frozenset({530, 534, 535, 538})
# RFC 3463: the class 5.7 is about what the server thinks of us, not about the recipient
_OUR_FAULT = re.compile(r"\b5\.7\.\d+\b")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9-]+")

log = structlog.get_logger("holdfast.mail")


class MailRefused(OutsideError):
    """This mail is not taken, and never will be."""


class MailDelayed(OutsideError):
    """This mail is not taken now, or nobody knows whether it was."""


class OutboxUnreachable(OutsideError):
    """No mail can be sent now."""


Send = Callable[[EmailMessage], Awaitable[None]]


class Outbox(ABC):
    """Somewhere mails go."""

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[Send]:
        """What sends one mail after another, during the block.

        Raises:
            OutboxUnreachable: also while it sends, and then the block is over.
            MailRefused, MailDelayed: of the mail being sent; the next one may be.
        """


def outbox_of(route: Route, data: Path) -> Outbox:
    """The outbox of a route; folders are below `data`."""
    match route:
        case SmtpRoute():
            return SmtpOutbox(route)
        case FileRoute():
            return FileOutbox(data / route.folder)
        case ConsoleRoute():
            return ConsoleOutbox()


class SmtpOutbox(Outbox):
    """A mail server; one connection for all mails of a block."""

    def __init__(self, route: SmtpRoute) -> None:
        self._route = route

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        client = await self._connect()
        try:
            yield partial(self._send, client)
        finally:
            await _quit(client)

    async def _connect(self) -> aiosmtplib.SMTP:
        route = self._route
        try:
            client = aiosmtplib.SMTP(
                hostname=route.host, port=route.port, username=route.user, password=route.password,
                use_tls=route.tls == "tls", start_tls=route.tls == "starttls", timeout=route.timeout_s,
                tls_context=ssl.create_default_context(cafile=route.ca) if route.tls != "none" else None,
                # else the name is asked of the resolver, which may take long
                local_hostname=socket.gethostname(),
            )  # fmt: skip
            async with asyncio.timeout(route.timeout_s):
                await client.connect()
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise OutboxUnreachable(f"{route.host}:{route.port}: {_said(error)}") from error
        return client

    async def _send(self, client: aiosmtplib.SMTP, message: EmailMessage) -> None:
        try:
            async with asyncio.timeout(2 * self._route.timeout_s):
                await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0]) from error
        except aiosmtplib.SMTPSenderRefused as error:
            raise OutboxUnreachable(_said(error)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _judged(error) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            client.close()
            raise OutboxUnreachable(_said(error)) from error


class FileOutbox(Outbox):
    """A folder that only we can enter; a mail sent again replaces itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        yield self._send
        await asyncio.to_thread(self._tidy)

    async def _send(self, message: EmailMessage) -> None:
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            raise OutboxUnreachable(f"{self._folder}: {_said(error)}") from error

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = _NOT_IN_NAMES.sub("-", message["Message-ID"].partition("@")[0]).strip("-")
        partial_file = self._folder / f".{name}.partial"
        with open(os.open(partial_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
        partial_file.replace(self._folder / f"{name}.eml")

    def _tidy(self) -> None:
        if not self._folder.is_dir():
            return
        # ids are in the order of their making, and so are the names
        for old in sorted(self._folder.glob("*.eml"))[:-FILES_MAX]:
            old.unlink(missing_ok=True)


class ConsoleOutbox(Outbox):
    """The log: a line with recipient, subject and the link the mail is sent for."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        yield self._send

    async def _send(self, message: EmailMessage) -> None:
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        links = [line for line in text.splitlines() if line.startswith(("http://", "https://"))]
        log.info("mail", to=message["To"], subject=message["Subject"], link=links[0] if links else None)


def _judged(error: aiosmtplib.SMTPResponseException) -> OutsideError:
    said = _said(error)
    if error.code == _CLOSING or error.code in _NOT_LET_IN:
        return OutboxUnreachable(said)
    if error.code >= _LASTING and not _OUR_FAULT.search(error.message):
        return MailRefused(said)
    return MailDelayed(said)


def _said(error: BaseException) -> str:
    code = f"{error.code} " if isinstance(error, aiosmtplib.SMTPResponseException) else ""
    text = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
    return f"{type(error).__name__}: {code}{' '.join(str(text).split())}"[:SAID_CHARS_MAX].rstrip(": ")


async def _quit(client: aiosmtplib.SMTP) -> None:
    try:
        async with asyncio.timeout(QUIT_S):
            await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        client.close()
