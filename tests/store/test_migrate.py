"""Migrations: forward only, each whole or not at all, once however many processes start."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from holdfast.store import migrate
from holdfast.store.migrate import MigrationError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("create table first (id int);\ninsert into first values (1);\n")
    (tmp_path / "0002_second.sql").write_text("create table second (id int);\n")
    return tmp_path


async def rows(url: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_every_step_is_applied_once_in_order(empty_database_url: str, folder: Path) -> None:
    applied = await migrate.migrate(empty_database_url, folder=folder)
    assert [step.number for step in applied] == [1, 2]
    assert await migrate.migrate(empty_database_url, folder=folder) == []
    assert await rows(empty_database_url, "select number, name from schema_migration order by number") == [
        (1, "first"),
        (2, "second"),
    ]


async def test_many_processes_that_migrate_at_once_apply_each_step_once(empty_database_url: str, folder: Path) -> None:
    done = await asyncio.gather(*(migrate.migrate(empty_database_url, folder=folder) for _ in range(6)))
    assert sorted(len(applied) for applied in done) == [0, 0, 0, 0, 0, 2]
    assert await rows(empty_database_url, "select id from first") == [(1,)]


async def test_a_step_that_fails_leaves_nothing(empty_database_url: str, folder: Path) -> None:
    (folder / "0003_broken.sql").write_text("create table third (id int); select 1 / 0;")
    with pytest.raises(MigrationError, match=r"0003_broken failed and was rolled back: division by zero"):
        await migrate.migrate(empty_database_url, folder=folder)
    assert await rows(empty_database_url, "select to_regclass('third') is null, max(number) from schema_migration") == [
        (True, 2)
    ]


async def test_a_newer_database_is_refused(empty_database_url: str, folder: Path) -> None:
    await migrate.migrate(empty_database_url, folder=folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match=r"has migration 0002_second; .* only up to 0001"):
        await migrate.migrate(empty_database_url, folder=folder)


async def test_a_changed_step_is_refused(empty_database_url: str, folder: Path) -> None:
    await migrate.migrate(empty_database_url, folder=folder)
    (folder / "0001_first.sql").write_text("create table first (id bigint);")
    with pytest.raises(MigrationError, match="0001_first was changed after it was applied"):
        await migrate.migrate(empty_database_url, folder=folder)


async def test_line_ends_do_not_change_a_checksum(empty_database_url: str, folder: Path) -> None:
    await migrate.migrate(empty_database_url, folder=folder)
    text = (folder / "0001_first.sql").read_text()
    (folder / "0001_first.sql").write_bytes(text.replace("\n", "\r\n").encode())
    assert await migrate.migrate(empty_database_url, folder=folder) == []


async def test_a_step_may_not_end_its_own_transaction(empty_database_url: str, folder: Path) -> None:
    (folder / "0003_committing.sql").write_text("create table third (id int); commit;")
    with pytest.raises(MigrationError, match="0003_committing.sql ends its transaction itself"):
        await migrate.migrate(empty_database_url, folder=folder)


async def test_pending_changes_nothing(empty_database_url: str, folder: Path) -> None:
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert [step.number for step in await migrate.pending(connection, folder=folder)] == [1, 2]
        assert await connection.fetchval("select to_regclass('schema_migration') is null")
        await migrate.migrate(connection, folder=folder)
        assert await migrate.pending(connection, folder=folder) == []
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0004_gap.sql", "0003 is missing or doubled"),
        ("0002_twice.sql", "0003 is missing"),
        ("3.sql", "not named like"),
    ],
)
def test_file_names_are_dense(folder: Path, name: str, message: str) -> None:
    (folder / name).write_text("select 1")
    with pytest.raises(MigrationError, match=message):
        migrate.known(folder)


def test_our_own_migrations_keep_the_form() -> None:
    assert [step.number for step in migrate.known()] == list(range(1, len(migrate.known()) + 1))
