"""Requests to sources: within their limits, with a deadline each, sent again where that can help, and never for ever.

Only addresses are asked that may be (`addresses`), no redirect is followed and no proxy of the environment used. Waits
for nothing longer than `WAIT_MAX_S`; what a source asks for beyond that fails the read, to be gone on with later.
"""

import asyncio
import math
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx
import msgspec

from holdfast.domain.sync.breaker import TRIES_MAX, back_off_s
from holdfast.gateways.addresses import AddressRefused, PinnedTransport, Reachable
from holdfast.gateways.shops.source import Limiter, SourceError

CONNECT_S = 10.0
READ_S = 30.0
"""How long a source may be silent within one reply."""
REPLY_S = 60.0
"""How long one reply may take as a whole: a slow page is asked for again, smaller."""
REPLY_BYTES_MAX = 64 * 1024 * 1024
WAIT_MAX_S = 300.0
RETRY_AFTER_MAX_S = 86_400.0
SAID_CHARS = 200

Pause = Callable[[float], Awaitable[None]]


class Rate(msgspec.Struct, frozen=True):
    """The limit one account has before its replies have said more."""

    name: str
    burst: float
    per_s: float


class Outside(msgspec.Struct, frozen=True):
    """What all sources' requests share: the limits of accounts, and which addresses may be asked."""

    limiter: Limiter
    reachable: Reachable


class SlowPage(Exception):
    """A reply took too long; a smaller one may not."""


class Reply(msgspec.Struct, frozen=True):
    status: int
    headers: Any
    body: bytes


class Client:
    """One source's requests. `pause` and `jitter` are exchanged by tests."""

    def __init__(
        self, outside: Outside, rate: Rate, *, headers: Mapping[str, str] | None = None, pause: Pause = asyncio.sleep,
        jitter: Callable[[], float] = random.random, reply_s: float = REPLY_S,
    ) -> None:  # fmt: skip
        self.limiter = outside.limiter
        self.rate = rate
        self.pause = pause
        self.jitter = jitter
        self._reply_s = reply_s
        timeout = httpx.Timeout(min(READ_S, reply_s), connect=CONNECT_S)
        self._http = httpx.AsyncClient(
            headers=dict(headers or {}), timeout=timeout, follow_redirects=False, trust_env=False,
            transport=PinnedTransport(outside.reachable, _trusted()),
        )  # fmt: skip

    async def close(self) -> None:
        await self._http.aclose()

    async def send(
        self, method: str, url: str, *, cost: float = 1.0, is_paged: bool = False, takes: tuple[int, ...] = (),
        bytes_max: int = REPLY_BYTES_MAX, **more: Any,
    ) -> Reply:  # fmt: skip
        """The reply to a request, below 300 or of a status that the caller takes. `more` is as httpx takes it. What
        passes by itself is waited for.

        Raises:
            SourceError: it was refused, or went on failing.
            SlowPage: of a paged request, the reply was too slow.
        """
        tries = 0
        while True:
            await self._wait(
                await self.limiter.take(self.rate.name, cost, burst=self.rate.burst, per_s=self.rate.per_s)
            )
            tries += 1
            try:
                reply = await self._once(method, url, bytes_max, **more)
            except TimeoutError:
                if is_paged:
                    raise SlowPage from None
                reason, asked_s = f"no reply within {self._reply_s:g} s", None
            except httpx.RequestError as error:
                reason, asked_s = f"{type(error).__name__}: {error}"[:SAID_CHARS], None
            except AddressRefused as refused:
                raise SourceError(f"its address is not asked: {refused}"[:SAID_CHARS]) from None
            except (httpx.InvalidURL, UnicodeError) as error:
                raise SourceError(f"its address cannot be used: {error}"[:SAID_CHARS]) from None
            else:
                if reply.status < 300 or reply.status in takes:
                    return reply
                if reply.status < 400:
                    raise SourceError(f"HTTP {reply.status}: it sends us to another address, which is not followed")
                reason = f"HTTP {reply.status}: {said(reply.body)}"
                asked_s = retry_after_s(reply.headers)
                if reply.status == 429:
                    await self.limiter.block(self.rate.name, back_off_s(tries, self.jitter(), asked_s=asked_s or 1.0))
                elif reply.status < 500:
                    raise SourceError(reason, is_passing=reply.status == 408)
            if tries >= TRIES_MAX:
                raise SourceError(f"{reason} ({tries} times)", is_passing=True)
            await self._wait(back_off_s(tries, self.jitter(), asked_s=asked_s))

    async def throttled(self, wait_s: float) -> None:
        """Waits as a reply asked for that came as a success."""
        await self._wait(wait_s)

    async def _wait(self, wait_s: float) -> None:
        if wait_s > WAIT_MAX_S:
            raise SourceError(f"it asks to wait for {wait_s:.0f} s", is_passing=True)
        if wait_s > 0:
            await self.pause(wait_s)

    async def _once(self, method: str, url: str, bytes_max: int, **more: Any) -> Reply:
        async with asyncio.timeout(self._reply_s):
            try:
                async with self._http.stream(method, url, **more) as response:
                    parts, size = [], 0
                    async for part in response.aiter_bytes():
                        parts.append(part)
                        size += len(part)
                        if size > bytes_max:
                            raise SourceError(f"a reply has more than {bytes_max} bytes")
                    return Reply(response.status_code, response.headers, b"".join(parts))
            except (httpx.ReadTimeout, httpx.WriteTimeout):
                raise TimeoutError from None


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we trust: read once, as that takes longer than a sync without news."""
    return httpx.create_ssl_context()


def retry_after_s(headers: Any) -> float | None:
    """The seconds that a Retry-After header asks for, by number or date, a day at most; None when it says nothing."""
    given = headers.get("retry-after")
    if given is None:
        return None
    try:
        asked_s = float(given)
    except ValueError:
        try:
            asked_s = (parsedate_to_datetime(given) - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):  # the latter where one of them names no zone
            return None
    return None if math.isnan(asked_s) else min(max(asked_s, 0.0), RETRY_AFTER_MAX_S)


def said(body: bytes) -> str:
    """The beginning of an error's text, fit for a log line."""
    return " ".join(body[: SAID_CHARS * 4].decode("utf-8", "replace").split())[:SAID_CHARS]


def utc_seconds(at: datetime) -> str:
    """An instant as sources with seconds understand it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
