"""The page on which customers book: usable before scripts and without them, once however often a form is sent, live."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.booking_page.conftest import (
    TOMORROW,
    WITHIN_MS,
    book,
    make,
    offer,
    pick,
    to_details,
    to_review,
)
from tests.console.conftest import DESK, PHONE, Looker, act, bookings_of, change
from tests.console.test_look import check

BYTES_MAX = 50_000
PAINT_MS_MAX = 1_000


async def test_a_guest_books_without_scripts_and_the_form_sent_twice_books_once(
    plain: Page, client: httpx.Client, campus: str
) -> None:
    change(client, campus, team_max=3)
    await plain.goto(offer())
    await pick(plain, "1~G2").click()
    await plain.get_by_role("button", name="Continue").click()
    await plain.get_by_label("Name").fill("Kim Guest")
    await plain.locator("#f-email").fill("kim@example.org")
    await plain.get_by_label("Note").fill("Two\nlines")
    await plain.locator("#f-team").fill("Ann Lee\nBen Oh (CS-17)")
    await plain.get_by_role("button", name="Look it over").click()
    await expect(plain.locator("main")).to_contain_text("It is free, and can be booked now.")
    review = await plain.locator("#confirm").evaluate(
        "(form) => Object.fromEntries([...form.elements].map((one) => [one.name, one.value]))"
    )
    await plain.get_by_role("button", name="Send request").click()
    await expect(plain.get_by_role("heading", name="Waiting for approval")).to_be_visible()
    again = await plain.request.post(
        f"/s/{campus}/confirm", form={k: v for k, v in review.items() if k and k != "hold"}
    )
    assert again.url.split("?")[0] == plain.url.split("?")[0]
    (booked,) = bookings_of(client, campus)
    assert (booked["units"], booked["state"], booked["note"]) == (["G2"], "Pending", "Two\nlines")
    assert booked["customer"] == {"name": "Kim Guest", "email": "kim@example.org"}
    assert booked["details"]["team"] == ["Ann Lee", {"name": "Ben Oh", "reference": "CS-17"}]
    # one's own page, another team, its calendar entry, and giving it up
    await plain.get_by_text("Change who comes").click()
    await plain.locator("#f-team").fill("Ann Lee\nAnn Lee")
    await plain.get_by_role("button", name="Save").click()
    await expect(plain.get_by_role("alert")).to_contain_text("Somebody of the team is named twice")
    await plain.get_by_text("Change who comes").click()
    await plain.locator("#f-team").fill("Chloe")
    await plain.get_by_role("button", name="Save").click()
    await expect(plain.locator("main")).to_contain_text("Who comes along is changed.")
    assert bookings_of(client, campus)[0]["details"]["team"] == ["Chloe"]
    entry = await plain.request.get(plain.url.split("?")[0] + "/booking.ics")
    assert "BEGIN:VEVENT" in await entry.text()
    await plain.get_by_text("Cancel booking").click()
    await plain.get_by_role("button", name="Cancel my booking").click()
    await expect(plain.locator("main")).to_contain_text("Your booking was cancelled.")
    assert bookings_of(client, campus)[0]["state"] == "Cancelled"


async def test_without_scripts_what_is_taken_meanwhile_keeps_what_was_typed(
    plain: Page, client: httpx.Client, campus: str
) -> None:
    await plain.goto(f"/s/{campus}/details?date={TOMORROW}&pick=0~G1")
    await plain.get_by_label("Name").fill("Late Kim")
    await plain.locator("#f-email").fill("late@example.org")
    await plain.get_by_role("button", name="Look it over").click()
    book(client, "G1", 0)
    await plain.get_by_role("button", name="Send request").click()
    await expect(plain.get_by_role("alert")).to_contain_text("Somebody else has that time.")
    await plain.locator("[data-alternative]").first.click()
    await expect(plain.locator("main")).to_contain_text("Late Kim")
    await plain.get_by_role("button", name="Send request").click()
    await expect(plain.get_by_role("heading", name="Waiting for approval")).to_be_visible()
    assert {one["customer"]["name"] for one in bookings_of(client, campus)} == {"Secret Name", "Late Kim"}


async def test_two_race_for_one_slot_and_both_pages_are_right_without_reload(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    pages = [await looker.open(offer()), await looker.open(offer())]
    dialogs = [await to_review(page, "2~G1", name) for page, name in zip(pages, ("Ann Ace", "Ben Boo"), strict=True)]
    answers: list[int] = []
    for page in pages:
        page.on("response", lambda answer: answers.append(answer.status) if "/confirm" in answer.url else None)
    await asyncio.gather(*(dialog.get_by_role("button", name="Send request").click() for dialog in dialogs))
    done = [page.get_by_role("dialog", name="Waiting for approval") for page in pages]
    refused = [page.get_by_role("alert").filter(has_text="Somebody else has that time.") for page in pages]
    for good, bad in zip(done, refused, strict=True):
        await expect(good.or_(bad)).to_be_visible(timeout=WITHIN_MS)
    assert sorted(answers) == [303, 409]
    assert [await one.count() for one in done].count(1) == 1
    loser = pages[[await one.count() for one in refused].index(1)]
    await expect(pick(loser, "2~G1")).to_contain_text("taken")
    await loser.locator("[data-alternative]").first.click()
    await expect(loser.get_by_role("dialog", name="Is this right?")).to_be_visible()
    (booked,) = bookings_of(client, campus)
    assert booked["customer"]["name"] in ("Ann Ace", "Ben Boo")


async def test_what_others_take_and_give_back_appears_and_the_form_is_kept(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    page = await looker.open(offer())
    await expect(page.locator(".live-mark")).to_have_attribute("data-state", "live", timeout=WITHIN_MS)
    await pick(page, "0~G1").click()
    taken = book(client, "G1", 0)
    await expect(pick(page, "0~G1")).to_contain_text("taken", timeout=WITHIN_MS)
    await expect(page.locator("#taken")).to_be_visible()
    act(client, campus, taken, "cancel")
    await expect(pick(page, "0~G1")).to_contain_text("free", timeout=WITHIN_MS)
    # further on, with a form half filled in
    await to_details(page, "1~G1")
    await page.locator("#f-name").fill("Half Typed")
    book(client, "G1", 1)
    await expect(page.locator("#standing")).to_contain_text("Somebody has just taken that.", timeout=WITHIN_MS)
    await expect(page.locator("#f-name")).to_have_value("Half Typed")
    await page.get_by_role("link", name="Choose something else").click()
    await to_details(page, "1~G2")
    await expect(page.locator("#f-name")).to_have_value("Half Typed")


async def test_a_double_click_books_once_and_the_decision_comes_to_the_page(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    page = await looker.open(offer())
    dialog = await to_review(page, "3~G2")
    await dialog.get_by_role("button", name="Send request").dblclick()
    done = page.get_by_role("dialog", name="Waiting for approval")
    await expect(done).to_be_visible()
    (booked,) = bookings_of(client, campus)
    await done.get_by_role("button", name="Close").click()
    await expect(page.locator("#booking")).to_contain_text("Pending")
    act(client, campus, booked, "approve")
    await expect(page.locator("#booking")).to_contain_text("Approved", timeout=WITHIN_MS)


async def test_a_cafe_and_a_hotel_are_booked_by_length_and_by_nights_and_held_on_the_way(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    make(client, "cafe", "PC1", "pc")
    make(client, "hotel", "101", "double")
    page = await looker.open(offer("cafe"))
    await page.get_by_label("Length").select_option("120")
    await expect(page).to_have_url(re.compile("length=120"))
    dialog = await to_review(page, f"{TOMORROW}T12:00:00+00:00")
    await dialog.get_by_role("button", name="Book").click()
    await expect(page.get_by_role("dialog", name="Booked")).to_be_visible()
    (booked,) = bookings_of(client, "cafe")
    assert (booked["from"], booked["to"]) == (f"{TOMORROW}T12:00:00Z", f"{TOMORROW}T14:00:00Z")
    page = await looker.open(offer("hotel", nights=2))
    dialog = await to_review(page, "c:double")
    await dialog.get_by_role("button", name="Hold for 10 min").click()
    await page.get_by_role("dialog", name="Held for you").get_by_role("button", name="Close").click()
    await expect(page.locator(".countdown")).to_have_text(re.compile(r"9:\d\d"))
    await page.get_by_role("button", name="Confirm booking").click()
    await expect(page.locator("#booking")).to_contain_text("Reserved")
    (stay,) = bookings_of(client, "hotel")
    assert (stay["state"], stay["to"][:10]) == ("Reserved", str(TOMORROW + timedelta(days=2)))


@pytest.mark.timing
async def test_the_page_is_small_and_painted_soon(looker: Looker, campus: str) -> None:
    context = await looker.browser.new_context(viewport=PHONE)
    page = await context.new_page()
    sizes: list[Any] = []
    page.on("requestfinished", lambda request: sizes.append(request))
    await page.goto(looker.url + offer())
    await page.wait_for_selector("html[data-ready]")
    total = 0
    for request in [one for one in sizes if "/events" not in one.url]:
        told = await request.sizes()
        total += max(0, told["responseBodySize"]) + told["responseHeadersSize"]
    assert 10_000 < total <= BYTES_MAX
    painted = []
    for _ in range(3):  # another program may have had the processor
        await page.reload()
        await page.wait_for_selector("html[data-ready]")
        painted.append(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    assert min(painted) <= PAINT_MS_MAX


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
async def test_the_page_is_for_everyone(
    looker: Looker, client: httpx.Client, campus: str, scheme: str, viewport: Any
) -> None:
    book(client, "G1", 0)
    page = await looker.open(offer(), scheme=scheme, viewport=viewport)
    await check(page)
    dialog = await to_review(page, "1~G1")
    await check(page)
    await dialog.get_by_role("button", name="Back").click()
    await check(page)
    await page.get_by_role("button", name="Look it over").click()
    await page.get_by_role("button", name="Send request").click()
    await expect(page.get_by_role("dialog", name="Waiting for approval")).to_be_visible()
    await check(page)
    await page.get_by_role("button", name="Close").click()
    await check(page)
    await page.goto(f"{looker.url}/s/{campus}/bookings")
    await check(page)
