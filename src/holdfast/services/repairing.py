"""One site's suspects put right: through the desk, or, for a dry run, on a snapshot alone. A suspect that cannot be
processed is found by halving and put before a person, so that all the others are put right."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID, uuid4

import msgspec
import structlog

from holdfast.domain.commands import OpenFinding, Reconcile
from holdfast.domain.errors import Refusal
from holdfast.domain.policies import policy_of
from holdfast.domain.reconcile import Detail, SiteReport, reconcile
from holdfast.domain.sites import Site
from holdfast.domain.state import SiteState
from holdfast.services.desk import Desk
from holdfast.services.detecting import Suspects
from holdfast.services.loading import load
from holdfast.services.reports import Report
from holdfast.store.connection import Connection

ACTOR = "reconcile"
SUSPECTS_MAX = 400
"""Suspects of one kind in one command, so that others wait for it no longer than for a batch of bookings."""
ERROR_MAX = 300

Stand = tuple[int, datetime, datetime | None]
"""A site's version, the instant, and the site's alarm."""

log = structlog.get_logger("holdfast.reconcile")
_decode = msgspec.json.Decoder(SiteReport).decode


async def repair(desk: Desk, report: Report, site: Site, command: Reconcile) -> None:
    """Has suspects put right under their site's lock, and reports what that came to; never fails."""
    try:
        answer = await desk.submit(site.id, command, actor=ACTOR)
    except Refusal as refusal:
        report.failed[site.slug] = refusal.code
    except Exception as error:  # as a loop's top: one row that cannot be processed holds up no other
        if halves := halves_of(command):
            for half in halves:
                await repair(desk, report, site, half)
        else:
            await _set_aside(desk, report, site, command, innermost(error))
    else:
        report.add(site.slug, _decode(answer.body).details)


async def imagine(connection: Connection, report: Report, site: Site, command: Reconcile, *, stand: Stand) -> None:
    """Reports what the desk would come to, on the connection's snapshot alone; never fails."""
    version, now, wakes_at = stand
    state = SiteState(site, policy_of(site.kind), version=version, now=now, wakes_at=wakes_at)
    try:
        async with connection.transaction():
            await load(connection, {site.id: state}, [(state, command)])
            _, told = reconcile(state, command, ACTOR)
    except Exception as error:  # as above
        if halves := halves_of(command):
            for half in halves:
                await imagine(connection, report, site, half, stand=stand)
        else:
            report.add(site.slug, [_poisoned(command, innermost(error))])
    else:
        report.add(site.slug, told.details)


def commands_of(suspects: Suspects) -> Iterator[Reconcile]:
    """The suspects as commands of bounded size; at least one, as the command itself puts the site's alarm right."""
    units, bookings, blocks = list(suspects.units), list(suspects.bookings), list(suspects.blocks)
    for start in range(0, max(len(units), len(bookings), len(blocks), 1), SUSPECTS_MAX):
        until = start + SUSPECTS_MAX
        part: list[UUID] = bookings[start:until]
        yield Reconcile(
            units=tuple(units[start:until]),
            bookings=tuple(part),
            blocks=tuple(blocks[start:until]),
            blocks_to_wake=tuple(block for block in blocks[start:until] if block in suspects.blocks_to_wake),
            differing={key: suspects.differing[key] for key in part if key in suspects.differing},
            gone=tuple(suspects.gone) if start == 0 else (),
        )


def halves_of(command: Reconcile) -> list[Reconcile]:
    """The command in two, each with some of its suspects; nothing when it has but one."""
    kinds = [name for name in ("units", "bookings", "blocks") if getattr(command, name)]
    if len(kinds) > 1:
        parts = [{name: getattr(command, name)} for name in kinds]
    elif kinds and len(getattr(command, kinds[0])) > 1:
        keys = getattr(command, kinds[0])
        middle = len(keys) // 2
        parts = [{kinds[0]: keys[:middle]}, {kinds[0]: keys[middle:]}]
    else:
        return []
    wake, differing = set(command.blocks_to_wake), command.differing
    return [
        Reconcile(
            **part,
            blocks_to_wake=tuple(key for key in part.get("blocks", ()) if key in wake),
            differing={key: differing[key] for key in part.get("bookings", ()) if key in differing},
        )
        for part in parts
    ]


def innermost(error: BaseException) -> BaseException:
    """The error within a group of errors."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _set_aside(desk: Desk, report: Report, site: Site, command: Reconcile, error: BaseException) -> None:
    found = _poisoned(command, error)
    log.warning("a suspect cannot be processed", site=site.slug, rule=found.rule, subject=found.subject)
    data = {"error": found.reason, "reason": found.reason}
    try:
        await desk.submit(site.id, OpenFinding(uuid4(), found.rule, found.subject, data), actor=ACTOR)
    except Exception as failure:  # the site itself cannot be served
        report.failed[site.slug] = failure.code if isinstance(failure, Refusal) else type(failure).__name__
    else:
        report.add(site.slug, [found])


def _poisoned(command: Reconcile, error: BaseException) -> Detail:
    named = {"unit": command.units, "booking": command.bookings, "block": command.blocks}
    kind, subject = next(((kind, str(keys[0])) for kind, keys in named.items() if keys), ("site", ""))
    return Detail(f"poisoned_{kind}", subject, "opened", reason=f"{type(error).__name__}: {error}"[:ERROR_MAX])
