"""The journal is dense and its positions mean one thing: this version of this line of history."""

from datetime import datetime
from typing import Any

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.journal import Epochs, JournalPage, LineFilter, Lines, journal_page, position
from tests.stage import Stage, site_of, staged

PCS = ["PC-1", "PC-2"]


async def read(
    stage: Stage, after: str | None, *, limit: int = 100, start: datetime | None = None, end: datetime | None = None,
    **by: Any,
) -> JournalPage:  # fmt: skip
    wanted = Lines(LineFilter(**by), start, end)
    return await journal_page(
        stage.pool, Epochs(stage.pool), await site_of(stage), after=after, limit=limit, wanted=wanted
    )


async def test_pages_of_the_journal_are_dense_and_end_at_the_sites_version(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        for hour in range(10, 16):
            await stage.book("PC-1", f"{hour}:00", f"{hour}:30")
        versions: list[int] = []
        page = await read(stage, None, limit=3)
        while page.events:
            versions += [event.version for event in page.events]
            page = await read(stage, f"{page.epoch}:{page.next}", limit=3)
        assert versions == list(range(1, await stage.version() + 1))
        assert page.next == page.last == versions[-1]


async def test_a_filtered_reader_goes_on_behind_what_was_looked_at(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        booking = await stage.book("PC-1", "10:00", "11:00")
        await stage.act(booking, "cancel")
        await stage.condition("PC-2", "dirty")
        page = await read(stage, "0", types=("booking.created", "booking.cancelled"))
        assert [event.type for event in page.events] == ["booking.created", "booking.cancelled"]
        assert page.next == page.last == await stage.version()
        one = await read(stage, "0", types=("booking.created",), limit=1)
        assert one.next == one.events[-1].version
        about = await read(stage, "0", subject=str(booking))
        assert [event.cause for event in about.events] == ["created", "cancelled"]
        assert about.next == about.last


async def test_a_position_of_another_history_or_of_none_is_a_reset(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        page = await read(stage, None)
        assert page.reset is None
        assert (await read(stage, f"{page.epoch}:0")).reset is None
        assert (await read(stage, "0123abc:1")).reset == "other_epoch"
        ahead = await read(stage, str(page.last + 1))
        assert (ahead.reset, ahead.next) == ("ahead", page.last)
        await pool.execute("delete from journal where site_id = $1 and version <= 1", stage.site_id)
        assert (await read(stage, "0")).reset == "trimmed"
        assert (await read(stage, "1")).reset is None
        # put back what the promises want to see
        await pool.execute(
            "insert into journal select site_id, 1, at, effective_at, type, 'PC-1', actor, cause, "
            "jsonb_set(data, '{code}', '\"PC-1\"') from journal where site_id = $1 and version = 2",
            stage.site_id,
        )


async def test_the_data_of_an_event_goes_out_as_it_was_written(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", PCS) as stage:
        await stage.book("PC-1", "10:00", "11:00")
        page = await read(stage, None)
        rows = await pool.fetch("select data from journal where site_id = $1 order by version", stage.site_id)
        assert [bytes(event.data) for event in page.events] == [row["data"] for row in rows]


async def test_an_epoch_is_the_databases_own(pool: asyncpg.Pool) -> None:
    epoch = await Epochs(pool).current()
    assert epoch == await Epochs(pool).current()
    assert len(epoch) == 12
    await put_in_place(pool)
    assert epoch != await Epochs(pool).current()


async def put_in_place(pool: asyncpg.Pool) -> None:
    """What a restore into the same database does to the tables."""
    await pool.execute("begin; alter table site rename to was; create table site (like was including all); commit")


async def test_a_role_that_may_not_ask_for_the_system_has_an_epoch_too(pool: asyncpg.Pool, admin_url: str) -> None:
    name = await pool.fetchval("select current_database()")
    admin = await asyncpg.connect(admin_url, database=name)
    try:
        await admin.execute("revoke execute on function pg_control_system() from public")
    finally:
        await admin.close()
    epoch = await Epochs(pool).current()
    assert epoch == await Epochs(pool).current()
    await put_in_place(pool)
    assert epoch != await Epochs(pool).current()


@pytest.mark.parametrize(
    ("text", "meaning"), [(None, (None, 0)), ("", (None, 0)), ("17", (None, 17)), ("ab:17", ("ab", 17))]
)
def test_positions_are_versions_with_or_without_an_epoch(text: str | None, meaning: tuple[str | None, int]) -> None:
    assert position(text) == meaning


@pytest.mark.parametrize("text", ["x", "-1", "ab:", "ab:x", "1" * 19, "٣"])
def test_other_positions_are_refused(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        position(text)
    assert refusal.value.code == "invalid_cursor"
