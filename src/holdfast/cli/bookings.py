"""`book`: one booking from the command line, through the same desk as every other."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.markup import escape

from holdfast import app
from holdfast.cli.remote import Remote, RemoteRefusal
from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.services.identity import new_id
from holdfast.services.refusals import sentence, time_of
from holdfast.services.requests import BookingRequest, book_command
from holdfast.settings import Settings

ACTOR = "command line"
_WHO = ("name", "email", "phone", "reference")


@click.command()
@click.argument("site")
@click.argument("what", nargs=-1, metavar="[UNIT] [FROM] [TO]")
@click.option("--category", help="Any unit of this category instead of UNIT.")
@click.option("--count", type=int, help="So many of the category.")
@click.option("--nights", type=int, help="Nights from FROM (a date) instead of TO; hotels only.")
@click.option("--walk-in", is_flag=True, help="Start now; TO may be left out.")
@click.option("--hold", "hold_s", type=int, metavar="SECONDS", help="Only hold it for so long.")
@click.option("--name", help="Who it is for.")
@click.option("--email", help="Their e-mail.")
@click.option("--phone", help="Their phone.")
@click.option("--reference", help="Your own number for them.")
@click.option("--party", type=int, help="How many people.")
@click.option("--note", help="A remark.")
@click.option("--url", metavar="URL", help="Ask a running server over HTTP instead of the database.")
@database_options
def book(site: str, what: tuple[str, ...], url: str | None, **more: Any) -> None:
    """Book UNIT of SITE from FROM to TO (local times of the site, such as 2027-03-08T18:00).

    \b
    Examples: holdfast book demo-cafe PC05 2027-03-08T18:00 2027-03-08T20:00 --name "Ann Example"
              holdfast book demo-cafe --category pc --walk-in --name Ann
              holdfast book demo-hotel 2027-03-08 --category double --nights 2 --name Ann
    """
    settings = settings_of(**{name: more.pop(name) for name in ("data", "database_url", "config")})
    body = _body(what, more)
    told, local = run(_book(settings, site, body, url))
    units = ", ".join(told["units"])
    times = " to ".join(time_of(told[name], local) for name in ("from", "to") if told.get(name) is not None)
    out.print(f"[bold]{told['reference']}[/bold]  {told['state']}  {escape(units)}  {times}", soft_wrap=True)
    for note in told.get("notes", ()):
        out.print(escape(note), soft_wrap=True)


def _body(what: tuple[str, ...], more: dict[str, Any]) -> dict[str, Any]:
    """The request that the words on the command line mean."""
    words = list(what)
    body = {name: value for name, value in more.items() if value not in (None, False) and name not in _WHO}
    if more["category"] is None:
        if not words:
            raise click.UsageError("Name a UNIT, or a --category.")
        body["unit"] = words.pop(0)
    wanted = 0 if more["walk_in"] else 1
    most = 1 if more["walk_in"] or more["nights"] is not None else 2
    if not wanted <= len(words) <= most:
        raise click.UsageError("Say when: FROM and TO, or FROM with --nights, or --walk-in with at most TO.")
    if more["walk_in"]:
        body.update(zip(("to",), words, strict=False))
    elif more["nights"] is not None:
        body["date"] = words[0]
    else:
        body.update(zip(("from", "to"), words, strict=False))
    if who := {name: more[name] for name in _WHO if more[name] is not None}:
        body["customer"] = who
    return body


async def _book(
    settings: Settings, named: str, body: dict[str, Any], url: str | None
) -> tuple[dict[str, Any], ZoneInfo]:
    """The booking, and the zone to tell its times in."""
    if url is not None:
        async with Remote(url, settings) as remote:
            local = zone((await remote.get(f"/api/sites/{named}"))["time_zone"])
            try:
                return await remote.post(f"/api/sites/{named}/bookings", body), local
            except RemoteRefusal as refusal:
                raise _refused(refusal.code, refusal.told, local) from None
    try:
        request = msgspec.convert(body, BookingRequest)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from None
    async with app.opened(settings) as house:
        site = await house.sites.find(named)
        now: datetime = await house.reads.fetchval("select now()")
        try:
            command = book_command(site, request, id=new_id(), now=now)
            answer = await house.desk.submit(site.id, command, actor=ACTOR)
        except Refusal as refusal:
            raise _refused(refusal.code, refusal.data, site.zone) from None
    return msgspec.json.decode(answer.body), site.zone


def _refused(code: str, data: dict[str, Any], local: ZoneInfo) -> click.ClickException:
    return click.ClickException(f"{sentence(code, data, local, offers=True)} [{code}]")
