"""The retention loop: every ten minutes, or at once while there is more to let go of."""

import asyncpg

from holdfast.runtime.loop import Loop
from holdfast.services.retention import (
    forget_ended_access,
    forget_old_answers,
    forget_old_findings,
    forget_old_guesses,
    forget_old_log_lines,
    forget_old_mails,
    forget_old_observations,
    forget_old_sync_runs,
    trim_journals,
)

EVERY_S = 600.0
MORE_S = 1.0


class Retention(Loop):
    """Keeps the tables of answers, closed findings, old observations, guesses, mails, links, sessions and the lines of
    journals and the account log from growing for ever; `journal_days` 0 keeps journals whole. Several
    processes may run it at once."""

    name = "retention"

    def __init__(
        self, pool: asyncpg.Pool, *, answer_hours: float, finding_days: float, journal_days: float, log_days: float
    ) -> None:
        super().__init__()
        self._pool = pool
        self._answer_hours = answer_hours
        self._finding_days = finding_days
        self._journal_days = journal_days
        self._log_days = log_days

    async def step(self) -> float:
        more = [
            await forget_old_answers(self._pool, after_hours=self._answer_hours),
            await forget_old_findings(self._pool, after_days=self._finding_days),
            await forget_old_observations(self._pool),
            await forget_old_guesses(self._pool),
            await forget_old_mails(self._pool),
            await forget_ended_access(self._pool),
            await forget_old_log_lines(self._pool, after_days=self._log_days),
            await forget_old_sync_runs(self._pool),
            bool(self._journal_days) and await trim_journals(self._pool, after_days=self._journal_days),
        ]
        return MORE_S if any(more) else EVERY_S
