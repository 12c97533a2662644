"""How much room there is on the disks that we can see: the data folder's, and the one of our own database.

Another server's disk is not ours to see: there only the server itself can say that it is full.
"""

import shutil
from pathlib import Path

MIB = 1024 * 1024
ROOM_AGAIN = 1.1
"""Once low, a disk is low until there is a tenth more than that, so that nobody is told again and again."""


class Disks:
    """Looks when asked, and remembers what it saw. `database` is the folder of our own server, None without one."""

    def __init__(self, data: Path, database: Path | None, *, low_bytes: int) -> None:
        self._folders = {"data": data} | ({"database": database} if database is not None else {})
        self._low_bytes = low_bytes
        self.free: dict[str, int] = {}
        """Free bytes by what the folder is for; only of folders that are there."""
        self.is_low = False

    @property
    def embedded(self) -> bool:
        """Whether the database is our own."""
        return "database" in self._folders

    def look(self) -> dict[str, int]:
        found = {}
        for name, folder in self._folders.items():
            try:
                found[name] = shutil.disk_usage(folder).free
            except OSError:
                continue  # not there, or not for us to see
        self.free = found
        free = self.free_bytes()
        self.is_low = free is not None and free < self._low_bytes * (ROOM_AGAIN if self.is_low else 1)
        return found

    def free_bytes(self) -> int | None:
        """Of the fullest of them, as last seen."""
        return min(self.free.values(), default=None)
