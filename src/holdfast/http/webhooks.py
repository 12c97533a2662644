"""Webhooks over HTTP: an organisation's endpoints, and what was sent to them. One function each, no logic."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, QueryParameter

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.calls import id_of, plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import body_of, respond, rows_of
from holdfast.services.webhook_delivery import WebhookDelivery
from holdfast.services.webhooks import (
    PAGE_MAX,
    DeliveryDetail,
    DeliveryView,
    WebhookChange,
    WebhookRequest,
    WebhookView,
)

Asked = Request[Any, Any, Any]
Named = FromPath[str]
Text = FromQuery[str | None]
Stage = Annotated[str | None, QueryParameter(name="state", description="waiting, delivered, failed or held")]
TAG = "webhooks"
_ALL = "/api/organisations/{organisation:str}/webhooks"
_ONE = _ALL + "/{webhook:str}"
_ORGANISATION = ("unknown_organisation", "not_allowed", "unavailable")
_CODES = ("unknown_webhook", *_ORGANISATION)
OPEN_TO: dict[str, Any] = {"right": "jobs", "by": "service"}


class WebhookList(msgspec.Struct, frozen=True):
    """In the order of their making."""

    webhooks: list[WebhookView]


class DeliveryPage(msgspec.Struct, frozen=True):
    """The newest first; go on with `before` = `next`."""

    deliveries: list[DeliveryView]
    next: str | None


_make = msgspec.json.Decoder(WebhookRequest)
_change = msgspec.json.Decoder(WebhookChange)


@get(
    _ALL, operation_id="list_webhooks", summary="List endpoints", tags=[TAG],
    opt={**OPEN_TO, "answer": WebhookList, "codes": _ORGANISATION},
)  # fmt: skip
async def list_webhooks(request: Asked, organisation: Named) -> Response[bytes]:
    """Where the organisation is told of what happens; secrets are never told again."""
    found = await _delivery(request).webhooks.page(caller_of(request), _organisation(organisation))
    return respond(plain(200, WebhookList(found)))


@post(
    _ALL, operation_id="create_webhook", summary="Make an endpoint", tags=[TAG], status_code=201,
    opt={
        **OPEN_TO, "body": WebhookRequest, "answer": WebhookView,
        "codes": (*_ORGANISATION, "unknown_site", "quota_reached"),
    },
)  # fmt: skip
async def create_webhook(request: Asked, organisation: Named) -> Response[bytes]:
    """It is told of what happens from now on, of the events it wants, at all sites or one. The answer holds its secret,
    once. Asks for `names`, too, as what is told names people."""
    body, organisation_id = await body_of(request, _make), _organisation(organisation)
    site = await _site(request, organisation_id, body.site)
    made = await _delivery(request).webhooks.make(caller_of(request), organisation_id, body, site)
    return respond(plain(201, made))


@get(
    _ONE, operation_id="get_webhook", summary="One endpoint", tags=[TAG],
    opt={**OPEN_TO, "answer": WebhookView, "codes": _CODES},
)  # fmt: skip
async def get_webhook(request: Asked, organisation: Named, webhook: Named) -> Response[bytes]:
    """Whether it is paused, and since when it has taken nothing."""
    found = await _delivery(request).webhooks.find(caller_of(request), _organisation(organisation), _webhook(webhook))
    return respond(plain(200, found))


@patch(
    _ONE, operation_id="change_webhook", summary="Change an endpoint", tags=[TAG],
    opt={**OPEN_TO, "body": WebhookChange, "answer": WebhookView, "codes": (*_CODES, "nothing_to_change")},
)  # fmt: skip
async def change_webhook(request: Asked, organisation: Named, webhook: Named) -> Response[bytes]:
    """What is left out stays. Asks for `names`, too."""
    body = await body_of(request, _change)
    changed = await _delivery(request).webhooks.change(
        caller_of(request), _organisation(organisation), _webhook(webhook), body
    )
    return respond(plain(200, changed))


@delete(
    _ONE, operation_id="remove_webhook", summary="Remove an endpoint", tags=[TAG], status_code=204,
    opt={**OPEN_TO, "codes": _CODES},
)  # fmt: skip
async def remove_webhook(request: Asked, organisation: Named, webhook: Named) -> None:
    """With all that was sent to it."""
    await _delivery(request).webhooks.remove(caller_of(request), _organisation(organisation), _webhook(webhook))


@post(
    _ONE + "/rotate", operation_id="rotate_webhook", summary="Change its secret", tags=[TAG], status_code=200,
    opt={**OPEN_TO, "answer": WebhookView, "codes": _CODES},
)  # fmt: skip
async def rotate_webhook(request: Asked, organisation: Named, webhook: Named) -> Response[bytes]:
    """A new secret, told in this answer; for a day what is sent is signed with both. Asks for `names`, too."""
    changed = await _delivery(request).webhooks.rotate(
        caller_of(request), _organisation(organisation), _webhook(webhook)
    )
    return respond(plain(200, changed))


@post(
    _ONE + "/test", operation_id="test_webhook", summary="Send a test", tags=[TAG], status_code=201,
    opt={**OPEN_TO, "answer": DeliveryView, "codes": (*_CODES, "wrong_state")},
)  # fmt: skip
async def test_webhook(request: Asked, organisation: Named, webhook: Named) -> Response[bytes]:
    """A message of the type `webhook.test`; what became of it stands among the deliveries."""
    sent = await _delivery(request).test(caller_of(request), _organisation(organisation), _webhook(webhook))
    return respond(plain(201, sent))


@post(
    _ONE + "/pause", operation_id="pause_webhook", summary="Pause an endpoint", tags=[TAG], status_code=200,
    opt={**OPEN_TO, "answer": WebhookView, "codes": (*_CODES, "nothing_to_change")},
)  # fmt: skip
async def pause_webhook(request: Asked, organisation: Named, webhook: Named) -> Response[bytes]:
    """Nothing is sent any more; what happens is told once it goes on."""
    paused = await _delivery(request).webhooks.pause(caller_of(request), _organisation(organisation), _webhook(webhook))
    return respond(plain(200, paused))


@post(
    _ONE + "/resume", operation_id="resume_webhook", summary="Resume an endpoint", tags=[TAG], status_code=200,
    opt={**OPEN_TO, "answer": WebhookView, "codes": (*_CODES, "nothing_to_change")},
)  # fmt: skip
async def resume_webhook(request: Asked, organisation: Named, webhook: Named) -> Response[bytes]:
    """It goes on where it was: nothing that happened meanwhile is left out."""
    caller, organisation_id, id = caller_of(request), _organisation(organisation), _webhook(webhook)
    await _delivery(request).resume(caller, organisation_id, id)
    return respond(plain(200, await _delivery(request).webhooks.find(caller, organisation_id, id)))


@get(
    _ONE + "/deliveries", operation_id="list_deliveries", summary="What was sent", tags=[TAG],
    opt={**OPEN_TO, "answer": DeliveryPage, "codes": (*_CODES, "unknown_delivery")},
)  # fmt: skip
async def list_deliveries(
    request: Asked, organisation: Named, webhook: Named, stage: Stage = None, before: Text = None,
    limit: FromQuery[int] = 100,
) -> Response[bytes]:  # fmt: skip
    """The newest first, with the status of the last answer; kept for a month."""
    limit = rows_of(request, limit, PAGE_MAX)
    found = await _delivery(request).webhooks.deliveries(
        caller_of(request), _organisation(organisation), _webhook(webhook), state=stage, before=before, limit=limit
    )
    return respond(plain(200, DeliveryPage(found, found[-1].id if len(found) >= limit else None)))


@get(
    _ONE + "/deliveries/{delivery:str}", operation_id="get_delivery", summary="One delivery", tags=[TAG],
    opt={**OPEN_TO, "answer": DeliveryDetail, "codes": (*_CODES, "unknown_delivery")},
)  # fmt: skip
async def get_delivery(request: Asked, organisation: Named, webhook: Named, delivery: Named) -> Response[bytes]:
    """What was sent, and each attempt with its status, time and the beginning of the answer. Asks for `names`, too."""
    found = await _delivery(request).webhooks.delivery(
        caller_of(request), _organisation(organisation), _webhook(webhook), delivery
    )
    return respond(plain(200, found))


@post(
    _ONE + "/deliveries/{delivery:str}/redeliver", operation_id="redeliver", summary="Send it again", tags=[TAG],
    status_code=200,
    opt={**OPEN_TO, "answer": DeliveryView, "codes": (*_CODES, "unknown_delivery", "wrong_state")},
)  # fmt: skip
async def redeliver(request: Asked, organisation: Named, webhook: Named, delivery: Named) -> Response[bytes]:
    """The same message under the same `webhook-id`."""
    sent = await _delivery(request).redeliver(
        caller_of(request), _organisation(organisation), _webhook(webhook), delivery
    )
    return respond(plain(200, sent))


WEBHOOK_HANDLERS: list[Any] = [
    list_webhooks, create_webhook, get_webhook, change_webhook, remove_webhook, rotate_webhook, test_webhook,
    pause_webhook, resume_webhook, list_deliveries, get_delivery, redeliver,
]  # fmt: skip


async def _site(request: Asked, organisation_id: UUID, named: str | None) -> Site | None:
    """The site that a request names; one of another organisation is none."""
    if named is None:
        return None
    found = await context_of(request).sites.find(named)
    if found.organisation_id != organisation_id:
        raise Refusal("unknown_site", site=named[:64])
    return found


def _organisation(named: str) -> UUID:
    return id_of(named, "unknown_organisation", "organisation")


def _webhook(named: str) -> UUID:
    return id_of(named, "unknown_webhook", "webhook")


def _delivery(request: Asked) -> WebhookDelivery:
    found: WebhookDelivery = request.app.state["webhooks"]
    return found
