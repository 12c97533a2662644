"""Secrets of our own that must be used again, such as second factors, sealed with the keys of the vault before they go
into the database. What is sealed says with which key, and is bound to what it is about: nobody who can write to the
database can move a secret from one row to another.
"""

from pathlib import Path

from holdfast.services.vault import KEY_FILE, Vault, VaultError, open_vault

_FORM = b"\x01"
_ID_CHARS = 16


class SealingError(Exception):
    """What was sealed cannot be opened, or there is no key; the message says what to do."""


def place_of_key(*, is_given: bool, folder: Path) -> str | None:
    """Where the key is that no backup of the database holds; None when nothing was ever sealed."""
    if is_given:
        return "HOLDFAST_SECRET_KEY"
    file = folder / KEY_FILE
    return str(file) if file.is_file() else None


class Sealing:
    """Seals and opens. `keys` are texts of 16 characters or more, the newest first; without any, those of the key file
    in `folder` count. Keys are looked for when they are first needed."""

    def __init__(self, keys: tuple[str, ...], folder: Path) -> None:
        self._given = ",".join(keys) or None
        self._folder = folder
        self._vault: Vault | None = None

    def seal(self, secret: bytes, about: bytes) -> bytes:
        """Raises:
        SealingError: there is no key, and none can be made.
        """
        vault = self._opened()
        return _FORM + vault.key_id.encode() + vault.encrypt(secret, about.hex())

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises:
        SealingError: it was sealed with another key, about something else, or was changed since.
        """
        if place_of_key(is_given=self._given is not None, folder=self._folder) is None:
            file = self._folder / KEY_FILE
            raise SealingError(f"There is no key to open secrets with: bring back {file}, or set HOLDFAST_SECRET_KEY.")
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

    def _opened(self, *, again: bool = False) -> Vault:
        if self._vault is None or again:
            try:
                self._vault = open_vault(self._given, self._folder)
            except VaultError as error:
                raise SealingError(f"There is no key to keep secrets with: {error}") from error
        return self._vault
