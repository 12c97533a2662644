"""Other people's databases: read as of one instant, written row by row as read, quoted whatever the names are."""

import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from holdfast.gateways.outside import OutsideBusy, OutsideError, Rewrite
from holdfast.gateways.postgres import PostgresDatabase
from holdfast.gateways.sqlite import SqliteDatabase
from holdfast.gateways.tables import Table

ODD = Table('the "rooms"; --', ("key", "select", "where"), {"hotel id": 7}, ("gone",))
MAKE = """
    create table "the ""rooms""; --" ("key" integer, "select" varchar(9), "where" text, "hotel id" integer, gone text);
    insert into "the ""rooms""; --" values (1, 'busy', 'x', 7, null), (2, 'busy', 'y', 7, null),
        (3, 'busy', 'z', 8, null), (4, 'busy', 'z', 7, 'yes');
"""
WISHES = [Rewrite(1, 1, "select", "busy", "free"), Rewrite(2, 2, "select", "other", "free")]
AS_TEXT = [Rewrite(each.number, str(each.key), each.field, each.before, each.after) for each in WISHES]


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "hotel.db"
    with sqlite3.connect(path) as db:
        db.executescript(MAKE)
    db.close()
    return path


@pytest.fixture
async def postgres(empty_database_url: str) -> Any:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(MAKE)
    yield connection
    await connection.close()


async def read(database: Any, table: Table, rows_max: int = 100) -> list[dict[str, Any]]:
    return [row.values async for batch in database.read(table, rows_max) for row in batch]


async def test_sqlite_names_are_quoted_and_rows_chosen(sqlite_file: Path):
    async with SqliteDatabase(sqlite_file, writing=False) as database:
        assert [row["key"] for row in await read(database, ODD)] == [1, 2]
        assert len(await read(database, ODD, 0)) == 1
        several = Table(ODD.name, ("key",), {"hotel id": [7, 8]})
        assert len(await read(database, several)) == 4


async def test_sqlite_writes_only_what_is_still_as_it_was_read(sqlite_file: Path):
    async with SqliteDatabase(sqlite_file, writing=True) as database:
        await read(database, ODD)
        assert await database.rewrite(ODD, "key", "select", WISHES) == WISHES[1:]
    rows = sqlite3.connect(sqlite_file).execute('select "select" from "the ""rooms""; --" order by key').fetchall()
    assert [status for (status,) in rows] == ["free", "busy", "busy", "busy"]


async def test_sqlite_is_not_written_to_without_being_asked(sqlite_file: Path):
    async with SqliteDatabase(sqlite_file, writing=False) as database:
        await read(database, ODD)
        with pytest.raises(OutsideError, match="readonly"):
            await database.rewrite(ODD, "key", "select", WISHES)


async def test_sqlite_that_somebody_else_writes_to_is_left_alone(sqlite_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("holdfast.gateways.sqlite.BUSY_TIMEOUT_S", 0.05)
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(OutsideBusy, match="somebody else"):
        SqliteDatabase(sqlite_file, writing=True)
    other.close()


async def test_sqlite_mistakes_are_answered_with_what_there_is(sqlite_file: Path, tmp_path: Path):
    async with SqliteDatabase(sqlite_file, writing=False) as database:
        with pytest.raises(OutsideError, match="the .rooms.; --"):
            await database.columns("rooms")
        with pytest.raises(OutsideError, match="Did you mean 'select'"):
            await read(database, Table(ODD.name, ("selct",)))
    with pytest.raises(OutsideError, match="There is no file"):
        SqliteDatabase(tmp_path / "nowhere.db", writing=False)
    (tmp_path / "text.db").write_text("hello, this is not a database at all, only a text that is long enough\n" * 20)
    with pytest.raises(OutsideError, match="not a database"):
        await read(SqliteDatabase(tmp_path / "text.db", writing=False), ODD)


async def test_postgres_names_are_quoted_and_rows_chosen(postgres: Any, empty_database_url: str):
    async with PostgresDatabase(empty_database_url, writing=False) as database:
        assert [row["key"] for row in await read(database, ODD)] == ["1", "2"]
        assert len(await read(database, ODD, 0)) == 1
        assert len(await read(database, Table(ODD.name, ("key",), {"hotel id": [7, 8]}))) == 4
        assert (await database.now()).tzinfo is not None


async def test_postgres_writes_only_what_is_still_as_it_was_read(postgres: Any, empty_database_url: str):
    async with PostgresDatabase(empty_database_url, writing=True) as database:
        await read(database, ODD)
        assert await database.rewrite(ODD, "key", "select", AS_TEXT) == AS_TEXT[1:]
    rows = await postgres.fetch('select "select" from "the ""rooms""; --" order by key')
    assert [row[0] for row in rows] == ["free", "busy", "busy", "busy"]


async def test_postgres_leaves_a_row_alone_that_somebody_has_merely_touched(postgres: Any, empty_database_url: str):
    wishes = [Rewrite(n, str(n), "select", "busy", "free") for n in (1, 2)]
    async with PostgresDatabase(empty_database_url, writing=True) as database:
        await read(database, ODD)
        await postgres.execute("""update "the ""rooms""; --" set "select" = 'busy' where key = 1""")
        assert await database.rewrite(ODD, "key", "select", wishes) == wishes[:1]
    rows = await postgres.fetch('select "select" from "the ""rooms""; --" order by key')
    assert [row[0] for row in rows][:2] == ["busy", "free"]


async def test_postgres_changes_nothing_when_one_word_does_not_fit(postgres: Any, empty_database_url: str):
    wishes = [AS_TEXT[0], Rewrite(2, "2", "select", "busy", "far too long")]
    async with PostgresDatabase(empty_database_url, writing=True) as database:
        await read(database, ODD)
        with pytest.raises(OutsideError, match="nothing was changed"):
            await database.rewrite(ODD, "key", "select", wishes)
    assert await postgres.fetchval("""select count(*) from "the ""rooms""; --" where "select" <> 'busy'""") == 0


async def test_postgres_keys_and_statuses_may_have_types_of_their_own(postgres: Any, empty_database_url: str):
    await postgres.execute("""
        create schema pms;
        create type pms."Room Status" as enum ('VAC', 'OCC');
        create table pms.rooms (id uuid primary key default gen_random_uuid(), status pms."Room Status");
        insert into pms.rooms (status) values ('OCC')
    """)
    table = Table("pms.rooms", ("id", "status"))
    async with PostgresDatabase(empty_database_url, writing=True) as database:
        (row,) = await read(database, table)
        await database.rewrite(table, "id", "status", [Rewrite(1, row["id"], "status", "OCC", "VAC")])
    assert await postgres.fetchval("select status::text from pms.rooms") == "VAC"


async def test_postgres_mistakes_are_answered_with_what_there_is(postgres: Any, empty_database_url: str):
    await postgres.execute("create table systems (id integer)")
    async with PostgresDatabase(empty_database_url, writing=False) as database:
        with pytest.raises(OutsideError, match="Did you mean 'systems'"):
            await database.columns("sytems")
        with pytest.raises(OutsideError, match="Did you mean 'select'"):
            await read(database, Table(ODD.name, ("selct",)))
    with pytest.raises(OutsideBusy, match="cannot be reached") as told:
        async with PostgresDatabase("postgresql://me:secret@127.0.0.1:1/nowhere", writing=False):
            pass
    assert "secret" not in str(told.value)
    with pytest.raises(OutsideError, match="not understood") as told:
        async with PostgresDatabase("postgresql://me:sec/ret@127.0.0.1/nowhere", writing=False):
            pass
    assert "sec" not in str(told.value)


async def test_postgres_that_goes_away_is_one_sentence(postgres: Any, empty_database_url: str):
    async with PostgresDatabase(empty_database_url, writing=True) as database:
        await read(database, ODD)
        await postgres.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() "
            "and application_name = 'holdfast check' and datname = current_database()"
        )
        with pytest.raises(OutsideBusy):
            await database.rewrite(ODD, "key", "select", AS_TEXT)
