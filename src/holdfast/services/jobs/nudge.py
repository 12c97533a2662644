"""Who must hear that jobs were put in: not before their transaction has committed, and at once then. A caller's
transaction cannot be asked to call back, so its connection is looked at until it is over."""

import asyncio
from collections.abc import Callable, Iterable

import asyncpg

from holdfast.store.connection import Connection

FIRST_LOOK_S, LOOK_S_MAX = 0.0005, 0.05
LOOKED_AT_S_MAX = 60.0
WATCHED_MAX = 1_000

Listener = Callable[[frozenset[str]], None]


class Nudge:
    """Tells listeners which queues have new jobs."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self._watching: dict[int, tuple[asyncio.Task[None], set[str]]] = {}

    def after(self, tx: Connection, queues: Iterable[str]) -> None:
        """Tells of these queues once the transaction is over, however it ends."""
        if not self.listeners:
            return
        if not _is_open(tx):
            self.now(queues)
            return
        key = id(tx)
        if key in self._watching:
            self._watching[key][1].update(queues)
        elif len(self._watching) < WATCHED_MAX:
            named = set(queues)
            task = asyncio.get_running_loop().create_task(self._watch(tx, key, named), name="jobs' commit")
            self._watching[key] = task, named

    def now(self, queues: Iterable[str]) -> None:
        named = frozenset(queues)
        for listener in self.listeners:
            listener(named)

    async def _watch(self, tx: Connection, key: int, queues: set[str]) -> None:
        look_s, looked_s = FIRST_LOOK_S, 0.0
        try:
            while _is_open(tx) and looked_s < LOOKED_AT_S_MAX:
                await asyncio.sleep(look_s)
                looked_s += look_s
                look_s = min(look_s * 1.3, LOOK_S_MAX)
        finally:
            del self._watching[key]
        self.now(queues)


SCHEDULES = "*schedules"
"""Stands among the queues for: a schedule was made or changed."""
NUDGE = Nudge()
"""The process's own."""


def _is_open(tx: Connection) -> bool:
    try:
        return bool(tx.is_in_transaction())
    except (asyncpg.InterfaceError, AttributeError):
        return False  # given back to its pool, or closed
