"""Google Ads over REST: spend by campaign and day with searchStream, held against the customer's own total.

An access token is made of the refresh token when the one before has run out. Micros become exact amounts.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from holdfast.domain.sync.rows import RAW_BYTES_MAX, Reject, Spend, Unreadable, amount, checked_spend
from holdfast.domain.sync.verdicts import Control
from holdfast.domain.sync.windows import Window
from holdfast.gateways.shops.days import days_of, month_ends, piece_of
from holdfast.gateways.shops.http import Client, Reply, said
from holdfast.gateways.shops.source import Page, Row, SourceError

API_VERSION = "v26"
"""Of October 2026; each is switched off about a year after it came, so a connection may name another."""
BURST, PER_S = 60.0, 1.0
"""A first read of three years, month by month, goes through at once; afterwards a second for each request."""
MICROS = Decimal(1_000_000)
RENEWALS_MAX = 2
THROTTLES_MAX = 10
WAIT_S = 30.0
_encode = msgspec.json.Encoder().encode


class _Campaign(msgspec.Struct, gc=False):
    id: str
    name: str = ""


class _Metrics(msgspec.Struct, gc=False):
    costMicros: str = "0"
    impressions: str = "0"
    clicks: str = "0"


class _Segments(msgspec.Struct, gc=False):
    date: date


class _Customer(msgspec.Struct, gc=False):
    currencyCode: str


class _Result(msgspec.Struct, gc=False):
    metrics: _Metrics
    customer: _Customer
    campaign: _Campaign | None = None
    segments: _Segments | None = None


class _Part(msgspec.Struct, gc=False):
    results: list[msgspec.Raw] = []


class _Token(msgspec.Struct, gc=False):
    access_token: str


_read_result = msgspec.json.Decoder(_Result).decode
_read_parts = msgspec.json.Decoder(list[_Part]).decode


class Secrets(msgspec.Struct, frozen=True):
    """What lets us in."""

    developer_token: str
    client_id: str
    client_secret: str
    refresh_token: str


class GoogleAds:
    """The campaigns of one customer, whose days are those of `zone`."""

    streams = ("ads",)

    def __init__(
        self, client: Client, address: str, customer: str, zone: ZoneInfo, *, secrets: Secrets, token_url: str,
        login_customer: str | None = None, api_version: str | None = None,
    ) -> None:  # fmt: skip
        self._client = client
        place = f"{api_version or API_VERSION}/customers/{customer.replace('-', '')}"
        self._url = f"{address.rstrip('/')}/{place}/googleAds:searchStream"
        self._zone = zone
        self._secrets = secrets
        self._token_url = token_url
        self._login = login_customer.replace("-", "") if login_customer else None
        self._token: str | None = None

    async def close(self) -> None:
        await self._client.close()

    async def pages(self, stream: str, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        first, last = days_of(window, self._zone)
        first, _ = piece_of(cursor, first)
        for start, end in month_ends(first, last) or [(last, last)]:
            found = await self._ask(
                "SELECT campaign.id, campaign.name, segments.date, customer.currency_code, metrics.cost_micros, "
                f"metrics.impressions, metrics.clicks FROM campaign WHERE segments.date BETWEEN '{start}' AND '{end}' "
                "ORDER BY segments.date, campaign.id"
            )
            rows: list[Row] = [_spend_of(raw) for raw in found]
            yield Page(rows, None if end >= last else str(end + timedelta(days=1)))

    async def control(self, stream: str, window: Window) -> Control:
        first, last = days_of(window, self._zone)
        found = await self._ask(
            "SELECT customer.currency_code, metrics.cost_micros FROM customer "
            f"WHERE segments.date BETWEEN '{first}' AND '{last}'"
        )
        amounts: dict[str, Decimal] = {}
        for raw in found:
            row = _read_result(raw)
            code = row.customer.currencyCode
            amounts[code] = amounts.get(code, Decimal(0)) + _exact(row.metrics.costMicros)
        return Control(amounts=tuple(sorted(amounts.items())))

    async def warnings(self, stream: str, window: Window) -> list[str]:
        return []

    async def _ask(self, query: str) -> list[msgspec.Raw]:
        renewals = 0
        for _ in range(THROTTLES_MAX):
            reply = await self._client.send(
                "POST", self._url, content=_encode({"query": query}), headers=await self._headers(), takes=(401, 429)
            )
            if reply.status == 401:
                renewals += 1
                if renewals > RENEWALS_MAX:
                    raise SourceError(f"it does not let us in: {said(reply.body)}")
                self._token = None
            elif reply.status == 429:
                wait_s = _retry_delay_s(reply) or WAIT_S
                await self._client.limiter.block(self._client.rate.name, wait_s)
                await self._client.throttled(wait_s)
            else:
                try:
                    return [raw for part in _read_parts(reply.body) for raw in part.results]
                except (msgspec.MsgspecError, ValueError) as error:
                    raise SourceError(f"its reply is in another shape than asked for: {error}") from None
        raise SourceError("it goes on throttling", is_passing=True)

    async def _headers(self) -> Mapping[str, str]:
        if self._token is None:
            asked = {
                "grant_type": "refresh_token", "client_id": self._secrets.client_id,
                "client_secret": self._secrets.client_secret, "refresh_token": self._secrets.refresh_token,
            }  # fmt: skip
            reply = await self._client.send("POST", self._token_url, data=asked)
            try:
                self._token = msgspec.json.decode(reply.body, type=_Token).access_token
            except (msgspec.MsgspecError, ValueError):
                raise SourceError("its token address does not answer with a token") from None
        headers = {
            "authorization": f"Bearer {self._token}", "developer-token": self._secrets.developer_token,
            "content-type": "application/json",
        }  # fmt: skip
        return {**headers, "login-customer-id": self._login} if self._login else headers


def _retry_delay_s(reply: Reply) -> float | None:
    """The `retryDelay` such as `12s` that stands somewhere in the details of an error."""
    try:
        found: Any = msgspec.json.decode(reply.body)
    except (msgspec.MsgspecError, ValueError):
        return None
    todo = [found]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            delay = one.get("retryDelay")
            if isinstance(delay, str) and delay.endswith("s"):
                try:
                    return max(float(delay[:-1]), 0.0)
                except ValueError:
                    return None
            todo += one.values()
        elif isinstance(one, list):
            todo += one
    return None


def _exact(micros: str) -> Decimal:
    return amount(str(Decimal(micros) / MICROS), "spend") if micros.lstrip("-").isdigit() else amount(micros, "spend")


def _spend_of(raw: msgspec.Raw) -> Spend | Reject:
    try:
        row = _read_result(raw)
        if row.campaign is None or row.segments is None:
            raise Unreadable("campaign or date is missing")
        return checked_spend(
            Spend(
                row.segments.date, row.campaign.id, row.campaign.name or row.campaign.id, row.customer.currencyCode,
                _exact(row.metrics.costMicros), int(row.metrics.impressions), int(row.metrics.clicks),
            )
        )  # fmt: skip
    except (msgspec.MsgspecError, Unreadable, ValueError) as error:
        return Reject("", str(error), bytes(raw)[:RAW_BYTES_MAX])
