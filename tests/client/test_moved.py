"""Who has moved on is nowhere but where they are now: both clients say so as the server does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.client import Holdfast, Replica
from tests.client.test_live import caught_up, looks
from tests.client.test_stream_js import NODE, page

HALF = timedelta(minutes=30)


def _half_hour_after(now: datetime) -> datetime:
    return now - (now - datetime(2020, 1, 1, tzinfo=UTC)) % HALF + HALF


async def move_on_and_book(house: Holdfast, slug: str) -> tuple[str, str, int]:
    """Somebody leaves PC1 for PC2, then PC1 is booked for soon; both bookings' ids and the site's version."""
    site, soon = house.site(slug), _half_hour_after(datetime.now(UTC))
    sat = await site.book(unit="PC1", walk_in=True, end=soon + 4 * HALF)
    await site.act(sat["id"], "move", unit="PC2")
    booked = await site.book(unit="PC1", start=soon, end=soon + 2 * HALF)
    assert booked.version is not None
    return sat["id"], booked["id"], booked.version


async def test_a_unit_that_was_left_shows_who_comes_next(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    async with site.live() as live:
        keeping = live.keep()
        sat, booked, version = await move_on_and_book(house, slug)
        await caught_up(live, version)
        assert (live.units["PC1"]["shown_status"], live.units["PC1"]["booking"]) == ("Reserved", booked)
        assert live.units["PC2"]["booking"] == sat
        assert [one["id"] for one in live.replica.bookings_of("PC1")] == [booked]
        later = (await site.board()).data
        assert {unit["code"]: unit["booking"] for unit in later["units"]} == {
            code: unit["booking"] for code, unit in live.units.items()
        }
        keeping.cancel()


@pytest.mark.skipif(NODE is None, reason="there is no node on this machine to run the browser's modules in")
async def test_a_page_shows_who_comes_next_to_a_unit_that_was_left(house: Holdfast, slug: str, tmp_path: Path) -> None:
    async with page(tmp_path, "replica", base=house.url, site=slug) as script:
        await script.until(lambda lines: {"state": "live"} in lines)
        sat, booked, version = await move_on_and_book(house, slug)
        await script.until(lambda lines: lines[-1].get("event", 0) >= version)
        told = await script.end()
        assert (told["units"]["PC1"]["booking"], told["units"]["PC2"]["booking"]) == (booked, sat)
        later = (await house.site(slug).board()).data
        assert told["units"] == looks(Replica(later))["units"]
