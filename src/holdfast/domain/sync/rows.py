"""What sources bring, as values: orders with their lines and refunds, days of ad spend, and rows nobody could read.

A row is either whole or a `Reject` with its reason; nothing is coerced to nothing, and no amount goes through a float.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeVar

import msgspec

Item = TypeVar("Item")

TEXT_CHARS_MAX = 500
RAW_BYTES_MAX = 64 * 1024
"""How much of a row that could not be read is kept with its reason."""
PARTS_MAX = 5_000
"""Lines, or refunds, of one order."""
TURN_ROWS = 25
"""How many rows are worked on before whoever else waits for the processor has a turn: about half a millisecond."""
AMOUNT_CHARS_KNOWN = 24
AMOUNTS_KNOWN = 16_384
"""Amounts kept as they were read, of so many letters at most: 3 MB."""
QUANTITY_LIMIT = 1_000_000_000
PLAIN_LINES_MAX = 20
_AMOUNT_MAX = Decimal(10) ** 15
_DECIMALS_MAX = 6
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_CURRENCY = re.compile("[A-Z]{3}")
_AMOUNT = re.compile(r"[+-]?[0-9]{1,16}(?:\.[0-9]{1,12})?(?:[eE][+-]?[0-9]{1,2})?")

ZERO = Decimal(0)
_pack = msgspec.msgpack.Encoder().encode


class Unreadable(ValueError):
    """A row, or a part of it, that cannot be what it should be; the text says why."""


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One line of an order; `price` is that of one piece, before discounts."""

    product: str
    quantity: int
    price: Decimal
    discount: Decimal = ZERO
    sku: str | None = None


class Refund(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Money given back for an order."""

    id: str
    at: datetime
    amount: Decimal


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order as its source has it. `gross` is its goods before `discounts`; taxes and shipping are in neither."""

    id: str
    updated_at: datetime
    placed_at: datetime
    currency: str
    gross: Decimal
    discounts: Decimal = ZERO
    customer_id: str | None = None
    email: str | None = None
    name: str | None = None
    is_test: bool = False
    cancelled_at: datetime | None = None
    lines: tuple[Line, ...] = ()
    refunds: tuple[Refund, ...] = ()


class Spend(msgspec.Struct, frozen=True, gc=False):
    """What one campaign cost on one day of its account."""

    day: date
    campaign_id: str
    campaign: str
    currency: str
    spend: Decimal
    impressions: int = 0
    clicks: int = 0


class Reject(msgspec.Struct, frozen=True, gc=False):
    """A row that could not be read: which one, why, and what it was. `id` is "" when not even that could be read."""

    id: str
    reason: str
    raw: bytes
    updated_at: datetime | None = None


def turns(items: Sequence[Item], size: int = TURN_ROWS) -> Iterator[Sequence[Item]]:
    """A long list in parts that are short enough to be worked on in one go."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def fingerprint(order: Order) -> bytes:
    """What tells one content of an order from another, whichever way it came in: 16 bytes."""
    return hashlib.blake2b(_pack(order), digest_size=16).digest()


def amount(value: object, what: str) -> Decimal:
    """An exact amount of money in its shortest form, from a text or a JSON number.

    Raises:
        Unreadable: it is none, too large, or finer than a millionth.
    """
    if type(value) is str:
        text = value
    else:
        text = str(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else ""
    found = _known_shortest(text) if len(text) <= AMOUNT_CHARS_KNOWN else _shortest(text)
    if type(found) is str:
        raise Unreadable(f"{what} {found}: {str(value)[:40]!r}")
    return found  # type: ignore[return-value]


def checked(order: Order) -> Order:
    """The order itself, when it can be kept as it is.

    Raises:
        Unreadable: naming the first thing that is wrong with it.
    """
    if _is_plain(order):
        return order
    _check_text(order.id, "id", is_needed=True)
    for name in ("customer_id", "email", "name"):
        _check_text(getattr(order, name), name)
    for name in ("updated_at", "placed_at", "cancelled_at"):
        _check_instant(getattr(order, name), name)
    _check_currency(order.currency)
    if len(order.lines) > PARTS_MAX or len(order.refunds) > PARTS_MAX:
        raise Unreadable(f"it has more than {PARTS_MAX} lines or refunds")
    for line in order.lines:
        _check_text(line.product, "product")
        _check_text(line.sku, "sku")
        if not -QUANTITY_LIMIT < line.quantity < QUANTITY_LIMIT:
            raise Unreadable(f"quantity is beyond all bounds: {line.quantity}")
    seen = set()
    for refund in order.refunds:
        _check_text(refund.id, "refund id", is_needed=True)
        _check_instant(refund.at, "refund")
        if refund.id in seen:
            raise Unreadable(f"the refund {refund.id[:40]} is there twice")
        seen.add(refund.id)
    return order


def checked_spend(spend: Spend) -> Spend:
    """The day's spend itself, when it can be kept as it is.

    Raises:
        Unreadable: naming the first thing that is wrong with it.
    """
    _check_text(spend.campaign_id, "campaign_id", is_needed=True)
    _check_text(spend.campaign, "campaign")
    _check_currency(spend.currency)
    if not 1970 <= spend.day.year < 2200:
        raise Unreadable(f"day is out of bounds: {spend.day}")
    if not (0 <= spend.impressions < 2**62 and 0 <= spend.clicks < 2**62):
        raise Unreadable("impressions or clicks are out of bounds")
    return spend


def instant(value: object, what: str) -> datetime:
    """An instant from RFC 3339 text that says its offset.

    Raises:
        Unreadable: it is none, or leaves open when it was.
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, datetime):
        raise Unreadable(f"{what} is no instant: {str(value)[:40]!r}")
    if found.tzinfo is None:
        raise Unreadable(f"{what} does not say its offset from UTC: {str(value)[:40]!r}")
    _check_instant(found, what)
    return found.astimezone(UTC)


def _shortest(text: str) -> Decimal | str:
    """An amount, or why it is none."""
    if not _AMOUNT.fullmatch(text.strip()):
        return "is no amount"
    try:
        found = Decimal(text.strip())
    except InvalidOperation:  # pragma: no cover - the pattern lets nothing else through
        return "is no amount"
    if abs(found) >= _AMOUNT_MAX:
        return "is beyond all bounds"
    shortest = found.normalize()
    exponent = shortest.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _DECIMALS_MAX:
        return "is finer than a millionth"
    return ZERO if shortest == 0 else shortest


# the same prices come again and again: to look one up takes a twentieth of the time to read it
_known_shortest = lru_cache(maxsize=AMOUNTS_KNOWN)(_shortest)


def _is_plain(order: Order) -> bool:
    """Whether nothing at all can be wrong with an order: one look at all its texts together takes a quarter of the time
    of one at each. False says nothing."""
    if order.refunds or order.cancelled_at is not None or len(order.lines) > PLAIN_LINES_MAX or not order.id:
        return False
    updated_at, placed_at = order.updated_at, order.placed_at
    if updated_at.tzinfo is None or placed_at.tzinfo is None:
        return False
    texts = [order.id, order.customer_id or "", order.email or "", order.name or ""]
    for line in order.lines:
        if not -QUANTITY_LIMIT < line.quantity < QUANTITY_LIMIT:
            return False
        texts += (line.product, line.sku or "")
    text = "".join(texts)
    return (
        len(text) <= TEXT_CHARS_MAX
        and "\x00" not in text
        and _EARLIEST <= updated_at < _LATEST
        and _EARLIEST <= placed_at < _LATEST
        and _CURRENCY.fullmatch(order.currency) is not None
    )


def _check_instant(value: datetime | None, what: str) -> None:
    if value is not None and not (value.tzinfo is not None and _EARLIEST <= value < _LATEST):
        raise Unreadable(f"{what} is out of bounds: {value.isoformat()[:40]}")


def _check_text(value: str | None, what: str, *, is_needed: bool = False) -> None:
    if value is None:
        return
    if is_needed and not value:
        raise Unreadable(f"{what} is missing")
    if len(value) > TEXT_CHARS_MAX:
        raise Unreadable(f"{what} has more than {TEXT_CHARS_MAX} characters")
    if "\x00" in value:
        raise Unreadable(f"{what} holds a NUL character")


def _check_currency(value: str) -> None:
    if not _CURRENCY.fullmatch(value):
        raise Unreadable(f"currency is no three capital letters: {value[:20]!r}")
