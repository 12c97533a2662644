"""`calendar`: calendars from outside that say when a unit is taken, from the machine that the database is on."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
from rich.markup import escape
from rich.table import Table

from holdfast import app
from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.domain.actors import CONSOLE
from holdfast.domain.errors import CODES, Refusal
from holdfast.domain.sites import Site
from holdfast.services.calendar_feeds import EVERY_MINUTES, CalendarRequest
from holdfast.services.calendar_following import FollowedView
from holdfast.services.refusals import time_of
from holdfast.settings import Settings

T = TypeVar("T")


@click.group()
def calendar() -> None:
    """Follow calendars of other systems (iCal by URL): what they say is taken is blocked on a unit.

    \b
    Example: holdfast calendar add demo-hotel 101 "Airbnb 101" "https://www.airbnb.com/calendar/ical/1.ics?s=2"
    """


@calendar.command("add")
@click.argument("site")
@click.argument("unit")
@click.argument("name")
@click.argument("url")
@click.option("--every", type=int, default=EVERY_MINUTES, show_default=True, metavar="MINUTES", help="How often.")
@database_options
def add(site: str, unit: str, name: str, url: str, every: int, **flags: object) -> None:
    """Follow the calendar at URL for UNIT of SITE, and read it at once."""
    request = CalendarRequest(unit=unit, name=name, url=url, every_minutes=every)

    async def work(house: app.House, found: Site) -> FollowedView:
        made = await house.calendars.feeds.add(CONSOLE, found, request)
        return await house.calendars.follow(found.id, str(made.id))

    _tell(_at(settings_of(**flags), site, work))


@calendar.command("list")
@click.argument("site")
@database_options
def list_(site: str, **flags: object) -> None:
    """The calendars that SITE follows, how each stands, and what is in the way."""

    async def work(house: app.House, found: Site) -> Table:
        table = Table("unit", "name", "from", "last read", "blocks", "conflicts", "state")
        for one in await house.calendars.feeds.page(found):
            state = f"{one.state}: {one.error}" if one.error and one.active else one.state
            read_at = time_of(one.read_at, found.zone) if one.read_at is not None else "never"
            counts = str(one.blocks), str(one.conflicts)
            table.add_row(escape(one.unit), escape(one.name), escape(one.host), read_at, *counts, escape(state))
        return table

    out.print(_at(settings_of(**flags), site, work))


@calendar.command("fetch")
@click.argument("site")
@click.argument("name")
@database_options
def fetch(site: str, name: str, **flags: object) -> None:
    """Read the calendar NAME of SITE now, and do what it says. Exit code 1 when it cannot be read."""
    _tell(_at(settings_of(**flags), site, lambda house, found: house.calendars.follow(found.id, name)))


@calendar.command("remove")
@click.argument("site")
@click.argument("name")
@database_options
def remove(site: str, name: str, **flags: object) -> None:
    """Follow the calendar NAME no more; its blocks give their time back."""
    found = _at(settings_of(**flags), site, lambda house, place: house.calendars.remove(CONSOLE, place, name))
    out.print(f"{escape(found.calendar)} is gone; {found.removed} blocks gave their time back.")


def _at(settings: Settings, site: str, work: Callable[[app.House, Site], Awaitable[T]]) -> T:
    async def done() -> T:
        async with app.opened(settings) as house:
            try:
                return await work(house, await house.sites.find(site))
            except Refusal as refusal:
                raise click.ClickException(_said(refusal.code, refusal.data)) from None

    return run(done())


def _said(code: str, data: dict[str, Any]) -> str:
    more = data.get("problem")
    return f"{CODES[code]}{f' {more}' if more else ''} [{code}]"


def _tell(found: FollowedView) -> None:
    if found.error is not None:
        raise click.ClickException(f"{found.calendar}: {found.error}")
    told = f"{found.blocks} blocks on {found.unit}, {found.added} new, {found.removed} given back"
    if found.conflicts:
        told += f"; {found.conflicts} bookings stand in their way: see the findings"
    out.print(f"{escape(found.calendar)}: {escape(told)}.")
