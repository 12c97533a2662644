"""Calendars of other systems in the settings: followed, seen to fail, changed, let go; our own addresses."""

from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.console.conftest import PHONE, Looker
from tests.console.test_look import check
from tests.http.conftest import LiveServer
from tests.http.test_calendars import DAY, feed

__all__ = ["feed"]

LONG_MS = 20_000
SECRET = "s=a-secret-of-theirs"


@pytest.fixture
def server(make_server: Callable[..., LiveServer]) -> LiveServer:
    """A server that may ask this machine for calendars."""
    return make_server(admin_token=None, calendar_http=True, calendar_networks="127.0.0.0/8")


@pytest.fixture
def inn(client: httpx.Client) -> str:
    """A hotel whose room 101 is booked for when another system says that it is taken."""
    made = {"kind": "hotel", "name": "Inn", "time_zone": "UTC", "slug": "inn"}
    assert client.post("/api/sites", json=made).status_code == 201
    units = {"units": [{"code": code, "category": "double"} for code in ("101", "102")]}
    assert client.post("/api/sites/inn/units", json=units).status_code == 200
    stay = {"unit": "101", "date": f"{DAY.date()}", "nights": 1, "customer": {"name": "Ann Lee"}}
    assert client.post("/api/sites/inn/bookings", json=stay).status_code == 201
    return "/console/inn/settings?tab=calendars"


def told(client: httpx.Client) -> list[Any]:
    found: list[Any] = client.get("/api/sites/inn/calendars").json()["calendars"]
    return found


async def test_a_calendar_is_followed_fails_is_changed_and_let_go(
    looker: Looker, client: httpx.Client, inn: str, feed: ThreadingHTTPServer
) -> None:
    page = await looker.open(inn)
    await page.get_by_text("No calendar is followed").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Follow a calendar").first.click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Calendar").fill("Airbnb")
    await form.get_by_label("Address").fill("ftp://nowhere")
    await form.get_by_role("button", name="Follow", exact=True).click()
    await form.get_by_text("No address that can be asked").wait_for(timeout=LONG_MS)
    await check(page)
    await form.get_by_label("Address").fill(f"http://127.0.0.1:{feed.server_port}/1.ics?{SECRET}")
    await form.get_by_role("button", name="Follow", exact=True).click()
    # what it takes is blocked, and where it hits a booking is said
    await page.locator('[data-state="fresh"]').wait_for(timeout=LONG_MS)
    await page.get_by_text("1 conflict with a booking here").wait_for(timeout=LONG_MS)
    await page.get_by_role("link", name="See the conflicts").wait_for(timeout=LONG_MS)
    feed.body = b"<html>"  # type: ignore[attr-defined]
    await page.get_by_role("button", name="Read Airbnb now").click()
    await page.locator('[data-state="failing"]').get_by_text("What comes is no calendar").wait_for(timeout=LONG_MS)
    await check(page)
    # no page tells the address again
    await page.get_by_role("row", name="Airbnb").press("Enter")
    panel = page.get_by_role("dialog")
    await panel.get_by_text("Failed in a row").wait_for(timeout=LONG_MS)
    await check(page)
    await panel.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog").last
    assert await form.get_by_label("Address").input_value() == ""
    await form.get_by_label("How often").select_option("5")
    await form.get_by_role("button", name="Change", exact=True).click()
    await panel.get_by_text("Every 5 min").wait_for(timeout=LONG_MS)
    assert SECRET not in await page.content() and told(client)[0]["every_minutes"] == 5
    await panel.get_by_role("button", name="Pause").click()
    await panel.locator('[data-state="paused"]').wait_for(timeout=LONG_MS)
    await panel.get_by_role("button", name="Follow no more").click()
    await page.get_by_role("dialog").last.get_by_role("button", name="Follow no more").click()
    await page.get_by_text("No calendar is followed").wait_for(timeout=LONG_MS)
    assert told(client) == []


async def test_our_own_calendars_have_addresses_that_can_be_read_by_whoever_has_them(
    looker: Looker, client: httpx.Client, inn: str
) -> None:
    page = await looker.open(inn, scheme="dark", viewport=PHONE)
    address = page.get_by_label("Address of the calendar")
    await address.wait_for(timeout=LONG_MS)
    await check(page)
    await page.get_by_label("Calendar of").select_option("101")
    await page.get_by_label("With customers").check()
    await page.locator("code", has_text="unit=101&names=true&key=").wait_for(timeout=LONG_MS)
    answer = await page.request.get(await address.inner_text())
    assert "Ann Lee" in await answer.text()
