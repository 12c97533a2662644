"""Orders for a shop that is not real: the CDNOW customers of 1997 and 1998 where their file is at hand, else generated
ones that say so."""

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from holdfast.services.demo_shop import ShopLine, ShopOrder

FILE = "cdnow_master.txt.gz"
GENERATED = 20_000
_DAY = timedelta(days=1)


class Purchase(msgspec.Struct, frozen=True, gc=False):
    """One line of the file: who bought on which day, how many CDs, for how much."""

    customer_id: int
    day: date
    pieces: int
    amount: Decimal


def find_file(beside: Path) -> Path | None:
    """The file in `shared/data` beside a checkout, if it is there."""
    path = beside.parent / "shared" / "data" / FILE
    return path if path.is_file() else None


def purchases(path: Path) -> list[Purchase]:
    """The purchases of the file, in its order."""
    found = []
    with gzip.open(path, "rt", encoding="ascii") as file:
        for line in file:
            parts = line.split()
            if len(parts) == 4 and parts[0].isdigit():
                day = datetime.strptime(parts[1], "%Y%m%d").replace(tzinfo=UTC).date()
                found.append(Purchase(int(parts[0]), day, int(parts[2]), Decimal(parts[3])))
    return found


def generated(count: int = GENERATED, *, seed: int = 7) -> list[Purchase]:
    """Purchases of customers that come again or do not, over a year and a half; the same for the same seed. Some order
    often and many hardly ever, and each leaves for good after an order with a chance of their own: as BG/NBD has it,
    with numbers near those of real customers."""
    chance = random.Random(seed)  # noqa: S311 - to be the same each time
    found: list[Purchase] = []
    customer_id = 0
    while len(found) < count:
        customer_id += 1
        day = date(1997, 1, 1) + timedelta(days=chance.randrange(90))
        weekly, leaves = max(chance.gammavariate(0.4, 0.2), 1e-3), chance.betavariate(0.8, 2.5)
        orders = 0
        while day < date(1998, 7, 1) and len(found) < count:
            orders += 1
            pieces = 1 + min(int(chance.expovariate(0.7)), 9)
            found.append(Purchase(customer_id, day, pieces, Decimal(pieces * chance.randrange(900, 1_700)) / 100))
            if orders > 1 and chance.random() < leaves:
                break
            day += timedelta(days=1 + int(7 * chance.expovariate(weekly)))
    return sorted(found, key=lambda one: (one.customer_id, one.day))


def shop_orders(given: list[Purchase], *, moved: timedelta = timedelta(0)) -> Iterator[ShopOrder]:
    """The purchases as orders of a shop, placed at noon UTC of their days, all days `moved`."""
    for number, one in enumerate(given, 1):
        at = datetime(one.day.year, one.day.month, one.day.day, 12, tzinfo=UTC) + moved
        pieces = max(one.pieces, 1)
        price = (one.amount / pieces).quantize(Decimal("0.01"))
        line = ShopLine(1, pieces, price)
        yield ShopOrder(number, at, at, one.amount, one.customer_id, lines=(line,))


def moved_to_end_at(given: list[Purchase], today: date) -> timedelta:
    """By how much to move purchases so that the last of them were the day before `today`."""
    return today - _DAY - max(one.day for one in given)
