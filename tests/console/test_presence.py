"""Who is there, as people see it: told as it changes, filtered by the address, and how one is shown oneself."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import DESK, PHONE, Looker
from tests.console.test_look import check
from tests.console.test_pages import data_of
from tests.http.conftest import LiveServer
from tests.principals import Principals

LONG_MS = 20_000
PATH = "/console/corner/presence"


@pytest.fixture(scope="module")
def server(module_server: Callable[..., LiveServer]) -> LiveServer:
    made = module_server(admin_token=None)
    for slug in ("corner", "quiet"):
        site = {"kind": "cafe", "name": slug.title(), "time_zone": "UTC", "slug": slug}
        assert made.client.post("/api/sites", json=site).status_code == 201
    return made


@pytest.fixture
def team(server: LiveServer) -> Iterator[Principals]:
    principals = Principals(server)
    yield principals
    principals.close()


def member(team: Principals, name: str, role: str = "staff") -> httpx.Client:
    """Somebody with a role at all sites."""
    account = team.account(name=name)
    team.grant(account, team.organisation_of("corner"), role)
    return team.signed_in(account)


def cookies_of(client: httpx.Client) -> dict[str, Any]:
    """What makes a browser be signed in as that client is."""
    name, _, value = client.headers["cookie"].partition("=")
    return {"cookies": [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "expires": -1,
                         "httpOnly": True, "secure": False, "sameSite": "Lax"}]}  # fmt: skip


async def opened(looker: Looker, viewer: httpx.Client, query: str = "", **more: Any) -> Page:
    page = await looker.open(PATH + query, storage_state=cookies_of(viewer), **more)
    await page.get_by_role("table", name="Team").wait_for(timeout=LONG_MS)
    return page


async def test_the_list_follows_who_comes_says_something_and_leaves(looker: Looker, team: Principals) -> None:
    manager, cy = member(team, "Mo Hart", "manager"), member(team, "Cy Fox")
    page = await opened(looker, manager)
    row = page.get_by_role("row", name="Cy Fox")
    cy.post("/api/presence/beat", json={})
    await expect(row).to_contain_text("There", timeout=LONG_MS)
    cy.put("/api/presence/status", json={"status": "busy"})
    await expect(row).to_contain_text("Busy", timeout=LONG_MS)
    cy.post("/api/presence/beat", json={"status": "offline"})
    await expect(row).to_contain_text("Offline", timeout=LONG_MS)
    await expect(row).to_contain_text("just now")
    # whoever looks is there by looking, and says how to be shown
    await expect(page.get_by_role("row", name="Mo Hart You")).to_contain_text("There", timeout=LONG_MS)
    devices = "select count(*) from presence_lease l join account a on a.id = l.subject_id where a.name = 'Mo Hart'"
    assert team.run(team.server.house.presence._pool.fetchval(devices)) == 1  # the page tells that it is touched
    await page.get_by_role("button", name="My status").click()
    await page.get_by_role("radio", name="Busy").check()
    await page.get_by_label("Until").select_option("2")
    await page.get_by_role("button", name="Say so").click()
    await expect(page.get_by_role("row", name="Mo Hart You")).to_contain_text("Busy", timeout=LONG_MS)
    told = manager.get("/api/presence/me").json()
    assert told["said"] == "busy" and told["said_until"] is not None
    program = team.token("corner", "observe")
    program.post("/api/presence/beat", json={"device": "PC7"})
    await expect(page.get_by_role("table", name="Devices").get_by_role("row", name="PC7")).to_contain_text(
        "There", timeout=LONG_MS
    )
    program.post("/api/presence/beat", json={"device": "PC7", "status": "offline"})
    await team_swept(team)
    await expect(page.get_by_role("row", name="PC7")).to_have_count(0, timeout=LONG_MS)


async def team_swept(team: Principals) -> None:
    """What the server does each minute, now: it lets go of leases that have ended."""
    presence = team.server.house.presence
    team.run(presence.write())
    team.run(presence.mark_offline(0.0))


async def test_the_filter_is_in_the_address_and_says_when_nobody_fits(looker: Looker, team: Principals) -> None:
    manager, ann = member(team, "Mia Lund", "manager"), member(team, "Ann Moss")
    ann.post("/api/presence/beat", json={"idle_s": 900})
    page = await opened(looker, manager)
    await page.get_by_role("button", name="Away").click()
    await expect(page.get_by_role("row", name="Ann Moss")).to_be_visible(timeout=LONG_MS)
    await page.get_by_label("Name or device").fill("moss")
    assert await page.evaluate("location.search") == "?state=away&find=moss"
    await page.reload()
    await expect(page.get_by_role("row", name="Ann Moss")).to_be_visible(timeout=LONG_MS)
    await expect(page.get_by_role("row", name="Mia Lund")).to_have_count(0)
    await page.get_by_label("Name or device").fill("nobody")
    await page.get_by_role("button", name="Show everybody").click()
    await expect(page.get_by_role("row", name="Mia Lund")).to_be_visible(timeout=LONG_MS)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    assert (await saving.value).suggested_filename == "corner-presence.csv"


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
async def test_presence_is_for_everyone(looker: Looker, team: Principals, scheme: str, viewport: Any) -> None:
    manager = member(team, "Kim Day", "manager")
    page = await opened(looker, manager, scheme=scheme, viewport=viewport)
    await check(page)
    await page.get_by_role("button", name="My status").click()
    await check(page)


def test_who_may_see_names_is_led_there_and_nobody_else(team: Principals) -> None:
    for role, is_led in (("viewer", True), ("housekeeping", False)):
        person = member(team, "Some Body", role)
        screens = [screen["name"] for screen in data_of(person.get("/console/corner"))["screens"]]
        assert ("presence" in screens, person.get(PATH).status_code) == (is_led, 200 if is_led else 404)
