"""The way to PostgreSQL: one pool with the limits every connection carries.

Refuses servers older than 15, and never waits for a database longer than it was told to. Frozen clients must
not keep locks, so every connection sets its own time limits (measured: reliability.md).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import asyncpg

from holdfast.store.codecs import prepare

Prepare = Callable[[asyncpg.Connection], Coroutine[Any, Any, None]]

SERVER_MAJOR_MIN = 15
RETRY_DELAY_S = 0.05
RETRY_DELAY_MAX_S = 1.0

# What passes by itself when the server is only just starting, restarting or failing over.
PASSING_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.PostgresConnectionError,
)
LASTING_ERRORS = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InterfaceError,
    ValueError,
)


class DatabaseUnavailable(Exception):
    """No usable database answered in time; the message says why and what to do."""


@dataclass(frozen=True)
class ConnectionLimits:
    """What one process may take of the database, and for how long."""

    connections_max: int = 10
    statement_timeout_s: float = 30.0
    lock_timeout_s: float = 5.0
    idle_in_transaction_timeout_s: float = 30.0
    client_check_interval_s: float = 5.0
    connect_timeout_s: float = 10.0


def server_settings(limits: ConnectionLimits, application_name: str) -> dict[str, str]:
    """Return what every connection sets at its start; PostgreSQL reads plain numbers as milliseconds."""
    return {
        "application_name": application_name,
        "statement_timeout": _milliseconds(limits.statement_timeout_s),
        "lock_timeout": _milliseconds(limits.lock_timeout_s),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction_timeout_s),
        "client_connection_check_interval": _milliseconds(limits.client_check_interval_s),
        "timezone": "UTC",
        # A plan here costs less than compiling it.
        "jit": "off",
    }


async def open_pool(
    url: str,
    limits: ConnectionLimits | None = None,
    *,
    application_name: str = "holdfast",
    init: Prepare | None = None,
    reset: Prepare | None = None,
) -> asyncpg.Pool:
    """Return a pool whose first connection has answered; tries again until `connect_timeout_s` is over. `reset` stands
    in for a query that makes a session that is given back as new: for work that leaves nothing behind in one.

    Raises:
        DatabaseUnavailable: nothing answered in time, it refused us, or it is older than PostgreSQL 15.
    """
    limits = limits or ConnectionLimits()
    settings = server_settings(limits, application_name)
    await _check_server(url, limits.connect_timeout_s, settings)
    try:
        async with asyncio.timeout(limits.connect_timeout_s):
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=limits.connections_max,
                timeout=limits.connect_timeout_s,
                server_settings=settings,
                init=init or prepare,
                reset=reset,
            )
    except (*PASSING_ERRORS, *LASTING_ERRORS, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable(_reason(url, error)) from error


async def connect(url: str, *, timeout_s: float = 10.0, settings: dict[str, str] | None = None) -> asyncpg.Connection:
    """Return one connection; tries again until `timeout_s` is over.

    Raises:
        DatabaseUnavailable: nothing answered in time, or it refused us.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    delay_s = RETRY_DELAY_S
    while True:
        try:
            left_s = max(0.05, deadline - loop.time())
            return await asyncpg.connect(url, timeout=left_s, server_settings=settings)
        except LASTING_ERRORS as error:
            raise DatabaseUnavailable(_reason(url, error)) from error
        except PASSING_ERRORS as error:
            if loop.time() + delay_s >= deadline:
                raise DatabaseUnavailable(_reason(url, error, waited_s=timeout_s)) from error
        except asyncpg.PostgresError as error:
            raise DatabaseUnavailable(_reason(url, error)) from error
        await asyncio.sleep(delay_s)
        delay_s = min(delay_s * 2, RETRY_DELAY_MAX_S)


def check_version(major: int, minor: int) -> None:
    """Refuse a server older than PostgreSQL 15.

    Raises:
        DatabaseUnavailable: it is older.
    """
    if major < SERVER_MAJOR_MIN:
        raise DatabaseUnavailable(
            f"The database is PostgreSQL {major}.{minor}; Holdfast needs {SERVER_MAJOR_MIN} or newer. "
            "Upgrade it, or leave HOLDFAST_DATABASE_URL unset and Holdfast starts its own."
        )


async def _check_server(url: str, timeout_s: float, settings: dict[str, str]) -> None:
    connection = await connect(url, timeout_s=timeout_s, settings=settings)
    try:
        version = connection.get_server_version()
        check_version(version.major, version.minor)
    finally:
        await connection.close()


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _where(url: str) -> str:
    """Return the URL's place without user, password and options."""
    rest = url.split("://", 1)[-1].split("?", 1)[0]
    return rest.rpartition("@")[2] or "the local socket"


def _reason(url: str, error: BaseException, *, waited_s: float | None = None) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return f"The database at {_where(url)} refused the user or password: {text}. Check the database URL."
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"The database at {_where(url)} does not exist: {text}. Create it, or check the database URL."
    if isinstance(error, ValueError | asyncpg.InterfaceError):
        return f"The database URL cannot be used: {text}."
    waited = f" within {waited_s:g} s" if waited_s is not None else ""
    return f"No database answered at {_where(url)}{waited}: {text}. Is PostgreSQL running and reachable?"
