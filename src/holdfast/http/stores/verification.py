"""When a store is verified by itself: seen, changed, paused. One function each, no logic."""

from typing import Any

import msgspec
from litestar import Response, get, patch
from litestar.params import FromPath

from holdfast.http.calls import plain
from holdfast.http.context import caller_of
from holdfast.http.framework import body_of, respond
from holdfast.http.stores.asking import READ, SETTINGS, TAG, Asked, store_named, stores_of
from holdfast.services.sync.verifying import VerificationRequest, VerificationView

Named = FromPath[str]
_CODES = ("unknown_site", "unknown_store", "unavailable")
_request = msgspec.json.Decoder(VerificationRequest)


@get(
    "/api/sites/{site:str}/sync/verification",
    operation_id="read_verification",
    summary="When a store is verified",
    tags=[TAG],
    opt={**READ, "answer": VerificationView, "codes": _CODES},
)
async def read_verification(request: Asked, site: Named) -> Response[bytes]:
    """Its schedule on the store's clock, when it is due next, and how the last run of it ended."""
    found = await store_named(request, site)
    return respond(plain(200, await stores_of(request).verifying.view(found)))


@patch(
    "/api/sites/{site:str}/sync/verification",
    operation_id="change_verification",
    summary="Change when a store is verified",
    tags=[TAG],
    opt={**SETTINGS, "body": VerificationRequest, "answer": VerificationView, "codes": _CODES},
)
async def change_verification(request: Asked, site: Named) -> Response[bytes]:
    """What is left out stays. `is_enabled` false pauses it; with `days` 0 lifetime value alone is counted anew."""
    found = await store_named(request, site)
    body = await body_of(request, _request)
    actor = caller_of(request).name
    return respond(plain(200, await stores_of(request).verifying.change(found, body, actor=actor)))


VERIFICATION_HANDLERS: list[Any] = [read_verification, change_verification]
