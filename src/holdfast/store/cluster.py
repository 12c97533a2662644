"""The folder of our own PostgreSQL: made, configured, locked, and looked at.

    <data>/postgres        the server's data folder, of one major version for good
    <data>/run             its socket
    <data>/lock            held while somebody starts or stops the server
    <data>/in-use          held (shared) by every process that uses it; the last one out stops it
    <data>/postgres-password, ballast, start.log, binaries/

Kernel locks vanish with their process, however it dies, so neither file can lie. Starts and stops no server.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.store.binaries import Binaries, EmbeddedServerError, ServerUser, child_environ, run_as

ADMIN = "postgres"
ROLE = "holdfast"
PORT = 5432
SOCKET_PATH_BYTES_MAX = 100
INITDB_TIMEOUT_S = 120.0
LOCK_POLL_S = 0.02
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")

CONFIG: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "jit": "off",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %a ",
}


@dataclass(frozen=True)
class Folder:
    """Where everything lies below the data folder."""

    data: Path

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def lock(self) -> Path:
        return self.data / "lock"

    @property
    def in_use(self) -> Path:
        return self.data / "in-use"

    @property
    def password(self) -> Path:
        return self.data / "postgres-password"

    @property
    def ballast(self) -> Path:
        return self.data / "ballast"

    @property
    def start_log(self) -> Path:
        return self.data / "start.log"

    @property
    def binaries(self) -> Path:
        return self.data / "binaries"


@dataclass(frozen=True)
class Postmaster:
    """A living server of this folder, as its postmaster.pid tells."""

    pid: int
    socket_folder: Path
    status: str


def prepare(folder: Folder, user: ServerUser | None) -> None:
    """Make the data folder, private to us; with a lesser user, enterable but not readable.

    Raises:
        EmbeddedServerError: we may not, or the lesser user cannot come through.
    """
    try:
        folder.data.mkdir(parents=True, exist_ok=True)
        if folder.data.stat().st_uid == os.geteuid():
            folder.data.chmod(0o700 if user is None else 0o711)
        if not os.access(folder.data, os.W_OK | os.X_OK):
            raise PermissionError(13, "not writable for us")
    except OSError as error:
        raise EmbeddedServerError(
            f"The data folder {folder.data} cannot be used: {error.strerror}. Choose another with --data, "
            "or run as the user it belongs to."
        ) from error
    if user is not None:
        for parent in folder.data.resolve().parents:
            if not _enterable(parent.stat(), user):
                raise EmbeddedServerError(
                    f"PostgreSQL must not run as root, and the user {user.name} cannot enter {parent}. "
                    "Choose a data folder such as /var/lib/holdfast with --data, or run as a plain user."
                )


def take_lock(path: Path, *, timeout_s: float, shared: bool = False) -> int:
    """Return a descriptor that holds the lock until it is closed or we die.

    Raises:
        EmbeddedServerError: somebody else held it all the time, or the file is not ours.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedServerError(f"{path} cannot be opened: {error.strerror}. Run as its owner.") from error
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                raise EmbeddedServerError(
                    f"Another process has been starting or stopping the server in {path.parent} "
                    f"for {timeout_s:g} s. End it, or choose another data folder."
                ) from None
            time.sleep(LOCK_POLL_S)
        else:
            return descriptor


def major_version(folder: Folder) -> int | None:
    """Return the major version that made the data folder; None when there is none yet.

    Raises:
        EmbeddedServerError: there is something, but it is not a PostgreSQL folder.
    """
    if not folder.postgres.exists():
        return None
    try:
        return int((folder.postgres / "PG_VERSION").read_text().split(".")[0])
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it does not hold a version number"
        raise EmbeddedServerError(
            f"{folder.postgres} is not a PostgreSQL data folder that we can read (PG_VERSION: {why}). "
            "Run as its owner, restore it from a backup, or move it away to start empty."
        ) from error


def read_password(folder: Folder) -> str:
    """Return the server's password.

    Raises:
        EmbeddedServerError: the file is missing or not ours.
    """
    try:
        return folder.password.read_text().strip()
    except OSError as error:
        raise EmbeddedServerError(
            f"The server's password in {folder.password} cannot be read: {error.strerror}. "
            "Put the file back, or run as its owner."
        ) from error


def make(folder: Folder, binaries: Binaries, user: ServerUser | None) -> None:
    """Make the server's data folder; half-made ones of a broken start are thrown away.

    Raises:
        EmbeddedServerError: initdb failed.
    """
    partial = folder.data / "postgres.partial"
    shutil.rmtree(partial, ignore_errors=True)
    if not folder.password.exists():
        _write_private(folder.password, secrets.token_urlsafe(24))
    partial.mkdir(mode=0o700)
    password = folder.data / "postgres-password.partial"
    _write_private(password, read_password(folder))
    if user is not None:
        os.chown(partial, user.uid, user.gid)
        os.chown(password, user.uid, user.gid)
    try:
        _initdb(binaries, partial, password, user)
    finally:
        password.unlink(missing_ok=True)
    partial.rename(folder.postgres)


def configure(folder: Folder, socket_folder: Path, options: Mapping[str, str], user: ServerUser | None) -> None:
    """Write our settings beside the server's own file; written anew at each start."""
    settings = {**CONFIG, "unix_socket_directories": f'"{socket_folder}"', **options}
    lines = "".join(f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in settings.items())
    ours = folder.postgres / "holdfast.conf"
    partial = folder.postgres / "holdfast.conf.partial"
    partial.write_text(
        "# Written by Holdfast at each start; put your own settings into postgresql.conf, below.\n" + lines
    )
    if user is not None:
        os.chown(partial, user.uid, user.gid)
    partial.rename(ours)
    main = folder.postgres / "postgresql.conf"
    if "include 'holdfast.conf'" not in main.read_text():
        with main.open("a") as file:
            file.write("\ninclude 'holdfast.conf'\n")


def make_socket_folder(folder: Folder, user: ServerUser | None) -> Path:
    """Return the private folder of the socket: below the data folder, or a short one if that is too long.

    Raises:
        EmbeddedServerError: somebody else made the short one.
    """
    path = folder.data / "run"
    if len(f"{path}/.s.PGSQL.{PORT}".encode()) >= SOCKET_PATH_BYTES_MAX or not _PLAIN_PATH.fullmatch(str(path)):
        digest = hashlib.sha256(str(folder.data.resolve()).encode()).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"holdfast-{digest}"
    uid = os.geteuid() if user is None else user.uid
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise EmbeddedServerError(f"{path} belongs to somebody else; it must hold our socket. Remove it.")
    path.chmod(0o700)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    return path


def postmaster(folder: Folder) -> Postmaster | None:
    """Return the living server of this folder; None when there is none, a zombie, or a foreign process."""
    try:
        lines = (folder.postgres / "postmaster.pid").read_text().splitlines()
        pid = abs(int(lines[0]))
    except (OSError, ValueError, IndexError):
        return None
    if not _serves(pid, folder.postgres):
        return None
    socket_folder = lines[4].strip() if len(lines) > 4 else ""
    return Postmaster(pid, Path(socket_folder), lines[7].strip() if len(lines) > 7 else "starting")


def forget_dead(folder: Folder) -> None:
    """Remove a postmaster.pid whose number is a zombie's or a stranger's now; it would block the start.

    Only where the system lets us see that no process works in the folder any more.
    """
    if sys.platform != "linux" or postmaster(folder) is not None:
        return
    working = any(_serves(int(entry), folder.postgres) for entry in os.listdir("/proc") if entry.isdigit())
    if not working:
        (folder.postgres / "postmaster.pid").unlink(missing_ok=True)


def explain(output: str, folder: Folder) -> str:
    """Return what the server's last words mean, and what to do."""
    tail = "\n".join(output.strip().splitlines()[-12:])
    if "No space left on device" in output:
        return f"The disk of {folder.data} is full. Make room and start again.\n{tail}"
    if "Permission denied" in output:
        return f"PostgreSQL has no rights to something it needs. Run as the owner of {folder.data}.\n{tail}"
    if "incompatible with server" in output:
        return f"The data folder {folder.postgres} is of another PostgreSQL version.\n{tail}"
    return tail or "It said nothing."


def last_words(folder: Folder) -> str:
    """Return the end of what the server wrote at its last start."""
    logs = sorted((folder.postgres / "log").glob("postgres-*.log"), key=lambda path: path.stat().st_mtime)
    texts = [path.read_text(errors="replace")[-4000:] for path in [*logs[-1:], folder.start_log] if path.exists()]
    return "\n".join(texts)


def _initdb(binaries: Binaries, target: Path, password: Path, user: ServerUser | None) -> None:
    locale = ["--locale=C"]
    if binaries.major >= 17:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command = [binaries.program("initdb"), "-D", str(target), "--username", ADMIN, "--encoding=UTF8", *locale]
    command += ["--auth=scram-sha-256", f"--pwfile={password}", "--data-checksums", "--no-instructions"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
            cwd="/",
            env=child_environ(),
            start_new_session=True,
            **run_as(user),  # type: ignore[call-overload]
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EmbeddedServerError(f"PostgreSQL's initdb could not run: {error}") from error
    if done.returncode != 0:
        said = explain(done.stdout + done.stderr, Folder(target.parent))
        raise EmbeddedServerError(f"PostgreSQL could not make its data folder. {said}")


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _serves(pid: int, postgres: Path) -> bool:
    if sys.platform != "linux":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        # A postmaster works in its data folder; a reused number does not.
        return state not in "ZX" and Path(os.readlink(f"/proc/{pid}/cwd")) == postgres.resolve()
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        return False


def _enterable(found: os.stat_result, user: ServerUser) -> bool:
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
