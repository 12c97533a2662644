"""Rows set aside: listed, saved as a file, tried again. One function each, no logic."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from holdfast.http.calls import plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import respond
from holdfast.http.stores.asking import READ, SYNC, TAG, Asked, number_in, store_named, stores_of
from holdfast.services import exports
from holdfast.services.paging import bounded
from holdfast.services.sync.rejects import COLUMNS, RejectsPage, Retried, Wanted, wanted_of

Named = FromPath[str]
Text = FromQuery[str | None]
_CODES = ("unknown_site", "unknown_store", "unavailable")


@get(
    "/api/sites/{site:str}/rejects",
    operation_id="list_rejects",
    summary="List rows set aside",
    tags=[TAG],
    opt={**READ, "answer": RejectsPage, "codes": (*_CODES, "unknown_connection", "invalid_cursor")},
)
async def list_rejects(
    request: Asked, site: Named, connection: Text = None, stream: Text = None, reason: Text = None,
    cursor: Text = None, limit: FromQuery[int] = 100,
) -> Response[bytes]:  # fmt: skip
    """Rows of sources that could not be read, the latest first, with the reason and the beginning of what they were:
    of a `connection`, of a `stream`, with a part of the `reason`. `next` goes on as `cursor`."""
    found, wanted = await store_named(request, site), _wanted(connection, stream, reason)
    limit = bounded(limit, context_of(request).limits.page_rows_max)
    return respond(plain(200, await stores_of(request).rejects.page(found, wanted, cursor=cursor, limit=limit)))


@get(
    "/api/sites/{site:str}/rejects/export",
    operation_id="export_rejects",
    summary="Rows set aside as a file",
    tags=[TAG],
    opt={**READ, "codes": (*_CODES, "unknown_connection"), "media": "text/csv"},
)
async def export_rejects(
    request: Asked, site: Named, format: FromQuery[str] = "csv", connection: Text = None, stream: Text = None,
    reason: Text = None,
) -> Stream:  # fmt: skip
    """All of them by the same choice, each as it came, as `csv` or `jsonl`. In CSV a cell that a spreadsheet would take
    for a formula gets a quote in front."""
    found, media = await store_named(request, site), exports.check_format(format)
    rows = stores_of(request).rejects.all(found, _wanted(connection, stream, reason))
    headers = {
        "content-disposition": f'attachment; filename="{found.slug}-set-aside.{format}"', "cache-control": "no-store",
    }  # fmt: skip
    return Stream(exports.written(rows, COLUMNS, format), media_type=media, headers=headers)


@post(
    "/api/sites/{site:str}/rejects/retry",
    operation_id="retry_rejects",
    summary="Try rows set aside again",
    tags=[TAG],
    status_code=200,
    opt={**SYNC, "answer": Retried, "codes": _CODES},
)
async def retry_rejects(request: Asked, site: Named) -> Response[bytes]:
    """Reads them again as they were kept, for when a mapping was corrected. What can be read now comes in."""
    found = await store_named(request, site)
    return respond(plain(200, await stores_of(request).rejects.retry(found, actor=caller_of(request).name)))


REJECT_HANDLERS: list[Any] = [list_rejects, export_rejects, retry_rejects]


def _wanted(connection: str | None, stream: str | None, reason: str | None) -> Wanted:
    return wanted_of(None if not connection else number_in(connection), stream or None, reason)
