"""A backup comes back whole, and a restore never half replaces what is there."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from holdfast.store import backup
from holdfast.store.backup import BackupError


async def run(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


@pytest.fixture
async def archive(database_url: str, bindir: Path, tmp_path: Path) -> Path:
    """A backup of a migrated database with one table more."""
    await run(database_url, "create table kept as select g from generate_series(1, 1000) g", "select 1")
    file = tmp_path / "holdfast.backup"
    assert await backup.backup(database_url, file, bindir=bindir) == file.stat().st_size > 0
    return file


async def test_a_backup_comes_back(archive: Path, empty_database_url: str, bindir: Path) -> None:
    await backup.restore(empty_database_url, archive, bindir=bindir)
    assert await run(empty_database_url, "select sum(g) from kept") == 500500
    assert await run(empty_database_url, "select count(*) from schema_migration") is not None


async def test_a_backup_is_private_and_leaves_no_partial_file(archive: Path) -> None:
    assert archive.stat().st_mode & 0o77 == 0
    assert [path.name for path in archive.parent.iterdir()] == [archive.name]


async def test_a_database_with_rows_is_not_replaced_unasked(
    archive: Path, empty_database_url: str, bindir: Path
) -> None:
    await run(empty_database_url, "create table other as select 1 as n", "select 1")
    with pytest.raises(BackupError, match="not empty"):
        await backup.restore(empty_database_url, archive, bindir=bindir)
    assert await run(empty_database_url, "select n from other") == 1


async def test_a_forced_restore_leaves_only_the_backup(archive: Path, database_url: str, bindir: Path) -> None:
    await run(database_url, "delete from kept", "create table later (id int)", "select 1")
    await backup.restore(database_url, archive, force=True, bindir=bindir)
    assert await run(database_url, "select sum(g) from kept") == 500500
    assert await run(database_url, "select to_regclass('later') is null")


async def test_a_forced_restore_of_a_broken_file_changes_nothing(
    archive: Path, database_url: str, bindir: Path
) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(BackupError):
        await backup.restore(database_url, archive, force=True, bindir=bindir)
    assert await run(database_url, "select count(*) from kept") == 1000


async def test_a_restored_database_can_be_backed_up_and_restored_again(
    archive: Path, database_url: str, make_database: Callable[[str], str], bindir: Path, tmp_path: Path
) -> None:
    await backup.restore(database_url, archive, force=True, bindir=bindir)
    again = tmp_path / "again.backup"
    await backup.backup(database_url, again, bindir=bindir)
    third = make_database("template1")
    await backup.restore(third, again, bindir=bindir)
    assert await run(third, "select sum(g) from kept") == 500500


async def test_any_installed_version_serves_any_server(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    await run(database_url, "create table kept as select 5 as n", "select 1")
    await backup.backup(database_url, tmp_path / "a.backup")
    await backup.restore(empty_database_url, tmp_path / "a.backup")
    await backup.restore(empty_database_url, tmp_path / "a.backup", force=True)
    assert await run(empty_database_url, "select n from kept") == 5


async def test_an_existing_file_is_not_overwritten(database_url: str, tmp_path: Path, bindir: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(BackupError, match="exists already"):
        await backup.backup(database_url, tmp_path / "there", bindir=bindir)
    assert (tmp_path / "there").read_text() == "precious"


async def test_a_missing_folder_and_a_missing_backup_are_named(database_url: str, tmp_path: Path, bindir: Path) -> None:
    with pytest.raises(BackupError, match="cannot be written: No such file"):
        await backup.backup(database_url, tmp_path / "absent" / "file", bindir=bindir)
    with pytest.raises(BackupError, match="There is no backup"):
        await backup.restore(database_url, tmp_path / "absent", bindir=bindir)
