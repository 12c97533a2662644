"""What the requests of stores have in common: the services, the store that is meant, numbers in addresses."""

from typing import Any
from uuid import UUID

from litestar import Request

from holdfast.domain.errors import Refusal
from holdfast.domain.policies.store import check_store
from holdfast.domain.sites import Site
from holdfast.http.calls import id_of
from holdfast.http.context import context_of
from holdfast.services.stores import Stores

Asked = Request[Any, Any, Any]
TAG = "stores"
READ: dict[str, Any] = {"right": "names"}
"""Orders and what is reckoned from them tell of customers."""
SETTINGS: dict[str, Any] = {"right": "settings"}
SYNC: dict[str, Any] = {"right": "sync"}


def stores_of(request: Asked) -> Stores:
    found = request.app.state["stores"]
    assert isinstance(found, Stores)
    return found


async def store_named(request: Asked, named: str) -> Site:
    """The store of that slug or id.

    Raises:
        Refusal: `unknown_site`, `unknown_store`.
    """
    site = await context_of(request).sites.find(named)
    check_store(site)
    return site


def number_in(text: str) -> int:
    """A connection's number in an address.

    Raises:
        Refusal: `unknown_connection`, when it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise Refusal("unknown_connection", connection=text[:40])
    return int(text)


def run_in(text: str) -> UUID:
    """A run's id in an address.

    Raises:
        Refusal: `unknown_run`, when it is none.
    """
    return id_of(text, "unknown_run", "run")
