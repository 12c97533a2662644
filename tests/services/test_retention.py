"""What is kept for a while only is let go of, and what is left is as dense and as true as before."""

import asyncpg
import pytest

from holdfast.services import retention
from holdfast.services.checking import check_sites
from holdfast.services.journal import Epochs, journal_page
from holdfast.services.proving import prove_sites
from holdfast.services.retention import (
    forget_ended_access,
    forget_old_findings,
    forget_old_log_lines,
    forget_old_observations,
    trim_journals,
)
from tests.reconciling import forget_site, reconciled, see, site_of
from tests.stage import Stage, staged


async def aged(stage: Stage, versions: int) -> None:
    """Makes the first lines of the journal half a year old."""
    await stage.pool.execute(
        "update journal set at = at - interval '180 days', effective_at = effective_at - interval '180 days' "
        "where site_id = $1 and version <= $2",
        stage.site_id, versions,
    )  # fmt: skip


async def test_a_trimmed_journal_is_dense_and_readers_from_before_begin_anew(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        for hour in range(10, 20):
            await stage.book("PC-1", f"{hour}:00", f"{hour}:30")
        await pool.execute("update journal set at = now(), effective_at = now()")
        await aged(stage, 7)
        monkeypatch.setattr(retention, "LINES_MAX", 3)
        rounds = 1
        while await trim_journals(pool, after_days=90):
            rounds += 1
        assert rounds == 3
        versions = [row["version"] for row in await pool.fetch("select version from journal order by version")]
        assert versions == list(range(8, await stage.version() + 1))
        assert await pool.fetchval("select trimmed_version from site") == 7
        site, epochs = await site_of(stage), Epochs(pool)
        assert (await journal_page(pool, epochs, site, after="6", limit=100)).reset == "trimmed"
        whole = await journal_page(pool, epochs, site, after="7", limit=100)
        assert whole.reset is None and [one.version for one in whole.events] == versions
        assert not (await check_sites(pool))[0].mismatches
        assert not await prove_sites(pool)
        assert not (await reconciled(stage)).found_any
        await pool.execute("delete from journal where version = 9")
        assert [one.rule for one in await prove_sites(pool)] == ["journal is dense"]
        await forget_site(stage)


async def test_what_is_of_another_organisation_is_left_alone(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        await stage.book("PC-1", "10:00", "10:30")
        await aged(stage, 99)
        ours = await pool.fetchval("select organisation_id from site where id = $1", stage.site_id)
        other = await pool.fetchval("insert into organisation (name) values ('Others') returning id")
        await trim_journals(pool, after_days=90, organisation_id=other)
        assert await pool.fetchval("select trimmed_version from site") == 0
        await trim_journals(pool, after_days=90, organisation_id=ours)
        assert await pool.fetchval("select trimmed_version from site") > 0
        await forget_site(stage)


async def test_the_last_line_of_a_quiet_site_is_kept(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        await aged(stage, 2)
        await trim_journals(pool, after_days=90)
        assert [row["version"] for row in await pool.fetch("select version from journal")] == [2]
        await forget_site(stage)


async def test_closed_findings_and_old_observations_are_let_go_of(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        await see(stage, ("PC-1", "occupied"))
        await reconciled(stage)
        await see(stage, ("PC-1", "vacant"))
        await reconciled(stage)
        await pool.execute("update finding set closed_at = now() - interval '100 days'")
        assert not await forget_old_findings(pool, after_days=101)
        assert await pool.fetchval("select count(*) from finding") == 1
        await forget_old_findings(pool, after_days=99)
        assert await pool.fetchval("select count(*) from finding") == 0
        await pool.execute(
            "update observation set since = now() - interval '3 days', seen_at = now() - interval '3 days', "
            "expires_at = now() - interval '2 days'"
        )
        await forget_old_observations(pool)
        assert await pool.fetchval("select count(*) from observation") == 0


async def test_the_account_log_and_ended_access_are_let_go_of(pool: asyncpg.Pool) -> None:
    account = await pool.fetchval(
        "insert into account (id, email, name) values (gen_random_uuid(), 'ann@example.org', 'Ann') returning id"
    )
    for age in ("400 days", "300 days"):
        await pool.execute(
            "insert into account_log (id, at, actor, action) values (gen_random_uuid(), now() - $1::text::interval, "
            "'console', 'signed_in')", age,
        )  # fmt: skip
    for number, (idle, ends) in enumerate((("1 hour", "1 day"), ("-1 hour", "1 day"), ("1 hour", "-1 hour"))):
        await pool.execute(
            "insert into session (token_hash, account_id, idle_until, ends_at, address, agent) values "
            "($1, $2, now() + $3::text::interval, now() + $4::text::interval, '', '')",
            bytes([number]) * 32, account, idle, ends,
        )  # fmt: skip
        await pool.execute(
            "insert into single_use (token_hash, id, purpose, created_by, expires_at) values "
            "($1, gen_random_uuid(), 'set_up', 'console', now() + $2::text::interval)",
            bytes([number]) * 32, ends,
        )  # fmt: skip
    assert not await forget_old_log_lines(pool, after_days=365)
    assert not await forget_ended_access(pool)
    assert await pool.fetchval("select count(*) from account_log") == 1
    assert await pool.fetchval("select count(*) from session") == 1
    assert await pool.fetchval("select count(*) from single_use") == 2
