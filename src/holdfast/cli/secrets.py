"""`secrets`: the keys that secrets are kept with: other systems', webhooks' and calendars', and second factors."""

import asyncio
from pathlib import Path

import click

from holdfast import app
from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.services.second_factor import reseal
from holdfast.services.vault import VaultError, add_key, drop_old_keys
from holdfast.settings import Settings

UNDER_WAY_S = 1.0
"""How long what was sealed with the key before may still be on its way into the database."""


@click.group()
def secrets() -> None:
    """The key that secrets are encrypted with: of shops, ad accounts, webhooks and calendars, and second factors.

    \b
    Example: holdfast secrets rotate
    """


@secrets.command()
@database_options
def rotate(**flags: object) -> None:
    """Encrypt all secrets with a new key, also while the server runs.

    With a key file a new key is made, and the older ones are dropped once nothing needs them. With the setting
    secret_key put the new key in front of the old one first, parted by a comma, and restart the servers.

    \b
    Example: holdfast secrets rotate
    """
    run(_rotate(settings_of(**flags)))


async def _rotate(settings: Settings) -> None:
    async with app.opened(settings) as house, house.stores.kit.pool.acquire() as connection:
        if not await house.stores.connections.rotates_alone(connection):
            raise click.ClickException("Another process is changing the key. Wait until it has ended.")
        if settings.secret_key is None:
            out.print(f"a new key stands first in {_add_key(settings)}")
            await asyncio.sleep(UNDER_WAY_S)
        count = await house.stores.connections.rotate(connection) + await reseal(house.accounts)
        count += await house.webhooks.webhooks.reseal() + await house.calendars.feeds.reseal()
        out.print(f"{count} secrets are encrypted with the new key.")
        if settings.secret_key is None:
            out.print(f"{drop_old_keys(settings.data)} older keys are dropped.")
        else:
            out.print("The older keys can be taken out of HOLDFAST_SECRET_KEY now.")


def _add_key(settings: Settings) -> Path:
    try:
        return add_key(settings.data)
    except VaultError as error:
        raise click.ClickException(str(error)) from None
