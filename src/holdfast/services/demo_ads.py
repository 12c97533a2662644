"""An ad account that is not real but answers as Meta's insights do: what it cost to win the demo shop's customers.

Its days are made up of theirs: one of two campaigns won each customer, at about its price, on the day of the first
order.
"""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from holdfast.services.demo_http import Asked, Told
from holdfast.services.demo_orders import Purchase

ADS_TOKEN = "demo-ads-token"  # noqa: S105 - of an account that is not real
ACCOUNT = "act_1"
PATH_END = f"/{ACCOUNT}/insights"
CURRENCY = "USD"
CAMPAIGNS = ((101, "New listeners", 1.35), (102, "Jazz and classics", 2.0))
"""Number, name, and what winning one customer costs by it, in first orders."""
PAGE_ROWS_MAX = 500

_encode = msgspec.json.Encoder().encode


class DemoAds:
    """The account. `spent` is what each campaign cost on each day."""

    def __init__(self, spent: dict[tuple[date, int], Decimal]) -> None:
        self._spent = dict(sorted(spent.items()))
        self._names = {number: name for number, name, _ in CAMPAIGNS}

    async def answer(self, asked: Asked) -> Told:
        """The reply to one request for insights: of the account as a whole, or of its campaigns by day."""
        if asked.headers.get("authorization") != f"Bearer {ADS_TOKEN}":
            return Told(_encode({"error": {"message": "Invalid OAuth access token", "code": 190}}), 400)
        try:
            span = msgspec.json.decode(asked.query["time_range"], type=dict[str, date])
            found = [(d, c, a) for (d, c), a in self._spent.items() if span["since"] <= d <= span["until"]]
            if asked.query["level"] == "account":
                return Told(_encode({"data": _account(span["since"], found)}))
            limit = min(int(asked.query["limit"]), PAGE_ROWS_MAX)
            start = int(asked.query.get("after", "0"))
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            return Told(_encode({"error": {"message": f"Invalid parameter: {error}", "code": 100}}), 400)
        told: dict[str, Any] = {"data": [self._row(*one) for one in found[start : start + limit]]}
        told["paging"] = {"cursors": {"after": str(start + limit)}}
        if start + limit < len(found):
            told["paging"]["next"] = "next"
        return Told(_encode(told))

    def _row(self, day: date, campaign: int, amount: Decimal) -> dict[str, str]:
        return {
            "date_start": str(day), "date_stop": str(day), "campaign_id": str(campaign),
            "campaign_name": self._names[campaign], "account_currency": CURRENCY, "spend": str(amount),
            "impressions": str(int(amount) * 90), "clicks": str(int(amount) * 2),
        }  # fmt: skip


def spent_on(given: Iterable[Purchase], *, moved: timedelta = timedelta(0), seed: int = 11) -> DemoAds:
    """The account that won these customers, all days `moved`; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - to be the same each time
    firsts: dict[int, Purchase] = {}
    for one in given:
        known = firsts.get(one.customer_id)
        firsts[one.customer_id] = one if known is None or one.day < known.day else known
    order = float(sum(one.amount for one in firsts.values())) / max(1, len(firsts))
    spent: dict[tuple[date, int], Decimal] = {}
    for first in firsts.values():
        number, _, price = CAMPAIGNS[chance.random() < 0.4]
        key = (first.day + moved, number)
        cost = Decimal(round(order * price * chance.uniform(60, 140))) / 100
        spent[key] = spent.get(key, Decimal(0)) + cost
    return DemoAds(spent)


def _account(since: date, found: list[tuple[date, int, Decimal]]) -> list[dict[str, str]]:
    total = sum((amount for _, _, amount in found), Decimal(0))
    return [{"date_start": str(since), "spend": str(total), "account_currency": CURRENCY}] if found else []
