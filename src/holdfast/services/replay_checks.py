"""One house of a replay: its rooms, its fold of the journal, and the daily look at the promises."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import asyncpg

from holdfast.domain.change import Event
from holdfast.domain.local_time import to_local
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.services.checking import Mismatch, check_site, journal_gaps, overlaps_of, statuses_of
from holdfast.services.folding import Fold
from holdfast.store import checks as store

MISMATCHES_MAX = 200
_AHEAD = timedelta(days=2)


class House:
    """A hotel under replay. `rooms` are counts by category."""

    def __init__(self, site: Site, rooms: dict[str, int]) -> None:
        self.site = site
        self.rooms = rooms
        self.fold = Fold(site)

    async def free_rooms(
        self, pool: asyncpg.Pool, categories: Iterable[str], start: datetime, end: datetime, *, limit: int
    ) -> list[str]:
        return await store.free_units(pool, self.site.id, categories, start, end, limit=limit)


async def check_house(pool: asyncpg.Pool, house: House, now: datetime, *, whole: bool) -> list[Mismatch]:
    """What is not as promised at `now`: overlaps, statuses, density, journal = tables for all that changed since the
    last look; with `whole` for everything there is, and claims = live bookings too."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        (site, version, _), *_ = await store.sites(connection, house.site.slug)
        before = house.fold.version
        events = await house.fold.read_on(connection)
        units = await store.units(connection, site.id)
        found = _called_on_time(site, events)
        if whole:
            found += (await check_site(connection, site, version, now=now)).mismatches
        else:
            policy = policy_of(site.kind)
            claims = await store.claims_around(connection, site.id, now, now + _AHEAD)
            found += statuses_of(site, policy, units, claims, now=now)
            found += await overlaps_of(connection, site)
            found += await journal_gaps(connection, site, version, after=before)
        found += await house.fold.compare(connection, units, whole=whole)
    return found[:MISMATCHES_MAX]


def _called_on_time(site: Site, events: Iterable[Event]) -> list[Mismatch]:
    """No-shows bear the instant of the cut-off, however late the clock was looked at."""
    return [
        Mismatch(site.slug, "no-show at the cut-off", event.subject, str(event.effective_at), str(site.cut_off))
        for event in events
        if event.type == "booking.no_show" and not _at_cut_off(site, event)
    ]


def _at_cut_off(site: Site, event: Event) -> bool:
    local = to_local(event.effective_at, site.zone).time()
    # day use that nobody came for is over before the morning's cut-off
    return local in (site.cut_off, site.check_in)
