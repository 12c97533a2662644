"""The part of `check` that looks at somebody else's system: its flags, and how it tells what was found."""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import replace
from rich.table import Table
from rich.text import Text

from holdfast.cli.running import Command, err, out, run
from holdfast.domain.policies import kinds
from holdfast.gateways.outside import OutsideBusy, OutsideError
from holdfast.services.mirror import Report, look
from holdfast.services.mirror_mapping import MappingError, MirrorMapping, load_mirror_mapping

SHOWN_MAX = 50
ALIKE_MAX = 3
_FILE = click.Path(dir_okay=False, path_type=Path)
_OPTIONS: tuple[Callable[[Command], Command], ...] = (
    click.option("--rooms", type=_FILE, metavar="FILE", help="Their units: JSON, JSON lines or CSV."),
    click.option("--bookings", type=_FILE, metavar="FILE", help="Their bookings: JSON, JSON lines or CSV."),
    click.option("--mapping", type=_FILE, metavar="FILE", help="Where and in which words they keep both (TOML)."),
    click.option("--policy", type=click.Choice(kinds()), help="By which rules to judge (default: hotel)."),
    click.option("--time-zone", metavar="ZONE", help="Of dates, and of times without an offset (default: UTC)."),
    click.option(
        "--look-ahead", metavar="WHEN",
        help="From when a booking shows: today, any, or minutes before (default: any for hotels; café 30, grounds 0).",
    ),
    click.option("--at", metavar="INSTANT", help="Judge as if it were then (default: now)."),
    click.option(
        "--fix", is_flag=True, help="Repair it. Of theirs: write the statuses that lie, in one step, and nothing else."
    ),
    click.option("--json", "as_json", is_flag=True, help="Tell it as JSON."),
)  # fmt: skip
MIRROR_FLAGS = ("rooms", "bookings", "mapping", "policy", "time_zone", "look_ahead", "at", "fix", "as_json")


def mirror_options(command: Command) -> Command:
    """The flags that name somebody else's rows, and how to judge them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def mirror(flags: Mapping[str, Any]) -> None:
    """Looks at the rows that the flags name, and tells; leaves with 1 when something is left for somebody to do."""
    if flags["fix"] and flags["at"] is not None:
        raise click.UsageError("--at only looks: what would be true at another time must not be written now.")
    report = run(_looked(flags))
    if flags["as_json"]:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        _tell(report)
    if not report.is_clean:
        raise click.exceptions.Exit(1)


async def _looked(flags: Mapping[str, Any]) -> Report:
    try:
        return await look(mapping_of(flags), os.environ, at=flags["at"], fix=flags["fix"])
    except OutsideBusy as error:
        raise click.ClickException(str(error)) from None
    except (OutsideError, MappingError) as error:
        raise click.UsageError(str(error)) from None


def mapping_of(flags: Mapping[str, Any]) -> MirrorMapping:
    """The mapping of a file, if one is named, with the flags over it.

    Raises:
        MappingError: the file is not one, or the flags do not fit it.
    """
    mapping = load_mirror_mapping(flags["mapping"]) if flags["mapping"] is not None else MirrorMapping()
    rooms, bookings = flags["rooms"], flags["bookings"]
    if mapping.database is not None and (rooms or bookings):
        raise MappingError("The mapping names a database; leave out --rooms and --bookings, or its [database].")
    if flags["mapping"] is None and not (rooms and bookings):
        raise MappingError(
            f"Name {'--rooms' if bookings else '--bookings'} as well: one says nothing without the other."
        )
    ahead = flags["look_ahead"]
    said = {
        "kind": flags["policy"],
        "time_zone": flags["time_zone"],
        "look_ahead": int(ahead) if ahead is not None and ahead.isdecimal() else ahead,
    }
    policy = {**mapping.policy, **{name: value for name, value in said.items() if value is not None}}
    units = replace(mapping.units, file=str(rooms.absolute())) if rooms else mapping.units
    theirs = replace(mapping.bookings, file=str(bookings.absolute())) if bookings else mapping.bookings
    return replace(mapping, policy=policy, units=units, bookings=theirs)


def _tell(report: Report) -> None:
    noun = report.noun[0].upper() + report.noun[1:]
    if report.details and out.is_terminal:
        table = Table(report.noun, "recorded", "expected", "reason")
        for detail in report.details[:SHOWN_MAX]:
            table.add_row(detail.unit, Text(detail.from_, style="red"), Text(detail.to, style="green"), detail.reason)
        out.print(table)
    else:
        for detail in report.details[:SHOWN_MAX]:
            _say(f"{_called(noun, detail.unit)}: {detail.from_} → {detail.to} ({detail.reason})")
    _say_more(len(report.details))
    _section("To be looked at by a person:", sorted((each.rule, _capital(each.what)) for each in report.discrepancies))
    _section(
        "Not understood:",
        [
            (
                each.problem,
                f"{each.where} {each.problem}" + (f"; {report.noun} {each.unit} was not judged" if each.unit else ""),
            )
            for each in report.not_understood
        ],
    )
    _say(_summary(report))
    for sentence in report.assumed:
        err.print(f"Assumed: {sentence}", soft_wrap=True, markup=False)


def _section(title: str, told: list[tuple[str, str]]) -> None:
    """Lines under a title; of many that are alike, some are shown and the rest counted."""
    if not told:
        return
    _say(title)
    counts = Counter(kind for kind, _ in told)
    shown: Counter[str] = Counter()
    for kind, line in told:
        shown[kind] += 1
        most = ALIKE_MAX if len(told) > SHOWN_MAX else SHOWN_MAX
        if shown[kind] <= most and len(shown) <= SHOWN_MAX:
            _say(f"  {line}.")
            if shown[kind] == most < counts[kind]:
                _say(f"  … and {counts[kind] - most} more like this; --json has all of them.")


def _say_more(count: int) -> None:
    if count > SHOWN_MAX:
        _say(f"… and {count - SHOWN_MAX} more; --json has all of them.")


def _summary(report: Report) -> str:
    nouns = f"{report.noun}s"
    looked = f"checked {report.checked} {nouns}, {report.bookings} bookings in {report.took_ms} ms"
    lies = len(report.details)
    if not report.dry_run and lies:
        said = f"Fixed {report.fixed} of {lies} {nouns}"
    elif lies:
        said = f"{lies} of {report.checked} {nouns} {'lies' if lies == 1 else 'lie'}"
    else:
        said = f"No {report.noun} lies" if report.is_clean else f"No status to repair, but {_left(report)} to look at"
    return f"{said}; {looked}."


def _left(report: Report) -> str:
    found = {"discrepancies": len(report.discrepancies), "rows not understood": len(report.not_understood)}
    return " and ".join(f"{count} {what}" for what, count in found.items() if count)


def _called(noun: str, code: str) -> str:
    return code if code.lower().startswith(noun.lower()) else f"{noun} {code}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _say(line: str) -> None:
    out.print(line, soft_wrap=True, markup=False)
