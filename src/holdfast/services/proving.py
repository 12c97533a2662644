"""Proving a site from its journal alone: dense, and folded to exactly what the tables say. Reads everything; repairs
nothing. What it finds is somebody's to judge: nobody can know which of the two is right.

A journal whose front has been let go of is proved to be dense, and can no longer be folded.
"""

import asyncpg

from holdfast.services.checking import Mismatch, journal_gaps, overlaps_of
from holdfast.services.folding import Fold
from holdfast.store import checks as store


async def prove_sites(pool: asyncpg.Pool, named: str | None = None) -> list[Mismatch]:
    """What does not fit of the sites of that slug or id, or of all of them, each in one snapshot."""
    found: list[Mismatch] = []
    async with pool.acquire() as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            sites = [site for site, _, _ in await store.sites(connection, named)]
        for site in sites:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                for one, version, _ in await store.sites(connection, str(site.id)):
                    found += await overlaps_of(connection, one)
                    found += await journal_gaps(connection, one, version)
                    if not await store.trimmed_version(connection, one.id):
                        fold = Fold(one)
                        await fold.read_on(connection)
                        found += await fold.compare(connection, await store.units(connection, one.id), whole=True)
    return sorted(found)
