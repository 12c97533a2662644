"""Cursors: where a list goes on. Opaque to clients, small, and refused when no list of ours made them."""

import base64
import binascii
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from holdfast.domain.errors import Refusal

CHARS_MAX = 3_000
"""An id of another system may be 500 letters of four bytes each."""

T = TypeVar("T", bound=msgspec.Struct)


class AtTime(msgspec.Struct, frozen=True, array_like=True):
    """Behind that id at that instant; `list` says which list it goes on with."""

    list: str
    at: datetime
    id: UUID


class AtCode(msgspec.Struct, frozen=True, array_like=True):
    """Behind that code."""

    list: str
    code: str


class AtRow(msgspec.Struct, frozen=True, array_like=True):
    """Behind that row of a stream of a connection, at that instant."""

    list: str
    at: datetime
    connection_id: int
    stream: str
    id: str


_encode = msgspec.json.Encoder().encode
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (AtTime, AtCode, AtRow)
}  # fmt: skip


def write(position: AtTime | AtCode | AtRow) -> str:
    return base64.urlsafe_b64encode(_encode(position)).rstrip(b"=").decode()


def read(kind: type[T], text: str | None, name: str) -> T | None:
    """The position a cursor of that list names; None for none.

    Raises:
        Refusal: `invalid_cursor`.
    """
    if text is None or text == "":
        return None
    if len(text) > CHARS_MAX or not text.isascii():
        raise Refusal("invalid_cursor")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        position: T = _decoders[kind].decode(raw)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        raise Refusal("invalid_cursor") from None
    if not _is_ours(position, name):
        raise Refusal("invalid_cursor")
    return position


def _is_ours(position: Any, name: str) -> bool:
    if position.list != name:
        return False
    if isinstance(position, AtCode):
        return len(position.code) <= 64 and position.code.isprintable()
    if isinstance(position, AtRow) and not _is_row(position):
        return False
    return position.at.tzinfo is not None and 1970 <= position.at.year <= 2200


def _is_row(position: AtRow) -> bool:
    # no text of the database has a letter 0, no number of it more than 63 bits
    return 0 <= position.connection_id < 1 << 63 and "\0" not in position.stream + position.id
