"""What ties our replies to Litestar: replies as its responses, its own refusals in our words."""

import sys
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.params import QueryParameter

from holdfast.domain.errors import Refusal
from holdfast.http.bodies import decode, read_body
from holdfast.http.calls import Reply
from holdfast.http.context import context_of
from holdfast.http.edge import reply_to
from holdfast.http.errors import PROBLEM_MEDIA, EdgeError
from holdfast.http.former.shape import MEDIA, is_former
from holdfast.services.paging import bounded

T = TypeVar("T")
IdAfter = Annotated[int, QueryParameter(name="after", description="go on behind this id", ge=0, le=2**53)]
"""Ids are numbers that JSON carries exactly."""
IdWanted = Annotated[int | None, QueryParameter(ge=0, le=2**53)]
Count = Annotated[int, QueryParameter(ge=0, le=2**31 - 1)]
_CODES = {404: "unknown_route", 405: "wrong_method", 413: "body_too_large", 415: "wrong_media"}


def respond(reply: Reply, media: str = "application/json") -> Response[bytes]:
    """A Litestar response that carries the reply's bytes as they are."""
    status, headers, body = reply
    named = {name.decode(): value.decode() for name, value in headers}
    return Response(body, status_code=status, headers=named, media_type=media)


def rows_of(request: Request[Any, Any, Any], limit: int, most: int = sys.maxsize) -> int:
    """How many rows a page has that was asked for with this `limit`: at most what the operator allows any, and at most
    what this list has on a page."""
    return bounded(limit, min(context_of(request).limits.page_rows_max, most))


async def body_of(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[T]) -> T:
    """The request's body as what it must be; nothing at all counts as an empty object.

    Raises:
        Refusal, EdgeError: it is none.
    """
    limit = context_of(request).limits.body_bytes_max
    return decode(decoder, await read_body(request.receive, dict(request.scope["headers"]), limit) or b"{}")


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Every failure as a problem document, or in the shape that its address answers in."""
    path: str = request.scope["path"]
    if isinstance(error, HTTPException) and error.status_code < 500:
        error = _in_our_words(error)
    reply = reply_to(error, request.scope)
    return respond(reply, (MEDIA if is_former(path) else PROBLEM_MEDIA).decode())


def _in_our_words(error: HTTPException) -> Refusal | EdgeError:
    code = _CODES.get(error.status_code)
    if code is not None:
        headers = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
        return EdgeError(code, headers=headers)
    if error.status_code in (401, 403):
        return Refusal("unauthorised" if error.status_code == 401 else "not_allowed")
    field, what = _first(error.extra)
    return Refusal("invalid_request", field=field, problem=what or str(error.detail)[:300])


def _first(extra: Any) -> tuple[str, str | None]:
    """The first parameter that Litestar could not read, and why."""
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        return str(extra[0].get("key", "request"))[:60], str(extra[0].get("message", "is not valid"))[:300]
    return "request", None
