"""The sharing loop: each second the processes of one database tell each other how often whom they let in."""

import asyncpg

from holdfast.runtime.loop import Loop
from holdfast.services.limiter import Limiter

EVERY_S = 1.0


class Sharing(Loop):
    """Shares the limiter's counts. While the database is away each process keeps the limits by itself."""

    name = "limits"

    def __init__(self, limiter: Limiter, pool: asyncpg.Pool) -> None:
        super().__init__()
        self._limiter = limiter
        self._pool = pool

    async def step(self) -> float:
        await self._limiter.share(self._pool)
        return EVERY_S
