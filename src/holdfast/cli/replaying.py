"""`replay`: years of real hotel bookings relived on a virtual clock, every promise checked each day."""

import tempfile
from datetime import date, datetime
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from holdfast.cli.running import database_options, err, out, run, settings_of
from holdfast.services import administration
from holdfast.services.hotel_bookings import HotelFileError, Stay, read_stays
from holdfast.services.import_files import ImportFileError, text_lines
from holdfast.services.replay import ReplayError, Report, replay_into
from holdfast.settings import Settings


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Stop before this day.")
@click.option("--keep", is_flag=True, help="Replay into the configured database (it must be empty) and keep it.")
@database_options
def replay(file: Path, until: datetime | None, keep: bool, **flags: object) -> None:
    """Relive the public hotel bookings file day by day, through the desk, on a virtual clock.

    Books, changes, cancels, checks in and out as the file says, and after every simulated day compares what is shown,
    claimed and journalled with what must follow. The database is a scratch one unless --keep is given; a server must
    not run on it meanwhile, or its clock of today would end every stay. Exit code 1 when a promise was broken.

    \b
    Example: holdfast replay hotel_bookings.csv.gz
    """
    settings = settings_of(**flags)
    try:
        with file.open("rb") as stream:
            stays = list(read_stays(text_lines(stream)))
        report = run(_replay(settings, stays, until.date() if until else None, keep=keep))
    except (ImportFileError, HotelFileError, ReplayError) as error:
        raise click.ClickException(str(error)) from None
    tell(report)
    if not report.is_sound:
        raise click.exceptions.Exit(1)


async def _replay(settings: Settings, stays: list[Stay], until: date | None, *, keep: bool) -> Report:
    if keep:
        return await _with_bar(settings.database_url, settings.data, stays, until)
    with tempfile.TemporaryDirectory(prefix="holdfast-replay-") as folder:
        # our own server may run as a lesser user, who must be able to enter
        Path(folder).chmod(0o711)
        return await _with_bar(None, Path(folder) / "data", stays, until)


async def _with_bar(url: str | None, data: Path, stays: list[Stay], until: date | None) -> Report:
    bar = Progress(
        TextColumn("{task.fields[day]}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn(),
        console=err, disable=not err.is_terminal,
    )  # fmt: skip
    async with administration.database(url, data) as found:
        await administration.migrate(found)
        with bar:
            task = bar.add_task("replay", total=len(stays), day="", told="")

            def progress(day: date, report: Report) -> None:
                told = f"{report.bookings} bookings, {len(report.mismatches)} findings"
                bar.update(task, completed=report.bookings, day=str(day), told=told)

            return await replay_into(found, stays, until=until, progress=progress)


def tell(report: Report) -> None:
    """The report as tables."""
    months = Table("hotel", "month", "nights sold", "occupancy", title="Nights slept")
    for house, month, nights, share in report.months():
        months.add_row(house, month, f"{nights:,}", f"{share:.1%}")
    out.print(months)
    figures = Table("what", "figure", title="The replay")
    for name, value in report.figures().items():
        figures.add_row(name.replace("_", " "), f"{value:,}")
    for house, rooms in report.rooms.items():
        figures.add_row(f"rooms of {house}", str(rooms))
    out.print(figures)
    if report.mismatches:
        broken = Table("hotel", "rule", "what", "recorded", "expected", title="Not as promised")
        for one in report.mismatches[:20]:
            broken.add_row(one.site, one.rule, one.subject, one.recorded, one.expected)
        out.print(broken)
    for line in report.unexpected[:20]:
        out.print(f"[red]refused without a reason:[/red] {line}")
    if report.is_sound:
        out.print("[green]Every promise was kept on every day.[/green]")
