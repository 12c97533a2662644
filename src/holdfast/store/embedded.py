"""Our own PostgreSQL server: a direct child, on a private socket, stopped in order.

A server found alive is adopted (after `kill -9` of the program, or beside a second process), and the last
process out stops it, whoever started it. Refuses TCP connections, folders of another version, and Windows.
"""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import asyncpg
import structlog

from holdfast.store import binaries, cluster, database
from holdfast.store.binaries import EmbeddedServerError

__all__ = ["BALLAST_BYTES", "EmbeddedServer", "EmbeddedServerError"]

BALLAST_BYTES = 64 * 1024 * 1024
POLL_S = 0.01
EXIT_POLL_S = 0.1
RESTART_DELAY_MAX_S = 2.0
QUIT_TIMEOUT_S = 10.0
# Backends of a killed server need a moment to notice; until then its shared memory blocks the next one.
LEFTOVERS = ("is still in use", "pre-existing shared memory")

T = TypeVar("T")


class EmbeddedServer:
    """One server in `<data>/postgres`. Not bound to an event loop; start and stop may be called from any.

    `options` override the server's settings (tests turn fsync off); `bindir` names the binaries to use.
    """

    def __init__(
        self,
        data: Path,
        *,
        bindir: Path | None = None,
        options: Mapping[str, str] | None = None,
        start_timeout_s: float = 60.0,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> None:
        self._folder = cluster.Folder(data.absolute())
        self._bindir = bindir
        self._options = options or {}
        self._start_timeout_s = start_timeout_s
        self._ballast_bytes = ballast_bytes
        self._socket_folder: Path | None = None
        self._in_use: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of Holdfast's database, as its owner and no superuser; holds the password."""
        return self._url(cluster.ROLE, cluster.ROLE)

    @property
    def admin_url(self) -> str:
        """The URL of the maintenance database, as superuser; holds the password."""
        return self._url(cluster.ADMIN, "postgres")

    @property
    def folder(self) -> Path:
        """Where the server keeps its data; it is there once the server was started."""
        return self._folder.postgres

    @property
    def pid(self) -> int | None:
        """The living server's process id; None when there is none."""
        found = cluster.postmaster(self._folder)
        return found.pid if found else None

    async def start(self) -> None:
        """Start or adopt the server; it answers and Holdfast's database exists when this returns.

        Raises:
            EmbeddedServerError: no binaries, no rights, full disk, another version, or the lock is taken.
        """
        if sys.platform == "win32":
            raise EmbeddedServerError("On Windows set HOLDFAST_DATABASE_URL to a PostgreSQL server.")
        lock = await _to_the_end(self._lock)
        first = not self._uses()
        try:
            await _to_the_end(self._bring_up)
            await self._make_database()
            await _to_the_end(self.keep_ballast)
        except BaseException:
            # A failed first start leaves nothing running that nobody would stop.
            if first:
                await _to_the_end(self._leave, QUIT_TIMEOUT_S)
            raise
        finally:
            os.close(lock)

    async def stop(self, *, timeout_s: float = 20.0) -> None:
        """Stop the server unless another process uses it; connections still open are ended.

        Raises:
            EmbeddedServerError: it would not end.
        """
        if self._in_use is not None:
            await _to_the_end(self._stop, timeout_s)

    async def wait_exited(self) -> None:
        """Return when the server is gone, or when we have stopped using it."""
        # The server may not be our child, so there is no event to wait for.
        while self._uses() and self.pid is not None:  # noqa: ASYNC110
            await asyncio.sleep(EXIT_POLL_S)

    async def supervise(self) -> None:
        """Start the server again whenever it dies, until `stop` is called; for a task beside the program."""
        log = structlog.get_logger()
        delay_s = EXIT_POLL_S
        while self._uses():
            await self.wait_exited()
            if not self._uses():
                return
            log.warning("embedded_server_died", folder=str(self._folder.data))
            try:
                await self.start()
                delay_s = EXIT_POLL_S
                log.info("embedded_server_restarted", pid=self.pid)
            except EmbeddedServerError as error:
                log.error("embedded_server_failed", reason=str(error))
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, RESTART_DELAY_MAX_S)

    def keep_ballast(self) -> bool:
        """Reserve the ballast on disk; False when there is no room for it and as much again."""
        path = self._folder.ballast
        if self._ballast_bytes == 0 or (path.exists() and path.stat().st_size == self._ballast_bytes):
            return True
        space = os.statvfs(self._folder.data)
        if space.f_bavail * space.f_frsize < 2 * self._ballast_bytes:
            return False
        try:
            with path.open("wb") as file:
                if sys.platform == "linux":
                    os.posix_fallocate(file.fileno(), 0, self._ballast_bytes)
                else:
                    for _ in range(self._ballast_bytes // 65536):
                        file.write(os.urandom(65536))
        except OSError:
            path.unlink(missing_ok=True)
            return False
        return True

    def release_ballast(self) -> bool:
        """Give the ballast's room back to the server on a full disk; False when it was not there."""
        existed = self._folder.ballast.exists()
        self._folder.ballast.unlink(missing_ok=True)
        return existed

    def _url(self, user: str, name: str) -> str:
        if self._socket_folder is None:
            raise EmbeddedServerError("The server was not started.")
        password = quote(cluster.read_password(self._folder), safe="")
        host = quote(str(self._socket_folder), safe="/")
        return f"postgresql://{user}:{password}@/{name}?host={host}&port={cluster.PORT}"

    def _uses(self) -> bool:
        return self._in_use is not None

    def _lock(self) -> int:
        user = binaries.server_user(self._folder.postgres)
        cluster.prepare(self._folder, user)
        return cluster.take_lock(self._folder.lock, timeout_s=self._start_timeout_s)

    def _bring_up(self) -> None:
        while True:
            try:
                return self._start_or_adopt()
            except OSError as error:
                # Our own small files meet a full disk before the server does.
                if error.errno == errno.ENOSPC and self.release_ballast():
                    continue
                raise EmbeddedServerError(
                    f"The server in {self._folder.data} could not be started: {error}. "
                    "Make room on a full disk, or run as the folder's owner."
                ) from error

    def _start_or_adopt(self) -> None:
        # Under the lock from here: nobody else starts, stops or makes the folder.
        deadline = time.monotonic() + self._start_timeout_s
        if self._in_use is None:
            self._in_use = cluster.take_lock(self._folder.in_use, timeout_s=0, shared=True)
        while (found := cluster.postmaster(self._folder)) is not None:
            if found.status == "ready":
                self._socket_folder = found.socket_folder
                return
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The PostgreSQL with process id {found.pid} in {self._folder.postgres} has been "
                    f"{found.status} for {self._start_timeout_s:g} s. "
                    f"Look into {self._folder.postgres / 'log'}."
                )
            time.sleep(POLL_S)
        major = cluster.major_version(self._folder)
        user = binaries.server_user(self._folder.postgres)
        chosen = binaries.reachable(binaries.for_server(major, self._bindir), user, self._folder.binaries)
        if major is None:
            cluster.make(self._folder, chosen, user)
        cluster.read_password(self._folder)
        self._socket_folder = cluster.make_socket_folder(self._folder, user)
        cluster.configure(self._folder, self._socket_folder, self._options, user)
        self._run(chosen.program("postgres"), user, deadline)

    def _run(self, program: str, user: binaries.ServerUser | None, deadline: float) -> None:
        while True:
            cluster.forget_dead(self._folder)
            if self._spawn(program, user, deadline):
                return
            words = cluster.last_words(self._folder)
            if "No space left on device" in words and self.release_ballast():
                continue
            if any(sign in words for sign in LEFTOVERS) and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise EmbeddedServerError(f"PostgreSQL did not start. {cluster.explain(words, self._folder)}")

    def _spawn(self, program: str, user: binaries.ServerUser | None, deadline: float) -> bool:
        """Return whether the new server became ready; when not, it is gone."""
        with self._folder.start_log.open("wb") as log:
            child = subprocess.Popen(
                [program, "-D", str(self._folder.postgres)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=binaries.child_environ(),
                # Ctrl-C in our terminal must reach us only, so that we stop first.
                start_new_session=True,
                **binaries.run_as(user),  # type: ignore[call-overload]
            )
        # Reaped by a thread: a zombie would look alive to the next server and block it.
        threading.Thread(target=child.wait, name="postgres-reaper", daemon=True).start()
        self._child = child
        while child.poll() is None:
            found = cluster.postmaster(self._folder)
            if found is not None and found.pid == child.pid and found.status == "ready":
                return True
            if time.monotonic() > deadline:
                child.send_signal(signal.SIGQUIT)
                child.wait(QUIT_TIMEOUT_S)
            time.sleep(POLL_S)
        return False

    def _stop(self, timeout_s: float) -> None:
        lock = cluster.take_lock(self._folder.lock, timeout_s=timeout_s)
        try:
            self._leave(timeout_s)
        finally:
            os.close(lock)

    def _leave(self, timeout_s: float) -> None:
        """Stop using the server; the last one out stops it. The lock is held."""
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None
        try:
            os.close(cluster.take_lock(self._folder.in_use, timeout_s=0))
        except EmbeddedServerError:
            return
        if (found := cluster.postmaster(self._folder)) is not None:
            self._end(found.pid, timeout_s)

    def _end(self, pid: int, timeout_s: float) -> None:
        # SIGINT ends the connections and writes a checkpoint; SIGQUIT leaves that to the next start.
        for sign, wait_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, QUIT_TIMEOUT_S)):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                return
            except PermissionError as error:
                raise EmbeddedServerError(f"We may not stop PostgreSQL {pid}. Run as its owner.") from error
            deadline = time.monotonic() + wait_s
            while time.monotonic() < deadline:
                if self.pid != pid and (self._child is None or self._child.poll() is not None):
                    return
                time.sleep(POLL_S)
        raise EmbeddedServerError(f"PostgreSQL {pid} did not end within {timeout_s + QUIT_TIMEOUT_S:g} s.")

    async def _make_database(self) -> None:
        try:
            connection = await database.connect(self.admin_url, timeout_s=self._start_timeout_s)
        except database.DatabaseUnavailable as error:
            raise EmbeddedServerError(f"Our PostgreSQL runs but does not let us in: {error}") from error
        try:
            if not await connection.fetchval("select 1 from pg_roles where rolname = $1", cluster.ROLE):
                password = cluster.read_password(self._folder)
                await connection.execute(f"create role {cluster.ROLE} login password '{password}'")
            if not await connection.fetchval("select 1 from pg_database where datname = $1", cluster.ROLE):
                await connection.execute(f"create database {cluster.ROLE} owner {cluster.ROLE}")
        except asyncpg.PostgresError as error:
            raise EmbeddedServerError(f"Holdfast's database could not be made: {error}") from error
        finally:
            await connection.close()


async def _to_the_end(work: Callable[..., T], *arguments: object) -> T:
    """Run in a thread and wait for its end even when cancelled: the lock must outlive the work under it."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
