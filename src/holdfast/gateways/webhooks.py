"""Sending webhooks to addresses that others have chosen: only to such as may be reached (`addresses`), once looked at.

No redirects, no proxy of the environment, no decoding; a bounded time for all of it and a bounded answer.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from time import perf_counter
from urllib.parse import urlsplit

import httpx
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.gateways.addresses import AddressRefused, Network, PinnedTransport, Reachable, Resolve, trusted

URL_CHARS_MAX = 2_000
ANSWER_BYTES_MAX = 16_384
ANSWER_CHARS_KEPT = 1_000


class Answered(msgspec.Struct, frozen=True):
    """What a receiver answered, or why there is no answer; how long that took."""

    took_ms: float
    status: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after_s: float | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.error is None


class WebhookSender:
    """Sends one request at a time. `allowed` are networks that may be sent to although they are not public."""

    def __init__(
        self, *, allowed: Sequence[Network] = (), within_s: float = 15.0, resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._reachable = Reachable(allowed, resolve=resolve)
        self.within_s = within_s
        self._trust = trust

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """Posts to an address; whatever happens is an answer."""
        began = perf_counter()
        try:
            async with asyncio.timeout(self.within_s):
                status, answer, retry_after = await self._post(url, headers, body)
        except TimeoutError:
            return Answered(_ms(began), error=f"no whole answer within {self.within_s:g} s")
        except AddressRefused as refused:
            return Answered(_ms(began), error=str(refused))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
            return Answered(_ms(began), error=f"{type(error).__name__}: {error}"[:300])
        problem = None if 200 <= status < 300 else f"answered {status}"
        if 300 <= status < 400:
            problem = f"answered {status}; redirects are not followed"
        return Answered(_ms(began), status, problem, answer, retry_after)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, float | None]:
        said = {
            **headers, "content-type": "application/json", "accept-encoding": "identity",
            "user-agent": "Holdfast-Webhooks/1",
        }  # fmt: skip
        transport = PinnedTransport(self._reachable, self._trust or trusted(), kept_alive=0)
        async with httpx.AsyncClient(
            transport=transport, trust_env=False, follow_redirects=False, timeout=self.within_s
        ) as client:
            request = client.build_request("POST", url, headers=said, content=body)
            response = await client.send(request, stream=True)
            try:
                return response.status_code, await _read(response), _retry_after(response.headers.get("retry-after"))
            finally:
                await response.aclose()


def url_of(given: str, *, http: bool) -> str:
    """An address as it is kept.

    Raises:
        Refusal: `invalid_request`: it is none, names a user, or is not https while `http` is False.
    """
    schemes = ("https", "http") if http else ("https",)
    problem = f"must look like {schemes[0]}://hooks.example.org/path, without user or fragment"
    try:
        parts = urlsplit(given)
        is_right = (
            parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
            and parts.username is None and parts.password is None and not parts.fragment
        )  # fmt: skip
    except ValueError:
        is_right = False
    is_plain = given.isascii() and given.isprintable() and " " not in given and len(given) <= URL_CHARS_MAX
    if not (is_right and is_plain):
        raise Refusal("invalid_request", field="url", given=given[:100], problem=problem)
    return given


async def _read(response: httpx.Response) -> str:
    """The beginning of an answer; what is behind it is not waited for."""
    kept = b""
    async for chunk in response.aiter_raw():
        kept += chunk
        if len(kept) >= ANSWER_BYTES_MAX:
            break
    text = kept[:ANSWER_CHARS_KEPT].decode("utf-8", "replace")
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def _retry_after(given: str | None) -> float | None:
    return float(given) if given is not None and given.isascii() and given.isdigit() and len(given) <= 6 else None


def _ms(began: float) -> float:
    return round((perf_counter() - began) * 1000, 1)
