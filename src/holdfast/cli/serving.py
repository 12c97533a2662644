"""`serve`, `demo` and `settings`: the server, with or without something to look at."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from holdfast import app
from holdfast.cli.running import database_options, in_one_line, out, run, settings_of
from holdfast.services.demo import Made, make_demo
from holdfast.services.demo_http import HOST as SHOP_HOST
from holdfast.services.demo_people import Entry, demo_entry
from holdfast.services.demo_store import DemoShopThread, make_demo_store
from holdfast.settings import Settings

NAME = "holdfast"


@click.command()
@click.option("--host", help="Address to listen on (default: this machine only).")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@database_options
def serve(**flags: object) -> None:
    """Serve until stopped; prints the address once it answers.

    \b
    Example: holdfast serve --port 8765
    Then:    open http://127.0.0.1:8765/api/docs
    """
    settings = settings_of(**flags)
    with in_one_line():
        _run(settings)


@click.command()
@click.option("--serve/--no-serve", default=True, help="Start the server when the sites are made (default: yes).")
@click.option("--host", help="Address to listen on (default: this machine only).")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@database_options
def demo(serve: bool, **flags: object) -> None:
    """Make a café, a hotel and a sports ground with guests around now, and a store with its shop, and serve them.

    Making them again adds nothing twice. The store's shop is there for as long as this serves.

    \b
    Example: holdfast demo
    """
    settings = settings_of(**flags)
    if settings.log_format == "auto":  # a demonstration is for people, whatever its log goes to
        settings = replace(settings, log_format="console")
    if serve:  # its shop is on this machine
        settings = replace(settings, sync_networks=",".join(filter(None, [settings.sync_networks, SHOP_HOST])))
    _quieter(settings)
    made, entry = run(_make(settings, with_shop=serve))
    table = Table("site", "kind", "name", "new", "there already", "left out")
    for one in made:
        table.add_row(one.slug, one.kind, one.name, str(one.new), str(one.known), str(one.left_out))
    out.print(table)
    if serve:
        with in_one_line():
            _run(settings, after=lambda address: _try_next(address, entry))
    else:
        out.print("Serve them with: [bold]holdfast serve[/bold]")


@click.command()
@click.option("--host", hidden=True)
@click.option("--port", type=int, hidden=True)
@database_options
def settings(**flags: object) -> None:
    """Print every setting: its value, where it comes from, what it means and how to change it.

    \b
    Example: HOLDFAST_PORT=9000 holdfast settings
    """
    # no table: the names are there to be copied, and no column of an 80-column terminal holds them whole
    for line in settings_of(**flags).describe():
        out.print(f"[bold]{line.name}[/bold] = {escape(line.value)}  (from: {escape(line.source)})", soft_wrap=True)
        out.print(f"    {line.meaning} ({line.unit}); {line.variable}", soft_wrap=True)


async def _make(settings: Settings, *, with_shop: bool) -> tuple[list[Made], Entry]:
    async with app.opened(settings) as house:
        made = await make_demo(house.desk, house.sites, house.reads)
        if with_shop:
            shop = DemoShopThread(await house.reads.fetchval("select now()"), beside=Path.cwd())
            shop.start()
            made.append(await make_demo_store(house.stores, house.sites, shop.address))
        return made, await demo_entry(house.accounts)


def _run(settings: Settings, *, after: object = None) -> None:
    def ready(address: str) -> None:
        click.echo(f"Holdfast is ready at {address}")
        if callable(after):
            after(address)

    def set_up(link: str) -> None:
        click.echo(f"There is no account yet. Make the first, its owner's (this link works once): {link}")

    app.configure_logging(settings)
    try:
        import uvloop
    except ImportError:  # pragma: no cover - Windows
        import asyncio

        asyncio.run(app.serve(settings, on_ready=ready, on_set_up=set_up))
    else:
        try:
            uvloop.run(app.serve(settings, on_ready=ready, on_set_up=set_up))
        except (app.StartError, app.JobsError) as error:
            raise click.ClickException(str(error)) from None


def _try_next(address: str, entry: Entry) -> None:
    who = ' -H "Authorization: Bearer $HOLDFAST_TOKEN"'
    click.echo(f"""
Sign in as its owner (this link works once): {address}{entry.path}

Or try, in another terminal:

  export HOLDFAST_TOKEN={entry.token}
  curl -s{who} {address}/api/sites
  curl -s{who} {address}/api/sites/demo-cafe/board
  curl -s{who} {address}/api/sites/demo-store/sync/runs
  curl -s{who} {address}/api/sites/demo-store/ltv/cohorts
  curl -s{who} -X POST {address}/api/sites/demo-cafe/bookings -H 'Content-Type: application/json' \\
       -d '{{"category": "pc", "walk_in": true, "customer": {{"name": "You"}}}}'

  {_called()} board demo-cafe --watch --url {address}
""")


def _called() -> str:
    """How to call this program in another terminal: by its path where the shell would not find it."""
    found = shutil.which(NAME)
    if found is not None:
        return NAME
    beside = Path(sys.argv[0]).absolute()
    if beside.name != NAME:
        return NAME
    return str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)


def _quieter(settings: Settings) -> None:
    app.configure_logging(replace(settings, log_level="warning"))
