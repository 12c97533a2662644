"""One question and its answer over HTTP, repeated while that is safe: a command only with its key, and never without
bounds. The server keeps the answer to a key, so that a command whose answer was lost is told again, not done again."""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Any

import httpx

from holdfast.client.errors import Broken, NoAnswer, Refused

ANSWER_BYTES_MAX = 64 * 1024 * 1024
_NOT_DONE = frozenset({"busy", "unavailable"})
_PASSING = frozenset({408, 429, 502, 503, 504})
"""Statuses that another attempt may end otherwise than by."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a question is repeated before it is given up."""

    attempts_max: int = 6
    total_s: float = 30.0
    attempt_s: float = 10.0
    wait_s: float = 0.2
    """The first wait; each further one is up to twice as long."""
    wait_max_s: float = 5.0

    def wait(self, failures: int) -> float:
        """How long to wait after so many failures in a row: some of it is chance, so that many do not come at once."""
        longest: float = min(self.wait_max_s, self.wait_s * 2 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 only spreads who comes when


class Again(Enum):
    """When a question may be put once more."""

    ALWAYS = "always"
    """It changes nothing, or its key tells a repetition."""
    NOT_DONE = "not done"
    """Only while it is sure that the last attempt did nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said. `version` is the journal version it speaks of, `replayed` whether it was decided by an
    earlier attempt."""

    data: Any
    status: int
    version: int | None = None
    replayed: bool = False
    attempts: int = 1

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `key` goes with it as its Idempotency-Key."""

    method: str
    path: str
    body: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None
    if_match: int | None = None
    again: Again = Again.ALWAYS


class Asking:
    """Questions to one server."""

    def __init__(self, http: httpx.AsyncClient, patience: Patience) -> None:
        self._http = http
        self._patience = patience

    async def ask(self, question: Question) -> Answer:
        """The answer, after as many attempts as patience allows.

        Raises:
            Refused: the server said no.
            NoAnswer: nobody answered.
            Broken: somebody else did.
        """
        patience, now = self._patience, asyncio.get_running_loop().time
        until = now() + patience.total_s
        unknown = False
        for attempt in count(1):
            failure: Exception
            wait = patience.wait(attempt)
            try:
                async with asyncio.timeout(min(patience.attempt_s, until - now())):
                    return await self._attempt(question, attempt)
            except Refused as refused:
                if refused.status not in _PASSING:
                    raise
                failure = refused
                unknown = unknown or (refused.code not in _NOT_DONE and refused.status != 429)
                wait = max(wait, refused.retry_after_s or 0.0)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                failure = error
            except (httpx.TransportError, TimeoutError) as error:
                failure, unknown = error, True
            is_over = attempt >= patience.attempts_max or now() + wait >= until
            if is_over or (unknown and question.again is Again.NOT_DONE):
                raise _given_up(question, failure, attempt, unknown) from failure
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _attempt(self, question: Question, attempt: int) -> Answer:
        headers = {"Accept": "application/json"}
        if question.key is not None:
            headers["Idempotency-Key"] = question.key
        if question.if_match is not None:
            headers["If-Match"] = f'"{question.if_match}"'
        request = self._http.build_request(
            question.method, question.path, params=dict(question.params), json=question.body, headers=headers
        )
        response = await self._http.send(request, stream=True)
        try:
            body = await read_whole(response, ANSWER_BYTES_MAX)
        finally:
            await response.aclose()
        if not response.is_success:
            raise refusal_of(response, body)
        told = response.headers
        version = told.get("holdfast-version", "")
        return Answer(
            _json(response, body), response.status_code, int(version) if version.isdigit() else None,
            told.get("holdfast-replayed") == "true", attempt,
        )  # fmt: skip


async def read_whole(response: httpx.Response, bytes_max: int) -> bytes:
    """Raises:
    Broken: the answer is larger than that.
    """
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size > bytes_max:
            raise Broken(f"{response.request.url} answers with more than {bytes_max} bytes")
    return b"".join(parts)


def refusal_of(response: httpx.Response, body: bytes) -> Refused:
    """What a failed answer says; one that is no problem document (a proxy's) goes by its status."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    code = str(told.get("code") or f"http_{response.status_code}")
    detail = str(told.get("detail") or f"{response.reason_phrase} from {response.request.url.host}")
    return Refused(code, response.status_code, detail, told, _seconds(response.headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 6 else None


def _json(response: httpx.Response, body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        said = f"{response.request.url} does not answer like Holdfast (HTTP {response.status_code})"
        raise Broken(said) from None


def _given_up(question: Question, failure: Exception, attempts: int, unknown: bool) -> Exception:
    may_have_happened = unknown and question.method != "GET"
    if isinstance(failure, Refused) and not may_have_happened:
        return failure
    said = f"no answer to {question.method} {question.path}: {failure or type(failure).__name__}"
    return NoAnswer(said, attempts=attempts, key=question.key, may_have_happened=may_have_happened)
