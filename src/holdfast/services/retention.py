"""Lets go of what was kept for a while only. Refuses to touch bookings, and the journal but at its front.

`organisation_id` leaves everything alone that is not of that organisation; None is all of them.
"""

from uuid import UUID

import asyncpg
import msgspec

from holdfast.store import accounts, mail, observations, people, runs, sql, throttle

_Q = sql.load("retention")
ANSWERS_MAX = 5_000
FINDINGS_MAX = 5_000
OBSERVATIONS_MAX = 5_000
GUESSES_MAX = 5_000
MAILS_MAX = 5_000
MAIL_DAYS = 30.0
PEOPLE_MAX = 5_000
"""Lines of the account log, links and sessions at once."""
LINES_MAX = 2_000
RUNS_MAX = 2_000
RUN_DAYS = 90.0
"""How long ended sync runs are listed; the journal keeps them longer, or not as long."""
SITES_MAX = 500


class Kept(msgspec.Struct, frozen=True):
    """How long what is kept for a while is kept; `journal_days` 0 keeps journals whole."""

    answer_hours: float
    finding_days: float
    journal_days: float
    log_days: float
    tick_days: float


async def forget_all(pool: asyncpg.Pool, kept: Kept) -> bool:
    """One bounded bite of each; True when there may be more. Several processes may do it at once."""
    more = [
        await forget_old_answers(pool, after_hours=kept.answer_hours),
        await forget_old_findings(pool, after_days=kept.finding_days),
        await forget_old_observations(pool),
        await forget_old_guesses(pool),
        await forget_old_mails(pool),
        await forget_ended_access(pool),
        await forget_old_log_lines(pool, after_days=kept.log_days),
        await forget_old_sync_runs(pool),
        bool(kept.journal_days) and await trim_journals(pool, after_days=kept.journal_days),
    ]
    return any(more)


async def forget_old_answers(pool: asyncpg.Pool, *, after_hours: float, organisation_id: UUID | None = None) -> bool:
    """Deletes answers to keyed commands older than this; True when there may be more of them."""
    status = await pool.execute(_Q["delete_old_answers"], after_hours, ANSWERS_MAX, organisation_id)
    return int(status.rsplit(" ", 1)[1]) >= ANSWERS_MAX


async def forget_old_findings(pool: asyncpg.Pool, *, after_days: float, organisation_id: UUID | None = None) -> bool:
    """Deletes findings that were closed longer ago than this; True when there may be more of them."""
    status = await pool.execute(_Q["delete_old_findings"], after_days, FINDINGS_MAX, organisation_id)
    return int(status.rsplit(" ", 1)[1]) >= FINDINGS_MAX


async def forget_old_observations(pool: asyncpg.Pool, *, organisation_id: UUID | None = None) -> bool:
    """Deletes observations that have not counted for a day; True when there may be more of them."""
    return await observations.forget(pool, OBSERVATIONS_MAX, organisation_id) >= OBSERVATIONS_MAX


async def forget_old_guesses(pool: asyncpg.Pool) -> bool:
    """Deletes guesses at secrets that no longer count, and places that accounts were long not used from; True when
    there may be more of them."""
    return await throttle.forget(pool, limit=GUESSES_MAX) >= GUESSES_MAX


async def forget_old_mails(pool: asyncpg.Pool) -> bool:
    """Deletes mails that were sent or given up a month ago; True when there may be more of them."""
    return await mail.forget(pool, after_days=MAIL_DAYS, limit=MAILS_MAX) >= MAILS_MAX


async def forget_old_log_lines(pool: asyncpg.Pool, *, after_days: float) -> bool:
    """Deletes lines of the account log older than this; True when there may be more of them."""
    return await people.trim_log(pool, after_days=after_days, limit=PEOPLE_MAX) >= PEOPLE_MAX


async def forget_ended_access(pool: asyncpg.Pool) -> bool:
    """Deletes links that no longer work and sessions that are over; True when there may be more of them."""
    links = await accounts.trim_links(pool, limit=PEOPLE_MAX)
    sessions = await accounts.trim_sessions(pool, limit=PEOPLE_MAX)
    return max(links, sessions) >= PEOPLE_MAX


async def forget_old_sync_runs(pool: asyncpg.Pool) -> bool:
    """Deletes sync runs that ended longer ago than `RUN_DAYS`; True when there may be more of them."""
    async with pool.acquire() as connection:
        return await runs.forget_old(connection, RUN_DAYS, RUNS_MAX) >= RUNS_MAX


async def trim_journals(pool: asyncpg.Pool, *, after_days: float, organisation_id: UUID | None = None) -> bool:
    """Lets go of journal lines older than this, from the front of each site's journal: what is left is as dense as
    before, and a reader from further back is told to begin anew. True when there may be more of them."""
    after_id, more = 0, False
    while True:
        rows = await pool.fetch(_Q["sites_to_trim"], after_id, after_days, SITES_MAX, organisation_id)
        for row in rows:
            lines = await pool.fetchval(_Q["trim_journal"], row["id"], after_days, LINES_MAX)
            more = more or (lines or 0) >= LINES_MAX
        if len(rows) < SITES_MAX:
            return more
        after_id = rows[-1]["id"]
