"""Secrets of our own that must be used again, such as second factors, sealed with the keys of the vault before they go
into the database. What is sealed says with which key, and is bound to what it is about: nobody who can write to the
database can move a secret from one row to another.
"""

from pathlib import Path

import structlog

from holdfast.domain.errors import Refusal
from holdfast.services.vault import KEY_FILE, Vault, VaultError, open_vault

_FORM = b"\x01"
_ID_CHARS = 16

log = structlog.get_logger("holdfast.sealing")


class SealingError(Exception):
    """What was sealed cannot be opened, or there is no key; the message says what to do."""


def place_of_key(*, is_given: bool, folder: Path) -> str | None:
    """Where the key is that no backup of the database holds; None when nothing was ever sealed."""
    if is_given:
        return "HOLDFAST_SECRET_KEY"
    file = folder / KEY_FILE
    return str(file) if file.is_file() else None


def keyless(error: SealingError, *, instead: str = "") -> Refusal:
    """What somebody is told who asks for what takes the key, and what they can do `instead`."""
    log.error("a secret cannot be sealed or opened", problem=str(error))
    return Refusal("unavailable", problem=f"the server misses the key that it keeps secrets with{instead}")


class Sealing:
    """Seals and opens. `keys` are texts of 16 characters or more, the newest first; without any, those of the key file
    in `folder` count. Keys are looked for when they are first needed."""

    def __init__(self, keys: tuple[str, ...], folder: Path) -> None:
        self._given = ",".join(keys) or None
        self._folder = folder
        self._vault: Vault | None = None
        self._read: tuple[int, int] | None = None

    def seal(self, secret: bytes, about: bytes) -> bytes:
        """Raises:
        SealingError: there is no key, and none can be made; or there was one, and its file is gone.
        """
        stamp = self._stamp()
        if self._vault is not None and self._given is None and stamp is None:
            raise self._missing()  # a new one would be lost when the file comes back, or all that the old one sealed
        # by the newest key, also when it was put into the file after this process began: the older ones will be dropped
        vault = self._opened(again=self._vault is not None and stamp != self._read)
        return _FORM + vault.key_id.encode() + vault.encrypt(secret, about.hex())

    def seal_or_refuse(self, secret: bytes, about: bytes) -> bytes:
        """The same for somebody who asks over HTTP.

        Raises:
            Refusal: `unavailable` without a key; which one is missing only the log says.
        """
        try:
            return self.seal(secret, about)
        except SealingError as error:
            raise keyless(error) from error

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises:
        SealingError: it was sealed with another key, about something else, or was changed since.
        """
        if place_of_key(is_given=self._given is not None, folder=self._folder) is None:
            raise self._missing()
        if not sealed.startswith(_FORM):
            raise SealingError("A sealed secret cannot be opened: it was changed, or is none.")
        start = len(_FORM) + _ID_CHARS
        key_id = sealed[len(_FORM) : start].decode("latin-1")
        for is_again in (False, True):
            try:
                return self._opened(again=is_again).decrypt(sealed[start:], key_id, about.hex())
            except VaultError as error:
                # another process may have put a new key into the file since
                if is_again:
                    raise SealingError(f"A sealed secret cannot be opened: {error}.") from error
        raise AssertionError

    def resealed(self, sealed: bytes, about: bytes) -> bytes | None:
        """The same, sealed with the newest key; None when no key that is here opens it."""
        try:
            return self.seal(self.open(sealed, about), about)
        except SealingError:
            return None

    def _missing(self) -> SealingError:
        file = self._folder / KEY_FILE
        return SealingError(f"There is no key to keep secrets with: bring back {file}, or set HOLDFAST_SECRET_KEY.")

    def _stamp(self) -> tuple[int, int] | None:
        """Which key file there is: another one has been put in its place when it differs. None: no file counts."""
        if self._given is not None:
            return None
        try:
            found = (self._folder / KEY_FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _opened(self, *, again: bool = False) -> Vault:
        if self._vault is None or again:
            try:
                before = self._stamp()
                self._vault = open_vault(self._given, self._folder)
                # a file that was only just made has another stamp, and is read once more
                self._read = before
            except VaultError as error:
                raise SealingError(f"There is no key to keep secrets with: {error}") from error
        return self._vault
