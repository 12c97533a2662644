"""A sports ground where guests book by themselves, browsers in front of it, and the steps that tests go."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.console.conftest import PHONE
from tests.http.conftest import LiveServer
from tests.principals import Principals

WITHIN_MS = 20_000
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()
SLOTS = {"first": "08:00", "minutes": 60, "count": 4}


@pytest.fixture
def server(make_server: Callable[..., LiveServer]) -> LiveServer:
    """A server at which everybody has to say who they are."""
    return make_server()


@pytest.fixture
def campus(client: httpx.Client) -> str:
    """A sports ground in UTC with two grounds and four slots a day, where guests may book; its slug."""
    settings = {"slots": SLOTS, "booking_page": "guests", "sign_up": True}
    site = {"kind": "grounds", "name": "Campus", "time_zone": "UTC", "slug": "campus", "settings": settings}
    assert client.post("/api/sites", json=site).status_code == 201
    units = [{"code": code, "category": "football", "name": f"Ground {code[1]}"} for code in ("G1", "G2")]
    assert client.post("/api/sites/campus/units", json={"units": units}).status_code == 200
    return "campus"


@pytest.fixture
def principals(server: LiveServer) -> Any:
    made = Principals(server)
    yield made
    made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def plain(browser: Browser, server: LiveServer) -> AsyncIterator[Page]:
    """A page in a browser that runs no scripts."""
    context = await browser.new_context(java_script_enabled=False, viewport=PHONE, locale="en-GB", base_url=server.url)
    yield await context.new_page()
    await context.close()


def make(client: httpx.Client, kind: str, code: str, category: str) -> None:
    """A site of that kind and name with one unit, where guests book."""
    site = {"kind": kind, "name": kind.title(), "time_zone": "UTC", "settings": {"booking_page": "guests"}}
    assert client.post("/api/sites", json=site).status_code == 201
    units = {"units": [{"code": code, "category": category}]}
    assert client.post(f"/api/sites/{kind}/units", json=units).status_code == 200


def book(client: httpx.Client, unit: str, slot: int, name: str = "Secret Name") -> dict[str, Any]:
    body = {
        "unit": unit,
        "date": str(TOMORROW),
        "slot": slot,
        "customer": {"name": name, "email": "secret@else.example"},
    }
    answer = client.post("/api/sites/campus/bookings", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def offer(site: str = "campus", **query: Any) -> str:
    return f"/s/{site}?" + "&".join(f"{name}={value}" for name, value in {"date": TOMORROW, **query}.items())


def pick(page: Page, value: str) -> Any:
    return page.locator(f'.pick[data-pick="{value}"]')


async def to_details(page: Page, value: str) -> None:
    await pick(page, value).click()
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("#details")).to_be_visible()


async def to_review(page: Page, value: str, name: str = "Kim Guest") -> Any:
    await to_details(page, value)
    await page.locator("#f-name").fill(name)
    await page.locator("#f-email").fill(f"{name.split()[0].lower()}@example.org")
    await page.get_by_role("button", name="Look it over").click()
    dialog = page.get_by_role("dialog", name="Is this right?")
    await expect(dialog).to_be_visible()
    return dialog
