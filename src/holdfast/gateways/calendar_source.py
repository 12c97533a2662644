"""Fetching calendars from addresses that others have chosen: only public ones (`addresses`), each redirect looked at
anew; a bounded time, size and number of redirects. What was sent is read by a process of its own.
"""

import asyncio
import os
import ssl
import sys
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.gateways.addresses import AddressRefused, Network, PinnedTransport, Reachable, Resolve, trusted
from holdfast.gateways.calendar_text import Read

URL_CHARS_MAX = 2_000
BODY_BYTES_MAX = 4 << 20
REDIRECTS_MAX = 4
READERS_MAX = 2
"""Processes that read at once: reading keeps a core busy."""
READ_S = 40.0
READER = "holdfast.gateways.calendar_text"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_decode = msgspec.json.Decoder(Read).decode


class Fetched(msgspec.Struct, frozen=True):
    """What came of asking: a `body`, or `is_unchanged`, or an `error` that says what stood in the way."""

    body: bytes | None = None
    is_unchanged: bool = False
    etag: str | None = None
    last_modified: str | None = None
    error: str | None = None


class _Refused(Exception):
    """There is no use in going on; the message says why."""


class CalendarSource:
    """Asks for one calendar at a time. `allowed` are networks that may be asked although they are not public; without
    `http` every address, also one redirected to, must be https."""

    def __init__(
        self, *, allowed: Sequence[Network] = (), http: bool = False, within_s: float = 30.0,
        resolve: Resolve | None = None, trust: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self.http = http
        self._reachable = Reachable(allowed, resolve=resolve)
        self._within_s = within_s
        self._trust = trust
        self._readers = asyncio.Semaphore(READERS_MAX)

    async def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """Asks, for a calendar that is not as it was; whatever happens is an answer."""
        headers = {"accept": "text/calendar, */*;q=0.5", "accept-encoding": "identity", "user-agent": "Holdfast/1"}
        if etag is not None:
            headers["if-none-match"] = etag
        if last_modified is not None:
            headers["if-modified-since"] = last_modified
        try:
            async with asyncio.timeout(self._within_s):
                return await self._get(url, headers)
        except TimeoutError:
            return Fetched(error=f"no whole answer within {self._within_s:g} s")
        except (AddressRefused, _Refused) as refused:
            return Fetched(error=str(refused))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
            return Fetched(error=f"{type(error).__name__}: {error}"[:300])

    async def read(self, body: bytes, since: datetime, until: datetime) -> Read:
        """What a calendar says is taken between two instants; one that takes too much time or memory is a problem."""
        async with self._readers:
            environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", READER, env=environ,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                async with asyncio.timeout(READ_S):
                    told, _ = await process.communicate(msgspec.json.encode((since, until)) + b"\n" + body)
            except TimeoutError:
                return Read(problem="reading the calendar took too long")
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0:
            return Read(problem="the calendar cannot be read within the time and memory that one may take")
        return _decode(told)

    async def _get(self, url: str, headers: dict[str, str]) -> Fetched:
        transport = PinnedTransport(self._reachable, self._trust or trusted(), kept_alive=0)
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=self._within_s) as client:
            for _ in range(REDIRECTS_MAX + 1):
                self._check_scheme(url)
                async with client.stream("GET", url, headers=headers) as response:
                    if response.status_code in _REDIRECTS and "location" in response.headers:
                        url = urljoin(url, response.headers["location"])
                        continue
                    return await _taken(response)
        raise _Refused(f"more than {REDIRECTS_MAX} redirects")

    def _check_scheme(self, url: str) -> None:
        if urlsplit(url).scheme not in (("https", "http") if self.http else ("https",)):
            raise _Refused("it redirects to an address that is not https")


def calendar_url(given: str, *, http: bool) -> str:
    """An address as it is kept: `webcal` is what calendar programs call https.

    Raises:
        Refusal: `invalid_request`: it is none, names a user, or is not https while `http` is False.
    """
    url = given.strip()
    for alias in ("webcal://", "webcals://"):
        if url.lower().startswith(alias):
            url = "https://" + url[len(alias) :]
    try:
        parts = urlsplit(url)
        is_right = (
            parts.scheme in (("https", "http") if http else ("https",)) and bool(parts.hostname) and parts.port != 0
            and parts.username is None and parts.password is None
        )  # fmt: skip
    except ValueError:
        is_right = False
    if not (is_right and url.isascii() and url.isprintable() and " " not in url and len(url) <= URL_CHARS_MAX):
        problem = "must look like https://calendars.example.org/room.ics, without a user"
        raise Refusal(
            "invalid_request", field="url", given=urlsplit(url).netloc[:60] if is_right else "", problem=problem
        )
    return url


async def _taken(response: httpx.Response) -> Fetched:
    if response.status_code == 304:
        return Fetched(is_unchanged=True)
    if response.status_code != 200:
        raise _Refused(f"answered {response.status_code}")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise _Refused(f"the calendar is larger than {BODY_BYTES_MAX >> 20} MB")
    etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
    return Fetched(bytes(body), etag=_short(etag), last_modified=_short(modified))


def _short(given: str | None) -> str | None:
    return given if given is not None and len(given) <= 300 and given.isprintable() else None
