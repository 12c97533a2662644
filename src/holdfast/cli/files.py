"""`import`: bookings and units from a file, with a bar while it runs and a line for every row that was not taken."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from holdfast import app
from holdfast.cli.running import database_options, err, out, run, settings_of
from holdfast.services.import_files import ImportFileError, digest_of, open_rows
from holdfast.services.imports import REFUSED, SKIPPED, RowResult, importer_for
from holdfast.services.mapping import BOOKING_FIELDS, UNIT_FIELDS, formats, load_mapping
from holdfast.settings import Settings

ACTOR = "import"
SHOWN_MAX = 20
ALIKE = 20
"""So many first rows refused for the site's sake say that the file and the site do not belong together."""
HOTEL_BOOKINGS = "hotel-bookings"
_encode = msgspec.json.Encoder().encode


@click.command(
    name="import",
    epilog=f"Columns of bookings: {', '.join(BOOKING_FIELDS)}, details.*. "
    f"Columns of units: {', '.join(UNIT_FIELDS)}, attributes.*.",
)
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--site", required=True, metavar="SITE", help="Where to import to.")
@click.option(
    "--format", "named", default="bookings", metavar="FORMAT",
    help=f"{', '.join(formats())}, or a mapping FILE.toml (default: bookings).",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="COLUMN=VALUE", help="Import only these rows (with a mapping).")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a JSON line per row here.")
@database_options
def import_(file: Path, site: str, named: str, only: tuple[str, ...], report: Path | None, **flags: object) -> None:
    """Import bookings or units from FILE: CSV or JSON lines, plain or .gz, UTF-8.

    Every row is taken whole or refused with its reason, and never twice: an import that broke off is simply run again.

    hotel-bookings needs a hotel whose units have the file's room types (A, B, …) as categories; `holdfast replay` makes
    one by itself. An import whose first 20 rows all name unknown categories stops there (exit code 2).

    \b
    Examples: holdfast import units.csv --site demo-cafe --format units
              holdfast import bookings.jsonl --site demo-cafe --report result.jsonl
              holdfast import old.csv --site demo-hotel --format old-system.toml
    """
    settings = settings_of(**flags)
    chosen: dict[str, str] = {}
    for each in only:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.UsageError(f"--only {each}: write COLUMN=VALUE.")
        chosen[name] = value
    try:
        outcomes, refused = run(_import(settings, file, site, named, chosen, report))
    except ImportFileError as error:
        raise click.ClickException(str(error)) from None
    _tell(outcomes, refused)
    if outcomes[REFUSED]:
        raise click.exceptions.Exit(1)


async def _import(
    settings: Settings, file: Path, named_site: str, named: str, only: dict[str, str], report: Path | None
) -> tuple[Counter[str], list[RowResult]]:
    outcomes: Counter[str] = Counter()
    refused: list[RowResult] = []
    causes: Counter[str] = Counter()
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(), console=err, disable=not err.is_terminal,
    )  # fmt: skip
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(file.open("rb"))
            source = digest_of(stream)
            delimiter = load_mapping(named).delimiter if named.endswith(".toml") else None
            rows = open_rows(stream, delimiter=delimiter)
            lines = stack.enter_context(report.open("wb")) if report is not None else None
            stack.enter_context(bar)
            task = bar.add_task(file.name, total=file.stat().st_size, told="")
            async with app.opened(settings) as house:
                site = await house.sites.find(named_site)
                importer = importer_for(named, house.desk, house.reads, site, source=source, actor=ACTOR, only=only)
                async for result in importer.run(rows):
                    outcomes[result.outcome] += 1
                    looked_at = outcomes.total() - outcomes[SKIPPED]
                    if result.outcome == REFUSED and looked_at == outcomes[REFUSED] <= ALIKE:
                        _check_fit(result, causes, named, site.kind)
                    if result.outcome == REFUSED and len(refused) < SHOWN_MAX:
                        refused.append(result)
                    if lines is not None:
                        lines.write(_encode(result) + b"\n")
                    bar.update(task, completed=stream.tell(), told=f"{outcomes.total()} rows")
    except ImportFileError as error:
        _tell(outcomes, refused)
        raise click.ClickException(str(error)) from None
    return outcomes, refused


def _check_fit(result: RowResult, causes: Counter[str], named: str, kind: str) -> None:
    """Ends an import whose first rows were all refused for one reason that lies in the site, not in the rows."""
    causes[result.code or ""] += 1
    misfit = causes["unknown_category"] == ALIKE
    if not misfit and not (named == HOTEL_BOOKINGS and kind != "hotel" and causes.total() == ALIKE):
        return
    if named == HOTEL_BOOKINGS:
        what = f"{named} needs a hotel whose units have the file's room types (A, B, …) as categories"
        what += f"; this site is a {kind}" if kind != "hotel" else ""
        do = "Create such units first (--format units), or relive the file with `holdfast replay FILE`"
    else:
        what, do = "no unit of this site has those categories", "Create units of them first (--format units)"
    raise click.UsageError(f"Stopped: the first {ALIKE} rows were all refused [{result.code}]: {what}. {do}.")


def _tell(outcomes: Counter[str], refused: list[RowResult]) -> None:
    if refused:
        table = Table("row", "refused because", "in words")
        for result in refused:
            table.add_row(str(result.row), result.code or "", result.why or "")
        out.print(table)
        if outcomes[REFUSED] > len(refused):
            out.print(f"… and {outcomes[REFUSED] - len(refused)} more; --report FILE has every row.")
    if outcomes:
        out.print("  ".join(f"{name} {count}" for name, count in sorted(outcomes.items())))
