"""A whole server, a client that speaks to it, and a wire between them that can be cut."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from holdfast.client import Holdfast, Patience
from tests.client.wire import Wire
from tests.http.conftest import TOKEN, LiveServer, cafe, client, make_server, make_server_on, server

__all__ = ["cafe", "client", "house", "make_server", "make_server_on", "server", "slug", "wire", "wired"]

QUICK = Patience(attempts_max=8, total_s=10.0, attempt_s=5.0, wait_s=0.02, wait_max_s=0.2)


@pytest.fixture
def slug(cafe: str) -> str:
    """A café in UTC with four PCs, by name."""
    return cafe.rsplit("/", 1)[1]


@pytest.fixture
async def house(server: LiveServer) -> AsyncIterator[Holdfast]:
    """The server, spoken to directly."""
    async with Holdfast(server.url, token=TOKEN, patience=QUICK) as opened:
        yield opened


@pytest.fixture
async def wire(server: LiveServer) -> AsyncIterator[Wire]:
    """A wire to the server."""
    host = urlsplit(server.url)
    assert host.hostname is not None and host.port is not None
    async with Wire(host.hostname, host.port) as opened:
        yield opened


@pytest.fixture
async def wired(wire: Wire) -> AsyncIterator[Holdfast]:
    """The server, spoken to over the wire."""
    async with Holdfast(wire.url, token=TOKEN, patience=QUICK) as opened:
        yield opened
