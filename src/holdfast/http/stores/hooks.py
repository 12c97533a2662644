"""Webhooks of shops: anybody may knock here, whoever signed with the connection's secret is heard."""

from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from holdfast.http.bodies import read_body
from holdfast.http.calls import plain
from holdfast.http.context import context_of
from holdfast.http.framework import respond
from holdfast.http.stores.asking import TAG, Asked, number_in, store_named, stores_of
from holdfast.services.sync.webhooks import Heard, Taken


@post(
    "/api/hooks/{site:str}/{connection:str}",
    operation_id="take_webhook",
    summary="Take a webhook",
    tags=[TAG],
    status_code=200,
    opt={
        "right": "open",
        "answer": Taken,
        "codes": ("unknown_site", "unknown_store", "unknown_connection", "bad_signature", "unavailable"),
    },
)
async def take_webhook(request: Asked, site: FromPath[str], connection: FromPath[str]) -> Response[bytes]:
    """An order that was made, changed or deleted, as Shopify sends it: topic and signature in its headers. It may come
    twice, and in any order."""
    limit = context_of(request).limits.body_bytes_max
    body = await read_body(request.receive, dict(request.scope["headers"]), limit)
    found = await store_named(request, site)
    headers = request.headers
    heard = Heard(
        headers.get("x-shopify-topic", ""),
        headers.get("x-shopify-hmac-sha256", ""),
        body,
        headers.get("x-shopify-triggered-at"),
    )
    return respond(plain(200, await stores_of(request).webhooks.take(found, number_in(connection), heard)))


HOOK_HANDLERS: list[Any] = [take_webhook]
