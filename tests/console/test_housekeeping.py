"""Housekeeping on a phone: the rooms in the order in which they are needed, one press each, and nobody's name."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import PHONE, Looker, day
from tests.console.test_look import LOOKS, check
from tests.http.conftest import LiveServer
from tests.principals import Principals

SOON_MS = 15_000


@pytest.fixture
def hotel(client: httpx.Client) -> str:
    """A hotel in UTC whose day begins at midnight, with four rooms on two floors; its slug."""
    site = {
        "kind": "hotel", "name": "Sea View", "time_zone": "UTC", "slug": "sea-view", "settings": {"cut_off": "00:00"},
    }  # fmt: skip
    assert client.post("/api/sites", json=site).status_code == 201
    conditions = {"101": "clean", "102": "dirty", "201": "dirty", "202": "inspected"}
    units = [{"code": code, "category": "double", "condition": condition} for code, condition in conditions.items()]
    assert client.post("/api/sites/sea-view/units", json={"units": units}).status_code == 200
    booking = {
        "unit": "201",
        "date": day(0),
        "nights": 2,
        "customer": {"name": "Zaphod Quist"},
        "note": "allergic to down",
    }
    assert client.post("/api/sites/sea-view/bookings", json=booking).status_code == 201
    return "sea-view"


@pytest.fixture
def people(server: LiveServer) -> Iterator[Principals]:
    made = Principals(server)
    yield made
    made.close()


def kept_by(server: LiveServer, person: httpx.Client) -> dict[str, Any]:
    """Somebody's session as a browser keeps it."""
    name, value = person.headers["cookie"].split("=", 1)
    cookie = {"name": name, "value": value, "domain": httpx.URL(server.url).host, "path": "/", "expires": -1}
    return {"cookies": [{**cookie, "httpOnly": True, "secure": False, "sameSite": "Lax"}], "origins": []}


def room(page: Page, code: str) -> Any:
    return page.locator(f'.keeping-room[data-unit="{code}"]')


def unit_of(client: httpx.Client, code: str) -> dict[str, Any]:
    units = client.get("/api/sites/sea-view/units").json()["units"]
    found: dict[str, Any] = next(unit for unit in units if unit["code"] == code)
    return found


def change(client: httpx.Client, code: str, **more: Any) -> None:
    assert client.patch(f"/api/sites/sea-view/units/{code}", json=more).status_code == 200


def blocks_of(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/sites/sea-view/blocks").json()["blocks"]
    return found


def walk_in(client: httpx.Client, code: str) -> None:
    body = {"unit": code, "walk_in": True, "date": day(0), "nights": 1}
    assert client.post("/api/sites/sea-view/bookings", json=body).status_code == 201


async def test_a_housekeeper_taps_rooms_clean_on_a_phone_and_reads_no_names(
    looker: Looker, server: LiveServer, people: Principals, hotel: str
) -> None:
    keeper, manager = people.person("housekeeping", hotel), people.person("manager", hotel)
    page = await looker.open(
        f"/console/{hotel}/housekeeping", viewport=PHONE, has_touch=True, is_mobile=True,
        storage_state=kept_by(server, keeper),
    )  # fmt: skip
    # where somebody comes today stands first
    await expect(page.locator(".keeping-room").first).to_contain_text("201")
    await expect(room(page, "201")).to_contain_text("next guest 15:00")
    await room(page, "201").get_by_role("button", name="clean now").tap()
    await expect(room(page, "201").locator(".badge")).to_have_text("Clean", timeout=SOON_MS)
    assert unit_of(manager, "201")["condition"] == "clean"
    await page.locator("#toasts").get_by_role("button", name="Undo").tap()
    await expect(room(page, "201").get_by_role("button", name="clean now")).to_be_visible(timeout=SOON_MS)
    await room(page, "201").get_by_role("button", name="clean now").tap()
    await room(page, "201").get_by_role("button", name="inspected now").tap()
    await expect(room(page, "201").locator(".badge")).to_have_text("Inspected", timeout=SOON_MS)
    assert unit_of(manager, "201")["condition"] == "inspected"
    await room(page, "201").get_by_role("button", name="Open 201").tap()
    await expect(page.get_by_role("dialog", name="201")).to_contain_text("Guest")
    for text in ("Zaphod", "allergic"):
        assert text not in await page.content()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_problem_is_noted_for_all_and_takes_the_room_out_of_use(
    looker: Looker, server: LiveServer, people: Principals, hotel: str
) -> None:
    keeper, manager = people.person("housekeeping", hotel), people.person("manager", hotel)
    kept = kept_by(server, keeper)
    page = await looker.open(f"/console/{hotel}/housekeeping", viewport=PHONE, storage_state=kept)
    desk = await looker.open(f"/console/{hotel}", storage_state=kept_by(server, manager))
    await room(page, "102").get_by_role("button", name="Note or problem").click()
    form = page.get_by_role("dialog", name="102: note or problem")
    await expect(form.get_by_role("option", name="is blocked until a date")).to_have_count(0)
    await form.get_by_label("Note").fill("tap drips")
    await form.get_by_label("The room").select_option("under_maintenance")
    await form.get_by_role("button", name="Save").click()
    await expect(room(page, "102")).to_contain_text("tap drips", timeout=SOON_MS)
    await expect(room(page, "102")).to_contain_text("Maintenance")
    assert unit_of(manager, "102")["attributes"] == {"note": "tap drips"}
    await expect(desk.locator('.tape-row[data-unit="102"] .room')).to_contain_text("tap drips", timeout=SOON_MS)


async def test_whoever_may_block_does_so_until_a_date(looker: Looker, client: httpx.Client, hotel: str) -> None:
    page = await looker.open(f"/console/{hotel}/housekeeping")
    await room(page, "101").get_by_role("button", name="Note or problem").click()
    form = page.get_by_role("dialog", name="101: note or problem")
    await form.get_by_label("Note").fill("new carpet")
    await form.get_by_label("The room").select_option("block")
    await form.get_by_label("Until").fill(day(3))
    await form.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("101: noted", timeout=SOON_MS)
    (block,) = blocks_of(client)
    assert (block["units"], block["to"][:10], block["reason"]) == (["101"], day(3), "new carpet")


async def test_rooms_are_filtered_and_what_others_do_appears(looker: Looker, client: httpx.Client, hotel: str) -> None:
    page = await looker.open(f"/console/{hotel}/housekeeping?floor=2")
    await expect(page.locator(".keeping-room")).to_have_count(2)
    await page.get_by_label("Filter by floor").select_option("")
    await page.get_by_role("button", name="Dirty 2").click()
    await expect(page.locator(".keeping-room")).to_have_count(2)
    assert "condition=dirty" in page.url
    change(client, "102", condition="clean")
    await expect(page.locator(".keeping-room")).to_have_count(1, timeout=SOON_MS)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    saved = (await (await saving.value).path()).read_text("utf-8-sig").splitlines()
    assert saved[0].startswith("Room,Category,Condition")
    assert saved[1].startswith("201,double,Dirty")
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="clean now")).to_have_count(0)
    await expect(room(page, "201")).to_contain_text("next guest")


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_housekeeping_is_for_everyone(
    looker: Looker, client: httpx.Client, hotel: str, scheme: str, viewport: Any
) -> None:
    walk_in(client, "101")
    change(client, "202", condition="out_of_service", note="no heating")
    page = await looker.open(f"/console/{hotel}/housekeeping", scheme=scheme, viewport=viewport)
    await check(page)
    await room(page, "102").get_by_role("button", name="Note or problem").click()
    await check(page)
