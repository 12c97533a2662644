"""Pages for everyone: no breach that axe finds, in light, in dark, on a phone; nothing sticks out at the side."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.console.conftest import DESK, PHONE, Book, Looker, Seat

LOOKS = [
    ("light", DESK),
    ("dark", PHONE),
    # each colour and each width was looked at by now; the rest of the combinations are for those who have longer
    pytest.param("dark", DESK, marks=pytest.mark.long),
    pytest.param("light", PHONE, marks=pytest.mark.long),
]


async def breaches(page: Page) -> list[Any]:
    found = await Axe().run(page)
    return [
        (one["id"], one["help"], [node["html"][:160] for node in one["nodes"]][:4])
        for one in found.response["violations"]
    ]


async def check(page: Page) -> None:
    assert await breaches(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it sticks out at the side"


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_the_board_is_for_everyone(
    looker: Looker, cafe: str, seat: Seat, book: Book, client: Any, scheme: str, viewport: Any
) -> None:
    seat("PC1", minutes=45)
    seat("PC2", seconds=240)
    book("PC3", halves=0, length_halves=2)
    assert client.patch(f"/api/sites/{cafe}/units/PC4", json={"condition": "under_maintenance"}).status_code == 200
    page = await looker.open(f"/console/{cafe}", scheme=scheme, viewport=viewport)
    await check(page)
    await page.locator('.tile-open[data-code="PC1"]').click()
    await page.wait_for_selector("dialog .acts button")
    await check(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New booking").click()
    await check(page)
    await page.keyboard.press("Escape")
    await page.goto(f"{looker.url}/console/{cafe}?view=list")
    await page.wait_for_selector(".table")
    await check(page)


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_all_parts_are_for_everyone(looker: Looker, scheme: str, viewport: Any) -> None:
    await check(await looker.open("/console/components", scheme=scheme, viewport=viewport))


async def test_the_list_of_sites_and_the_menus_are_for_everyone(looker: Looker, cafe: str) -> None:
    await check(await looker.open("/console"))
    page = await looker.open(f"/console/{cafe}")
    await page.get_by_role("button", name="Account and appearance").click()
    await check(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await check(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await check(page)


async def test_an_empty_site_says_what_to_do(looker: Looker, client: Any, cafe: str) -> None:
    made = {"kind": "cafe", "name": "Empty", "time_zone": "UTC", "slug": "empty"}
    assert client.post("/api/sites", json=made).status_code == 201
    page = await looker.open("/console/empty")
    assert "No units yet" in await page.locator("main").inner_text()
    await check(page)
