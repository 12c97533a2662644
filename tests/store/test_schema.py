"""`schema.sql` is what a reader reads; it must equal what the migrations make."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg

from holdfast.store import binaries, migrate

SCHEMA = Path(migrate.__file__).parent / "schema.sql"


def dumped(url: str, bindir: Path) -> list[str]:
    done = subprocess.run(
        [
            binaries.for_client(15, bindir).program("pg_dump"),
            "--schema-only",
            "--no-owner",
            "--no-privileges",
            "--exclude-table=schema_migration",
            f"--dbname={url}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    # \restrict carries a random word; comments carry versions.
    return [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(("--", "\\"))]


async def test_schema_sql_equals_the_sum_of_the_migrations(
    empty_database_url: str, make_database: Callable[[str], str], bindir: Path
) -> None:
    url = make_database("template1")
    await migrate.migrate(empty_database_url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SCHEMA.read_text(encoding="utf-8"))
    finally:
        await connection.close()
    ours, theirs = await asyncio.gather(
        asyncio.to_thread(dumped, url, bindir), asyncio.to_thread(dumped, empty_database_url, bindir)
    )
    assert ours
    assert ours == theirs
