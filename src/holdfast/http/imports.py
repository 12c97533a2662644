"""Importing over HTTP: a file as the body, a line per row as the answer, while it is being done.

The body is kept on disk until it is whole, so that a connection that breaks has imported nothing; its digest makes
sending the same file again do nothing twice. The last line sums up.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from typing import IO, Any

import msgspec
from litestar import Request, post
from litestar.exceptions import InternalServerException
from litestar.params import FromQuery
from litestar.response import Stream

from holdfast.domain.errors import Refusal
from holdfast.http.bodies import check_encoding
from holdfast.http.context import Context, caller_of, context_of
from holdfast.http.errors import EdgeError
from holdfast.http.rights import let_in
from holdfast.services.import_files import ImportFileError, Rows, digest_of, open_rows
from holdfast.services.imports import Importer, importer_for
from holdfast.services.mapping import formats

MEDIA = "application/x-ndjson"
IN_MEMORY_BYTES = 1024 * 1024
PART_S = 30.0
"""How long the next part of a file may take to arrive."""

_encode = msgspec.json.Encoder().encode


class ImportSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last line of an import's answer; `stopped` says why rows behind the last one told were not looked at."""

    rows: int
    outcomes: dict[str, int]
    stopped: str | None = None


@post(
    "/import", operation_id="import_file", summary="Import bookings or units", tags=["import"], status_code=200,
    opt={
        "right": "import", "by": "handler", "codes": ("unknown_site", "invalid_request", "unavailable"), "media": MEDIA,
    },
    request_max_body_size=None,
)  # fmt: skip
async def import_file(
    request: Request[Any, Any, Any], site: FromQuery[str], format: FromQuery[str] = "bookings"
) -> Stream:
    """CSV or JSON lines (plain or gzip) as the body. The answer is JSON lines: `{row, outcome, id | code, why}` for
    each row, `outcome` being `created`, `there` (imported before), `refused` or `skipped`; then `{rows, outcomes}`."""
    context = context_of(request)
    found = await let_in(request, context, site, "import")
    if format not in formats():  # a mapping's name, never the path of a file
        raise Refusal("invalid_request", field="format", given=format[:60], possible=formats())
    spool = await spooled(request, context.limits.import_bytes_max)
    try:
        source = digest_of(spool)
        importer = importer_for(
            format, context.desk, context.reads, found, source=source, actor=caller_of(request).name
        )
        rows = open_rows(spool)
        importer.check_header(rows.columns)
    except ImportFileError as error:
        spool.close()
        raise Refusal("invalid_request", field="body", problem=str(error).rstrip(".")) from None
    return Stream(_told(context, importer, rows, spool), media_type=MEDIA)


async def _told(context: Context, importer: Importer, rows: Rows, spool: IO[bytes]) -> AsyncIterator[bytes]:
    outcomes: Counter[str] = Counter()
    stopped = None
    lines: list[bytes] = []
    with spool:
        try:
            async for result in importer.run(rows):
                outcomes[result.outcome] += 1
                lines.append(_encode(result))
                if len(lines) >= 256:
                    yield b"\n".join(lines) + b"\n"
                    lines.clear()
        except ImportFileError as error:
            stopped = str(error)
    lines.append(_encode(ImportSummary(outcomes.total(), dict(outcomes), stopped)))
    yield b"\n".join(lines) + b"\n"


async def spooled(request: Request[Any, Any, Any], bytes_max: int) -> IO[bytes]:
    """The body, kept on disk until it is whole; closed by whoever reads it.

    Raises:
        EdgeError: `body_too_large`, `body_incomplete`.
    """
    check_encoding(request.headers.get("content-encoding", "").encode("latin-1"))
    length = request.headers.get("content-length")
    if length is not None and length.isdigit() and int(length) > bytes_max:
        raise EdgeError("body_too_large", headers=[(b"connection", b"close")], bytes_max=bytes_max)
    spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed by who reads it
    size = 0
    parts = request.stream()
    try:
        while True:
            async with asyncio.timeout(PART_S):
                part = await anext(parts, None)
            if part is None:
                return spool
            size += len(part)
            if size > bytes_max:
                raise EdgeError("body_too_large", headers=[(b"connection", b"close")], bytes_max=bytes_max)
            spool.write(part)
    except (TimeoutError, InternalServerException):  # the latter is Litestar's word for a client that left
        spool.close()
        raise EdgeError("body_incomplete", headers=[(b"connection", b"close")]) from None
    except BaseException:
        spool.close()
        raise


IMPORT_HANDLERS = [import_file]
