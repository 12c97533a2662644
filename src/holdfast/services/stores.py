"""All that stores need, put together once: connections, runs, webhooks, lifetime value, and who watches."""

import os
import secrets
import socket
from collections.abc import Iterable, Sequence

import asyncpg

from holdfast.gateways.addresses import Network, Reachable
from holdfast.services.desk import Desk
from holdfast.services.journal_writer import JournalWriter
from holdfast.services.ltv.counting import Counting
from holdfast.services.ltv.predicting import Predicting
from holdfast.services.ltv.reading import Reading
from holdfast.services.sync.connections import Connections, OpenVault
from holdfast.services.sync.findings import Findings
from holdfast.services.sync.kit import SyncKit, SyncLimits
from holdfast.services.sync.overview import Overview
from holdfast.services.sync.rejects import Rejects
from holdfast.services.sync.runs import Runs
from holdfast.services.sync.status import Status
from holdfast.services.sync.verifying import Verifying
from holdfast.services.sync.webhooks import Webhooks
from holdfast.store import connections as connection_store
from holdfast.store.codecs import prepare
from holdfast.store.connection import Connection
from holdfast.store.orders import prepare_incoming

WATCHED_S = 90.0
"""How long a store counts as watched after somebody was last seen to watch it."""


class Stores:
    """The stores of one process. `pool` is one whose sessions were made by `prepare_session`; `allowed` are networks
    where sources may be asked although they are not public."""

    def __init__(
        self, pool: asyncpg.Pool, desk: Desk, open_vault: OpenVault, *, limits: SyncLimits | None = None,
        allowed: Sequence[Network] = (),
    ) -> None:  # fmt: skip
        worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.connections = Connections(pool, open_vault, Reachable(allowed))
        self.kit = SyncKit(pool, JournalWriter(desk.tell), self.connections.source, worker, limits or SyncLimits())
        self.counting = Counting(self.kit, desk)
        self.runs = Runs(self.kit, self.counting, Findings(pool, desk))
        self.verifying = Verifying(self.kit, self.runs)
        self.webhooks = Webhooks(self.kit, self.connections)
        self.rejects = Rejects(self.kit)
        self.status = Status(self.kit)
        self.reading = Reading(pool)
        self.predicting = Predicting(pool, self.reading)
        self.overview = Overview(self.kit, self.connections, self.runs, self.reading)

    async def note_watched(self, site_ids: Iterable[int]) -> None:
        """Somebody watches these sites now: schedules that run only while watched are due for them."""
        async with self.kit.pool.acquire() as connection:
            await connection_store.note_watched(connection, site_ids, WATCHED_S)


async def prepare_session(connection: Connection) -> None:
    """Makes a new session one that syncs can write batches by."""
    await prepare(connection)
    await prepare_incoming(connection)


async def leave_session(connection: Connection) -> None:
    """Gives a session back as it is: what syncs set, they set for one transaction. Of a store without news every second
    query was one that made a session as new."""
