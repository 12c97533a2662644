"""A site kept current: a snapshot, then the events behind it, and a new snapshot whenever the line of events breaks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from holdfast.client.errors import Gap, NoAnswer
from holdfast.client.events import Position, Reset
from holdfast.client.replica import Change, Replica, Value
from holdfast.client.stream import State, Stream

DAY = timedelta(hours=23)
HOUR = timedelta(hours=1)
AGAIN_S = 1.0

Snapshot = Callable[[], Awaitable[Value]]
Listen = Callable[[Position], Stream]


class Live:
    """An asynchronous iterator of `Change`s; `units`, `bookings`, `blocks` and `version` are as of the change given
    last. It proves each event to follow on the last. Where one does not, or the server cannot go on, or the day of an
    unasked window is over, it takes a new snapshot and gives a `Reset` (`gap`, `new_window`, or the server's reason).

    It moves while it is iterated, or, after `keep()`, by itself; not both.
    """

    def __init__(
        self, snapshot: Snapshot, listen: Listen, *, unit: str | None, types: Sequence[str], is_windowed: bool
    ) -> None:
        self.replica: Replica = _NONE
        self._snapshot = snapshot
        self._listen = listen
        self._unit = unit
        self._types = types
        self._is_windowed = is_windowed
        self._stream: Stream | None = None
        self._offset: tuple[float, timedelta] | None = None
        self._due: float | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        await self._hang_up()

    @property
    def units(self) -> dict[str, Value]:
        return self.replica.units

    @property
    def bookings(self) -> dict[str, Value]:
        return self.replica.bookings

    @property
    def blocks(self) -> dict[str, Value]:
        return self.replica.blocks

    @property
    def position(self) -> Position:
        """Up to where everything is known; on a filtered stream beyond the last event that was wanted."""
        stream = self._stream
        return self.replica.position if stream is None or stream.position is None else stream.position

    @property
    def version(self) -> int:
        return self.position.version

    @property
    def state(self) -> State:
        return self._stream.state if self._stream is not None else "offline"

    def now(self) -> datetime:
        """The server's time, as the snapshot that was answered fastest told it."""
        assert self._offset is not None
        _, offset = self._offset
        return _since_start(offset)

    def board(self) -> Value:
        """All of it in the shape of a snapshot."""
        return self.replica.board(self.now())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change | Reset:
        while True:
            if (told := await self.step()) is not None:
                return told

    async def step(self) -> Change | Reset | None:
        """The next change; None when only the position moved."""
        reason = "gap"
        if self._stream is not None:
            try:
                async with asyncio.timeout_at(self._due):
                    told = await self._stream.step()
            except TimeoutError:
                reason = "new_window"
            except Gap:
                pass
            else:
                if told is None:
                    return None
                if not isinstance(told, Reset):
                    return self.replica.hear(told)
                reason = told.reason
        await self._begin_anew()
        return Reset(reason, self.position)

    def keep(self) -> asyncio.Task[None]:
        """Keeps it current from now until it is left. The task ends only with what cannot be mended."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep(), name=f"replica of {self.replica.site}")
        return self._keeping

    async def moved(self, timeout_s: float) -> bool:
        """Waits, while it is kept, until anything was taken in, at most so long; whether anything was."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._move()
        except TimeoutError:
            return False
        return True

    async def until(self, version: int) -> None:
        """Waits until that version is taken in: what a command's answer names is then seen."""
        while self.version < version:
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

    async def _begin(self) -> None:
        await self._hang_up()
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        board = await self._snapshot()
        came_at = loop.time()
        self._learn_time(datetime.fromisoformat(board["now"]), sent_at, came_at)
        self.replica = Replica(board, unit=self._unit, types=self._types)
        if not self._is_windowed:
            # a local day is 23 to 25 hours long, and this does not know the zone: it looks once or twice
            left = max(self.replica.start + DAY - self.now(), HOUR)
            self._due = came_at + left.total_seconds()
        self._stream = self._listen(self.replica.position)

    def _learn_time(self, told: datetime, sent_at: float, came_at: float) -> None:
        took = came_at - sent_at
        if self._offset is None or took <= self._offset[0]:
            middle = timedelta(seconds=(sent_at + came_at) / 2)
            self._offset = took, told - _START - middle

    async def _hang_up(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()


_START = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
_EMPTY: dict[str, Any] = {
    "site": "", "epoch": None, "version": 0, "from": _START.isoformat(), "to": _START.isoformat(),
    "units": [], "bookings": [], "blocks": [],
}  # fmt: skip
_NONE = Replica(_EMPTY)


def _since_start(offset: timedelta) -> datetime:
    return _START + offset + timedelta(seconds=asyncio.get_running_loop().time())
