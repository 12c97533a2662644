"""Forms of pages: bounded, as browsers send them (`application/x-www-form-urlencoded`), each field a text.

Refuses files, other media types, broken UTF-8, control characters, and the same field twice.
"""

from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from holdfast.domain.errors import Refusal
from holdfast.http.bodies import read_bytes
from holdfast.http.errors import EdgeError

FORM_MEDIA = "application/x-www-form-urlencoded"
FORM_BYTES_MAX = 16 * 1024
FIELDS_MAX = 40


async def form_of(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of a form that was sent; none for an empty body.

    Raises:
        EdgeError: `body_too_large`, `wrong_encoding`, `wrong_media`.
        Refusal: `invalid_request`.
    """
    body = await read_bytes(request.receive, dict(request.scope["headers"]), FORM_BYTES_MAX)
    media = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if body and media != FORM_MEDIA:
        raise EdgeError("wrong_media", given=media[:100], expected=FORM_MEDIA)
    return read_form(body)


def read_form(body: bytes) -> dict[str, str]:
    """Raises:
    Refusal: `invalid_request` for what no page of ours would send.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Refusal("invalid_request", problem="the body is not a form, or has too many fields") from None
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Refusal("invalid_request", problem="the form has a field twice")
    for name, value in fields.items():
        if any(character < " " and character not in "\t\r\n" for character in name + value):
            raise Refusal("invalid_request", field=name[:40], problem="holds a control character")
    return fields
