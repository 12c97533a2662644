"""A whole server per test: real sockets, real PostgreSQL, a database of its own, in a thread with its own loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, Router
from litestar.datastructures import State

from holdfast.app import House, address_of, listening, opened, running_loops, served
from holdfast.http import api
from holdfast.settings import Settings
from holdfast.store.embedded import EmbeddedServer
from tests.conftest import databases_of
from tests.principals import Principals

TOKEN = "a-token-for-tests-only"


_prepared: dict[tuple[Any, ...], tuple[Litestar, list[Any]]] = {}


def _litestar_of(*, state: State, route_handlers: list[Any], **given: Any) -> Litestar:
    """An application whose handlers are prepared once for all servers of this process, and whose state is its own:
    preparing takes longer than all else that a server does at its start."""
    key = (given["request_max_body_size"], *(id(one) for one in route_handlers if not isinstance(one, Router)))
    if key not in _prepared:
        _prepared[key] = (Litestar(route_handlers=route_handlers, **given), route_handlers)
    app = copy(_prepared[key][0])
    app.state = state
    return app


api.Litestar = _litestar_of  # type: ignore[misc, assignment]


class LiveServer:
    """A server that answers at `url`; `client` speaks to it as the admin."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = ""
        self.house: House | None = None
        self.failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)
        if self.failure is not None:
            raise self.failure
        headers = {"Authorization": f"Bearer {self.settings.admin_token}"} if self.settings.admin_token else {}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def stop(self) -> None:
        """Stops it in order, unless it was stopped before."""
        if not self._thread.is_alive():
            return
        self.client.close()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with listening(self.settings) as bound:
            async with opened(self.settings) as house, running_loops(house), served(house, bound):
                self.house = house
                self.url = address_of(self.settings, bound)
                self._ready.set()
                await self._stop.wait()


def until(ask: Callable[[], Any], wanted: Any) -> None:
    """Asks until the answer is what is wanted, for ten seconds and no longer."""
    for _ in range(200):
        if ask() == wanted:
            return
        time.sleep(0.05)
    assert ask() == wanted


@pytest.fixture
def make_server_on(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """A function that starts a server on the database of a URL; keywords are settings."""
    started: list[LiveServer] = []

    def make(url: str, **settings: Any) -> LiveServer:
        given = {"admin_token": TOKEN, "port": 0, "data": tmp_path / "data", **settings}
        server = LiveServer(Settings(database_url=url, **given))
        server.start()
        started.append(server)
        return server

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def make_server(database_url: str, make_server_on: Callable[..., LiveServer]) -> Callable[..., LiveServer]:
    """A function that starts a server on this test's own database; keywords are settings."""

    def make(**settings: Any) -> LiveServer:
        return make_server_on(database_url, **settings)

    return make


@pytest.fixture
def server(make_server: Callable[..., LiveServer]) -> LiveServer:
    return make_server()


@pytest.fixture
def client(server: LiveServer) -> httpx.Client:
    return server.client


@pytest.fixture
def principals(server: LiveServer) -> Iterator[Principals]:
    """Makes people and programs with rights on the server."""
    made = Principals(server)
    yield made
    made.close()


@pytest.fixture
def cafe(client: httpx.Client) -> str:
    """The address of a café in UTC with four PCs, open at all hours."""
    made = client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    units = [{"code": f"PC{n}", "category": "pc"} for n in range(1, 5)]
    assert client.post(f"{address}/units", json={"units": units}).status_code == 200
    return str(address)


@pytest.fixture
def hotel(client: httpx.Client) -> str:
    """The address of a hotel in Kolkata with two double rooms."""
    made = client.post("/api/sites", json={"kind": "hotel", "name": "Sea View", "time_zone": "Asia/Kolkata"})
    address = made.headers["location"]
    units = [{"code": "101", "category": "double"}, {"code": "102", "category": "double"}]
    assert client.post(f"{address}/units", json={"units": units}).status_code == 200
    return str(address)


@pytest.fixture
def grounds(client: httpx.Client) -> str:
    """The address of a sports ground in Kolkata with eleven slots from eight."""
    made = client.post("/api/sites", json={"kind": "grounds", "name": "Campus", "time_zone": "Asia/Kolkata"})
    address = made.headers["location"]
    assert client.post(f"{address}/units", json={"units": [{"code": "G1", "category": "ground"}]}).status_code == 200
    return str(address)


@pytest.fixture(scope="module")
def module_server(
    postgres_server: EmbeddedServer, template_database: str, administer: Callable[[str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., LiveServer]]:  # fmt: skip
    """A function that starts a server for all tests of a module, on a database of its own; keywords are settings."""
    started: list[LiveServer] = []
    with databases_of(postgres_server, administer) as make_database:

        def make(**settings: Any) -> LiveServer:
            given = {"admin_token": TOKEN, "port": 0, "data": tmp_path_factory.mktemp("data"), **settings}
            server = LiveServer(Settings(database_url=make_database(template_database), **given))
            server.start()
            started.append(server)
            return server

        yield make
        for server in started:
            server.stop()
