"""The two addresses by which the replaced store system was told to sync, and asked whether it does, in its shapes."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from holdfast.domain.policies.store import check_store
from holdfast.domain.sites import Site
from holdfast.http.bodies import read_body
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import respond
from holdfast.http.rights import let_in
from holdfast.http.stores.asking import READ, SYNC, Asked, stores_of
from holdfast.services.sync.runs import Wish
from holdfast.services.sync.status import SyncStatus

TAG = "replaced systems"
Named = FromPath[str]
_CODES = ("unknown_site", "unknown_store", "not_allowed", "no_connections", "unavailable")
_encode = msgspec.json.Encoder().encode


class FormerSyncAsked(msgspec.Struct, frozen=True):
    """A sync was asked for, or is under way."""

    message: str
    timestamp: datetime
    success: bool = True


class FormerSyncStatus(msgspec.Struct, frozen=True):
    """Whether a store is being synced, how many watch it, whether it is synced by itself."""

    storeId: str
    status: SyncStatus
    timestamp: datetime
    success: bool = True


@post(
    "/api/test/trigger-sync/{store:str}",
    operation_id="former_trigger_sync",
    summary="Sync a store now",
    tags=[TAG],
    status_code=200,
    opt={**SYNC, "by": "handler", "former": True, "answer": FormerSyncAsked, "codes": _CODES},
)
async def trigger_sync(request: Asked, store: Named) -> Response[bytes]:
    """Asks for a sync, or joins the one under way; returns at once."""
    caller, context = caller_of(request), context_of(request)
    site, stores = await _store(request, store, "sync"), stores_of(request)
    await read_body(request.receive, dict(request.scope["headers"]), context.limits.body_bytes_max)
    await stores.runs.ask(site, Wish(), actor=caller.name, cause="manual")
    told = FormerSyncAsked(f"Manual sync triggered for store: {store}", await stores.reading.now())
    return respond((200, [], _encode(told)))


@get(
    "/api/sync/status/{store:str}",
    operation_id="former_sync_status",
    summary="Is a store being synced?",
    tags=[TAG],
    opt={**READ, "by": "handler", "former": True, "answer": FormerSyncStatus, "codes": _CODES},
)
async def sync_status(request: Asked, store: Named) -> Response[bytes]:
    """As its frontend asks for it."""
    site, stores = await _store(request, store, "names"), stores_of(request)
    status = await stores.status.of(site, watching=request.app.state["watching"](site.id))
    return respond((200, [], _encode(FormerSyncStatus(store, status, await stores.reading.now()))))


async def _store(request: Asked, named: str, right: str) -> Site:
    site = await let_in(request, context_of(request), named, right)
    check_store(site)
    return site


FORMER_STORE_HANDLERS: list[Any] = [trigger_sync, sync_status]
