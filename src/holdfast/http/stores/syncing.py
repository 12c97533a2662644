"""Sync runs: asked for, stopped, looked at; files handed in. One function each, no logic."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from holdfast.domain.errors import Refusal
from holdfast.domain.sync.windows import STREAMS
from holdfast.gateways.shops.uploads import Upload
from holdfast.http.calls import plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import body_of, respond
from holdfast.http.imports import spooled
from holdfast.http.stores.asking import READ, SYNC, TAG, Asked, number_in, run_in, store_named, stores_of
from holdfast.services.sync.kinds import read_config
from holdfast.services.sync.overview import StoreView
from holdfast.services.sync.runs import RunView, Wish

Named = FromPath[str]
_CODES = ("unknown_site", "unknown_store", "unavailable")


class SyncRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a run is to do. `incremental` brings what changed, `backfill` reads from `since` (or the beginning) again,
    `verify` compares row by row, and takes out what is not at the source any more."""

    operation: Annotated[str, Meta(examples=["incremental", "backfill", "verify"])] = "incremental"
    connections: Annotated[tuple[int, ...], Meta(max_length=50)] = ()
    streams: Annotated[tuple[str, ...], Meta(max_length=2, examples=[["orders"]])] = STREAMS
    since: datetime | None = None
    until: datetime | None = None


class RunsPage(msgspec.Struct, frozen=True):
    """Runs of a store, the latest first; `next` is the id to go on from."""

    runs: list[RunView]
    next: str | None = None


_request = msgspec.json.Decoder(SyncRequest)


@post(
    "/api/sites/{site:str}/sync",
    operation_id="start_sync",
    summary="Sync a store",
    tags=[TAG],
    status_code=202,
    opt={
        **SYNC,
        "body": SyncRequest,
        "body_optional": True,
        "answer": RunView,
        "codes": (*_CODES, "no_connections", "unknown_connection"),
    },
)
async def start_sync(request: Asked, site: Named) -> Response[bytes]:
    """The run that does it. While a run is at one of the connections its id is the answer, and `joined` is true."""
    stores, found = stores_of(request), await store_named(request, site)
    body = await body_of(request, _request)
    for bound in (body.since, body.until):
        if bound is not None and bound.tzinfo is None:
            raise Refusal("invalid_time", field="since" if bound is body.since else "until", problem="has no offset")
    wish = Wish(body.operation, body.connections, body.since, body.until, body.streams)
    run_id, joined = await stores.runs.ask(found, wish, actor=caller_of(request).name, cause="asked")
    view = msgspec.structs.replace(await stores.runs.view(found, run_id), joined=joined)
    return respond(plain(202, view))


@get(
    "/api/sites/{site:str}/sync",
    operation_id="read_sync",
    summary="How a store stands",
    tags=[TAG],
    opt={**READ, "answer": StoreView, "codes": _CODES},
)
async def read_sync(request: Asked, site: Named) -> Response[bytes]:
    """Its connections with how fresh they are, its latest runs, what lifetime value stands on. Go on with the store's
    live events behind `version`."""
    view = await stores_of(request).overview.of(await store_named(request, site))
    return respond(plain(200, view, view.version))


@get(
    "/api/sites/{site:str}/sync/runs",
    operation_id="list_sync_runs",
    summary="List sync runs",
    tags=[TAG],
    opt={**READ, "answer": RunsPage, "codes": (*_CODES, "unknown_run")},
)
async def list_sync_runs(
    request: Asked, site: Named, before: FromQuery[str | None] = None, limit: FromQuery[int] = 50
) -> Response[bytes]:
    """The latest first, each with its stages and how complete they were at their end."""
    stores, found = stores_of(request), await store_named(request, site)
    limit = max(1, min(limit, context_of(request).limits.page_rows_max, 200))
    place = None if before is None else run_in(before)
    runs = await stores.runs.page(found, before=place, limit=limit)
    return respond(plain(200, RunsPage(runs, str(runs[-1].id) if len(runs) == limit else None)))


@get(
    "/api/sites/{site:str}/sync/runs/{run:str}",
    operation_id="read_sync_run",
    summary="Read a sync run",
    tags=[TAG],
    opt={**READ, "answer": RunView, "codes": (*_CODES, "unknown_run")},
)
async def read_sync_run(request: Asked, site: Named, run: Named) -> Response[bytes]:
    """One run as it stands; its progress is in the store's journal too, as `sync.progressed`."""
    stores, found = stores_of(request), await store_named(request, site)
    return respond(plain(200, await stores.runs.view(found, run_in(run))))


@post(
    "/api/sites/{site:str}/sync/runs/{run:str}/cancel",
    operation_id="cancel_sync_run",
    summary="Stop a sync run",
    tags=[TAG],
    status_code=202,
    opt={**SYNC, "answer": RunView, "codes": (*_CODES, "unknown_run", "wrong_state")},
)
async def cancel_sync_run(request: Asked, site: Named, run: Named) -> Response[bytes]:
    """It ends behind its present batch; what came in stays, and the next run goes on from there."""
    stores, found = stores_of(request), await store_named(request, site)
    return respond(plain(202, await stores.runs.cancel(found, run_in(run))))


@post(
    "/api/sites/{site:str}/connections/{connection:str}/upload",
    operation_id="upload_rows",
    summary="Hand in a file",
    tags=[TAG],
    status_code=200,
    request_max_body_size=None,
    opt={**SYNC, "answer": RunView, "codes": (*_CODES, "unknown_connection", "busy")},
)
async def upload_rows(request: Asked, site: Named, connection: Named) -> Response[bytes]:
    """CSV or JSON lines as the body, of a connection of kind `upload`; the answer is its run, ended."""
    stores, found = stores_of(request), await store_named(request, site)
    row = await stores.connections.row(stores.kit, found, number_in(connection))
    if row.kind != "upload":
        raise Refusal("invalid_request", field="connection", problem=f"is of kind {row.kind}, which is not handed in")
    config = read_config(row.kind, row.config)
    spool = await spooled(request, context_of(request).limits.import_bytes_max)
    source = Upload(spool, config.stream, config.mapping)
    return respond(plain(200, await stores.runs.upload(found, row.id, source, actor=caller_of(request).name)))


SYNC_HANDLERS: list[Any] = [read_sync, start_sync, list_sync_runs, read_sync_run, cancel_sync_run, upload_rows]
