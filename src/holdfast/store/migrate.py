"""Forward-only migrations: `migrations/NNNN_name.sql`, each in one transaction, in order, once.

Refuses a database newer than this program, a released migration that was edited, and gaps. There is no way
back: restore a backup instead.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from holdfast.store import database

FOLDER = Path(__file__).parent / "migrations"
# Any constant works; it only keeps two migrating processes apart.
LOCK_KEY = 0x484F4C44
LOCK_TIMEOUT_S = 60.0
LOCK_POLL_S = 0.05
_OWN_TRANSACTION = re.compile(r"(?:^|;)\s*(?:commit|rollback)\b", re.IGNORECASE | re.MULTILINE)
_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

_TABLE = """
create table if not exists schema_migration (
    number     integer     primary key,
    name       text        not null,
    checksum   text        not null,
    applied_at timestamptz not null default now()
)
"""


class MigrationError(Exception):
    """The database and this program's migrations do not fit; nothing of the failing migration was kept."""


@dataclass(frozen=True)
class Migration:
    """One step of the schema; the checksum is SHA-256 of its text with plain newlines."""

    number: int
    name: str
    checksum: str
    sql: str


def known(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations of a folder in order.

    Raises:
        MigrationError: a file name does not keep the form, or the numbers are not 1, 2, 3, …
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path.name} is not named like 0001_foundation.sql.")
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        if _OWN_TRANSACTION.search(text):
            raise MigrationError(f"{path.name} ends its transaction itself; each step is one transaction.")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(match["number"]), match["name"], checksum, text))
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise MigrationError(
                f"Migration {expected:04d} is missing or doubled: found {migration.number:04d}_{migration.name}."
            )
    return found


async def migrate(target: str | asyncpg.Connection, *, folder: Path = FOLDER) -> list[Migration]:
    """Bring the schema to the newest known step; return the steps applied now, in order.

    Raises:
        MigrationError: the database is newer, a known step was changed, a step failed, or the lock is taken.
        DatabaseUnavailable: the URL leads to no usable database.
    """
    if not isinstance(target, str):
        return await _migrate(target, folder)
    connection = await database.connect(target, settings={"application_name": "holdfast migrate"})
    try:
        version = connection.get_server_version()
        database.check_version(version.major, version.minor)
        return await _migrate(connection, folder)
    finally:
        await connection.close()


async def pending(connection: asyncpg.Connection, *, folder: Path = FOLDER) -> list[Migration]:
    """Return the steps that are not applied yet; changes nothing.

    Raises:
        MigrationError: the database is newer, or a known step was changed.
    """
    steps = known(folder)
    if not await connection.fetchval("select to_regclass('schema_migration') is not null"):
        return steps
    rows = await connection.fetch("select number, name, checksum from schema_migration order by number")
    _check_applied(rows, steps)
    applied = {row["number"] for row in rows}
    return [step for step in steps if step.number not in applied]


async def _migrate(connection: asyncpg.Connection, folder: Path) -> list[Migration]:
    steps = known(folder)
    await _lock(connection)
    try:
        await connection.execute(_TABLE)
        todo = await pending(connection, folder=folder) if steps else []
        if not steps:
            _check_applied(await connection.fetch("select number, name, checksum from schema_migration"), steps)
        for step in todo:
            await _apply(connection, step)
        return todo
    finally:
        if not connection.is_closed():
            await connection.execute("select pg_advisory_unlock($1)", LOCK_KEY)


async def _lock(connection: asyncpg.Connection) -> None:
    # Asked again and again instead of waiting inside the server, where lock_timeout would end the wait.
    tries = round(LOCK_TIMEOUT_S / LOCK_POLL_S)
    for _ in range(tries):
        if await connection.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
            return
        await asyncio.sleep(LOCK_POLL_S)
    raise MigrationError(f"Another process has been migrating this database for {LOCK_TIMEOUT_S:g} s. Try again later.")


async def _apply(connection: asyncpg.Connection, step: Migration) -> None:
    label = f"{step.number:04d}_{step.name}"
    try:
        async with connection.transaction():
            await connection.execute("set local statement_timeout = 0; set local lock_timeout = '30s'")
            await connection.execute(step.sql)
            await connection.execute(
                "insert into schema_migration (number, name, checksum) values ($1, $2, $3)",
                step.number,
                step.name,
                step.checksum,
            )
    except asyncpg.PostgresError as error:
        detail = " ".join(part for part in (error.args[0], error.as_dict().get("detail")) if part)
        raise MigrationError(f"Migration {label} failed and was rolled back: {detail}") from error


def _check_applied(rows: list[asyncpg.Record], steps: list[Migration]) -> None:
    by_number = {step.number: step for step in steps}
    newest = max(by_number, default=0)
    for row in rows:
        label = f"{row['number']:04d}_{row['name']}"
        step = by_number.get(row["number"])
        if step is None:
            raise MigrationError(
                f"The database has migration {label}; this program knows only up to {newest:04d}. "
                "Install a newer Holdfast, or restore a backup made by this one."
            )
        if step.checksum != row["checksum"]:
            raise MigrationError(
                f"Migration {label} was changed after it was applied. "
                "Restore the released file and put the change into a new migration."
            )
