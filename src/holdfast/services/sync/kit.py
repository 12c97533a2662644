"""What the work of syncing shares: the pool whose sessions have the batches' tables, the journal, limits, identity."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from time import monotonic

import asyncpg
import msgspec

from holdfast.domain.sites import Site
from holdfast.gateways.shops.source import Source
from holdfast.services.journal_writer import JournalWriter
from holdfast.store.connections import ConnectionRow

MakeSource = Callable[[Site, ConnectionRow], Awaitable[Source]]

UNDER_WAY_ROWS = 1_000
"""How many rows a read may have under way, and has to read again when it is killed: a batch that is being written, and
the one behind it, which is fetched meanwhile. More where one page of a source has more than half of it."""
BATCH_ROWS = UNDER_WAY_ROWS // 2
LEASE_S = 30.0
"""How long a run is its worker's without a sign of life; after that another worker goes on with it."""


class SyncLimits(msgspec.Struct, frozen=True):
    """What one process does at once, and in what portions."""

    runs_max: int = 2
    batch_rows: int = BATCH_ROWS
    lease_s: float = LEASE_S
    ltv_customers: int = 5_000
    """Customers whose lifetime value is counted in one transaction."""


class SyncKit(msgspec.Struct, frozen=True):
    """What runs work with. `worker` names this process in leases."""

    pool: asyncpg.Pool
    journal: JournalWriter
    make_source: MakeSource
    worker: str
    limits: SyncLimits
    jitter: Callable[[], float] = random.random


class SourceClock:
    """The database's time now, by this process's own clock since it was last read: to say when a source was asked."""

    def __init__(self, now: datetime) -> None:
        self._now, self._at = now, monotonic()

    def now(self) -> datetime:
        return self._now + timedelta(seconds=monotonic() - self._at)


class LeaseLost(Exception):
    """Another worker has the run: nothing more may be written for it here."""


class Cancelled(Exception):
    """Somebody asked the run to stop behind its present batch."""
