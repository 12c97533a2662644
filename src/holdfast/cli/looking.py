"""`board`: what is shown."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import click
import msgspec
from rich.live import Live
from rich.table import Table
from rich.text import Text

from holdfast import app
from holdfast.cli.remote import Remote
from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.client import Site
from holdfast.domain.local_time import zone
from holdfast.services.board import Board as Boards
from holdfast.services.journal import Epochs
from holdfast.settings import Settings

EVERY_S = 1.0
LEAST_S = 0.1
"""A board is shown anew each second, and after a change, but never more often than this."""
COLOURS = {
    "available": "green", "vacant": "green", "clean": "green", "reserved": "yellow", "pending": "yellow",
    "active": "cyan", "occupied": "cyan", "booked": "cyan", "dirty": "magenta",
}  # fmt: skip
COLUMNS = ("unit", "category", "status", "for", "who", "left", "next")
WHOLE = frozenset({"unit", "status"})
SHORTEST = 8
FRAME_LINES = 6
"""Lines of a board that are no units: its title, its frame, and the line that counts the rest."""

Board = dict[str, Any]
Ask = Callable[[], Awaitable[Board]]
Moved = Callable[[float], Awaitable[object]]
"""Waits for so many seconds, or until there is something new to show."""


@click.command()
@click.argument("site")
@click.option("--watch", is_flag=True, help="Keep showing it, with countdowns, until Ctrl-C.")
@click.option("--url", metavar="URL", help="Ask a running server over HTTP instead of the database.")
@click.option("--seconds", type=float, hidden=True, help="Stop watching after so long.")
@database_options
def board(site: str, watch: bool, url: str | None, seconds: float | None, **flags: object) -> None:
    """Show every unit of SITE: its status, who is in it, until when.

    With --watch and --url it follows the server's events: a change shows at once, and the title says when the line is
    down. Without --url it reads the database again each second.

    \b
    Example: holdfast board demo-cafe --watch
             holdfast board demo-hotel --watch --url http://127.0.0.1:8765
    """
    run(_board(settings_of(**flags), site, url, watch=watch, seconds=seconds))


async def _board(settings: Settings, site: str, url: str | None, *, watch: bool, seconds: float | None) -> None:
    if url is not None:
        async with Remote(url, settings) as remote:
            with remote.said():
                await _show_remote(remote.house.site(site), watch=watch, seconds=seconds)
        return
    async with app.opened(settings) as house:
        found = await house.sites.find(site)
        boards = Boards(house.reads, Epochs(house.reads))

        async def ask() -> Board:
            told: Board = msgspec.to_builtins(await boards.read(found, None, None))
            return {**told, "time_zone": found.time_zone}

        await _show(ask, watch=watch, seconds=seconds)


async def _show_remote(site: Site, *, watch: bool, seconds: float | None) -> None:
    told = {"time_zone": (await site.about())["time_zone"]}
    if not watch:
        out.print(table_of({**(await site.board()).data, **told}))
        return
    async with site.live() as live:
        keeping = live.keep()

        async def ask() -> Board:
            if keeping.done():
                keeping.result()
            return {**live.board(), **told, "line": live.state}

        await _watch(ask, seconds, moved=live.moved)


async def _show(ask: Ask, *, watch: bool, seconds: float | None) -> None:
    if watch:
        await _watch(ask, seconds)
    else:
        out.print(table_of(await ask()))


async def _watch(ask: Ask, seconds: float | None, *, moved: Moved = asyncio.sleep) -> None:
    """Shows it anew each second, and as soon as `moved` ends."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds if seconds is not None else None
    window = (lambda: (out.size.width, out.size.height)) if out.is_terminal else lambda: None
    with Live(table_of(await ask(), window()), console=out, auto_refresh=False, screen=out.is_terminal) as live:
        while until is None or loop.time() < until:
            await asyncio.sleep(LEAST_S)
            await moved(EVERY_S - LEAST_S)
            live.update(table_of(await ask(), window()), refresh=True)


def table_of(board: Board, window: tuple[int, int] | None = None) -> Table:
    """A board as a table; times are the site's, or UTC where the board does not say its zone. Made to fit a window of
    so many columns and lines: the status is never cut, and what does not fit is counted."""
    now = _instant(board["now"])
    bookings = {booking["id"]: booking for booking in board["bookings"]}
    site = board["site"]
    named = site if isinstance(site, str) else site["slug"]
    told = site if isinstance(site, dict) else board
    local = zone(told["time_zone"]) if "time_zone" in told else None
    clock = now.astimezone(local) if local is not None else now
    units = board["units"]
    room = len(units) if window is None else max(1, window[1] - FRAME_LINES)
    more = max(0, len(units) - room)
    columns: dict[str, list[Text]] = {name: [] for name in COLUMNS}
    for unit in units[:room]:
        booking = bookings.get(unit.get("booking") or "")
        status = unit["shown_status"]
        coming = unit.get("next_booking_at")
        cells = (
            unit["code"],
            unit["category"],
            Text(status, style=COLOURS.get(status.lower(), "red")),
            _long(now - _instant(unit["shown_since"])),
            ((booking.get("customer") or {}).get("name") or "") if booking else "",
            _left(booking, now),
            f"in {_long(_instant(coming) - now)}" if coming else "",
        )
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell if isinstance(cell, Text) else Text(cell))
    if window is not None:
        _fit(columns, window[0])
    line = board.get("line", "live")
    down = "" if line == "live" else f"   {line}: no word from the server"
    table = Table(
        title=Text(f"{named}   {clock:%Y-%m-%d %H:%M:%S %Z}   version {board['version']}{down}", no_wrap=True),
        caption=Text(f"… {more} more, make the window taller", no_wrap=True) if more else None,
    )
    for name, cells_of in columns.items():
        whole = max((cell.cell_len for cell in cells_of), default=0) if name in WHOLE or window is not None else None
        table.add_column(name, no_wrap=whole is not None, min_width=whole)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _fit(columns: dict[str, list[Text]], width: int) -> None:
    """Shortens names and leaves out columns until the rest fits on lines of `width`."""

    def over() -> int:
        longest = [max([len(name), *(cell.cell_len for cell in cells)]) for name, cells in columns.items()]
        return sum(longest) + 3 * len(longest) + 1 - width

    for name in ("who", "category"):
        longest = max([len(name), *(cell.cell_len for cell in columns[name])])
        if (excess := over()) > 0:
            for cell in columns[name]:
                cell.truncate(max(longest - excess, len(name), SHORTEST), overflow="ellipsis")
    for name in ("next", "category", "for", "who", "left"):
        if over() > 0:
            del columns[name]


def _left(booking: Board | None, now: datetime) -> Text:
    if booking is None:
        return Text("")
    if now < _instant(booking["from"]):
        return Text(f"starts in {_long(_instant(booking['from']) - now)}")
    left = _instant(booking["to"]) - now
    if left.total_seconds() < 0:
        return Text(f"late by {_long(-left)}", style="bold red")
    return Text(_long(left), style="bold red" if left.total_seconds() < 300 else "")


def _long(length: Any) -> str:
    """A length as people read it: 4:05 (minutes and seconds), 2 h 10, 3 d 4 h."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02}"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02}"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
