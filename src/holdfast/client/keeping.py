"""How a copy of what a server holds is kept current: a snapshot, then the events behind it, and a new snapshot whenever
the line of events breaks."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Generic, Self

from holdfast.client.errors import Gap, NoAnswer
from holdfast.client.events import Event, Reset
from holdfast.client.replica import Change, Value
from holdfast.client.stream import Lines, P, State

DAY = timedelta(hours=23)
HOUR = timedelta(hours=1)
AGAIN_S = 1.0

Snapshot = Callable[[], Awaitable[Value]]


class Keeping(ABC, Generic[P]):
    """An asynchronous iterator of `Change`s. It proves each event to follow on the last. Where one does not, or the
    server cannot go on, or the day of an unasked window is over, it takes a new snapshot and gives a `Reset` (`gap`,
    `new_window`, or the server's reason).

    It moves while it is iterated, or, after `keep()`, by itself; not both.
    """

    def __init__(self, *, is_windowed: bool) -> None:
        self._is_windowed = is_windowed
        self._line: Lines[P] | None = None
        self._offset: tuple[float, timedelta] | None = None
        self._due: float | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    @abstractmethod
    async def _begin(self) -> None:
        """Takes a snapshot and listens behind it."""

    @abstractmethod
    def _hear(self, event: Event) -> Change:
        """Takes the next event in."""

    @property
    @abstractmethod
    def position(self) -> P:
        """Up to where everything is known."""

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        await self._hang_up()

    @property
    def state(self) -> State:
        return self._line.state if self._line is not None else "offline"

    def now(self) -> datetime:
        """The server's time, as the snapshot that was answered fastest told it."""
        assert self._offset is not None
        _, offset = self._offset
        return _since_start(offset)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change | Reset:
        while True:
            if (told := await self.step()) is not None:
                return told

    async def step(self) -> Change | Reset | None:
        """The next change; None when only the position moved."""
        reason = "gap"
        if self._line is not None:
            try:
                async with asyncio.timeout_at(self._due):
                    told = await self._line.step()
            except TimeoutError:
                reason = "new_window"
            except Gap:
                pass
            else:
                if told is None:
                    return None
                if not isinstance(told, Reset):
                    return self._hear(told)
                reason = told.reason
        await self._begin_anew()
        return Reset(reason, self.position)

    def keep(self) -> asyncio.Task[None]:
        """Keeps it current from now until it is left. The task ends only with what cannot be mended."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name="replica")
        return self._keeping

    async def moved(self, timeout_s: float) -> bool:
        """Waits, while it is kept, until anything was taken in, at most so long; whether anything was."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._move()
        except TimeoutError:
            return False
        return True

    async def _until(self, is_there: Callable[[], bool]) -> None:
        while not is_there():
            if self._keeping is None:
                await self.step()
            else:
                await self._move()

    async def _move(self) -> None:
        """Waits for the next step of the task that keeps it."""
        assert self._keeping is not None
        moving = asyncio.create_task(self._moved.wait(), name="waiting for a change")
        try:
            await asyncio.wait({self._keeping, moving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moving.cancel()
        self._moved.clear()
        if self._keeping.done():
            self._keeping.result()

    async def _keep(self) -> None:
        while True:
            await self.step()
            self._moved.set()

    async def _begin_anew(self) -> None:
        while True:
            try:
                await self._begin()
                return
            except NoAnswer:
                await asyncio.sleep(AGAIN_S)

    async def _asked(self, snapshots: Iterable[Snapshot]) -> list[Value]:
        """Snapshots, one after the other. The server's time is learnt from them, and when the next ones are due."""
        loop = asyncio.get_running_loop()
        boards: list[Value] = []
        for snapshot in snapshots:
            sent_at = loop.time()
            boards.append(board := await snapshot())
            self._learn_time(datetime.fromisoformat(board["now"]), sent_at, loop.time())
        if not self._is_windowed:
            # a local day is 23 to 25 hours long, and this does not know the zone: it looks once or twice
            ends = min(datetime.fromisoformat(board["from"]) + DAY for board in boards)
            self._due = loop.time() + max(ends - self.now(), HOUR).total_seconds()
        return boards

    def _learn_time(self, told: datetime, sent_at: float, came_at: float) -> None:
        took = came_at - sent_at
        if self._offset is None or took <= self._offset[0]:
            middle = timedelta(seconds=(sent_at + came_at) / 2)
            self._offset = took, told - _START - middle

    async def _hang_up(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.aclose()


_START = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


def _since_start(offset: timedelta) -> datetime:
    return _START + offset + timedelta(seconds=asyncio.get_running_loop().time())
