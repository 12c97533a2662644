"""The queue of mails: put in with the change they tell of, sent at least once, given up after a day of refusals.

A mail is claimed for a while rather than locked: no transaction is open while a mail server is being talked to.
"""

import asyncio
import difflib
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec
import structlog

from holdfast.domain.mail import KINDS, LANGUAGES, address_of
from holdfast.gateways.mail import MailDelayed, MailRefused, Outbox, OutboxUnreachable, Send, outbox_of
from holdfast.gateways.mail_url import read as mail_url_of
from holdfast.services.identity import new_id
from holdfast.services.mail_message import Letterhead, Outdated, message_of
from holdfast.store import mail as store
from holdfast.store.connection import Connection

ATTEMPTS_MAX = 8
BATCH_MAILS_MAX = 20
MAIL_S = 60.0
"""How long one mail may take."""
BATCH_S = 120.0
LEASE_S = 2 * BATCH_S
"""After this long the mails of a process that died with them are sent by another."""
DELAY_S = 80.0
DELAY_FACTOR = 3.0
"""80 s, 4 min, 12 min … : the eighth attempt is a day after the first."""
JITTER = 0.2
LINK_CHARS_MAX = 2_000
_REASON_CHARS_MAX = 300

log = structlog.get_logger("holdfast.mail")

enqueued: list[Callable[[], None]] = []
"""Called when a mail was put into the queue in this process, before its transaction ends. Must return at once."""

outcomes: Counter[str] = Counter(sent=0, put_off=0, given_up=0)
"""What became of attempts in this process, for its metrics."""


class Sent(msgspec.Struct, frozen=True):
    """What became of a batch. `unreachable` says why no mail can be sent now, None when they can."""

    claimed: int = 0
    sent: int = 0
    unreachable: str | None = None

    @property
    def is_full(self) -> bool:
        return self.claimed >= BATCH_MAILS_MAX


async def enqueue(
    connection: Connection, *, kind: str, recipient: str, language: str, data: Mapping[str, Any],
    organisation_id: UUID | None = None, site_id: int | None = None, dedupe_key: str | None = None,
) -> UUID | None:  # fmt: skip
    """Puts a mail into the queue, in the caller's transaction; its id, or None when one with that key was there.

    `data` is what the kind needs (`domain.mail.KINDS`). A `link` is a path of this server (`/…`) or a whole address, a
    `page` such a path or None; both are deleted when the mail is sent or given up.

    Raises:
        Refusal: `invalid_request`: `recipient` is not one address.
        ValueError: the kind, the language or the data is not as it must be, which is the caller's mistake.
    """
    _check(kind, language, data)
    mail_id = new_id()
    is_new = await store.insert(
        connection, mail_id, owner=(organisation_id, site_id), kind=kind, language=language,
        recipient=address_of(recipient), data=dict(data), dedupe_key=dedupe_key,
    )  # fmt: skip
    if not is_new:
        return None
    for listener in enqueued:
        listener()
    return mail_id


class Decided(Protocol):
    """What the operator decides of mail: where to, from whom, and to which address links lead."""

    @property
    def mail_url(self) -> str: ...
    @property
    def mail_from(self) -> str: ...
    @property
    def reached_at(self) -> str: ...
    @property
    def data(self) -> Path: ...


def mailer_of(pool: asyncpg.Pool, decided: Decided) -> "Mailer":
    """What sends mail as the operator decided."""
    outbox = outbox_of(mail_url_of(decided.mail_url), decided.data)
    return Mailer(pool, outbox, Letterhead(decided.mail_from, decided.reached_at))


class Mailer:
    """Sends what is due, through one outbox. Any number of processes may have one. `go_on` is asked, and `beat` called,
    before each mail."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        outbox: Outbox,
        letterhead: Letterhead,
        *,
        go_on: Callable[[], bool] = lambda: True,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._pool = pool
        self._outbox = outbox
        self._letterhead = letterhead
        self.go_on = go_on
        self.beat = beat

    async def send_due(self) -> Sent:
        """Sends up to a batch of the mails that are due, those of accounts first, within `BATCH_S`.

        What could not be tried goes back without an attempt counted, also when nothing can be sent at all.
        """
        claimed = await store.claim(self._pool, limit=BATCH_MAILS_MAX, lease_s=LEASE_S)
        if not claimed:
            return Sent()
        waiting = list(claimed)
        sent, reason = 0, None
        try:
            async with asyncio.timeout(BATCH_S), self._outbox.opened() as send:
                while waiting and self.go_on():
                    self.beat()
                    sent += await self._send(waiting.pop(0), send)
        except OutboxUnreachable as error:
            reason = str(error)[:_REASON_CHARS_MAX]
        except TimeoutError:
            reason = f"a batch took longer than {BATCH_S:g} s"
        if waiting:
            await store.release(self._pool, waiting, reason)
        return Sent(len(claimed), sent, reason)

    async def _send(self, mail: store.Claimed, send: Send) -> bool:
        try:
            if mail.attempts > ATTEMPTS_MAX:
                raise MailRefused("given up: nobody lived to say what became of the last attempt")
            message = message_of(mail, self._letterhead)
            async with asyncio.timeout(MAIL_S):
                await send(message)
        except (Outdated, MailRefused) as error:
            await self._fail(mail, str(error))
        except (ValueError, LookupError, TypeError) as error:
            # a row that somebody else wrote: the others must not wait behind it
            await self._fail(mail, f"cannot be written: {type(error).__name__}: {error}")
        except MailDelayed as error:
            await self._delay(mail, str(error))
        except (OutboxUnreachable, TimeoutError) as error:
            # it may be this mail that the server cannot bear
            reason = str(error) or f"not sent within {MAIL_S:g} s"
            await self._delay(mail, reason)
            raise OutboxUnreachable(reason) from error
        else:
            await store.mark_sent(self._pool, mail.id)
            outcomes["sent"] += 1
            return True
        return False

    async def _delay(self, mail: store.Claimed, reason: str) -> None:
        if mail.attempts >= ATTEMPTS_MAX:
            await self._fail(mail, reason)
            return
        outcomes["put_off"] += 1
        await store.delay(self._pool, mail, wait_s=delay_s(mail.attempts), reason=reason[:_REASON_CHARS_MAX])

    async def _fail(self, mail: store.Claimed, reason: str) -> None:
        outcomes["given_up"] += 1
        log.warning("a mail was given up", mail=str(mail.id), kind=mail.kind, attempts=mail.attempts, reason=reason)
        await store.mark_failed(self._pool, mail.id, reason[:_REASON_CHARS_MAX])


def delay_s(attempts: int) -> float:
    """How long after so many attempts the next one comes: each time three times as long, and a fifth more or less."""
    spread = 1.0 + JITTER * (2.0 * random.random() - 1.0)  # noqa: S311 - not a secret
    return DELAY_S * DELAY_FACTOR ** (attempts - 1) * spread


def _check(kind: str, language: str, data: Mapping[str, Any]) -> None:
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        raise ValueError(f"there is no kind of mail {kind!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r} for mails; there are {', '.join(LANGUAGES)}")
    wanted = set(KINDS[kind].facts)
    if data.keys() != wanted:
        missing, further = sorted(wanted - data.keys()), sorted(data.keys() - wanted)
        raise ValueError(f"a mail of kind {kind!r} needs {sorted(wanted)}; missing: {missing}, unknown: {further}")
    if KINDS[kind].has_link:
        _check_link(data["link"])
        if not (isinstance(data["valid_hours"], int) and data["valid_hours"] > 0):
            raise ValueError("valid_hours must be a whole number above 0")


def _check_link(link: object) -> None:
    if not isinstance(link, str) or len(link) > LINK_CHARS_MAX or not link.isascii() or not link.isprintable():
        raise ValueError(f"a link must be a text of at most {LINK_CHARS_MAX} printable ASCII characters")
    is_path = link.startswith("/") and not link.startswith("//")
    if " " in link or not (is_path or (urlsplit(link).scheme in ("http", "https") and urlsplit(link).netloc)):
        raise ValueError("a link must be a path such as /reset#token, or an http(s) address")
