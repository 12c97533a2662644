"""What is done to a database as a whole, while nobody needs a desk: found or started, migrated, backed up, restored.

The failures of the rings below are said as one `AdministrationError`, whose message is for the person at the keyboard.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from holdfast.domain.errors import Refusal
from holdfast.services.refusals import spoken
from holdfast.store import backup as backups
from holdfast.store import migrate as migrations
from holdfast.store.binaries import EmbeddedServerError
from holdfast.store.database import DatabaseUnavailable
from holdfast.store.embedded import EmbeddedServer

NO_SITE = (
    " Create a site while `holdfast serve` runs: curl -X POST http://127.0.0.1:8765/api/sites "
    "-H 'Content-Type: application/json' "
    """-d '{"kind": "hotel", "slug": "sea-view", "name": "Sea View", "time_zone": "Europe/Berlin"}'"""
)


class AdministrationError(Exception):
    """It was not done; the message says why and what to do."""


@contextmanager
def told() -> Iterator[None]:
    """Turns what a person at the keyboard can act on into an `AdministrationError`; bugs pass as they are."""
    try:
        yield
    except (EmbeddedServerError, DatabaseUnavailable, migrations.MigrationError, backups.BackupError) as error:
        raise AdministrationError(str(error)) from error
    except Refusal as refusal:
        raise AdministrationError(f"{spoken(refusal)} [{refusal.code}]{remedy(refusal.code)}") from refusal


def remedy(code: str) -> str:
    """What to type when a refusal's cause is that nothing has been set up yet."""
    return NO_SITE if code == "unknown_site" else ""


@asynccontextmanager
async def database(url: str | None, data: Path) -> AsyncIterator[str]:
    """The URL of the given database, or of our own server: started, or adopted while another process runs it."""
    if url is not None:
        yield url
        return
    server = EmbeddedServer(data)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


async def migrate(url: str) -> list[str]:
    """The names of the steps that were applied now."""
    return [f"{step.number:04d}_{step.name}" for step in await migrations.migrate(url)]


async def backup(url: str, file: Path) -> int:
    """Writes the whole database to a new file; returns its bytes."""
    return await backups.backup(url, file)


async def restore(url: str, file: Path, *, force: bool) -> list[str]:
    """Puts a backup into an empty database, or with `force` in place of what is there, and migrates it."""
    await backups.restore(url, file, force=force)
    return await migrate(url)
