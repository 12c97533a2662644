"""Meta's Marketing API: spend by campaign and day from insights, page by page, held against the account's own total.

Its limits arrive as HTTP 400 with codes of their own, and as shares used in a header of each reply.
"""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.sync.rows import RAW_BYTES_MAX, Reject, Spend, Unreadable, amount, checked_spend
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.days import days_of, month_ends, piece_of
from holdfast.gateways.shops.http import Client, Reply, SlowPage, said
from holdfast.gateways.shops.source import CursorLost, Page, Row, SourceError

API_VERSION = "v27.0"
"""Of November 2026; each is switched off about a year after it came, so a connection may name another."""
PAGE_ROWS_MAX = 500
PAGE_ROWS_MIN = 25
BURST, PER_S = 60.0, 1.0
THROTTLED_CODES = frozenset({4, 17, 32, 613, 80000, 80003, 80004})
"""Too many calls: of the app, the user, the page, or the ad account."""
TOO_MUCH_DATA = 1
PASSING_CODES = frozenset({1, 2})
THROTTLES_MAX = 10
WAIT_S = 60.0
_FIELDS = "campaign_id,campaign_name,account_currency,spend,impressions,clicks"


class _Insight(msgspec.Struct, gc=False):
    date_start: date
    spend: str
    account_currency: str
    campaign_id: str = ""
    campaign_name: str | None = None
    impressions: str = "0"
    clicks: str = "0"


class _Cursors(msgspec.Struct, gc=False):
    after: str | None = None


class _Paging(msgspec.Struct, gc=False):
    cursors: _Cursors = msgspec.field(default_factory=_Cursors)
    next: str | None = None


class _Insights(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]
    paging: _Paging = msgspec.field(default_factory=_Paging)


class _Failure(msgspec.Struct, gc=False):
    message: str = ""
    code: int = 0
    is_transient: bool = False


class _Failed(msgspec.Struct, gc=False):
    error: _Failure


_read_insight = msgspec.json.Decoder(_Insight).decode
_read_page = msgspec.json.Decoder(_Insights).decode
_read_usage = msgspec.json.Decoder(dict[str, list[dict[str, Any]]]).decode


class MetaAds:
    """The campaigns of one ad account, whose days are those of `zone`."""

    streams = ("ads",)

    def __init__(
        self, client: Client, address: str, account: str, zone: ZoneInfo, *, api_version: str | None = None
    ) -> None:
        self._client = client
        named = account if account.startswith("act_") else f"act_{account}"
        self._url = f"{address.rstrip('/')}/{api_version or API_VERSION}/{named}/insights"
        self._zone = zone
        self._rows = PAGE_ROWS_MAX

    async def close(self) -> None:
        await self._client.close()

    async def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        first, last = days_of(window, self._zone)
        first, after = piece_of(cursor, first)
        for start, end in month_ends(first, last) or [(last, last)]:
            while True:
                asked = self._asked(start, end, {"level": "campaign", "time_increment": "1", "limit": str(self._rows)})
                if after is not None:
                    asked["after"] = after
                try:
                    found = await self._ask(asked, is_paged=True)
                except SlowPage as error:
                    if self._rows <= PAGE_ROWS_MIN:
                        raise SourceError("even its smallest page is too slow", is_passing=True) from error
                    self._rows = max(self._rows // 2, PAGE_ROWS_MIN)
                    continue
                after = found.paging.cursors.after if found.paging.next else None
                rows: list[Row] = [_spend_of(raw) for raw in found.data]
                if after is not None:
                    yield Page(rows, f"{start}/{after}")
                    continue
                yield Page(rows, None if end >= last else str(end + timedelta(days=1)))
                break

    async def control(self, stream: str, window: Window) -> Control:
        found = await self._ask(self._asked(*days_of(window, self._zone), {"level": "account"}))
        amounts: dict[str, Decimal] = {}
        for raw in found.data:
            row = _read_insight(raw)
            amounts[row.account_currency] = amounts.get(row.account_currency, Decimal(0)) + amount(row.spend, "spend")
        return Control(amounts=tuple(sorted(amounts.items())))

    async def warnings(self, stream: str, window: Window) -> list[str]:
        return []

    def _asked(self, first: date, last: date, more: dict[str, str]) -> dict[str, str]:
        fields = _FIELDS if more["level"] == "campaign" else "account_currency,spend"
        return {"fields": fields, "time_range": f'{{"since":"{first}","until":"{last}"}}', **more}

    async def _ask(self, asked: dict[str, str], *, is_paged: bool = False) -> _Insights:
        for _ in range(THROTTLES_MAX):
            reply = await self._client.send("GET", self._url, is_paged=is_paged, params=asked, takes=(400, 403))
            if reply.status >= 400:
                await self._failed(reply)
                continue
            await self._learn(reply)
            try:
                return _read_page(reply.body)
            except (msgspec.MsgspecError, ValueError) as error:
                raise SourceError(f"its reply is in another shape than asked for: {error}") from None
        raise SourceError("it goes on throttling", is_passing=True)

    async def _failed(self, reply: Reply) -> None:
        """Returns when asking again may help, after the wait that takes."""
        try:
            failure = msgspec.json.decode(reply.body, type=_Failed).error
        except (msgspec.MsgspecError, ValueError):
            raise SourceError(f"HTTP {reply.status}: {said(reply.body)}") from None
        if failure.code in THROTTLED_CODES:
            wait_s = _regain_s(reply) or WAIT_S
            await self._client.limiter.block(self._client.rate.name, wait_s)
            await self._client.throttled(wait_s)
            return
        if failure.code == TOO_MUCH_DATA and "reduce" in failure.message.lower():
            raise SlowPage
        if "after" in failure.message.lower() and "cursor" in failure.message.lower():
            raise CursorLost(failure.message[:200])
        passing = failure.is_transient or failure.code in PASSING_CODES
        raise SourceError(f"error {failure.code}: {failure.message[:200]}", is_passing=passing)

    async def _learn(self, reply: Reply) -> None:
        """An account that is nearly used up is left alone for as long as its header says."""
        wait_s = _regain_s(reply)
        if wait_s:
            await self._client.limiter.block(self._client.rate.name, wait_s)


def _regain_s(reply: Reply) -> float | None:
    given = reply.headers.get("x-business-use-case-usage")
    if given is None:
        return None
    try:
        uses = [use for found in _read_usage(given.encode()).values() for use in found]
    except msgspec.MsgspecError:
        return None
    minutes = max((float(use.get("estimated_time_to_regain_access") or 0) for use in uses), default=0.0)
    return minutes * 60 or None


def _spend_of(raw: msgspec.Raw) -> Spend | Reject:
    try:
        row = _read_insight(raw)
        return checked_spend(
            Spend(
                row.date_start, row.campaign_id, row.campaign_name or row.campaign_id, row.account_currency,
                amount(row.spend, "spend"), int(row.impressions), int(row.clicks),
            )
        )  # fmt: skip
    except (msgspec.MsgspecError, Unreadable, ValueError) as error:
        return Reject("", str(error), bytes(raw)[:RAW_BYTES_MAX])
