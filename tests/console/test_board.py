"""The board as people use it: it tells by itself what is so, and what is done on it is done."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from holdfast.settings import Settings
from tests.conftest import DATA
from tests.console.conftest import PHONE, Book, Looker, Seat, act
from tests.http.conftest import LiveServer

WITHIN_MS = 10_000
DASH = "\u2013"


def tile(page: Page, code: str) -> Any:
    return page.locator(f'.tile[data-unit="{code}"]')


def opener(page: Page, code: str) -> Any:
    return tile(page, code).locator(".tile-open")


def board_of(client: httpx.Client, site: str) -> dict[str, Any]:
    units: list[dict[str, Any]] = client.get(f"/api/sites/{site}/board").json()["units"]
    return {unit["code"]: unit for unit in units}


def booking_of(client: httpx.Client, site: str, name: str) -> dict[str, Any]:
    found = client.get(f"/api/sites/{site}/bookings").json()["bookings"]
    return next(one for one in found if one["customer"].get("name") == name)


def add(client: httpx.Client, site: str, code: str) -> None:
    units = {"units": [{"code": code, "category": "pc"}]}
    assert client.post(f"/api/sites/{site}/units", json=units).status_code == 200


async def test_a_tile_says_who_is_there_until_when_and_what_comes_next(
    looker: Looker, cafe: str, seat: Seat, book: Book
) -> None:
    seat("PC1", name="Ann Lee", minutes=45)
    book("PC2", halves=6, name="Ben Oh")
    page = await looker.open(f"/console/{cafe}")
    await expect(tile(page, "PC1")).to_contain_text("Active")
    await expect(tile(page, "PC1")).to_contain_text("Ann Lee")
    await expect(tile(page, "PC1")).to_contain_text(re.compile(r"4[45] min left"))
    await expect(tile(page, "PC2")).to_contain_text("Available")
    await expect(tile(page, "PC2")).to_contain_text("free until")
    await expect(page.locator(".tile")).to_have_count(5)  # the Arena is a place, its PCs are the tiles
    await expect(page.get_by_role("heading", name="Arena")).to_be_visible()


async def test_a_tile_turns_available_by_itself_at_its_end(looker: Looker, cafe: str, seat: Seat) -> None:
    seat("PC1", seconds=3)
    page = await looker.open(f"/console/{cafe}")
    await expect(tile(page, "PC1")).to_contain_text(re.compile(r"0:0\d left"))
    await expect(tile(page, "PC1")).to_contain_text("Available", timeout=WITHIN_MS)
    await expect(tile(page, "PC1").locator(".tile-who")).to_have_text(DASH)
    await expect(tile(page, "PC1")).not_to_contain_text("left")


async def test_what_others_do_appears_without_asking(
    looker: Looker, client: httpx.Client, cafe: str, seat: Seat
) -> None:
    page = await looker.open(f"/console/{cafe}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    session = seat("PC3", name="Zoe Ray")
    await expect(tile(page, "PC3")).to_contain_text("Zoe Ray")
    act(client, cafe, session, "move", unit="PC4")
    await expect(tile(page, "PC4")).to_contain_text("Zoe Ray")
    await expect(tile(page, "PC3")).to_contain_text("Available")
    add(client, cafe, "PC9")
    await expect(tile(page, "PC9")).to_contain_text("Available")
    assert asked == []


async def test_somebody_is_seated_in_two_clicks(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await looker.open(f"/console/{cafe}")
    await tile(page, "PC2").hover()
    await tile(page, "PC2").get_by_role("button", name="Seat someone at PC2").click()
    await page.get_by_role("menuitem", name="1 h").click()
    await expect(tile(page, "PC2")).to_contain_text("Active")
    await expect(tile(page, "PC2")).to_contain_text(re.compile("(1 h|1 h 1 min|60 min) left"))
    assert board_of(client, cafe)["PC2"]["shown_status"] == "Active"


async def test_on_a_phone_somebody_is_seated_in_two_taps(looker: Looker, cafe: str) -> None:
    page = await looker.open(f"/console/{cafe}", viewport=PHONE, has_touch=True, is_mobile=True)
    await opener(page, "PC2").tap()
    await page.get_by_role("menuitem", name="30 min").tap()
    await expect(tile(page, "PC2")).to_contain_text("Active")
    await expect(page.locator("dialog")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # no screen is out of reach: the first ones stand there, the others are behind one button
    await page.get_by_role("button", name="More").tap()
    await page.get_by_role("menuitem", name="Settings").tap()
    await page.wait_for_url("**/settings")
    await expect(page.get_by_role("button", name="More")).to_have_attribute("aria-current", "true")


async def test_a_conflict_keeps_the_form_and_offers_what_is_free(
    looker: Looker, client: httpx.Client, cafe: str, book: Book
) -> None:
    taken = book("PC1", name="First Come")
    page = await looker.open(f"/console/{cafe}")
    await page.get_by_role("button", name="New booking").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Unit").select_option("PC1")
    await dialog.get_by_label("Start").fill(taken["from"][:16])
    await dialog.get_by_label("Name").fill("Second Come")
    await dialog.get_by_role("button", name="Book").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Somebody else has that time.")
    await expect(dialog.get_by_role("alert")).to_contain_text("In the way: PC1")
    await expect(dialog.get_by_label("Name")).to_have_value("Second Come")
    await dialog.locator(".alternative").first.click()
    await expect(page.locator("dialog")).to_have_count(0)
    second = booking_of(client, cafe, "Second Come")
    assert second["units"] != taken["units"] or second["from"] != taken["from"]
    await expect(page.locator("#toasts")).to_contain_text(f"Booked {second['units'][0]}")


async def test_a_session_is_extended_and_ended_from_its_panel(
    looker: Looker, client: httpx.Client, cafe: str, seat: Seat
) -> None:
    seat("PC1", minutes=20)
    page = await looker.open(f"/console/{cafe}")
    await opener(page, "PC1").click()
    panel = page.get_by_role("dialog", name="PC1")
    await panel.get_by_role("button", name="Extend by 15 min").click()
    await expect(panel).to_contain_text(re.compile(r"3[45] min left"))
    await panel.get_by_role("button", name="End", exact=True).click()
    await page.get_by_role("dialog", name="End the session on PC1?").get_by_role("button", name="End").click()
    await expect(tile(page, "PC1")).to_contain_text("Available")
    assert board_of(client, cafe)["PC1"]["shown_status"] == "Available"


async def test_an_extension_in_the_way_offers_to_go_on_elsewhere(
    looker: Looker, cafe: str, seat: Seat, book: Book
) -> None:
    seat("PC1", name="Ann Lee", minutes=5)
    book("PC1", halves=1, name="Ben Oh")
    page = await looker.open(f"/console/{cafe}")
    await opener(page, "PC1").click()
    await page.get_by_role("button", name="Extend by 60 min").click()
    refused = page.get_by_role("dialog", name="PC1 cannot be extended")
    await refused.locator(".alternative").first.click()
    await expect(page.locator(".tile", has_text="Ann Lee")).not_to_have_attribute("data-unit", "PC1")


def look_at_all(client: httpx.Client) -> None:
    assert client.post("/api/reconcile").status_code == 200


async def test_a_tile_says_why(looker: Looker, client: httpx.Client, cafe: str, seat: Seat) -> None:
    reference = seat("PC1", name="Ann Lee")["reference"]
    look_at_all(client)
    page = await looker.open(f"/console/{cafe}")
    await opener(page, "PC1").click()
    panel = page.get_by_role("dialog", name="PC1")
    await expect(panel).to_contain_text("Why Active?")
    await expect(panel).to_contain_text(f"Ann Lee is here: the session of booking {reference} runs")
    await expect(panel).to_contain_text(re.compile(r"Written at version \d+ by this machine"))
    await expect(panel).to_contain_text("Last compared with all that is recorded:")
    await panel.get_by_role("button", name="Show history").click()
    await expect(panel.locator(".timeline").last).to_contain_text("Available → Active")
    await page.keyboard.press("Escape")
    await opener(page, "PC2").click()
    await expect(page.get_by_role("dialog", name="PC2")).to_contain_text("No session runs, nothing blocks it")


async def test_maintenance_is_said_with_its_reason_and_taken_back(
    looker: Looker, client: httpx.Client, cafe: str
) -> None:
    page = await looker.open(f"/console/{cafe}")
    for until, reason in (("notice", "new fan"), ("2", "new screen")):
        await opener(page, "PC3").click()
        await page.get_by_role("dialog", name="PC3").get_by_role("button", name="Maintenance").click()
        form = page.get_by_role("dialog", name="Take PC3 out of use")
        await form.get_by_label("Reason").fill(reason)
        await form.get_by_label("Until").select_option(until)
        await form.get_by_role("button", name="Maintenance").click()
        await expect(tile(page, "PC3")).to_contain_text("Maintenance")
        assert board_of(client, cafe)["PC3"]["shown_status"] == "Under Maintenance"
        await page.get_by_role("dialog", name="PC3").get_by_role("button", name="Back in use").click()
        await expect(tile(page, "PC3")).to_contain_text("Available")
        await page.get_by_role("dialog", name="PC3").get_by_role("button", name="Close").click()


async def test_several_at_once_and_what_was_not_done_is_said(
    looker: Looker, client: httpx.Client, cafe: str, seat: Seat, book: Book
) -> None:
    seat("PC1", minutes=5)
    seat("PC2", minutes=5)
    book("PC2", halves=1)
    page = await looker.open(f"/console/{cafe}")
    for code in ("PC1", "PC2"):
        await opener(page, code).click(modifiers=["Control"])
    bar = page.get_by_role("toolbar", name="2 selected")
    await bar.get_by_role("button", name="Extend by 60 min").click()
    report = page.get_by_role("dialog", name="1 done, 1 not")
    await expect(report).to_contain_text("PC2")
    await report.get_by_role("button", name="Close").click()
    await expect(tile(page, "PC1")).to_contain_text(re.compile(r"1 h [45] min left"))
    await page.keyboard.press("Escape")
    await expect(bar).to_have_count(0)


async def test_everything_can_be_done_by_keyboard(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await looker.open(f"/console/{cafe}")
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("Skip to content")
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(":focus")).to_have_attribute("data-code", "PC1")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(":focus")).to_have_attribute("data-code", "PC2")
    await page.keyboard.press("w")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(tile(page, "PC2")).to_contain_text("Active")
    await opener(page, "PC2").focus()
    await page.keyboard.press("e")
    await expect(tile(page, "PC2")).to_contain_text(re.compile(r"1 h (29 |30 |31 )min left|90 min left"))
    await page.keyboard.press("q")
    await page.keyboard.press("Enter")
    await expect(tile(page, "PC2")).to_contain_text("Available")
    await expect(page.locator(":focus")).to_have_attribute("data-code", "PC2")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="PC2")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("pc4")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="PC4")).to_be_visible()


async def test_the_list_has_a_dash_where_nobody_is_and_keeps_its_filters_in_the_address(
    looker: Looker, cafe: str, seat: Seat
) -> None:
    seat("PC1", name="Ann Lee", minutes=45)
    page = await looker.open(f"/console/{cafe}?view=list&sort=status")
    row = page.get_by_role("row", name="PC1")
    await expect(row).to_contain_text("Ann Lee")
    await expect(row.get_by_role("progressbar")).to_be_visible()
    cells = page.get_by_role("row", name="PC2").get_by_role("cell")
    await expect(cells.nth(3)).to_have_text(DASH)
    await expect(page.locator("thead [aria-sort=ascending]")).to_have_text("Status")
    await page.get_by_role("button", name="Available").click()
    await expect(page.locator("tbody tr")).to_have_count(4)
    assert "status=Available" in page.url
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    saved = (await (await saving.value).path()).read_text("utf-8-sig").splitlines()
    assert saved[0].startswith("Unit,Room,Status")
    assert len(saved) == 5


async def test_the_badge_says_when_the_server_is_down_and_nothing_is_missed(
    database_url: str, browser: Browser, make_server_on: Callable[..., LiveServer]
) -> None:
    kept = make_server_on(database_url, admin_token=None)
    assert kept.client.post("/api/sites", json={"kind": "cafe", "name": "Kept", "time_zone": "UTC"}).status_code == 201
    add(kept.client, "kept", "PC1")
    settings = Settings(database_url=database_url, port=0, data=DATA)
    first = LiveServer(settings)
    first.start()
    looker = Looker(browser, first.url)
    page = await looker.open("/console/kept")
    await expect(page.locator("#live")).to_contain_text("Live")
    first.stop()
    await expect(page.locator("#live")).to_contain_text("Offline", timeout=WITHIN_MS)
    await expect(page.locator("#strip")).to_contain_text("This page catches up by itself")
    # what another process does meanwhile
    assert kept.client.post("/api/sites/kept/bookings", json={"unit": "PC1", "walk_in": True}).status_code == 201
    again = LiveServer(replace(settings, port=int(first.url.rsplit(":", 1)[1])))
    again.start()
    try:
        await expect(tile(page, "PC1")).to_contain_text("Active", timeout=20_000)
        await expect(page.locator("#live")).to_contain_text("Live")
        await expect(page.locator("#strip")).to_be_hidden()
        looker.faults = [fault for fault in looker.faults if "net::ERR_" not in fault]
        await looker.check()
    finally:
        again.stop()


async def test_a_viewer_is_shown_only_what_they_may_do(
    looker: Looker, server: LiveServer, cafe: str, seat: Seat, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.console import pages, viewer

    async def guest(request: Any, site: Any = None) -> viewer.Viewer:
        return viewer.Viewer("guest", ("read",))

    monkeypatch.setattr(pages, "viewer_of", guest)
    seat("PC1")
    page = await looker.open(f"/console/{cafe}")
    await expect(page.get_by_role("button", name="New booking")).to_have_count(0)
    await opener(page, "PC1").click()
    panel = page.get_by_role("dialog", name="PC1")
    await expect(panel).to_contain_text("Why Active?")
    for name in ("End", "Maintenance", "Extend by 15 min"):
        await expect(panel.get_by_role("button", name=name)).to_have_count(0)


async def test_what_looks_like_markup_is_a_name(looker: Looker, cafe: str, seat: Seat) -> None:
    evil = '<img src="https://elsewhere.example/x" onerror="alert(1)">'
    seat("PC1", name=evil)
    page = await looker.open(f"/console/{cafe}")
    await expect(tile(page, "PC1").locator(".tile-who")).to_have_text(evil)
    await opener(page, "PC1").click()
    await expect(page.get_by_role("dialog", name="PC1").locator(".who")).to_have_text(evil)
