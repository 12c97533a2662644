"""The events of a site, or of several, as they are written, over as many connections as it takes: each once, in order,
without a hole."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Generic, Literal, Protocol, Self, TypeVar

import httpx

from holdfast.client.asking import Patience, read_whole, refusal_of
from holdfast.client.blocks import Block, Parser
from holdfast.client.chain import Chain, SitesChain
from holdfast.client.errors import Broken, NoAnswer, Refused
from holdfast.client.events import Event, Places, Position, Reset

QUIET_S = 35.0
"""A line on which nothing came for so long is taken for dead: the server marks quiet ones every 15 s."""
PROBLEM_BYTES_MAX = 64 * 1024
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507})

State = Literal["offline", "live", "stale"]


P = TypeVar("P", Position, Places)


class Proof(Protocol[P]):
    """What checks the blocks of one connection."""

    position: P | None

    def follow(self, block: Block) -> Event | Reset | None: ...


class Lines(ABC, Generic[P]):
    """An asynchronous iterator of events, and of a `Reset` where the server cannot go on from the position. It takes
    up a broken line by itself, behind what it gave last; `give_up_s` is for how long it tries (None: for ever).
    `state` is `live` while bytes come, `stale` once none came for too long, `offline` when the line is down.

    Raises, while iterated:
        Refused: the server says no and will go on saying it.
        NoAnswer: nobody answered for `give_up_s`.
        Gap: an event does not follow on the last. Broken: it is no event.
    """

    def __init__(
        self, http: httpx.AsyncClient, path: str, position: P | None, *,
        params: dict[str, str], patience: Patience | None,
    ) -> None:  # fmt: skip
        self.position: P | None = position
        self.state: State = "offline"
        self.on_state: Callable[[State], None] = lambda state: None
        self.give_up_s: float | None = None
        self.quiet_s = QUIET_S
        self._http = http
        self._path = path
        self._params = params
        self._patience = patience or Patience()
        self._retry_s = self._patience.wait_s
        self._told: AsyncGenerator[Event | Reset | None, None] | None = None

    @abstractmethod
    async def _proof(self) -> Proof[P]:
        """What checks the next connection, from the position on."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | Reset:
        while True:
            if (told := await self.step()) is not None:
                return told

    async def step(self) -> Event | Reset | None:
        """The next thing told; None when only the position moved. Cancelled, it goes on with the next call."""
        if self._told is None:
            self._told = self._listen()
        try:
            return await anext(self._told)
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Hangs up. Iterating again goes on behind the position."""
        told, self._told = self._told, None
        self._be("offline")
        if told is not None:
            await told.aclose()

    async def _listen(self) -> AsyncGenerator[Event | Reset | None, None]:
        now = asyncio.get_running_loop().time
        failures, since = 0, now()
        while True:
            wait_s: float | None = None
            try:
                async with aclosing(self._connected()) as connected:
                    async for told in connected:
                        failures, since = 0, now()
                        yield told
                said = "the server ended it"
            except httpx.ReadTimeout:
                self._be("stale")
                said = "nothing came"
            except (httpx.TransportError, TimeoutError, NoAnswer) as error:
                self._be("offline")
                said = str(error) or type(error).__name__
            except Refused as refused:
                if refused.status not in _PASSING:
                    raise
                self._be("offline")
                said, wait_s = str(refused), refused.retry_after_s
            failures += 1
            wait_s = max(wait_s or 0.0, self._retry_s if failures == 1 else self._patience.wait(failures))
            if self.give_up_s is not None and now() + wait_s - since > self.give_up_s:
                said = f"no stream from {self._path}: {said}"
                raise NoAnswer(said, attempts=failures, key=None, may_have_happened=False)
            await asyncio.sleep(wait_s)

    async def _connected(self) -> AsyncGenerator[Event | Reset | None, None]:
        """What one connection tells, until it ends."""
        chain = await self._proof()
        params, headers = dict(self._params), {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if self.position is not None:
            headers["Last-Event-ID"] = str(self.position)
        async with AsyncExitStack() as stack:
            timeout = httpx.Timeout(self._patience.attempt_s, read=self.quiet_s)
            async with asyncio.timeout(self._patience.attempt_s):
                asking = self._http.stream("GET", self._path, params=params, headers=headers, timeout=timeout)
                response = await stack.enter_async_context(asking)
                if response.status_code != 200:
                    raise refusal_of(response, await read_whole(response, PROBLEM_BYTES_MAX))
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Broken(f"{response.request.url} is no stream of events")
            parser = Parser()
            async for chunk in response.aiter_bytes():
                self._be("live")
                for block in parser.feed(chunk):
                    told = chain.follow(block)
                    self.position = chain.position
                    yield told
                if parser.retry_ms is not None:
                    self._retry_s = min(parser.retry_ms / 1000, self._patience.total_s)

    def _be(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self.on_state(state)


class Stream(Lines[Position]):
    """The events of one site; only of some types, or about one unit."""

    def __init__(
        self, http: httpx.AsyncClient, path: str, position: Position | None, *,
        types: Sequence[str] = (), unit: str | None = None, patience: Patience | None = None,
    ) -> None:  # fmt: skip
        params = {"types": ",".join(types)} if types else {}
        if unit is not None:
            params["unit"] = unit
        super().__init__(http, path, position, params=params, patience=patience)

    async def _proof(self) -> Chain:
        return Chain(self.position, is_whole=not self._params)


class SitesStream(Lines[Places]):
    """The events of several sites on one line, only of some types; of each site it is proved that none is missing.
    `ask_ids` tells the sites' ids by name, by which positions name them."""

    def __init__(
        self, http: httpx.AsyncClient, position: Places | None, ask_ids: Callable[[], Awaitable[Mapping[str, int]]], *,
        types: Sequence[str] = (), patience: Patience | None = None,
    ) -> None:  # fmt: skip
        params = {"types": ",".join(types)} if types else {}
        super().__init__(http, "/api/events", position, params=params, patience=patience)
        self._is_whole = not types
        self._ask_ids = ask_ids
        self._ids: Mapping[str, int] = {}

    async def _proof(self) -> SitesChain:
        if not self._ids:
            self._ids = await self._ask_ids()
            self._params["sites"] = ",".join(self._ids)
        return SitesChain(self.position, self._ids, is_whole=self._is_whole)
