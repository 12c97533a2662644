"""Health: for whoever watches the server, and, in two members, for everybody.

Refuses details to strangers: what loops there are, how far behind they are and what the database is are told to a
program on this machine while there is no account, and to one with the token of the settings.
"""

from typing import Any

from litestar import Request, Response, get

from holdfast.http.calls import plain
from holdfast.http.context import context_of
from holdfast.http.framework import respond
from holdfast.services.health import BriefHealth, Health, HealthReport


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


HEALTH_HANDLERS: list[Any] = [health]
HEALTH_PUBLIC = frozenset({"/health"})
