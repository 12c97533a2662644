"""`migrate`, `backup` and `restore`: the database as a whole."""

from pathlib import Path

import click

from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.services import administration
from holdfast.services.sealing import place_of_key
from holdfast.settings import Settings


@click.command()
@database_options
def migrate(**flags: object) -> None:
    """Bring the database's schema up to date. Serving does this too; here it can be done before.

    \b
    Example: holdfast migrate --database-url postgresql://me@db/holdfast
    """

    async def work(settings: Settings) -> list[str]:
        async with administration.database(settings.database_url, settings.data) as url:
            return await administration.migrate(url)

    applied = run(work(settings_of(**flags)))
    for name in applied:
        out.print(f"applied {name}")
    out.print("The schema is up to date.")


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@database_options
def backup(file: Path, **flags: object) -> None:
    """Write the whole database to FILE, also while it is being served. FILE must not exist yet.

    \b
    Example: holdfast backup monday.backup
    """

    async def work(settings: Settings) -> int:
        async with administration.database(settings.database_url, settings.data) as url:
            return await administration.backup(url, file)

    settings = settings_of(**flags)
    size = run(work(settings))
    out.print(f"{file}: {size:,} bytes. It holds everything, names and secrets too: keep it safe.")
    key = place_of_key(is_given=settings.secret_key is not None, folder=settings.data)
    if key is not None:
        out.print(
            "Second factors and the secrets of shops, webhooks and calendars in it are sealed with a key that is not "
            f"in it: keep {key} as well, elsewhere."
        )


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what the database holds now.")
@database_options
def restore(file: Path, force: bool, **flags: object) -> None:
    """Put a backup into an empty database: all of it or nothing.

    \b
    Example: holdfast restore monday.backup --data /var/lib/holdfast-new
    """

    async def work(settings: Settings) -> list[str]:
        async with administration.database(settings.database_url, settings.data) as url:
            return await administration.restore(url, file, force=force)

    applied = run(work(settings_of(**flags)))
    out.print(f"{file} is restored{f', with {len(applied)} newer schema steps' if applied else ''}.")
