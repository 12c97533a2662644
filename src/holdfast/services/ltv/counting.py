"""Counts lifetime value: for the customers whom committed batches touched, some thousands in one transaction, or the
whole store anew to verify. Every count notes up to when the streams it stands on were complete."""

from holdfast.domain.commands import CloseFinding, OpenFinding
from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.services.desk import Desk
from holdfast.services.identity import new_id
from holdfast.services.journal_writer import Lines
from holdfast.services.sync.kit import SyncKit
from holdfast.store import ltv as store
from holdfast.store.connection import Connection

ROUNDS_MAX = 100_000
PART_ORDERS = 100_000
"""How many orders are counted anew at once to verify: about a second's work, and as long holds back no clean-up."""
RULE = "ltv_differs"


class Counting:
    """Lifetime value of stores, kept in line."""

    def __init__(self, kit: SyncKit, desk: Desk) -> None:
        self._kit = kit
        self._desk = desk

    async def is_due(self, site: Site) -> bool:
        """Whether anything came in, or the store's zone or currency changed, since the last count."""
        async with self._kit.pool.acquire() as connection:
            known = await store.state(connection, site.id)
            marks = await store.watermarks(connection, site.id)
            touched = await store.has_touched(connection, site.id)
        if known is None or (known.zone, known.currency) != (site.time_zone, site.settings.currency):
            return True
        before = (known.generation, known.orders_as_of, known.ads_as_of)
        return touched or before != (marks.generation, marks.orders_as_of, marks.ads_as_of)

    async def refresh(self, site: Site) -> int:
        """Brings lifetime value in line with what is committed; how many customers were counted again. A store in
        another zone or currency than before is counted anew as a whole."""
        zone, currency = site.time_zone, site.settings.currency
        counted = 0
        for _ in range(ROUNDS_MAX):
            async with (
                self._kit.pool.acquire() as connection,
                self._kit.journal.locked(connection, site.id) as lines,
            ):
                known = await store.state(connection, site.id)
                if known is not None and (known.zone, known.currency) != (zone, currency):
                    await store.rebuild(connection, site.id, zone=zone, currency=currency)
                touched = await store.take_touched(connection, site.id, self._kit.limits.ltv_customers)
                if touched:
                    await store.recount(connection, site.id, touched, zone=zone, currency=currency)
                    counted += len(touched)
                is_last = len(touched) < self._kit.limits.ltv_customers
                if is_last:
                    await self._close(connection, lines, site, counted)
            if is_last:
                return counted
            if known is None and counted == len(touched):
                async with self._kit.pool.acquire() as connection:
                    await store.analyse(connection)
        return counted

    async def verify(self, site: Site) -> int:
        """Counts the store anew, part by part, and holds it against what is kept; what differs is counted again, and is
        a finding. How many rows differed. Nobody has to wait for it: only what differs is written under the site's
        lock."""
        await self.refresh(site)
        differences = await self._verify_customers(site) + await self._verify_cohorts(site)
        async with self._kit.pool.acquire() as connection, self._kit.journal.locked(connection, site.id) as lines:
            await self._close(connection, lines, site, 0, differences=differences)
        if differences:
            # much of it may be new: until somebody looks how large it is, any index is taken for the best
            async with self._kit.pool.acquire() as connection:
                await store.analyse(connection)
            found = OpenFinding(new_id(), RULE, site.slug, {"rows": differences})
            await self._desk.submit(site.id, found, actor="sync")
        else:
            await self._desk.submit(site.id, CloseFinding(RULE, site.slug), actor="sync")
        return differences

    async def _verify_customers(self, site: Site) -> int:
        zone, currency = site.time_zone, site.settings.currency
        differences, behind, is_last = 0, None, False
        while not is_last:
            # one snapshot: whoever is written to meanwhile is counted again for that, and differs in nothing here
            async with (
                self._kit.pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read"),
            ):
                await store.plan_for_parts(connection)
                last = await store.end_of_part(connection, site.id, behind, PART_ORDERS)
                differing = await store.differing(connection, site.id, (behind, last), zone=zone, currency=currency)
            if differing:
                async with self._kit.pool.acquire() as connection, self._kit.journal.locked(connection, site.id):
                    await store.touch(connection, site.id, list(differing))
                await self.refresh(site)
            differences += sum(differing.values())
            behind, is_last = last, last is None
        return differences

    async def _verify_cohorts(self, site: Site) -> int:
        async with self._kit.pool.acquire() as connection, connection.transaction():
            differing = await store.differing_cohorts(connection, site.id)
        if differing:
            async with self._kit.pool.acquire() as connection, self._kit.journal.locked(connection, site.id):
                await store.add_up_again(connection, site.id, list(differing))
        return sum(differing.values())

    async def _close(
        self, connection: Connection, lines: Lines, site: Site, counted: int, *, differences: int | None = None
    ) -> None:
        zone, currency = site.time_zone, site.settings.currency
        known, marks = await store.state(connection, site.id), await store.watermarks(connection, site.id)
        if known is not None and (known.generation, known.currency, known.zone) == (marks.generation, currency, zone):
            # nothing came in but the time
            left_out = known.guests, known.unconverted
        else:
            await store.count_spend(connection, site.id, currency)
            left_out = await store.left_out(connection, site.id, currency=currency, zone=zone)
        await store.keep_state(
            connection, site.id, marks, zone=zone, currency=currency, is_rebuilt=differences is not None,
            left_out=left_out,
        )  # fmt: skip
        told: dict[str, object] = {
            "customers": counted, "orders_as_of": marks.orders_as_of, "ads_as_of": marks.ads_as_of,
            "without_customer": left_out[0], "unconverted": left_out[1],
        }  # fmt: skip
        if differences is not None:
            told["differences"] = differences
        lines.add(events.LTV_COUNTED, site.slug, told, actor="sync", cause="counted")
