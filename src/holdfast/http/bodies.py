"""Request bodies: bounded, JSON, strict. What is wrong is said by field, with the nearest known name.

Refuses bodies over the limit however they are sent, other media types, NUL, broken UTF-8 and bottomless nesting.
"""

import difflib
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar, get_args

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.http.errors import EdgeError, Headers
from holdfast.services.requests import holds_nul

T = TypeVar("T")

DEPTH_MAX = 64
"""How deep a body may be nested."""

_CLOSE: Headers = [(b"connection", b"close")]
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_IN_WORDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
_WORDS = re.compile(rf"\b(?:{'|'.join(_IN_WORDS)})\b")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_AS_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`")


async def read_body(receive: Any, headers: dict[bytes, bytes], bytes_max: int) -> bytes:
    """The whole body, when it is not too large, not packed, and JSON by its label.

    Raises:
        EdgeError: `body_too_large` as soon as that is known, `wrong_encoding`, `wrong_media`.
    """
    body = await read_bytes(receive, headers, bytes_max)
    if body and (media := headers.get(b"content-type")) != b"application/json":
        _check_media(media)
    return body


async def read_bytes(receive: Any, headers: dict[bytes, bytes], bytes_max: int) -> bytes:
    """The whole body, of whatever media.

    Raises:
        EdgeError: `body_too_large` as soon as that is known, `wrong_encoding`.
    """
    length = headers.get(b"content-length")
    if length is not None and (not length.isdigit() or int(length) > bytes_max):
        raise EdgeError("body_too_large", headers=_CLOSE, bytes_max=bytes_max)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _read_on(receive, body, bytes_max)
    elif len(body) > bytes_max:
        raise EdgeError("body_too_large", headers=_CLOSE, bytes_max=bytes_max)
    # once it is read: with some of it on its way the answer could be lost with the connection
    check_encoding(headers.get(b"content-encoding"))
    return body


async def _read_on(receive: Any, first: bytes, bytes_max: int) -> bytes:
    parts, size = [first], len(first)
    while size <= bytes_max:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client left before its body was complete")
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size <= bytes_max and not message.get("more_body", False):
            return b"".join(parts)
    raise EdgeError("body_too_large", headers=_CLOSE, bytes_max=bytes_max)


def _check_media(media: bytes | None) -> None:
    name = (media or b"").split(b";", 1)[0].strip().lower()
    if name != b"application/json" and not (name.startswith(b"application/") and name.endswith(b"+json")):
        raise EdgeError("wrong_media", given=(media or b"").decode("latin-1")[:100], expected="application/json")


def check_encoding(encoding: bytes | None) -> None:
    """Refuses packed bodies: unpacking one is a way to be filled up.

    Raises:
        EdgeError: `wrong_encoding`.
    """
    if encoding is not None and encoding.strip().lower() not in (b"", b"identity"):
        raise EdgeError("wrong_encoding", headers=_CLOSE, given=encoding.decode("latin-1")[:100])


def is_too_deep(body: bytes) -> bool:
    """Whether a text of JSON is nested deeper than `DEPTH_MAX`, in time that grows with its length alone."""
    if body.count(b"{") + body.count(b"[") <= DEPTH_MAX:
        return False
    left = _STRING.sub(b"", body).translate(_AS_ONE_KIND, _NOT_BRACKETS)
    for _ in range(DEPTH_MAX):
        # each round takes the innermost of all that is nested away
        shorter = left.replace(b"[]", b"")
        if len(shorter) == len(left):
            # brackets that do not match: the decoder says so, unless there are too many for it
            return left.count(b"[") > DEPTH_MAX
        left = shorter
    return len(left) > 0


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The value a body means.

    Raises:
        Refusal: `invalid_request`, naming the field and what is expected.
    """
    if is_too_deep(body):
        raise Refusal("invalid_request", problem="the body is nested too deeply", depth_max=DEPTH_MAX)
    try:
        value = decoder.decode(body)
    except msgspec.ValidationError as error:
        _explain(str(error), decoder.type)
    except UnicodeDecodeError:
        raise Refusal("invalid_request", problem="the body is not UTF-8") from None
    except RecursionError:
        raise Refusal("invalid_request", problem="the body is nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Refusal("invalid_request", problem=f"the body is not JSON: {error}") from None
    if holds_nul(body):
        raise Refusal("invalid_request", problem="the body holds a NUL character")
    return value


def _explain(message: str, wanted: Any) -> NoReturn:
    match = _PATH.match(message)
    assert match is not None
    what, path = match["what"], match["path"] or ""
    if unknown := _UNKNOWN.match(what):
        name = unknown["name"][:60]
        near = difflib.get_close_matches(name, sorted(set(_names(wanted))), n=1, cutoff=0.5)
        hint = {"did_you_mean": near[0]} if near else {}
        raise Refusal("invalid_request", field=_join(path, name), problem="is not a known field", **hint) from None
    if missing := _MISSING.match(what):
        raise Refusal("invalid_request", field=_join(path, missing["name"]), problem="is missing") from None
    plain = _WORDS.sub(lambda found: _IN_WORDS[found[0]], what.replace(" | null", "")).replace("`", "")
    raise Refusal("invalid_request", field=path or "body", problem=plain[:1].lower() + plain[1:]) from None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _names(wanted: Any, depth: int = 4) -> Iterator[str]:
    """The field names that a type and the types in it know."""
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        for field in msgspec.structs.fields(wanted):
            yield field.encode_name
            if depth:
                yield from _names(field.type, depth - 1)
    else:
        for part in get_args(wanted):
            yield from _names(part, depth)
