"""Ad networks that are not real but answer as Meta's and Google's do, with the same days behind both."""

import re
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import msgspec

from holdfast.gateways.shops import google
from holdfast.services.demo_http import Asked, Told

_encode = msgspec.json.Encoder().encode
_BETWEEN = re.compile(r"BETWEEN '([0-9-]+)' AND '([0-9-]+)'")
GOOGLE_TOKEN = "an-access-token"


class Spent(msgspec.Struct, frozen=True):
    day: date
    campaign: int
    amount: Decimal


class Network:
    """The days, and how the network is unwell: `faults` are answered first, one each."""

    def __init__(self, currency: str = "USD") -> None:
        self.days: dict[tuple[date, int], Decimal] = {}
        self.currency = currency
        self.faults: list[Told] = []
        self.hidden = 0
        self.tokens_given = 0
        self.page_rows_max = 500
        self.google_version = google.API_VERSION

    def spend(self, day: date, campaign: int, amount: str) -> None:
        self.days[day, campaign] = Decimal(amount)

    def between(self, first: str, last: str) -> list[tuple[date, int, Decimal]]:
        start, end = date.fromisoformat(first), date.fromisoformat(last)
        return [(d, c, a) for (d, c), a in sorted(self.days.items()) if start <= d <= end]

    # -- Meta ----------------------------------------------------------------------------------------------------------

    async def meta(self, asked: Asked) -> Told:
        if self.faults:
            return self.faults.pop(0)
        if asked.headers.get("authorization") != "Bearer meta-token":
            return Told(_encode({"error": {"message": "Invalid OAuth access token", "code": 190}}), 400)
        span = msgspec.json.decode(asked.query["time_range"])
        found = self.between(span["since"], span["until"])
        if asked.query["level"] == "account":
            total = sum((amount for _, _, amount in found), Decimal(0))
            data = (
                [{"date_start": span["since"], "spend": str(total), "account_currency": self.currency}] if found else []
            )
            return Told(_encode({"data": data}))
        limit = min(int(asked.query["limit"]), self.page_rows_max)
        start = int(asked.query.get("after", "0"))
        shown = found[start : start + limit]
        rows = [
            {
                "date_start": str(day), "date_stop": str(day), "campaign_id": str(campaign),
                "campaign_name": f"Campaign {campaign}", "account_currency": self.currency, "spend": str(amount),
                "impressions": "1000", "clicks": "10",
            }
            for day, campaign, amount in shown[: len(shown) - self.hidden]
        ]  # fmt: skip
        told: dict[str, Any] = {"data": rows, "paging": {"cursors": {"after": str(start + limit)}}}
        if start + limit < len(found):
            told["paging"]["next"] = "http://elsewhere/next"
        return Told(_encode(told))

    # -- Google --------------------------------------------------------------------------------------------------------

    async def google(self, asked: Asked) -> Told:
        if asked.path == "/token":
            given = parse_qs(asked.body.decode())
            assert given["grant_type"] == ["refresh_token"] and given["refresh_token"] == ["refresh"]
            self.tokens_given += 1
            return Told(_encode({"access_token": f"{GOOGLE_TOKEN}-{self.tokens_given}", "expires_in": 3600}))
        if self.faults:
            return self.faults.pop(0)
        assert asked.path == f"/{self.google_version}/customers/1234567890/googleAds:searchStream"
        assert asked.headers["developer-token"] == "developer"
        if asked.headers["authorization"] != f"Bearer {GOOGLE_TOKEN}-{self.tokens_given}":
            return Told(_encode({"error": {"status": "UNAUTHENTICATED"}}), 401)
        query = msgspec.json.decode(asked.body)["query"]
        match = _BETWEEN.search(query)
        assert match is not None
        found = self.between(match[1], match[2])
        customer = {"currencyCode": self.currency}
        if "FROM customer" in query:
            total = sum((amount for _, _, amount in found), Decimal(0))
            results = [{"customer": customer, "metrics": {"costMicros": str(int(total * 1_000_000))}}] if found else []
            return Told(_encode([{"results": results}]))
        results = [
            {
                "customer": customer, "campaign": {"id": str(campaign), "name": f"Campaign {campaign}"},
                "segments": {"date": str(day)},
                "metrics": {"costMicros": str(int(amount * 1_000_000)), "impressions": "1000", "clicks": "10"},
            }
            for day, campaign, amount in found[: len(found) - self.hidden]
        ]  # fmt: skip
        half = len(results) // 2
        return Told(_encode([{"results": results[:half]}, {"results": results[half:]}]))
