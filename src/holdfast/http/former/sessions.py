"""The two addresses by which the replaced café system let its repairs be asked for.

What they repaired is done here when it is due; they tell what was left to do, which is usually nothing.
"""

from typing import Any

import msgspec
from litestar import Response, post
from litestar.params import FromQuery

from holdfast.domain.actors import may
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.bodies import read_body
from holdfast.http.context import caller_of, context_of
from holdfast.http.former.asking import Asked, site_named
from holdfast.http.framework import respond
from holdfast.services.former_sessions import KIND, complete_sessions
from holdfast.services.reconcile import Reconciler

Text = FromQuery[str | None]
TAG = "replaced systems"
SITES_MAX = 20
"""How many sites one request compares; with more it must say which."""
_CODES = ("unknown_site", "not_allowed", "busy", "unavailable", "disk_full", "outcome_unknown")
_OPT: dict[str, Any] = {"former": True, "site": True, "codes": _CODES}


class FormerSync(msgspec.Struct, frozen=True):
    """What was compared and put right: units by what they showed, with the reason; what is left for a person;
    `left_out` counts lines beyond those kept."""

    checked: int
    fixed: int
    details: list[Any]
    discrepancies: list[Any]
    left_out: int
    took_ms: float
    message: str = "Manual sync completed"
    success: bool = True


class FormerSessionsOver(msgspec.Struct, frozen=True):
    """How many sessions were over and are completed now, and how many units that freed."""

    completed: int
    freed: int
    message: str
    success: bool = True


@post(
    "/api/sync-sessions", operation_id="former_sync_sessions", summary="Compare and repair now", tags=[TAG],
    status_code=200, opt={"right": "find", "by": "handler", **_OPT, "answer": FormerSync},
)  # fmt: skip
async def sync_sessions(request: Asked, site: Text = None) -> Response[bytes]:
    """Compares the café that is named, or all of them, with what must follow from their bookings, and repairs it."""
    sites = await _sites(request, site)
    reports = [await reconciler_of(request).run(each.slug) for each in sites]
    if failed := {slug: code for report in reports for slug, code in report.failed.items()}:
        problem = ", ".join(f"{slug} could not be compared ({code})" for slug, code in sorted(failed.items()))
        raise Refusal("unavailable", problem=problem)
    told = FormerSync(
        sum(report.checked for report in reports), sum(report.fixed for report in reports),
        [one for report in reports for one in report.details],
        [one for report in reports for one in report.discrepancies],
        sum(report.left_out for report in reports), sum(report.took_ms for report in reports),
    )  # fmt: skip
    return respond((200, [], msgspec.json.encode(told)))


@post(
    "/api/bookings/auto-complete-sessions", operation_id="former_complete_sessions", summary="Complete what is over",
    tags=[TAG], status_code=200, opt={"right": "find", "by": "handler", **_OPT, "answer": FormerSessionsOver},
)  # fmt: skip
async def complete(request: Asked, site: Text = None) -> Response[bytes]:
    """Lets the clock act on what is due at the café that is named, or at all of them, and counts what it did. Sessions
    complete by themselves when they are over, so it is usually 0."""
    context, completed, freed = context_of(request), 0, 0
    for each in await _sites(request, site):
        over = await complete_sessions(context.reads, context.desk, each, actor=caller_of(request).name)
        completed, freed = completed + over.completed, freed + over.freed
    message = f"{completed} sessions auto-completed, {freed} systems freed"
    return respond((200, [], msgspec.json.encode(FormerSessionsOver(completed, freed, message))))


def reconciler_of(request: Asked) -> Reconciler:
    found: Reconciler = request.app.state["reconciler"]
    return found


async def _sites(request: Asked, named: str | None) -> list[Site]:
    """The café that is named, or all where the caller may put things right. Whatever body was sent is read, within the
    limit, and means nothing."""
    context, caller = context_of(request), caller_of(request)
    await read_body(request.receive, dict(request.scope["headers"]), context.limits.body_bytes_max)
    found = await site_named(context, request, KIND, named, "find")
    if found is not None:
        return [found]
    if not caller.is_known:
        raise Refusal("unauthorised")
    sites = [each for each in await context.sites.of_kind(KIND) if may(caller, "find", each)]
    if not sites and not caller.has_everything:
        raise Refusal("not_allowed", right="find")
    if len(sites) > SITES_MAX:
        problem = f"there are more than {SITES_MAX} cafés here; say which in the header X-Site or the query `site`"
        raise Refusal("invalid_request", field="X-Site", problem=problem)
    return sites


FORMER_SESSIONS_HANDLERS: list[Any] = [sync_sessions, complete]
