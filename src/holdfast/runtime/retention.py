"""The retention loop: every ten minutes, or at once while there is more to let go of."""

import asyncpg

from holdfast.runtime.loop import Loop
from holdfast.services.retention import forget_old_answers

EVERY_S = 600.0
MORE_S = 1.0


class Retention(Loop):
    """Keeps the table of answers from growing for ever. Several processes may run it at once."""

    name = "retention"

    def __init__(self, pool: asyncpg.Pool, *, answer_hours: float) -> None:
        super().__init__()
        self._pool = pool
        self._answer_hours = answer_hours

    async def step(self) -> float:
        more = await forget_old_answers(self._pool, after_hours=self._answer_hours)
        return MORE_S if more else EVERY_S
