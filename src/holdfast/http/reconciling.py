"""The requests about truth: what was seen, what does not fit, and putting it right. One function each, no logic."""

from typing import Any, Literal, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from holdfast.domain.commands import SettleFinding
from holdfast.domain.errors import Refusal
from holdfast.http.calls import id_of, plain, reply, submit
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import body_of, respond, rows_of
from holdfast.services.observations import (
    ObservationPage,
    ObservationsRequest,
    Recorded,
    observation_page,
    record,
)
from holdfast.services.reconcile import Reconciler, Report
from holdfast.services.site_health import LastPass, last_pass

Asked = Request[Any, Any, Any]
Named = FromPath[str]
Text = FromQuery[str | None]
Verdict = Literal["resolve", "dismiss"]
VERDICTS = ("resolve", "dismiss")
_BUSY = ("busy", "unavailable", "outcome_unknown")


class VerdictRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a finding is settled; whoever reads it later will want to know."""

    reason: str


_observations = msgspec.json.Decoder(ObservationsRequest)
_verdict = msgspec.json.Decoder(VerdictRequest)


@post(
    "/api/sites/{site:str}/observations", operation_id="record_observations", summary="Say what was seen",
    tags=["findings"], status_code=200,
    opt={
        "right": "observe", "body": ObservationsRequest, "answer": Recorded,
        "codes": ("unknown_site", "invalid_time", "unavailable"),
    },
)  # fmt: skip
async def record_observations(request: Asked, site: Named) -> Response[bytes]:
    """What agents and staff saw of units, up to 5,000 at once. The last one of a unit and kind counts, until it
    expires; what does not fit what is booked becomes a finding. Units there are not are told, the others recorded."""
    context = context_of(request)
    body = await body_of(request, _observations)
    found = await context.sites.find(site)
    recorded = await record(context.reads, found, body, actor=caller_of(request).name)
    if recorded.recorded:
        _reconciler(request).ask(found.id)
    return respond(plain(200, recorded))


@get(
    "/api/sites/{site:str}/observations", operation_id="list_observations", summary="List what was seen",
    tags=["findings"],
    opt={
        "right": "read", "answer": ObservationPage, "codes": ("unknown_site", "invalid_cursor", "unavailable"),
    },
)  # fmt: skip
async def list_observations(
    request: Asked, site: Named, cursor: Text = None, limit: FromQuery[int] = 100
) -> Response[bytes]:
    """What was last seen of each unit and still counts, with since when."""
    context = context_of(request)
    found = await context.sites.find(site)
    return respond(
        plain(200, await observation_page(context.reads, found, cursor=cursor, limit=rows_of(request, limit)))
    )


@post(
    "/api/sites/{site:str}/reconcile", operation_id="reconcile_site", summary="Put a site right", tags=["findings"],
    status_code=200, opt={"right": "find", "answer": Report, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def reconcile_site(request: Asked, site: Named, dry_run: FromQuery[bool] = False) -> Response[bytes]:
    """Compares what is recorded with what follows, repairs what does not, each with its reason, and lists what is a
    person's to judge. With `dry_run=true` nothing is written, and `details` are what would be repaired."""
    found = await context_of(request).sites.find(site)
    return respond(plain(200, await _reconciler(request).run(found.slug, dry_run=dry_run)))


@get(
    "/api/sites/{site:str}/reconcile", operation_id="get_last_pass", summary="When was it last looked?",
    tags=["findings"], opt={"right": "names", "answer": LastPass, "codes": ("unknown_site", "unavailable")},
)  # fmt: skip
async def get_last_pass(request: Asked, site: Named) -> Response[bytes]:
    """When the server last compared what is recorded with what follows, and how long that took. Another process of the
    same database may have looked since."""
    await context_of(request).sites.find(site)
    return respond(plain(200, await last_pass(context_of(request).reads, _reconciler(request))))


@post(
    "/api/reconcile", operation_id="reconcile_all", summary="Put all sites right", tags=["findings"], status_code=200,
    opt={"right": "server", "answer": Report, "codes": ("unavailable",)},
)  # fmt: skip
async def reconcile_all(request: Asked, dry_run: FromQuery[bool] = False) -> Response[bytes]:
    """The same for every site; the server does it by itself at its start and every few minutes."""
    return respond(plain(200, await _reconciler(request).run(dry_run=dry_run)))


@post(
    "/api/sites/{site:str}/findings/{finding:str}/{verdict:str}", operation_id="settle_finding",
    summary="Resolve or dismiss a finding", tags=["findings"], status_code=200,
    opt={"right": "find", 
        "body": VerdictRequest, "key": True,
        "codes": ("unknown_site", "unknown_finding", "wrong_state", "key_reused", *_BUSY),
    },
)  # fmt: skip
async def settle_finding(request: Asked, site: Named, finding: Named, verdict: Named) -> Response[bytes]:
    """`resolve`: it is put right; should it still be so at the next look, it is found again. `dismiss`: leave it alone
    for as long as it lasts."""
    if verdict not in VERDICTS:
        raise Refusal("unknown_act", act=verdict[:40], possible=list(VERDICTS))
    context = context_of(request)
    body = await body_of(request, _verdict)
    found = await context.sites.find(site)
    finding_id = id_of(finding, "unknown_finding", "finding")
    command = SettleFinding(finding_id, cast(Verdict, verdict), body.reason)
    said = ("finding", finding_id, verdict, body)
    headers = dict(request.scope["headers"])
    return respond(reply(await submit(context, caller_of(request), found, command, headers=headers, said=said)))


RECONCILING_HANDLERS: list[Any] = [
    record_observations, list_observations, reconcile_site, get_last_pass, reconcile_all, settle_finding,
]  # fmt: skip


def _reconciler(request: Asked) -> Reconciler:
    found = request.app.state["reconciler"]
    assert isinstance(found, Reconciler)
    return found
