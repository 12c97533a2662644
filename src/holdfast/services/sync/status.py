"""Whether a store is being synced, in the words that its replaced frontend knows."""

import msgspec

from holdfast.domain.sites import Site
from holdfast.services.sync.kit import SyncKit
from holdfast.store import connections, runs


class SyncStatus(msgspec.Struct, frozen=True):
    """`activeConnections` counts who watches it by this process, `hasCronJob` is whether it is synced by itself."""

    isSyncing: bool
    activeConnections: int
    hasCronJob: bool


class Status:
    """The status of stores."""

    def __init__(self, kit: SyncKit) -> None:
        self._kit = kit

    async def of(self, site: Site, *, watching: int) -> SyncStatus:
        async with self._kit.pool.acquire() as connection:
            is_syncing = await runs.under_way(connection, site.id) > 0
            streams = await connections.streams(connection, site.id)
        return SyncStatus(is_syncing, watching, any(stream.due_at is not None for stream in streams))
