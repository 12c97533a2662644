"""Connections, their secrets and schedules, and rates of currencies. One function each, no logic."""

from typing import Any

import msgspec
from litestar import Response, delete, get, patch, post, put
from litestar.params import FromPath

from holdfast.http.calls import plain
from holdfast.http.context import caller_of
from holdfast.http.framework import body_of, respond
from holdfast.http.stores.asking import READ, SETTINGS, TAG, Asked, number_in, store_named, stores_of
from holdfast.services.sync.connections import (
    ConnectionChangeRequest,
    ConnectionRequest,
    ConnectionView,
    RateRequest,
    RateView,
)

Named = FromPath[str]
_CODES = ("unknown_site", "unknown_store", "unavailable")
_request = msgspec.json.Decoder(ConnectionRequest)
_change = msgspec.json.Decoder(ConnectionChangeRequest)
_rate = msgspec.json.Decoder(RateRequest)


class ConnectionsPage(msgspec.Struct, frozen=True):
    """The connections of a store, in the order of their making."""

    connections: list[ConnectionView]


class RatesPage(msgspec.Struct, frozen=True):
    """The rates of a store, by currency, the latest first."""

    rates: list[RateView]


@get(
    "/api/sites/{site:str}/connections",
    operation_id="list_connections",
    summary="List a store's connections",
    tags=[TAG],
    opt={**READ, "answer": ConnectionsPage, "codes": _CODES},
)
async def list_connections(request: Asked, site: Named) -> Response[bytes]:
    """Each with its streams: up to when all of it is in, when that was last proved, when it is synced next."""
    stores, found = stores_of(request), await store_named(request, site)
    return respond(plain(200, ConnectionsPage(await stores.connections.page(stores.kit, found))))


@post(
    "/api/sites/{site:str}/connections",
    operation_id="create_connection",
    summary="Connect a source",
    tags=[TAG],
    status_code=201,
    opt={**SETTINGS, "body": ConnectionRequest, "answer": ConnectionView, "codes": (*_CODES, "already_exists")},
)
async def create_connection(request: Asked, site: Named) -> Response[bytes]:
    """A shop, an ad account, any JSON API, or files handed in. Its secret is encrypted and never told again."""
    stores, found = stores_of(request), await store_named(request, site)
    body = await body_of(request, _request)
    made = await stores.connections.create(stores.kit, found, body, actor=caller_of(request).name)
    status, headers, content = plain(201, made)
    headers.append((b"location", f"/api/sites/{found.slug}/connections/{made.id}".encode()))
    return respond((status, headers, content))


@get(
    "/api/sites/{site:str}/connections/{connection:str}",
    operation_id="read_connection",
    summary="Read a connection",
    tags=[TAG],
    opt={**READ, "answer": ConnectionView, "codes": (*_CODES, "unknown_connection")},
)
async def read_connection(request: Asked, site: Named, connection: Named) -> Response[bytes]:
    """One connection with its streams."""
    stores, found = stores_of(request), await store_named(request, site)
    return respond(plain(200, await stores.connections.view(stores.kit, found, number_in(connection))))


@patch(
    "/api/sites/{site:str}/connections/{connection:str}",
    operation_id="change_connection",
    summary="Change a connection",
    tags=[TAG],
    opt={
        **SETTINGS,
        "body": ConnectionChangeRequest,
        "answer": ConnectionView,
        "codes": (*_CODES, "unknown_connection", "already_exists"),
    },
)
async def change_connection(request: Asked, site: Named, connection: Named) -> Response[bytes]:
    """Name, config, secret, schedules, or whether it is synced at all. One that was paused is tried again at once."""
    stores, found = stores_of(request), await store_named(request, site)
    body = await body_of(request, _change)
    changed = await stores.connections.change(
        stores.kit, found, number_in(connection), body, actor=caller_of(request).name
    )
    return respond(plain(200, changed))


@delete(
    "/api/sites/{site:str}/connections/{connection:str}",
    operation_id="delete_connection",
    summary="Take a connection out",
    tags=[TAG],
    status_code=200,
    opt={**SETTINGS, "codes": (*_CODES, "unknown_connection", "wrong_state")},
)
async def delete_connection(request: Asked, site: Named, connection: Named) -> Response[bytes]:
    """With all rows it brought; not while a run is at it."""
    stores, found = stores_of(request), await store_named(request, site)
    number = number_in(connection)
    await stores.connections.delete(stores.kit, found, number, actor=caller_of(request).name)
    return respond(plain(200, {"id": number, "deleted": True}))


@get(
    "/api/sites/{site:str}/rates",
    operation_id="list_rates",
    summary="List a store's rates",
    tags=[TAG],
    opt={**READ, "answer": RatesPage, "codes": _CODES},
)
async def list_rates(request: Asked, site: Named) -> Response[bytes]:
    """What other currencies are worth in the store's own."""
    stores, found = stores_of(request), await store_named(request, site)
    return respond(plain(200, RatesPage(await stores.connections.rates(stores.kit, found))))


@put(
    "/api/sites/{site:str}/rates",
    operation_id="set_rate",
    summary="Set a rate",
    tags=[TAG],
    opt={**SETTINGS, "body": RateRequest, "answer": RateView, "codes": _CODES},
)
async def set_rate(request: Asked, site: Named) -> Response[bytes]:
    """From a day on, until a later one is set. Orders in a currency without a rate count for nothing, and are told."""
    stores, found = stores_of(request), await store_named(request, site)
    body = await body_of(request, _rate)
    made = await stores.connections.set_rate(stores.kit, found, body, actor=caller_of(request).name)
    return respond(plain(200, made))


CONNECTION_HANDLERS: list[Any] = [
    list_connections, create_connection, read_connection, change_connection, delete_connection, list_rates, set_rate,
]  # fmt: skip
