"""A site kept current, or several on one line."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from holdfast.client.events import Event, Places, Position
from holdfast.client.keeping import Keeping, Snapshot
from holdfast.client.replica import Change, Replica, Value
from holdfast.client.stream import SitesStream, Stream


class Live(Keeping[Position]):
    """One site: `units`, `bookings`, `blocks` and `version` are as of the change given last."""

    def __init__(
        self, snapshot: Snapshot, listen: Callable[[Position], Stream], *,
        unit: str | None, types: Sequence[str], is_windowed: bool,
    ) -> None:  # fmt: skip
        super().__init__(is_windowed=is_windowed)
        self.replica: Replica = _NONE
        self._snapshot = snapshot
        self._listen = listen
        self._unit = unit
        self._types = types

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
        line = self._line
        return self.replica.position if line is None or line.position is None else line.position

    @property
    def version(self) -> int:
        return self.position.version

    def board(self) -> Value:
        """All of it in the shape of a snapshot."""
        return self.replica.board(self.now())

    async def until(self, version: int) -> None:
        """Waits until that version is taken in: what a command's answer names is then seen."""
        await self._until(lambda: self.version >= version)

    async def _begin(self) -> None:
        await self._hang_up()
        (board,) = await self._asked([self._snapshot])
        self.replica = Replica(board, unit=self._unit, types=self._types)
        self._line = self._listen(self.replica.position)

    def _hear(self, event: Event) -> Change:
        return self.replica.hear(event)


class LiveSites(Keeping[Places]):
    """Several sites: `replicas` by the sites' names, each as of the change given last. A change says by its event which
    site it is of; a `Reset` is of all."""

    def __init__(
        self, snapshots: Mapping[str, Snapshot], ask_ids: Callable[[], Awaitable[Mapping[str, int]]],
        listen: Callable[[Places], SitesStream], *, types: Sequence[str], is_windowed: bool,
    ) -> None:  # fmt: skip
        super().__init__(is_windowed=is_windowed)
        self.replicas: dict[str, Replica] = {}
        self._snapshots = snapshots
        self._ask_ids = ask_ids
        self._listen = listen
        self._types = types
        self._ids: Mapping[str, int] = {}

    def __getitem__(self, site: str) -> Replica:
        return self.replicas[site]

    @property
    def position(self) -> Places:
        """Up to where everything is known of each site."""
        line = self._line
        return self._places() if line is None or line.position is None else line.position

    def version(self, site: str) -> int:
        """Up to which version everything is known of one site."""
        return self.position.versions[self._ids[site]]

    async def until(self, site: str, version: int) -> None:
        """Waits until that version of a site is taken in: what a command's answer names is then seen."""
        await self._until(lambda: self.version(site) >= version)

    async def _begin(self) -> None:
        await self._hang_up()
        self._ids = await self._ask_ids()
        boards = await self._asked(self._snapshots.values())
        while len({board["epoch"] for board in boards}) > 1:  # a backup was restored between two of them
            boards = await self._asked(self._snapshots.values())
        self.replicas = {board["site"]: Replica(board, types=self._types) for board in boards}
        self._line = self._listen(self._places())

    def _hear(self, event: Event) -> Change:
        return self.replicas[event.site].hear(event)

    def _places(self) -> Places:
        epoch = next(replica.position.epoch for replica in self.replicas.values())
        return Places(epoch, {self._ids[site]: replica.position.version for site, replica in self.replicas.items()})


_NOTHING: dict[str, Any] = {
    "site": "", "epoch": None, "version": 0, "from": "2000-01-01T00:00:00Z", "to": "2000-01-01T00:00:00Z",
    "now": "2000-01-01T00:00:00Z", "units": [], "bookings": [], "blocks": [],
}  # fmt: skip
_NONE = Replica(_NOTHING)
