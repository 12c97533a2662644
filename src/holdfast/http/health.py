"""Health: for whoever watches the server, and, in two members, for everybody.

Refuses details to strangers: what loops there are, how far behind they are and what the database is are told to a
program on this machine while there is no account, and to one with the token of the settings. Whoever may set a site up
is told at the site's own address how it is served, without what is of other sites or of the machine.
"""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from holdfast.http.calls import plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import respond
from holdfast.services.health import BriefHealth, Health, HealthReport
from holdfast.services.site_health import Served, SiteHealth, site_health


@get(
    "/health", operation_id="health", summary="How is the server?", tags=["health"],
    opt={"right": "open", "answer": HealthReport | BriefHealth, "also": {503: HealthReport | BriefHealth}},
)  # fmt: skip
async def health(request: Request[Any, Any, Any]) -> Response[bytes]:
    """200 while all that must run does, 503 when a loop does not or the database cannot be reached; within 2 seconds.
    Without a token, and from another machine, only `status` and `cronJob`."""
    state = request.app.state
    found: Health = state["health"]
    report = await found.report()
    status = 503 if report.status == "FAILED" else 200
    trusted = await context_of(request).gate.runs_the_server(request.scope, dict(request.scope["headers"]))
    return respond(plain(status, report if trusted else BriefHealth(report.status, report.cron_job)))


@get(
    "/api/sites/{site:str}/health", operation_id="get_site_health", summary="How is the site served?", tags=["health"],
    opt={"right": "settings", "answer": SiteHealth, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def get_site_health(request: Request[Any, Any, Any], site: FromPath[str]) -> Response[bytes]:
    """The loops that serve it, its delays, its journal, the queue of commands, whether database and disk are well.
    200 whatever it says. Sizes and versions of the machine only to whoever runs the server."""
    context, state = context_of(request), request.app.state
    found = await context.sites.find(site)
    served = Served(context.reads, state["health"], context.desk, state["reconciler"])
    return respond(plain(200, await site_health(served, found, whole=caller_of(request).has_everything)))


HEALTH_HANDLERS: list[Any] = [health, get_site_health]
HEALTH_PUBLIC = frozenset({"/health"})
