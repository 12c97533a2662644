"""What tests of reconciling do to a staged site: write past its desk, let it be reconciled, look what stands."""

from typing import Any

from holdfast.domain.commands import SettleFinding
from holdfast.domain.sites import Site
from holdfast.services.observations import ObservationRequest, ObservationsRequest, record
from holdfast.services.reconcile import Reconciler, Report
from holdfast.store import desk as store
from tests.stage import Stage


async def reconciled(stage: Stage, *, dry_run: bool = False) -> Report:
    slug = await stage.pool.fetchval("select slug from site where id = $1", stage.site_id)
    report = await Reconciler(stage.pool, stage.desk, clock=stage.clock).run(slug, dry_run=dry_run)
    assert not report.failed, report.failed
    return report


async def repaired(stage: Stage) -> list[tuple[str, str | None, str | None, str | None]]:
    """What a pass repairs; a dry run must say the same before, and a second pass must find nothing more to repair."""
    before = await stage.version()
    tried = await reconciled(stage, dry_run=True)
    assert await stage.version() == before, "a dry run wrote something"
    report = await reconciled(stage)
    assert [one.rule for one in tried.details] == [one.rule for one in report.details]
    again = await reconciled(stage)
    assert again.fixed == 0, again.details
    return [(one.rule, one.unit, one.start, one.to) for one in report.details]


async def journal(stage: Stage, *types: str) -> list[Any]:
    return await stage.pool.fetch(
        "select type, subject, actor, cause, effective_at, data from journal "
        "where site_id = $1 and type = any($2) order by version",
        stage.site_id,
        list(types),
    )


async def standing(stage: Stage) -> set[tuple[str, str]]:
    rows = await stage.pool.fetch("select rule, subject from finding where site_id = $1 and stands", stage.site_id)
    return {(row["rule"], row["subject"]) for row in rows}


async def site_of(stage: Stage) -> Site:
    (row,) = await stage.pool.fetch(store.Q["sites"], [stage.site_id])
    return store.site_of(row)


async def see(stage: Stage, *seen: tuple[str, str], for_s: int | None = None) -> None:
    items = [ObservationRequest(unit, word, for_s=for_s) for unit, word in seen]
    request = ObservationsRequest(items)
    recorded = await record(stage.pool, await site_of(stage), request, actor="agent", now=stage.clock())
    assert recorded.recorded == len(seen)


async def write_past(stage: Stage, statement: str, *arguments: object) -> None:
    done = await stage.pool.execute(statement, stage.site_id, *arguments)
    assert not done.endswith(" 0"), f"nothing was written: {statement}"


async def forget_site(stage: Stage) -> None:
    """A site broken on purpose is not checked at the end."""
    for table in ("observation", "finding", "answer", "journal", "claim", "block", "booking", "unit"):
        await stage.pool.execute(f"delete from {table} where site_id = $1", stage.site_id)
    await stage.pool.execute(
        "update site set version = 0, trimmed_version = 0, wakes_at = null where id = $1", stage.site_id
    )


async def settle(stage: Stage, rule: str, verdict: Any, reason: str = "seen to") -> None:
    finding_id = await stage.pool.fetchval(
        "select id from finding where site_id = $1 and rule = $2 and stands", stage.site_id, rule
    )
    await stage.do(SettleFinding(finding_id, verdict, reason))
