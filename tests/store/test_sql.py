"""Named queries keep their format, and every one of them can be prepared against the schema."""

from pathlib import Path

import asyncpg
import pytest

from holdfast.store import sql
from holdfast.store.sql import SqlFileError

STORE = Path(sql.__file__).parent
NOUNS = sorted(path.stem for path in STORE.glob("*.sql") if path.name != "schema.sql")


async def test_every_named_query_can_be_prepared(pool: asyncpg.Pool) -> None:
    failures = []
    async with pool.acquire() as connection:
        for statement in sql.load("incoming").values():
            # the tables of batches, which sessions that write them make for themselves
            await connection.execute(statement)
        for noun in NOUNS:
            for name, query in sql.load(noun).items():
                try:
                    await connection.prepare(query)
                except asyncpg.PostgresError as error:
                    failures.append(f"{noun}.{name}: {error}")
    assert not failures, "\n".join(failures)


def test_queries_are_read_by_name_without_their_sentence() -> None:
    text = (
        "-- What this is for.\n\n-- name: one\n-- Gives one.\nselect 1;\n\n-- name: two\n-- Gives two.\nselect\n  2\n"
    )
    assert dict(sql.parse(text, "x.sql")) == {"one": "select 1", "two": "select\n  2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- name: a\n-- A.\nselect 1\n-- name: a\n-- A.\nselect 1", "x.sql:4: the name a is there twice"),
        ("-- name: a\nselect 1", "Sentence"),
        ("-- name: a\n-- A.\n", "query is missing"),
        ("-- name: a b\n-- A.\nselect 1", "is not a name"),
        ("select 1\n-- name: a\n-- A.\nselect 1", "before the first"),
    ],
)
def test_a_broken_file_is_refused(text: str, message: str) -> None:
    with pytest.raises(SqlFileError, match=message):
        sql.parse(text, "x.sql")


def test_an_unknown_noun_is_named() -> None:
    with pytest.raises(SqlFileError, match=r"no nonsense\.sql"):
        sql.load("nonsense")
