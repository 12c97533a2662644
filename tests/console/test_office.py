"""The office: bookings found and opened, blocks made around what is there, findings settled, the past looked at."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import Book, Looker, Seat
from tests.console.test_board import act, board_of
from tests.console.test_look import LOOKS, check
from tests.http.conftest import LiveServer

WITHIN_MS = 10_000
WEEK = "from=2020-01-01"


def rows(page: Page) -> Any:
    return page.locator("main .table tbody tr:not(.line-more)")


def seen(client: httpx.Client, site: str, unit: str, what: str) -> None:
    said = {"observations": [{"unit": unit, "seen": what}]}
    assert client.post(f"/api/sites/{site}/observations", json=said).status_code == 200


def blocks_of(client: httpx.Client, site: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/sites/{site}/blocks").json()["blocks"]
    return found


def block(client: httpx.Client, site: str, unit: str) -> None:
    later = datetime.now(UTC) + timedelta(hours=3)
    time = {"from": later.isoformat(), "to": (later + timedelta(hours=1)).isoformat()}
    made = client.post(f"/api/sites/{site}/blocks", json={"units": [unit], "reason": "new cables", **time})
    assert made.status_code == 201


async def test_a_booking_is_found_by_name_and_by_reference_and_opened(
    looker: Looker, cafe: str, seat: Seat, book: Book
) -> None:
    seat("PC1", name="Ann Lee")
    booked = book("PC2", name="Ben Oh")
    page = await looker.open(f"/console/{cafe}/bookings?{WEEK}")
    await expect(rows(page)).to_have_count(2)
    find = page.get_by_label("Reference, name, e-mail or phone")
    await find.fill("ben")
    await expect(rows(page)).to_have_count(1)
    await expect(page).to_have_url(re.compile("find=ben"))
    await find.fill(booked["reference"].lower())
    await expect(rows(page)).to_contain_text(["Ben Oh"])
    await rows(page).first.click()
    panel = page.get_by_role("dialog")
    await expect(panel).to_contain_text(booked["reference"])
    await expect(panel.locator(".timeline")).to_contain_text("Booked")
    await panel.get_by_role("button", name="Cancel booking").click()
    await page.get_by_label("Reason").fill("fell ill")
    await page.get_by_role("dialog").last.get_by_role("button", name="Cancel booking").click()
    await expect(panel.first.locator(".timeline")).to_contain_text("fell ill", timeout=WITHIN_MS)
    await expect(rows(page)).to_contain_text(["Cancelled"], timeout=WITHIN_MS)


async def test_filters_stand_in_the_address_and_new_bookings_appear(
    looker: Looker, cafe: str, seat: Seat, book: Book
) -> None:
    seat("PC1", name="Ann Lee")
    page = await looker.open(f"/console/{cafe}/bookings?{WEEK}")
    await expect(rows(page)).to_have_count(1)
    book("PC2", name="Ben Oh")
    await expect(rows(page)).to_have_count(2, timeout=WITHIN_MS)
    await page.get_by_label("State").select_option("Booked")
    await expect(rows(page)).to_contain_text(["Ben Oh"])
    await page.reload()
    await expect(rows(page)).to_have_count(1)
    await expect(page.get_by_label("State")).to_have_value("Booked")
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    text = (await (await saving.value).path()).read_text("utf-8-sig")
    assert "Ben Oh" in text and "Ann Lee" not in text


async def test_the_day_is_printed_as_a_list(looker: Looker, cafe: str, seat: Seat) -> None:
    seat("PC1", name="Ann Lee")
    page = await looker.open(f"/console/{cafe}/bookings?{WEEK}")
    await page.evaluate("window.print = () => {}; 0")
    await page.get_by_label("From", exact=True).fill(datetime.now(UTC).date().isoformat())
    await page.get_by_role("button", name="Print the day").click()
    await expect(page.locator(".sheet")).to_have_count(1)
    await page.emulate_media(media="print")
    await expect(page.locator(".sheet")).to_be_visible()
    await expect(page.locator(".topbar")).to_be_hidden()
    await expect(page.locator(".sheet")).to_contain_text("Ann Lee")
    await page.evaluate("dispatchEvent(new Event('afterprint'))")
    await expect(page.locator(".sheet")).to_have_count(0)


async def test_the_search_finds_bookings_units_and_screens(looker: Looker, cafe: str, book: Book) -> None:
    booked = book("PC2", name="Ben Oh")
    page = await looker.open(f"/console/{cafe}/blocks")
    for typed, told in (("ben", "Ben Oh"), (booked["reference"], "Ben Oh"), ("PC4", "PC4"), ("audit", "Audit")):
        await page.get_by_role("button", name="Search").click()
        await page.get_by_role("combobox").fill(typed)
        await expect(page.get_by_role("option", name=told).first).to_be_visible(timeout=WITHIN_MS)
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("combobox")).to_have_count(0)
    await page.keyboard.press("/")
    await page.get_by_role("combobox").fill("ben")
    await page.get_by_role("option", name="Ben Oh").click()
    await expect(page.get_by_role("dialog")).to_contain_text(booked["reference"])


async def test_a_block_is_made_around_what_is_booked_and_removed(
    looker: Looker, client: httpx.Client, cafe: str, seat: Seat
) -> None:
    seat("PC1", name="Ann Lee")
    page = await looker.open(f"/console/{cafe}/blocks")
    await expect(page.locator("main")).to_contain_text("Nothing is blocked")
    await page.get_by_role("button", name="New block").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("PC1").check()
    await form.get_by_label("PC2").check()
    await form.get_by_label("Reason").fill("new cables")
    await form.get_by_label("Condition afterwards").select_option("dirty")
    await form.get_by_role("button", name="Block 2 units").click()
    await expect(form.get_by_role("alert")).to_contain_text("1 time is taken")
    await expect(form.get_by_role("alert")).to_contain_text("PC1")
    await expect(form.get_by_label("Reason")).to_have_value("new cables")
    await form.get_by_role("button", name="Block around them").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 booking to re-plan")
    await expect(page.get_by_role("dialog")).to_contain_text("Ann Lee")
    await page.keyboard.press("Escape")
    await expect(rows(page)).to_contain_text(["new cables"], timeout=WITHIN_MS)
    await rows(page).get_by_role("button", name="Remove").click()
    await page.get_by_label("Reason").fill("done early")
    await page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    await expect(page.locator("main")).to_contain_text("Nothing is blocked", timeout=WITHIN_MS)
    assert blocks_of(client, cafe) == []


async def test_a_finding_is_counted_shown_and_dismissed_live(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await looker.open(f"/console/{cafe}/findings")
    await expect(page.locator("main")).to_contain_text("Nothing to judge")
    seen(client, cafe, "PC1", "occupied")
    card = page.locator(".finding")
    await expect(card).to_contain_text("Somebody is there, nothing is booked", timeout=WITHIN_MS)
    await expect(card).to_contain_text("PC1")
    link = page.get_by_role("link", name="Findings")
    await expect(link).to_contain_text("1 open finding", timeout=WITHIN_MS)
    await card.get_by_role("button", name="Dismiss").click()
    await page.get_by_label("Reason").fill("it is the cleaner")
    await page.get_by_role("dialog").get_by_role("button", name="Dismiss").click()
    await expect(page.locator("main")).to_contain_text("Nothing to judge", timeout=WITHIN_MS)
    await expect(link).not_to_contain_text("open finding")
    await page.get_by_role("button", name="Dismissed").click()
    await expect(card).to_contain_text("it is the cleaner")


async def test_a_dry_run_tells_what_would_be_done_and_a_look_does_it(
    looker: Looker, client: httpx.Client, cafe: str, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("update unit set shown_status = 'Active' where code = 'PC3'")
    await connection.close()
    page = await looker.open(f"/console/{cafe}/findings?state=repaired")
    await page.get_by_role("button", name="Dry run").click()
    told = page.get_by_role("dialog")
    await expect(told).to_contain_text("1 would be repaired.")
    await expect(told).to_contain_text("PC3")
    assert board_of(client, cafe)["PC3"]["shown_status"] == "Active"
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Look now").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 repaired.")
    await page.keyboard.press("Escape")
    await expect(page.locator(".finding")).to_contain_text("Status was wrong", timeout=WITHIN_MS)
    await expect(page.locator(".finding")).to_contain_text("Available")


async def test_the_journal_opens_to_what_a_line_changed_and_goes_on_live(
    looker: Looker, client: httpx.Client, cafe: str, book: Book
) -> None:
    booked = book("PC2", name="Ben Oh")
    page = await looker.open(f"/console/{cafe}/audit?type=booking")
    await expect(rows(page)).to_have_count(1)
    act(client, cafe, booked, "extend", minutes=30)
    await expect(rows(page)).to_have_count(2, timeout=WITHIN_MS)
    await rows(page).first.get_by_role("button").click()
    diff = page.locator(".diff")
    await expect(diff.locator("tbody tr")).to_have_count(1)
    await expect(diff).to_contain_text("To")
    await expect(diff.locator("del")).to_be_visible()
    subject = page.get_by_label("Unit or booking reference")
    await subject.fill(booked["reference"])
    await expect(rows(page)).to_have_count(2)
    await subject.fill("PC4")
    await page.get_by_label("What").select_option("")
    await expect(rows(page)).to_contain_text(["Added"])
    await page.get_by_role("button", name="Export").click()
    async with page.expect_download() as saving:
        await page.get_by_role("menuitem", name="Lines shown, JSON lines").click()
    lines = (await (await saving.value).path()).read_text().splitlines()
    assert len(lines) == 1 and "PC4" in lines[0]


async def test_the_board_is_shown_as_it_was_and_comes_back_to_now(
    looker: Looker, client: httpx.Client, cafe: str, seat: Seat, database_url: str
) -> None:
    # as if all that has been written had been written an hour ago
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "update journal set at = at - interval '1 hour', effective_at = effective_at - interval '1 hour'"
    )
    await connection.execute("update site set created_at = created_at - interval '2 hours'")
    await connection.close()
    seat("PC1", name="Ann Lee")
    page = await looker.open(f"/console/{cafe}/audit?view=then")
    tile = page.locator(".tile.past", has_text="PC1")
    await expect(tile).to_contain_text("Active")
    await expect(tile).to_contain_text("Ann Lee")
    slider = page.get_by_role("slider")
    await slider.focus()
    await page.keyboard.press("PageDown")
    await page.keyboard.press("PageDown")
    await expect(page.locator(".banner")).to_contain_text("This is the past")
    await expect(tile).to_contain_text("Available", timeout=WITHIN_MS)
    await expect(tile).to_contain_text("Now: Active")
    await expect(page).to_have_url(re.compile("at=20"))
    await page.get_by_role("button", name="Back to now").click()
    await expect(tile).to_contain_text("Ann Lee", timeout=WITHIN_MS)
    await expect(page.locator(".banner")).to_contain_text("as it is now")


async def test_health_says_in_words_how_the_site_is_served(looker: Looker, server: LiveServer, cafe: str) -> None:
    page = await looker.open(f"/console/{cafe}/health")
    await expect(page.locator(".banner").first).to_contain_text("All is well")
    await expect(page.locator("[data-part=clock]")).to_contain_text("On time")
    await expect(page.get_by_role("row", name="Reconciling")).to_contain_text("Runs.")
    assert server.house is not None
    alarms = next(loop for loop in server.house.loops if loop.name == "alarms")
    server._loop.call_soon_threadsafe(alarms.stop)
    row = page.get_by_role("row", name="Clock")
    await expect(row).to_contain_text("has ended", timeout=3 * WITHIN_MS)
    await expect(page.locator(".banner").first).to_contain_text("must run does not")


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_the_office_is_for_everyone(
    looker: Looker, client: httpx.Client, cafe: str, seat: Seat, scheme: str, viewport: Any
) -> None:
    seat("PC1", name="Ann Lee")
    block(client, cafe, "PC4")
    seen(client, cafe, "PC2", "occupied")
    page = await looker.open(f"/console/{cafe}/bookings?{WEEK}", scheme=scheme, viewport=viewport)
    await expect(rows(page)).to_have_count(1)
    await check(page)
    await rows(page).first.click()
    await page.wait_for_selector("dialog .timeline")
    await check(page)
    for screen, wanted in (
        ("blocks", ".table"), ("findings", ".finding"), ("audit", ".journal"), ("audit?view=then", ".tile.past"),
        ("health", ".health-part"),
    ):  # fmt: skip
        await page.goto(f"{looker.url}/console/{cafe}/{screen}")
        await page.locator(wanted).first.wait_for(timeout=WITHIN_MS)
        if screen == "blocks":
            await page.get_by_role("button", name="New block").click()
            await check(page)
            await page.keyboard.press("Escape")
        if screen == "audit":
            await page.locator(".opener").first.click()
        await check(page)
