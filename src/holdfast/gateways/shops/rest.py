"""Any JSON API, by configuration: where its rows are, how it pages, how it is asked for changes, what its members mean.

Pages may go by number, by offset, by a cursor in the reply, by a Link header, or there is only one.
"""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from urllib.parse import urljoin, urlsplit

import msgspec
from msgspec import Meta

from holdfast.domain.sync.mapping import Mapped, at_path, order_of, spend_of
from holdfast.domain.sync.rows import Reject
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.http import Client, SlowPage, utc_seconds
from holdfast.gateways.shops.source import Page, Row, SourceError

PAGES_MAX = 1_000_000
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')

Paging = Literal["none", "page", "offset", "cursor", "link"]
Path = Annotated[str, Meta(max_length=200)]


class RestConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one JSON API is read. Names of parameters that are "" are not sent."""

    url: Annotated[str, Meta(max_length=2_000, pattern="^https?://")]
    stream: Literal["orders", "ads"] = "orders"
    rows: Path = ""
    """Where the list of rows stands in a reply; "" when the reply is the list."""
    paging: Paging = "none"
    page_param: Path = "page"
    first_page: int = 1
    size_param: Path = "limit"
    page_rows: Annotated[int, Meta(ge=1, le=1_000)] = 250
    cursor_param: Path = "cursor"
    cursor: Path = "next_cursor"
    """Where a reply tells the next cursor."""
    since_param: Path = ""
    until_param: Path = ""
    count_url: Annotated[str, Meta(max_length=2_000)] = ""
    count: Path = ""
    """Where a reply, of `count_url` or of the rows themselves, tells how many rows the window has."""
    params: dict[str, str] = {}
    auth_header: Annotated[str, Meta(max_length=100, pattern="^[A-Za-z0-9-]*$")] = "Authorization"
    auth_prefix: Annotated[str, Meta(max_length=100)] = "Bearer "
    burst: Annotated[float, Meta(gt=0, le=10_000)] = 10.0
    per_s: Annotated[float, Meta(gt=0, le=1_000)] = 5.0
    mapping: Mapped = Mapped()


class Rest:
    """One list of an API. A cursor of ours is the next page's number, offset, cursor or address."""

    def __init__(self, client: Client, config: RestConfig) -> None:
        self.streams = (config.stream,)
        self._client = client
        self._config = config
        self._rows = config.page_rows

    async def close(self) -> None:
        await self._client.close()

    async def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        for _ in range(PAGES_MAX):
            try:
                url, more = self._asked(window, cursor)
                reply = await self._client.send("GET", url, is_paged=True, **more)
            except SlowPage as error:
                # by number a smaller page would be another one
                if self._config.paging == "page" or self._rows == 1:
                    raise SourceError("its page is too slow", is_passing=True) from error
                self._rows = max(self._rows // 2, 1)
                continue
            found = _decoded(reply.body)
            listed = at_path(found, self._config.rows) if self._config.rows else found
            if not isinstance(listed, list):
                raise SourceError(f"its reply has no list of rows at {self._config.rows or 'its top'!r}")
            following = self._following(found, reply.headers, cursor, len(listed))
            if following is not None and following == cursor:
                raise SourceError("its next page is the same page")
            yield Page([self._row(row) for row in listed], following)
            if following is None:
                return
            cursor = following
        raise SourceError("its pages never end")

    async def control(self, stream: str, window: Window) -> Control:
        config = self._config
        if not config.count:
            return Control()
        url, more = self._asked(window, None)
        reply = await self._client.send(
            "GET", urljoin(config.url, config.count_url) if config.count_url else url, **more
        )
        found = at_path(_decoded(reply.body), config.count)
        return Control(int(found) if isinstance(found, int | str) and str(found).isdigit() else None)

    async def warnings(self, stream: str, window: Window) -> list[str]:
        return []

    def _asked(self, window: Window, cursor: str | None) -> tuple[str, dict[str, Any]]:
        config = self._config
        if config.paging == "link" and cursor is not None:
            return cursor, {}
        params = dict(config.params)
        if config.since_param and window.since is not None:
            params[config.since_param] = utc_seconds(window.since)
        if config.until_param:
            params[config.until_param] = utc_seconds(window.until)
        if config.paging != "none" and config.size_param:
            params[config.size_param] = str(self._rows)
        if config.paging == "page":
            params[config.page_param] = cursor or str(config.first_page)
        elif config.paging == "offset":
            params[config.page_param] = cursor or "0"
        elif config.paging == "cursor" and cursor is not None:
            params[config.cursor_param] = cursor
        return config.url, {"params": params}

    def _following(self, found: Any, headers: Any, cursor: str | None, count: int) -> str | None:
        config = self._config
        match config.paging:
            case "none":
                return None
            case "page":
                return str(int(cursor or config.first_page) + 1) if count >= self._rows else None
            case "offset":
                return str(int(cursor or 0) + count) if count >= self._rows else None
            case "cursor":
                given = at_path(found, config.cursor)
                return str(given) if given not in (None, "", False) and count else None
        link = _NEXT.search(headers.get("link", ""))
        if link is None:
            return None
        address: str = urljoin(config.url, link[1])
        if urlsplit(address)[:2] != urlsplit(config.url)[:2]:
            # the secret goes with every request: only to whom it belongs
            raise SourceError("its next page is at another server")
        return address

    def _row(self, row: Any) -> Row:
        if not isinstance(row, dict):
            return Reject("", "it is no object", msgspec.json.encode(row)[:1_000])
        mapped = self._config.mapping
        return order_of(row, mapped) if self._config.stream == "orders" else spend_of(row, mapped)


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise SourceError(f"its reply is no JSON: {error}"[:200], is_passing=True) from None
