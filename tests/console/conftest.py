"""A server for pages, and a browser that looks at them: whatever a page does wrong on the way is kept."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from pytest_asyncio import is_async_test

from tests.browser import browser_address
from tests.http.conftest import LiveServer, make_server, make_server_on, module_server

__all__ = ["browser_address", "make_server", "make_server_on", "module_server"]

VIOLATIONS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
        window.violations.push(event.violatedDirective + " " + event.blockedURI);
    });
"""
REFUSED = "Failed to load resource: the server responded with a status of 4"
HERE = Path(__file__).parent
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of pages share a loop, in which the browser's one driver lives."""
    for item in items:
        if HERE in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def driven(browser_address: str) -> AsyncIterator[Browser]:
    """The browser with its driver: one of each test's own takes longer than most of what they do."""
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect_over_cdp(browser_address)
        yield connected
        await connected.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(driven: Browser) -> AsyncIterator[Browser]:
    """The browser; what the test opens in it is closed with it."""
    yield driven
    for context in driven.contexts[1:]:
        await context.close()


class Looker:
    """Opens pages of a server; `faults` are errors, foreign requests and breaches of the policy on any of them."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.faults: list[str] = []
        self._pages: list[Page] = []

    async def open(
        self, path: str, *, scheme: Any = "light", viewport: Any = None, locale: str = "en-GB", **more: Any
    ) -> Page:
        """A page that has begun its work."""
        context = await self.browser.new_context(
            color_scheme=scheme, viewport=viewport or DESK, locale=locale, reduced_motion="reduce", **more
        )
        page = await context.new_page()
        await page.add_init_script(VIOLATIONS)
        page.on("console", lambda message: self._told(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        self._pages.append(page)
        await page.goto(self.url + path)
        await page.wait_for_selector("html[data-ready]")
        return page

    async def check(self) -> None:
        """Nothing went wrong on any page that was opened."""
        for page in self._pages:
            self.faults += [f"policy: {one}" for one in await page.evaluate("window.violations")]
        assert self.faults == []

    def _told(self, kind: str, text: str) -> None:
        # a refusal is an answer, not a fault; the browser reports it all the same
        if kind in ("error", "warning") and not text.startswith(REFUSED):
            self.faults.append(f"{kind}: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.url + "/", "data:", "blob:")):
            self.faults.append(f"foreign request: {url}")


@pytest.fixture
def server(make_server: Callable[..., LiveServer]) -> LiveServer:
    """A server that lets whoever is on this machine in."""
    return make_server(admin_token=None)


@pytest.fixture
def client(server: LiveServer) -> httpx.Client:
    return server.client


@pytest.fixture
def cafe(client: httpx.Client) -> str:
    """A café in UTC with an Arena of four PCs and a console, open at all hours; its slug."""
    site = {"kind": "cafe", "name": "Corner", "time_zone": "UTC", "slug": "corner"}
    assert client.post("/api/sites", json=site).status_code == 201
    units: list[dict[str, Any]] = [{"code": "Arena", "category": "room"}, {"code": "PS5", "category": "console"}]
    units += [{"code": f"PC{n}", "category": "pc", "parent": "Arena"} for n in range(1, 5)]
    assert client.post("/api/sites/corner/units", json={"units": units}).status_code == 200
    # a second one, so that the list of sites is one
    other = {"kind": "hotel", "name": "Sea View", "time_zone": "Asia/Kolkata", "slug": "sea-view"}
    assert client.post("/api/sites", json=other).status_code == 201
    return "corner"


@pytest_asyncio.fixture(loop_scope="session")
async def looker(browser: Browser, server: LiveServer) -> AsyncIterator[Looker]:
    """A browser in front of the server; at the end nothing may have gone wrong on a page."""
    looking = Looker(browser, server.url)
    yield looking
    await looking.check()


Seat = Callable[..., dict[str, Any]]


@pytest.fixture
def seat(client: httpx.Client, cafe: str) -> Seat:
    """A function that seats somebody at a unit for a time from now."""

    def seating(unit: str, *, name: str = "Ann Lee", **length: float) -> dict[str, Any]:
        to = datetime.now(UTC) + timedelta(**(length or {"minutes": 90}))
        body = {"unit": unit, "walk_in": True, "to": to.isoformat(), "customer": {"name": name}}
        answer = client.post(f"/api/sites/{cafe}/bookings", json=body)
        assert answer.status_code == 201, answer.text
        seated: dict[str, Any] = answer.json()
        return seated

    return seating


Book = Callable[..., dict[str, Any]]


@pytest.fixture
def book(client: httpx.Client, cafe: str) -> Book:
    """A function that books a unit from the next half hour but some on."""

    def booking(unit: str, *, halves: int = 2, length_halves: int = 4, name: str = "Ben Oh") -> dict[str, Any]:
        half = timedelta(minutes=30)
        now = datetime.now(UTC)
        # a session of a few minutes may reach over the next half hour: it is the one after it then
        start = now - (now - datetime(2020, 1, 1, tzinfo=UTC)) % half + half * halves
        if halves == 1 and start - now < timedelta(minutes=6):
            start += half
        # the running half hour can be booked until its last minute
        if halves == 0 and now - start > timedelta(minutes=28):
            start += half
        body = {"unit": unit, "from": start.isoformat(), "to": (start + half * length_halves).isoformat()}
        answer = client.post(f"/api/sites/{cafe}/bookings", json={**body, "customer": {"name": name}})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return booking


def day(ahead: int) -> str:
    """The date so many days from today, in UTC."""
    return (datetime.now(UTC).date() + timedelta(days=ahead)).isoformat()


def act(client: httpx.Client, site: str, booking: dict[str, Any], name: str, **more: Any) -> None:
    assert client.post(f"/api/sites/{site}/bookings/{booking['id']}/{name}", json=more).status_code == 200


def bookings_of(client: httpx.Client, site: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/sites/{site}/bookings").json()["bookings"]
    return found


def change(client: httpx.Client, site: str, **settings: Any) -> None:
    assert client.patch(f"/api/sites/{site}", json={"settings": settings}).status_code == 200
