"""`check`: whether what is recorded is what must follow, in our own database or in somebody else's system."""

import click
import msgspec
from rich.table import Table
from rich.text import Text

from holdfast import app
from holdfast.cli.mirroring import MIRROR_FLAGS, mirror, mirror_options
from holdfast.cli.running import database_options, out, run, settings_of
from holdfast.domain.errors import Refusal
from holdfast.services.checking import Mismatch
from holdfast.services.proving import prove_sites
from holdfast.services.reconcile import Report
from holdfast.settings import Settings

SHOWN_MAX = 200


@click.command()
@click.option("--site", metavar="SITE", help="Look at this site only (default: all).")
@mirror_options
@database_options
def check(site: str | None, **flags: object) -> None:
    """Compare what is recorded with what must follow: statuses, claims, alarms, the journal.

    Changes nothing, unless --fix says so: then what does not follow is repaired, each with its reason in the journal,
    and only what is somebody's to judge is left.

    With --rooms and --bookings, or --mapping, it looks at somebody else's files or database instead, and needs none of
    its own: do their statuses say what their bookings imply?

    Exit code 0 when everything fits or was fixed, 1 when something does not, 2 when it could not be looked at.

    \b
    Examples: holdfast check --site demo-hotel
              holdfast check --fix
              holdfast check --rooms rooms.json --bookings bookings.json
              holdfast check --mapping cafe.toml --fix
    """
    mirrored = {name: flags.pop(name) for name in MIRROR_FLAGS}
    if any(mirrored[name] is not None for name in ("rooms", "bookings", "mapping")):
        if site is not None or any(flags.values()):
            raise click.UsageError(
                "--site, --data, --database-url and --config are of our own database; leave them out."
            )
        mirror(mirrored)
        return
    fix, as_json = bool(mirrored.pop("fix")), bool(mirrored.pop("as_json"))
    for name, given in mirrored.items():
        if given:
            raise click.UsageError(f"--{name.replace('_', '-')} needs --rooms and --bookings, or --mapping.")
    report, unproven = run(_looked_at(settings_of(**flags), site, fix=fix))
    if as_json:
        told = {**msgspec.to_builtins(report), "journal": msgspec.to_builtins(unproven)}
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))
    else:
        _tell(report, unproven)
    if report.discrepancies or report.failed or unproven or (report.fixed and not fix):
        raise click.exceptions.Exit(1)


async def _looked_at(settings: Settings, site: str | None, *, fix: bool) -> tuple[Report, list[Mismatch]]:
    async with app.opened(settings) as house:
        try:
            report = await house.reconciler.run(site, dry_run=not fix)
        except Refusal:
            raise click.ClickException(f"There is no site {site!r}.") from None
        return report, await prove_sites(house.reads, site)


def _tell(report: Report, unproven: list[Mismatch]) -> None:
    """A line for each thing found, and one for the whole."""
    found = [*report.details, *report.discrepancies]
    if found:
        table = Table("site", "rule", "what", "recorded", "expected", "why", "")
        for told in found:
            what = told.unit or told.reference or told.subject
            done = "to repair" if report.dry_run and told.state == "repaired" else told.state
            cells = (told.site, told.rule, what, told.start or "", told.to or "", told.reason or "", done)
            table.add_row(*(Text(cell) for cell in cells))
        out.print(table)
    if unproven:
        table = Table("site", "journal", "what", "recorded", "expected")
        for one in unproven[:SHOWN_MAX]:
            table.add_row(*(Text(cell) for cell in (one.site, one.rule, one.subject, one.recorded, one.expected)))
        out.print(table)
    for slug, code in report.failed.items():
        out.print(Text(f"{slug} could not be looked at: {code}", style="bold red"))
    if report.left_out or len(unproven) > SHOWN_MAX:
        out.print(f"… and {report.left_out + max(0, len(unproven) - SHOWN_MAX)} more")
    verb = "to repair" if report.dry_run else "repaired"
    line = (
        f"{report.sites} sites, {report.checked} units, {report.bookings} live bookings: {report.fixed} {verb}, "
        f"{len(report.discrepancies)} to judge, {len(unproven)} unlike the journal ({report.took_ms:g} ms)"
    )
    out.print(Text(line, style="green" if not (report.found_any or unproven) else "bold red"))
