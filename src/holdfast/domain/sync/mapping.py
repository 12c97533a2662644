"""Rows in somebody's own words, as orders and days of spend: which member, found by its path, is which part of ours.

Refuses to guess: a member that is missing or cannot be read makes a reject, never an empty value.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sync.rows import (
    ZERO,
    Line,
    Order,
    Refund,
    Reject,
    Spend,
    Unreadable,
    amount,
    checked,
    checked_spend,
    instant,
)

ORDER_FIELDS = ("id", "updated_at", "placed_at", "currency", "gross", "discounts", "customer_id", "email", "name",
                "is_test", "cancelled_at", "lines", "refunds")  # fmt: skip
ORDER_NEEDED = ("id", "updated_at", "placed_at", "gross")
SPEND_FIELDS = ("day", "campaign_id", "campaign", "currency", "spend", "impressions", "clicks")
SPEND_NEEDED = ("day", "campaign_id", "spend")
LINE_FIELDS = ("product", "quantity", "price", "discount", "sku")
REFUND_FIELDS = ("id", "at", "amount")
RAW_MAX = 64 * 1024
_TRUE = frozenset({"true", "yes", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "0", "f", "n", ""})

Row = Mapping[str, Any]
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Mapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths, with dots between members, by our names. What is not named is looked for under our own name; `currency`
    may be given for all rows instead. A member at a path that names nothing is missing."""

    fields: dict[str, str] = {}
    line: dict[str, str] = {}
    refund: dict[str, str] = {}
    currency: str | None = None


def check_mapping(mapped: Mapped, stream: str) -> None:
    """Raises:
    Refusal: `invalid_request`, naming a field that is none of ours.
    """
    known = ORDER_FIELDS if stream == "orders" else SPEND_FIELDS
    for names, there, where in (
        (mapped.fields, known, "fields"), (mapped.line, LINE_FIELDS, "line"), (mapped.refund, REFUND_FIELDS, "refund"),
    ):  # fmt: skip
        for name in names:
            if name not in there:
                raise Refusal("invalid_request", field=f"mapping.{where}", given=name[:60], possible=list(there))


def order_of(row: Row, mapped: Mapped) -> Order | Reject:
    """The order that a row means, or why it means none."""
    found: Order | Reject = _tried(row, mapped, _order)
    return found


def spend_of(row: Row, mapped: Mapped) -> Spend | Reject:
    """The day of spend that a row means, or why it means none."""
    found: Spend | Reject = _tried(row, mapped, _spend)
    return found


def at_path(row: Any, path: str) -> Any:
    """What stands at a path such as `customer.id`; None where it leads nowhere."""
    if isinstance(row, Mapping) and path in row:
        return row[path]
    for member in path.split("."):
        row = row.get(member) if isinstance(row, Mapping) else None
    return row


def _tried(row: Row, mapped: Mapped, read: Callable[[Row, Mapped], Any]) -> Any:
    try:
        return read(row, mapped)
    except Unreadable as error:
        found = at_path(row, mapped.fields.get("id", "id"))
        try:
            seen_at = instant(at_path(row, mapped.fields.get("updated_at", "updated_at")), "updated_at")
        except Unreadable:
            seen_at = None
        return Reject(str(found)[:200] if found is not None else "", str(error), _encode(row)[:RAW_MAX], seen_at)


def _order(row: Row, mapped: Mapped) -> Order:
    def found(name: str) -> Any:
        return at_path(row, mapped.fields.get(name, name))

    for name in ORDER_NEEDED:
        if found(name) is None:
            raise Unreadable(f"{name} is missing")
    cancelled_at = found("cancelled_at")
    return checked(
        Order(
            _text(found("id"), "id") or "",
            instant(found("updated_at"), "updated_at"),
            instant(found("placed_at"), "placed_at"),
            _currency(found("currency"), mapped),
            amount(found("gross"), "gross"),
            _amount_or_zero(found("discounts"), "discounts"),
            _text(found("customer_id"), "customer_id"),
            _text(found("email"), "email"),
            _text(found("name"), "name"),
            _flag(found("is_test"), "is_test"),
            instant(cancelled_at, "cancelled_at") if cancelled_at not in (None, "") else None,
            tuple(_line(part, mapped.line) for part in _list(found("lines"), "lines")),
            tuple(_refund(part, mapped.refund) for part in _list(found("refunds"), "refunds")),
        )
    )


def _spend(row: Row, mapped: Mapped) -> Spend:
    def found(name: str) -> Any:
        return at_path(row, mapped.fields.get(name, name))

    for name in SPEND_NEEDED:
        if found(name) is None:
            raise Unreadable(f"{name} is missing")
    campaign_id = _text(found("campaign_id"), "campaign_id") or ""
    return checked_spend(
        Spend(
            _day(found("day")),
            campaign_id,
            _text(found("campaign"), "campaign") or campaign_id,
            _currency(found("currency"), mapped),
            amount(found("spend"), "spend"),
            _number(found("impressions"), "impressions"),
            _number(found("clicks"), "clicks"),
        )
    )


def _line(part: Any, paths: Mapping[str, str]) -> Line:
    def found(name: str) -> Any:
        return at_path(part, paths.get(name, name))

    return Line(
        _text(found("product"), "product") or "",
        _number(found("quantity"), "quantity"),
        amount(found("price"), "price"),
        _amount_or_zero(found("discount"), "discount"),
        _text(found("sku"), "sku"),
    )


def _refund(part: Any, paths: Mapping[str, str]) -> Refund:
    def found(name: str) -> Any:
        return at_path(part, paths.get(name, name))

    return Refund(
        _text(found("id"), "refund id") or "", instant(found("at"), "refund"), amount(found("amount"), "refund")
    )


def _currency(value: Any, mapped: Mapped) -> str:
    given = value if value not in (None, "") else mapped.currency
    if given is None:
        raise Unreadable("currency is missing")
    return str(given)


def _amount_or_zero(value: Any, what: str) -> Any:
    return ZERO if value in (None, "") else amount(value, what)


def _text(value: Any, what: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unreadable(f"{what} is no text: {str(value)[:40]!r}")
    return str(value)


def _number(value: Any, what: str) -> int:
    if value in (None, ""):
        return 0
    try:
        if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise Unreadable(f"{what} is no whole number: {str(value)[:40]!r}") from None


def _flag(value: Any, what: str) -> bool:
    word = str(value if value is not None else "").lower()
    if word not in _TRUE | _FALSE:
        raise Unreadable(f"{what} is neither true nor false: {word[:40]!r}")
    return word in _TRUE


def _list(value: Any, what: str) -> list[Any]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(part, Mapping) for part in value):
        raise Unreadable(f"{what} is no list of objects")
    return value


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise Unreadable(f"day is no date: {str(value)[:40]!r}") from None
