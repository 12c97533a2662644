"""The account log and the journals as files: CSV for spreadsheets, JSON lines for programs. Read page by page, so that
no export is ever whole in memory, and no connection is held while its reader is slow.

A spreadsheet takes a cell that begins with one of a few signs for a formula, and what stands in the log may be chosen
by strangers: such cells begin with an apostrophe.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.services import account_log, actors
from holdfast.services.discretion import nameless_event
from holdfast.services.journal import EventView, Lines, bounds, views_of
from holdfast.store import people as people_store
from holdfast.store import reads

ROWS_PER_STEP = 1_000
FORMATS = {"csv": "text/csv", "jsonl": "application/jsonl"}
LOG_COLUMNS = ("id", "at", "action", "actor", "actor_name", "account", "account_name", "address", "data")
JOURNAL_COLUMNS = (
    "site", "version", "at", "effective_at", "type", "subject", "actor", "actor_name", "cause", "data",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_line = msgspec.json.Encoder().encode_lines


def check_format(format: str) -> str:
    """The media type of a format.

    Raises:
        Refusal: `invalid_request` for one that is none.
    """
    if format not in FORMATS:
        raise Refusal("invalid_request", field="format", given=format[:40], possible=sorted(FORMATS))
    return FORMATS[format]


async def log_rows(pool: asyncpg.Pool, organisation_id: UUID, wanted: account_log.Wanted) -> AsyncIterator[list[Row]]:
    """The lines of an organisation's log, newest first."""
    before = (reads.END, reads.LAST_ID)
    while True:
        lines = await people_store.log_page(pool, organisation_id, before=before, wanted=wanted, limit=ROWS_PER_STEP)
        names = await actors.of_lines(pool, organisation_id, lines)
        yield [
            {
                "id": line.id, "at": line.at, "action": line.action, "actor": line.actor,
                "actor_name": names.get(line.actor), "account": line.account_id,
                "account_name": names.get(f"account:{line.account_id}"), "address": line.address, "data": line.data,
            }
            for line in lines
        ]  # fmt: skip
        if len(lines) < ROWS_PER_STEP:
            return
        before = (lines[-1].at, lines[-1].id)


async def journal_rows(pool: asyncpg.Pool, site: Site, wanted: Lines, *, sees: bool) -> AsyncIterator[list[Row]]:
    """The lines of a site's journal that are kept, in order, up to where it stands now; `sees` tells names."""
    async with pool.acquire() as connection:
        standing = await reads.standing(connection, site.id)
        last = standing.version if standing is not None else 0
        oldest = await reads.oldest_version(connection, site.id)
        after, end = await bounds(connection, site.id, wanted, behind=(oldest or 1) - 1, last=last)
    while after < end:
        # a filter that nothing passes must not make one question look through all there is
        until = min(end, after + 20 * ROWS_PER_STEP)
        async with pool.acquire() as connection:
            found = await reads.journal(
                connection, site.id, after=after, until=until, limit=ROWS_PER_STEP, wanted=wanted.by
            )
        events = views_of(found)
        after = events[-1].version if len(events) == ROWS_PER_STEP else until
        if not sees:
            events = [nameless_event(event, is_inside=True) for event in events]
        yield await _journal_rows(pool, site, events, sees=sees)


async def _journal_rows(pool: asyncpg.Pool, site: Site, events: Sequence[EventView], *, sees: bool) -> list[Row]:
    who = sorted({event.actor for event in events}) if sees else []
    names: dict[str, str] = {}
    for start in range(0, len(who), actors.NAMES_MAX):
        names |= await actors.names(pool, site.organisation_id, who[start : start + actors.NAMES_MAX])
    return [
        {
            "site": site.slug, "version": event.version, "at": event.at, "effective_at": event.effective_at,
            "type": event.type, "subject": event.subject, "actor": event.actor, "actor_name": names.get(event.actor),
            "cause": event.cause, "data": event.data,
        }
        for event in events
    ]  # fmt: skip


async def written(pages: AsyncIterator[list[Row]], columns: Sequence[str], format: str) -> AsyncIterator[bytes]:
    """The rows in a format, a page at a time."""
    if format == "csv":
        yield _csv([columns])
    async for rows in pages:
        if rows:
            yield _line(rows) if format == "jsonl" else _csv([[row[name] for name in columns] for row in rows])


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else _encode(value).decode()
    if not isinstance(value, str):
        text = text.strip('"') if text.startswith('"') else text
    return f"'{text}" if text.startswith(_FORMULA) else text
