"""One file that holds the whole database, and the way back; PostgreSQL's own pg_dump and pg_restore do it.

Refuses to restore over anything unless forced, and is whole or not at all: a backup gets its name when it is
complete, a restore is one transaction. Passwords never stand in a command line.
"""

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from holdfast.store import binaries, database

_USER_OBJECTS = """
select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg_temp%'
  and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
  and not exists (
    select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  )
"""

_EMPTY_THE_SCHEMA = ("drop schema public cascade", "create schema public authorization pg_database_owner")


class BackupError(Exception):
    """The backup or restore was not done, and nothing was changed; the message says why."""


@dataclass(frozen=True)
class _Target:
    """A URL taken apart: what may be seen in a process list, and what may not."""

    url: str
    password: str | None = field(repr=False)

    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        return {**kept, "LC_ALL": "C", "PGAPPNAME": "holdfast backup"} | (
            {"PGPASSWORD": self.password} if self.password is not None else {}
        )


async def backup(url: str, file: Path, *, bindir: Path | None = None) -> int:
    """Write the database to the file (pg_dump's custom format, readable by us only); return its bytes.

    Raises:
        BackupError: the file is there already, cannot be written, or pg_dump failed.
        DatabaseUnavailable: the database did not answer.
        EmbeddedServerError: no fitting pg_dump is installed.
    """
    if file.exists():
        raise BackupError(f"{file} exists already. Choose another name.")
    major = await _server_major(url)
    target = _take_apart(url)
    program = (await asyncio.to_thread(binaries.for_client, major, bindir)).program("pg_dump")
    partial = file.with_name(file.name + ".partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    except OSError as error:
        raise BackupError(f"{partial} cannot be written: {error.strerror}.") from error
    try:
        await _run(
            target,
            program,
            "-Fc",
            "--no-owner",
            "--no-privileges",
            f"--file={partial}",
            f"--dbname={target.url}",
        )
        descriptor = os.open(partial, os.O_RDONLY)
        try:
            await asyncio.to_thread(os.fsync, descriptor)
        finally:
            os.close(descriptor)
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    return file.stat().st_size


async def restore(url: str, file: Path, *, force: bool = False, bindir: Path | None = None) -> None:
    """Put the backup into the database, in one transaction; with `force`, what is there goes first.

    Raises:
        BackupError: the file is no backup, the database is not empty, or pg_restore failed; nothing changed.
        DatabaseUnavailable: the database did not answer.
        EmbeddedServerError: no fitting pg_restore is installed.
    """
    if not file.is_file():
        raise BackupError(f"There is no backup {file}.")
    if not await is_empty(url) and not force:
        raise BackupError("The database is not empty. Restore into an empty one, or force it to be replaced.")
    major = await _server_major(url)
    chosen = await asyncio.to_thread(_readers, major, bindir)
    await _replay(_take_apart(url), chosen, file, major, replace=force)


async def is_empty(url: str) -> bool:
    """Return whether the database has no table, view or sequence of anybody's."""
    connection = await database.connect(url)
    try:
        return not await connection.fetchval(_USER_OBJECTS)
    finally:
        await connection.close()


async def _replay(target: _Target, chosen: binaries.Binaries, file: Path, major: int, *, replace: bool) -> None:
    # By way of a script, because a newer pg_restore sends settings that an older server refuses, and because
    # --clean would leave what the backup does not know.
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="holdfast-restore-")
    script = Path(folder) / "restore.sql"
    try:
        await _run(
            target,
            chosen.program("pg_restore"),
            "--no-owner",
            "--no-privileges",
            f"--file={script}",
            str(file),
        )
        if major < 17:
            await asyncio.to_thread(_without_newer_settings, script)
        emptied = [f"--command={statement}" for statement in _EMPTY_THE_SCHEMA] if replace else []
        await _run(
            target,
            chosen.program("psql"),
            "--no-psqlrc",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            *emptied,
            f"--file={script}",
            f"--dbname={target.url}",
        )
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _readers(server_major: int, bindir: Path | None) -> binaries.Binaries:
    # An archive can be read by its own version or a newer one only, so the newest is asked.
    binaries.for_client(server_major, bindir)
    return next(one for one in binaries.find(bindir) if (one.folder / "pg_restore").is_file())


def _without_newer_settings(script: Path) -> None:
    """Drop the one setting that pg_restore 17+ writes into a script and older servers do not know."""
    shorter = script.with_name("older.sql")
    with script.open("rb") as source, shorter.open("wb") as target:
        for number, line in enumerate(source):
            # Only in the head: further down the same words could be somebody's data.
            if number > 50 or not line.startswith(b"SET transaction_timeout"):
                target.write(line)
    shorter.rename(script)


async def _server_major(url: str) -> int:
    connection = await database.connect(url)
    try:
        return connection.get_server_version().major
    finally:
        await connection.close()


def _take_apart(url: str) -> _Target:
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    hidden = [value for key, value in pairs if key == "password"]
    query = urlencode([pair for pair in pairs if pair[0] != "password"], safe="/", quote_via=quote)
    shown = urlunsplit((parts.scheme, f"{name}{at}{place}", parts.path, query, ""))
    # urlunsplit drops the empty authority of a socket URL.
    shown = shown if "://" in shown else shown.replace(":", "://", 1)
    return _Target(shown, unquote(password) if password else (hidden[-1] if hidden else None))


async def _run(target: _Target, program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=target.environ(),
    )
    try:
        _, errors = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode != 0:
        words = errors.decode(errors="replace").strip().splitlines()[-6:]
        raise BackupError(f"{Path(program).name} failed and nothing was changed: " + "\n".join(words))
