"""`secrets`: the keys that secrets are kept with: other systems', webhooks' and calendars', and second factors."""

import click

from holdfast import app
from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.services.second_factor import reseal
from holdfast.services.vault import add_key, drop_old_keys
from holdfast.settings import Settings


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
    settings = settings_of(**flags)
    if settings.secret_key is None:
        out.print(f"a new key stands first in {add_key(settings.data)}")
    count = run(_rotate(settings))
    out.print(f"{count} secrets are encrypted with the new key.")
    if settings.secret_key is None:
        out.print(f"{drop_old_keys(settings.data)} older keys are dropped.")
    else:
        out.print("The older keys can be taken out of HOLDFAST_SECRET_KEY now.")


async def _rotate(settings: Settings) -> int:
    async with app.opened(settings) as house:
        async with house.stores.kit.pool.acquire() as connection:
            count = await house.stores.connections.rotate(connection)
        count += await reseal(house.accounts)
        return count + await house.webhooks.webhooks.reseal() + await house.calendars.feeds.reseal()
