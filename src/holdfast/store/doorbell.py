"""The wire between the processes of one database: notifications on a connection that does nothing else.

It must be a direct connection: a pooler that lends servers by the transaction hears nothing.
"""

from collections.abc import Callable
from typing import Any

import asyncpg

from holdfast.store import database, sql
from holdfast.store.database import ConnectionLimits, server_settings

_Q = sql.load("doorbell")
CHANNEL = "holdfast_doorbell"
NAME = "holdfast doorbell"
PAYLOAD_BYTES_MAX = 7_900
"""PostgreSQL takes less than 8,000."""

_LIMITS = ConnectionLimits(statement_timeout_s=2.0, lock_timeout_s=2.0)
_CLOSE_S = 2.0


class Wire:
    """An open connection that rings and hears. `heard` gets each ring of another process, `broken` is called once when
    the connection ends."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(
        cls, url: str, *, heard: Callable[[str], None], broken: Callable[[], None], timeout_s: float
    ) -> "Wire":
        """Raises:
        DatabaseUnavailable: nobody answered in time.
        """
        connection = await database.connect(url, timeout_s=timeout_s, settings=server_settings(_LIMITS, NAME))
        own_pid = connection.get_server_pid()

        def hear(_: Any, pid: int, channel: str, payload: Any) -> None:
            if pid != own_pid:
                heard(payload)

        try:
            connection.add_termination_listener(lambda _: broken())
            await connection.add_listener(CHANNEL, hear)
        except BaseException:
            connection.terminate()
            raise
        return cls(connection)

    @property
    def is_open(self) -> bool:
        return not self._connection.is_closed()

    async def ring(self, payload: str) -> None:
        await self._connection.execute(_Q["ring"], payload, timeout=2.0)

    async def has_company(self) -> bool:
        """Whether another process listens."""
        found: bool = await self._connection.fetchval(_Q["has_company"], NAME, timeout=2.0)
        return found

    async def close(self) -> None:
        """Ends the connection; one that does not answer is cut."""
        try:
            await self._connection.close(timeout=_CLOSE_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection.terminate()
