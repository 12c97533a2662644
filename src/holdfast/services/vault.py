"""Secrets of others at rest: encrypted with a key that is not in the database, so that neither a dump nor a backup of
it lets anybody into a shop.

The key is the setting `secret_key`, or a file in the data folder, made when first needed. The first key encrypts; all
decrypt, so that keys can be exchanged while the server runs. A secret is bound to the connection it belongs to. Refuses
to show one again.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE = "secret.key"
KEY_CHARS_MIN = 16
NONCE_BYTES = 12
KEYS_MAX = 16


class VaultError(Exception):
    """A key cannot be read or made, or a secret cannot be decrypted with the keys there are."""


class Vault:
    """Encrypts with the first of its keys, decrypts with any of them."""

    def __init__(self, keys: list[str]) -> None:
        if not keys or len(keys) > KEYS_MAX:
            raise VaultError(f"there must be 1 to {KEYS_MAX} secret keys")
        if any(len(key) < KEY_CHARS_MIN for key in keys):
            raise VaultError(f"a secret key must have at least {KEY_CHARS_MIN} characters")
        derived = [hashlib.scrypt(key.encode(), salt=b"holdfast secrets", n=2**14, r=8, p=1, dklen=32) for key in keys]
        self._ciphers = {_id_of(key): AESGCM(key) for key in derived}
        self.key_id = _id_of(derived[0])

    def encrypt(self, text: bytes, bound_to: str) -> bytes:
        """The text encrypted with the present key, for `bound_to` only."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers[self.key_id].encrypt(nonce, text, bound_to.encode())

    def decrypt(self, sealed: bytes, key_id: str, bound_to: str) -> bytes:
        """The text again.

        Raises:
            VaultError: its key is not here any more, or it was changed, or belongs to something else.
        """
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError("it was encrypted with a key that is not here any more; set it anew")
        try:
            return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except InvalidTag:
            raise VaultError("it was changed, or moved from another connection; set it anew") from None


def open_vault(secret_key: str | None, data: Path) -> Vault:
    """The vault of these keys (several are parted by commas, the present one first), or of those in the key file.

    Raises:
        VaultError: they cannot be used, or the file can neither be read nor made.
    """
    if secret_key is not None:
        return Vault([key.strip() for key in secret_key.split(",") if key.strip()])
    path = data / KEY_FILE
    try:
        return Vault(_lines(path) or [_made(path)])
    except OSError as error:
        raise VaultError(f"the key file {path} cannot be used: {error}. Set HOLDFAST_SECRET_KEY instead.") from error


def add_key(data: Path) -> Path:
    """Puts a new key in front of those of the key file, which go on decrypting.

    Raises:
        VaultError: there are as many as there may be; which of them nothing needs any more is not known here.
    """
    path = data / KEY_FILE
    keys = [_new_key(), *_lines(path)]
    if len(keys) > KEYS_MAX:
        raise VaultError(f"{path} has {KEYS_MAX} keys already. Take out those that nothing is encrypted with.")
    _write(path, keys)
    return path


def drop_old_keys(data: Path) -> int:
    """Leaves only the present key in the key file, once nothing is encrypted with the others; how many went."""
    path = data / KEY_FILE
    keys = _lines(path)
    if len(keys) > 1:
        _write(path, keys[:1])
    return max(len(keys) - 1, 0)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    return [line.strip() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]


def _made(path: Path) -> str:
    """A new key in a new file; of several processes that make it at once one is first, and all use its."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key = _new_key()
    beside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _write_new(beside, [key])
    try:
        os.link(beside, path)
    except FileExistsError:
        key = _lines(path)[0]
    finally:
        beside.unlink()
    return key


def _write(path: Path, keys: list[str]) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _write_new(beside, keys)
    beside.replace(path)


def _write_new(path: Path, keys: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("\n".join(keys) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _id_of(key: bytes) -> str:
    return hashlib.sha256(b"id of " + key).hexdigest()[:16]
