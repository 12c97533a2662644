"""What an exception from below means to whoever asks: the database is away, which passes by itself."""

import asyncpg

from holdfast.services.outcome import BROKEN, PASSING

DISK_FULL = asyncpg.DiskFullError

UNREACHABLE: tuple[type[BaseException], ...] = (
    *BROKEN,
    *PASSING,
    asyncpg.QueryCanceledError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
)
"""Failures that no request is to blame for; the same request may succeed later."""
