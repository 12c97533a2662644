"""Secrets that must be used again, sealed before they go into the database (AES-256-GCM), with a key that is not in it.

The key is the setting `secret_key`, or a file in the data folder, made when first needed. What is sealed says which
key it was sealed with, so that keys can be changed: the first of several seals, all of them open. Each thing is bound
to what it is about, so that nobody who can write to the database can move a secret from one row to another.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE = "secret.key"
KEY_BYTES = 32
_FORM = b"\x01"
_ID_BYTES, _NONCE_BYTES = 4, 12


class SealingError(Exception):
    """What was sealed cannot be opened, or there is no key; the message says what to do."""


def place_of_key(*, is_given: bool, folder: Path) -> str | None:
    """Where the key is that no backup of the database holds; None when nothing was ever sealed."""
    if is_given:
        return "HOLDFAST_SECRET_KEY"
    file = folder / KEY_FILE
    return str(file) if file.is_file() else None


class Sealing:
    """Seals and opens. `keys` are texts of 32 characters or more, the newest first; without any, the file's counts."""

    def __init__(self, keys: tuple[str, ...], folder: Path) -> None:
        self._given = tuple(hashlib.sha256(key.encode()).digest() for key in keys)
        self._folder = folder
        self._keys: dict[bytes, AESGCM] | None = None
        self._first = b""

    def seal(self, secret: bytes, about: bytes) -> bytes:
        """Raises:
        SealingError: there is no key, and none can be made.
        """
        self._load(may_make=True)
        assert self._keys is not None
        nonce = os.urandom(_NONCE_BYTES)
        return _FORM + self._first + nonce + self._keys[self._first].encrypt(nonce, secret, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises:
        SealingError: it was sealed with another key, about something else, or was changed since.
        """
        self._load(may_make=False)
        assert self._keys is not None
        start = len(_FORM) + _ID_BYTES
        key = self._keys.get(sealed[len(_FORM) : start])
        if sealed[: len(_FORM)] != _FORM or key is None:
            raise SealingError(
                "This was sealed with a key that is not here. Bring back the old key: HOLDFAST_SECRET_KEY takes "
                f"several, the newest first, and {self._folder / KEY_FILE} belongs into every backup."
            )
        try:
            return key.decrypt(sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :], about)
        except InvalidTag:
            raise SealingError("What was sealed here was changed since, or belongs to something else.") from None

    def _load(self, *, may_make: bool) -> None:
        if self._keys is not None:
            return
        keys = self._given or (self._from_file(may_make=may_make),)
        named = [(hashlib.sha256(b"id:" + key).digest()[:_ID_BYTES], AESGCM(key)) for key in keys]
        self._keys, self._first = dict(named), named[0][0]

    def _from_file(self, *, may_make: bool) -> bytes:
        path = self._folder / KEY_FILE
        try:
            if may_make:
                _make(path)
            return base64.b64decode(path.read_bytes(), validate=True)
        except (OSError, ValueError) as error:
            raise SealingError(
                f"There is no key to keep secrets with: set HOLDFAST_SECRET_KEY, or make {path} readable ({error})."
            ) from error


def _make(path: Path) -> None:
    """Makes the file whole or not at all; of several processes one makes it and all use it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(os.urandom(KEY_BYTES)))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
