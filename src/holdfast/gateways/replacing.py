"""A file exchanged for another in one step, or not at all; and only when it still is what was read."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from holdfast.gateways.outside import OutsideBusy, OutsideError

FILE_BYTES_MAX = 512 * 1024 * 1024
BACKUP_SUFFIX = ".before-holdfast"


class Seen(msgspec.Struct, frozen=True):
    """A file as it was read. `path` is the file itself, where a link to it was named."""

    path: Path
    mtime_ns: int
    inode: int
    digest: bytes


def read(path: Path) -> tuple[bytes, Seen]:
    """A file's bytes, and what tells whether it has changed since.

    Raises:
        OutsideError: there is none, it is too large, or may not be read.
    """
    try:
        real = path.resolve(strict=True)
        if not real.is_file():
            raise OutsideError(f"{path} is no file.")
        with real.open("rb") as stream:
            told = os.fstat(stream.fileno())
            if told.st_size > FILE_BYTES_MAX:
                raise OutsideError(f"{path} is larger than {FILE_BYTES_MAX >> 20} MiB, the most that one check takes.")
            data = stream.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise OutsideError(f"There is no file {path}.") from None
    except OSError as error:
        raise OutsideError(f"{path} cannot be read: {error.strerror}.") from None
    return data, Seen(real, told.st_mtime_ns, told.st_ino, _digest(data))


def check_unchanged(seen: Seen) -> None:
    """Raises:
    OutsideBusy: the file is not what was read any more; nothing was written.
    """
    try:
        told = seen.path.stat()
        same = (told.st_mtime_ns, told.st_ino) == (seen.mtime_ns, seen.inode)
        same = same and _digest(seen.path.read_bytes()) == seen.digest
    except OSError:
        same = False
    if not same:
        raise OutsideBusy(
            f"{seen.path.name} has changed since it was read; nothing was written. "
            "Run the check again, best while the system that owns it stands still."
        )


def replace(seen: Seen, before: bytes, after: bytes, *, also: tuple[Seen, ...] = ()) -> Path:
    """Puts `after` in the file's place, with its mode and owner, and leaves `before` beside it; returns where.

    Whoever opens the file sees the old or the new one, never a part, even when the machine stops in the middle. The
    last look at whether it and the files `also` are unchanged is right before; who writes in that instant, without
    any lock, can still be overtaken.

    Raises:
        OutsideBusy: one of the files has changed since it was read.
        OutsideError: the folder cannot be written to.
    """
    path = seen.path
    backup = path.with_name(path.name + BACKUP_SUFFIX)
    made: list[Path] = []
    try:
        made.append(_written(path, before))
        made.append(_written(path, after))
        for one in (seen, *also):
            check_unchanged(one)
        made[0].replace(backup)
        made[1].replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}; nothing was changed.") from None
    finally:
        for each in made:
            each.unlink(missing_ok=True)
    return backup


def _written(beside: Path, data: bytes) -> Path:
    """A new file beside another, with its mode and owner, safely on the disk."""
    handle, name = tempfile.mkstemp(prefix=f".{beside.name}.", suffix=".new", dir=beside.parent)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            shutil.copymode(beside, path)
            told = beside.stat()
            if hasattr(os, "chown") and (told.st_uid, told.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(path, told.st_uid, told.st_gid)
            os.fsync(stream.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
