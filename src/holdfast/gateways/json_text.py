"""Where values stand in a JSON text, so that one of them can be exchanged and every other byte stays as it is.

Refuses to parse by itself: msgspec says what is JSON and how long each value is, this only walks the gaps between.
"""

import re
from typing import Any

import msgspec

from holdfast.gateways.outside import OutsideError

Span = tuple[int, int]
"""From the first byte of a value to behind its last one."""

_GAP = re.compile(rb"[\s,]*")
_COLON = re.compile(rb"\s*:\s*")
_NAME = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BOM = b"\xef\xbb\xbf"

_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_any = msgspec.json.Decoder().decode


def whole(data: bytes) -> Span:
    """The only value of a text, which may begin with a byte order mark.

    Raises:
        msgspec.DecodeError: it is no JSON, or more than one value.
    """
    start = len(_BOM) if data.startswith(_BOM) else 0
    raw = msgspec.json.decode(memoryview(data)[start:], type=msgspec.Raw)
    gap = re.compile(rb"\s*").match(data, start)
    assert gap is not None
    return gap.end(), gap.end() + len(memoryview(raw))


def lines(data: bytes) -> list[Span]:
    """The lines of a text that are not blank, without the white space around them."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    return [found.span() for found in re.compile(rb"[^\s][^\n]*(?<!\s)").finditer(data, start)]


def items(data: bytes, span: Span) -> list[Span]:
    """The elements of the array that stands there."""
    at = data.index(b"[", span[0]) + 1
    found = []
    for raw in _list(memoryview(data)[span[0] : span[1]]):
        at = _behind(_GAP, data, at)
        found.append((at, at + len(memoryview(raw))))
        at = found[-1][1]
    return found


def members(data: bytes, span: Span) -> dict[str, Span]:
    """The members of the object that stands there.

    Raises:
        OutsideError: one name is there twice, so that nobody can say which of the two counts.
    """
    at = data.index(b"{", span[0]) + 1
    found = {}
    for name, raw in _object(memoryview(data)[span[0] : span[1]]).items():
        at = _behind(_GAP, data, at)
        behind = _behind(_NAME, data, at)
        if _any(data[at:behind]) != name:
            raise OutsideError(f"An object has {name!r}, or a member beside it, more than once.")
        at = _behind(_COLON, data, behind)
        end = at + len(memoryview(raw))
        if data[at:end] != bytes(raw):
            raise OutsideError(f"An object has {name!r} more than once.")
        found[name] = (at, end)
        at = end
    if data[_behind(_GAP, data, at) : span[1]] != b"}":
        raise OutsideError("An object has the same name more than once.")
    return found


def is_object(data: bytes, span: Span) -> bool:
    return data[span[0] : span[0] + 1] == b"{"


def is_array(data: bytes, span: Span) -> bool:
    return data[span[0] : span[0] + 1] == b"["


def value(data: bytes, span: Span) -> Any:
    """The value that stands there."""
    return _any(memoryview(data)[span[0] : span[1]])


def exchanged(data: bytes, exchanges: list[tuple[Span, bytes]]) -> bytes:
    """The text with other values at those places, which must not overlap."""
    pieces, at = [], 0
    for (start, end), text in sorted(exchanges):
        assert at <= start
        pieces += [data[at:start], text]
        at = end
    return b"".join([*pieces, data[at:]])


def _behind(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = pattern.match(data, at)
    if found is None:
        raise OutsideError(f"This is no JSON that can be changed in place (byte {at + 1}).")
    return found.end()
