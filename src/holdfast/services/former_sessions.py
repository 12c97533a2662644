"""Café sessions in the words of the system that Holdfast replaces: let those complete whose time is over.

There a timer did it, and this repaired what the timer had missed. Here the clock's alarms do it when it is due, so
this usually finds nothing left; the numbers are the journal's, not ours.
"""

import asyncio

import asyncpg
import msgspec

from holdfast.domain.commands import Tick
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.services.desk import Desk
from holdfast.store import former

KIND = "cafe"
SITES_MAX = 1_000
TOGETHER_MAX = 100
"""How many sites are caught up at once, so that they do not fill the desk's queue."""


class SessionsOver(msgspec.Struct, frozen=True):
    """How many sessions the clock completed and how many units that freed, at how many sites."""

    completed: int
    freed: int
    sites: int


async def complete_sessions(pool: asyncpg.Pool, desk: Desk, site: Site | None, *, actor: str) -> SessionsOver:
    """Lets the clock act on what is due now at a café, or at all of them (None; the 1,000 longest overdue), and counts
    what it did meanwhile, whoever let it.

    Raises:
        Refusal: as the desk's; some sites may be caught up then.
    """
    due = await former.sites_due(pool, KIND, site.id if site is not None else None, SITES_MAX)
    spans = []
    for first in range(0, len(due), TOGETHER_MAX):
        some = due[first : first + TOGETHER_MAX]
        answers = await asyncio.gather(*(desk.submit(site_id, Tick(), actor=actor) for site_id, _ in some))
        spans += [(site_id, behind, answer.version) for (site_id, behind), answer in zip(some, answers, strict=True)]
    if not spans:
        return SessionsOver(0, 0, 0)
    status = policy_of(KIND).session_status
    assert status is not None
    return SessionsOver(*await former.sessions_over(pool, spans, status), len(spans))
