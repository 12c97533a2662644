"""The board of a hotel as people use it: the tape chart by pointer and by keys, the lists of the day."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.console.conftest import PHONE, Looker, act, bookings_of, day
from tests.console.test_look import LOOKS, check

SOON_MS = 15_000

Stay = Callable[..., dict[str, Any]]


@pytest.fixture
def hotel(client: httpx.Client) -> str:
    """A hotel in UTC whose day begins at midnight, with four doubles and a suite; its slug."""
    site = {
        "kind": "hotel", "name": "Sea View", "time_zone": "UTC", "slug": "sea-view", "settings": {"cut_off": "00:00"},
    }  # fmt: skip
    assert client.post("/api/sites", json=site).status_code == 201
    units = [{"code": f"10{n}", "category": "double", "condition": "clean"} for n in range(1, 5)]
    units.append({"code": "201", "category": "suite", "condition": "dirty"})
    assert client.post("/api/sites/sea-view/units", json={"units": units}).status_code == 200
    return "sea-view"


@pytest.fixture
def stay(client: httpx.Client, hotel: str) -> Stay:
    """A function that books a room for some nights from a day on."""

    def booking(unit: str, ahead: int, nights: int, *, name: str = "Ann Lee", **more: Any) -> dict[str, Any]:
        body = {"unit": unit, "date": day(ahead), "nights": nights, "customer": {"name": name}, **more}
        answer = client.post(f"/api/sites/{hotel}/bookings", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return booking


def bar(page: Page, unit: str, name: str) -> Any:
    return page.locator(f'.tape-row[data-unit="{unit}"] .stay', has_text=name)


def now_of(client: httpx.Client, site: str, booking: dict[str, Any]) -> tuple[list[str], str, str, str]:
    told = client.get(f"/api/sites/{site}/bookings/{booking['id']}").json()
    return told["units"], told["from"][:10], told["to"][:10], told["state"]


def say(client: httpx.Client, site: str, unit: str, condition: str) -> None:
    assert client.patch(f"/api/sites/{site}/units/{unit}", json={"condition": condition}).status_code == 200


def block(client: httpx.Client, site: str, unit: str, first: int, last: int) -> None:
    body = {"units": [unit], "from": day(first), "to": day(last), "allow_conflicts": True, "reason": "tiles"}
    assert client.post(f"/api/sites/{site}/blocks", json=body).status_code == 201


async def said(page: Page, words: str | re.Pattern[str]) -> None:
    await expect(page.locator("#announce")).to_contain_text(words, timeout=SOON_MS)


async def to_cell(page: Page, unit: str, ahead: int) -> None:
    """Goes to a cell by keys: the first of them stands on today in the first room."""
    await page.keyboard.press("ArrowDown")
    await said(page, "101")
    for _ in range(int(unit) - 101):
        await page.keyboard.press("ArrowDown")
    for _ in range(ahead):
        await page.keyboard.press("ArrowRight")


async def drag(page: Page, what: Any, *, rows: int = 0, nights: int = 0, at_end: bool = False) -> None:
    found, lane = await what.bounding_box(), await page.locator(".tape-row .lane").first.bounding_box()
    assert found is not None
    assert lane is not None
    night = lane["width"] / 14
    x = found["x"] + (found["width"] - 4 if at_end else min(night, found["width"] / 2))
    y = found["y"] + found["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + nights * night / 2, y + rows * lane["height"] / 2, steps=3)
    await page.mouse.move(x + nights * night, y + rows * (lane["height"] + 1), steps=3)


async def touch(wire: CDPSession, *steps: tuple[str, float, float]) -> None:
    """What a finger does: touchStart, touchMove, touchEnd, each at a place."""
    for kind, x, y in steps:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        await wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def test_a_finger_that_holds_a_stay_carries_it_and_one_that_strokes_over_it_scrolls(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("101", 1, 2)
    page = await looker.open(f"/console/{hotel}", viewport=PHONE, has_touch=True)
    wire = await page.context.new_cdp_session(page)
    chart, found = page.locator(".tape"), await bar(page, "101", "Ann Lee").bounding_box()
    assert found is not None
    x, y = found["x"] + found["width"] / 2, found["y"] + found["height"] / 2
    row = await page.locator(".tape-row[data-unit='102']").bounding_box()
    assert row is not None
    await touch(wire, ("touchStart", x, y))
    await expect(chart).to_have_class(re.compile("is-dragging"))
    await touch(wire, ("touchMove", x, y + row["height"] / 2), ("touchMove", x, y + row["height"] * 2))
    await expect(page.locator(".ghost-words")).to_contain_text("103")
    await touch(wire, ("touchEnd", 0, 0))
    await expect(bar(page, "103", "Ann Lee")).to_be_visible(timeout=SOON_MS)
    carried = (["103"], day(1), day(3), "Reserved")
    assert now_of(client, hotel, booked) == carried
    y += row["height"] * 2
    await touch(wire, ("touchStart", x, y), *(("touchMove", x - 20 * n, y) for n in range(1, 6)), ("touchEnd", 0, 0))
    await expect(page.locator(".ghost")).to_have_count(0)
    await page.wait_for_function("document.querySelector('.tape').scrollLeft > 40")
    assert now_of(client, hotel, booked) == carried


async def test_a_stay_is_dragged_to_another_room_and_other_nights(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("101", 1, 2)
    page = await looker.open(f"/console/{hotel}")
    await drag(page, bar(page, "101", "Ann Lee"), rows=2, nights=3)
    await expect(page.locator(".ghost-words")).to_contain_text("103")
    await expect(page.locator(".ghost-words")).to_contain_text("Free", timeout=SOON_MS)
    assert now_of(client, hotel, booked)[0] == ["101"]  # nothing is done before it is let go
    await page.mouse.up()
    await expect(bar(page, "103", "Ann Lee")).to_be_visible(timeout=SOON_MS)
    assert now_of(client, hotel, booked) == (["103"], day(4), day(6), "Reserved")
    await expect(page.locator(".ghost")).to_have_count(0)
    await page.locator("#toasts").get_by_role("button", name="Undo").click()
    await expect(bar(page, "101", "Ann Lee")).to_be_visible(timeout=SOON_MS)
    assert now_of(client, hotel, booked) == (["101"], day(1), day(3), "Reserved")


async def test_an_edge_that_is_dragged_makes_a_stay_longer(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("101", 1, 2)
    page = await looker.open(f"/console/{hotel}")
    await drag(page, bar(page, "101", "Ann Lee"), nights=2, at_end=True)
    await page.mouse.up()
    await expect(page.locator("#toasts")).to_contain_text("Ann Lee: 101", timeout=SOON_MS)
    assert now_of(client, hotel, booked) == (["101"], day(1), day(5), "Reserved")


async def test_a_stay_is_moved_by_keys_alone_and_every_step_is_said(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("102", 1, 2)
    page = await looker.open(f"/console/{hotel}")
    await to_cell(page, "102", 1)
    await said(page, re.compile("102.*Ann Lee, Reserved.*2 nights"))
    await page.keyboard.press("m")
    await expect(page.locator("#announce-now")).to_contain_text("Ann Lee taken up")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("+")
    await said(page, re.compile("103.*3 nights: Free"))
    await page.keyboard.press("Enter")
    await expect(bar(page, "103", "Ann Lee")).to_be_visible(timeout=SOON_MS)
    assert now_of(client, hotel, booked) == (["103"], day(2), day(5), "Reserved")
    await page.keyboard.press("m")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Escape")
    await expect(page.locator("#announce-now")).to_contain_text("Left as it was")
    assert now_of(client, hotel, booked)[0] == ["103"]
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Ann Lee", exact=True)).to_be_visible()


async def test_an_extension_in_the_way_offers_other_rooms(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("101", 1, 2, name="Ann Lee")
    stay("101", 3, 2, name="Ben Oh")
    page = await looker.open(f"/console/{hotel}")
    await to_cell(page, "101", 1)
    await page.keyboard.press("+")
    await said(page, "Somebody else has that time")
    await expect(page.locator(".ghost-words")).to_contain_text("Somebody else has that time")
    await page.keyboard.press("Enter")
    refused = page.get_by_role("dialog", name=re.compile("Ann Lee cannot have"))
    await expect(refused.get_by_role("alert")).to_contain_text("In the way: 101")
    assert now_of(client, hotel, booked) == (["101"], day(1), day(3), "Reserved")
    await refused.locator(".alternative").first.click()
    await expect(page.locator("#toasts")).to_contain_text("Ann Lee", timeout=SOON_MS)
    units, first, last, _ = now_of(client, hotel, booked)
    assert (units, first, last) != (["101"], day(1), day(3))


async def test_somebody_is_booked_at_the_cell_of_the_keys(looker: Looker, client: httpx.Client, hotel: str) -> None:
    page = await looker.open(f"/console/{hotel}")
    await to_cell(page, "102", 2)
    await page.keyboard.press("n")
    form = page.get_by_role("dialog", name="New booking")
    await expect(form.get_by_text("102 is free for all of it")).to_be_visible(timeout=SOON_MS)
    await form.get_by_label("Nights").fill("3")
    await form.get_by_label("Guest", exact=False).first.fill("Cleo Ray")
    await form.get_by_label("Persons").fill("2")
    await page.keyboard.press("Enter")
    await expect(bar(page, "102", "Cleo Ray")).to_be_visible(timeout=SOON_MS)
    (made,) = bookings_of(client, hotel)
    assert (made["from"][:10], made["to"][:10], made["party"]) == (day(2), day(5), 2)


async def test_a_taken_room_keeps_the_form_and_offers_what_is_free(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    stay("101", 1, 2, name="First Come")
    page = await looker.open(f"/console/{hotel}")
    await page.get_by_role("button", name="New booking").click()
    form = page.get_by_role("dialog", name="New booking")
    await form.get_by_label("Room", exact=True).select_option("101")
    await form.get_by_label("Arrival").fill(day(1))
    await form.get_by_label("Guest", exact=False).first.fill("Second Come")
    await expect(form.get_by_text("101 is not free for all of it")).to_be_visible(timeout=SOON_MS)
    await form.get_by_role("button", name="Book").click()
    await expect(form.get_by_role("alert")).to_contain_text("In the way: 101")
    await form.locator(".alternative").first.click()
    await expect(page.locator("dialog")).to_have_count(0, timeout=SOON_MS)
    await expect(page.locator(".stay", has_text="Second Come")).to_have_count(1)


async def test_guests_are_checked_in_and_out_by_one_press(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("101", 0, 1, name="Ann Lee")
    stay("102", 1, 1, name="Ben Oh")
    page = await looker.open(f"/console/{hotel}?view=arrivals")
    await expect(page.locator("tbody tr")).to_have_count(1)
    row = page.get_by_role("row", name="Ann Lee")
    await expect(row).to_contain_text("Ready")
    await row.get_by_role("button", name="Check in").click()
    await expect(page.get_by_text("Nobody else arrives today")).to_be_visible(timeout=SOON_MS)
    assert now_of(client, hotel, booked)[3] == "CheckedIn"
    await page.get_by_role("button", name="In house 1").click()
    await page.get_by_role("row", name="Ann Lee").get_by_role("button", name="Check out").click()
    # tomorrow was the day
    await page.get_by_role("dialog", name="Check out of 101 early?").get_by_role("button", name="Check out").click()
    await expect(page.get_by_text("Nobody is in the house")).to_be_visible(timeout=SOON_MS)
    assert now_of(client, hotel, booked)[3] == "CheckedOut"
    await page.get_by_role("button", name="Chart").click()
    await expect(page.locator('.tape-row[data-unit="101"] .room')).to_contain_text("Dirty")


async def test_who_comes_early_is_checked_in_with_a_reason(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("101", 2, 1)
    page = await looker.open(f"/console/{hotel}")
    await bar(page, "101", "Ann Lee").click()
    await page.get_by_role("dialog", name="Ann Lee", exact=True).get_by_role("button", name="Check in").click()
    asked = page.get_by_role("dialog", name="Check Ann Lee in all the same?")
    await asked.get_by_label("Reason").fill("came with the early ferry")
    await asked.get_by_role("button", name="Check in anyway").click()
    await expect(page.get_by_role("dialog", name="Ann Lee", exact=True)).to_contain_text("Checked in", timeout=SOON_MS)
    assert now_of(client, hotel, booked)[3] == "CheckedIn"
    await expect(page.get_by_role("dialog", name="Ann Lee", exact=True)).to_contain_text("came with the early ferry")


async def test_a_dirty_room_is_asked_about_before_a_guest_is_let_in(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked = stay("201", 0, 1)
    page = await looker.open(f"/console/{hotel}?view=arrivals")
    row = page.get_by_role("row", name="Ann Lee")
    await expect(row).to_contain_text("Dirty")
    await row.get_by_role("button", name="Check in").click()
    asked = page.get_by_role("dialog", name="201 is still dirty")
    await asked.get_by_role("button", name="Cancel").click()
    assert now_of(client, hotel, booked)[3] == "Reserved"


async def test_a_stay_is_divided_and_two_are_exchanged(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    booked, other = stay("101", 1, 4), stay("102", 1, 4, name="Ben Oh")
    page = await looker.open(f"/console/{hotel}")
    await bar(page, "101", "Ann Lee").click()
    panel = page.get_by_role("dialog", name="Ann Lee", exact=True)
    await panel.get_by_role("button", name="Swap").click()
    form = page.get_by_role("dialog", name="Exchange 101 of Ann Lee")
    await form.get_by_role("button", name="Swap").click()
    await expect(panel).to_contain_text("102", timeout=SOON_MS)
    assert (now_of(client, hotel, booked)[0], now_of(client, hotel, other)[0]) == (["102"], ["101"])
    await panel.get_by_role("button", name="Split stay").click()
    form = page.get_by_role("dialog", name=re.compile("Another room for a part"))
    await form.get_by_label("From").select_option(day(3))
    await form.get_by_label("Room").select_option("104")
    await form.get_by_role("button", name="Split stay").click()
    await expect(bar(page, "104", "Ann Lee")).to_have_count(1, timeout=SOON_MS)
    await expect(bar(page, "102", "Ann Lee")).to_have_count(1)


async def test_what_others_do_appears_without_asking_in_any_week(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    stay("103", 202, 1, name="Far Off")
    page = await looker.open(f"/console/{hotel}")
    far = await looker.open(f"/console/{hotel}?from={day(200)}&nights=7")
    await expect(bar(far, "103", "Far Off")).to_be_visible(timeout=SOON_MS)
    asked: list[str] = []
    for one in (page, far):
        one.on("request", lambda request: asked.append(request.url))
    booked = stay("101", 1, 2, name="Zoe Ray")
    await expect(bar(page, "101", "Zoe Ray")).to_be_visible(timeout=SOON_MS)
    act(client, hotel, booked, "move", **{"unit": "104", "from": day(201), "to": day(203)})
    await expect(bar(page, "101", "Zoe Ray")).to_have_count(0, timeout=SOON_MS)
    await expect(bar(far, "104", "Zoe Ray")).to_be_visible(timeout=SOON_MS)
    assert asked == []


async def test_stays_that_cannot_be_stand_above_all_others(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay
) -> None:
    stay("101", 0, 2, name="Ann Lee")
    stay("102", 3, 2, name="Ben Oh")
    say(client, hotel, "101", "under_maintenance")
    block(client, hotel, "102", 2, 6)
    page = await looker.open(f"/console/{hotel}")
    lane = page.get_by_role("region", name="2 to sort out")
    await expect(lane).to_contain_text("Room out of use")
    await expect(lane).to_contain_text("Ben Oh")
    await drag(page, lane.locator(".stay", has_text="Ann Lee"), rows=5)
    await page.mouse.up()
    await expect(page.get_by_role("region", name="1 to sort out")).to_be_visible(timeout=SOON_MS)


async def test_the_lists_are_saved_and_printed(looker: Looker, hotel: str, stay: Stay) -> None:
    stay("101", 0, 2, name="Ann Lee", note="late, by train")
    page = await looker.open(f"/console/{hotel}?view=arrivals")
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    saved = (await (await saving.value).path()).read_text("utf-8-sig").splitlines()
    assert saved[0].startswith("Room,Guest,Room is")
    assert '"late, by train"' in saved[1]
    await page.emulate_media(media="print")
    await expect(page.locator(".topbar")).to_be_hidden()
    await expect(page.get_by_role("button", name="Check in")).to_have_count(0)
    await expect(page.get_by_role("heading", name="Arrivals")).to_contain_text("Sea View")
    await expect(page.get_by_role("cell", name="late, by train")).to_be_visible()


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_the_tape_chart_is_for_everyone(
    looker: Looker, client: httpx.Client, hotel: str, stay: Stay, scheme: str, viewport: Any
) -> None:
    stay("101", 0, 2, name="Ann Lee")
    stay("102", 0, 4, name="Ben Oh", walk_in=True)
    stay("103", 1, 1, name="Cleo Ray", hold_s=900)
    block(client, hotel, "104", 1, 3)
    say(client, hotel, "101", "out_of_service")
    page = await looker.open(f"/console/{hotel}", scheme=scheme, viewport=viewport)
    await check(page)
    await bar(page, "102", "Ben Oh").click()
    await page.wait_for_selector("dialog .acts button")
    await check(page)
    await page.keyboard.press("Escape")
    await page.locator('.tape-row[data-unit="102"] .room').click()
    await check(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New booking").click()
    await check(page)
    await page.keyboard.press("Escape")
    for view in ("Arrivals 1", "In house 1", "Departures 0"):
        await page.get_by_role("button", name=view).click()
        await check(page)


async def test_on_a_phone_a_stay_is_changed_by_a_form(looker: Looker, hotel: str, stay: Stay) -> None:
    stay("101", 0, 2)
    page = await looker.open(f"/console/{hotel}", viewport=PHONE, has_touch=True, is_mobile=True)
    await bar(page, "101", "Ann Lee").tap()
    panel = page.get_by_role("dialog", name="Ann Lee", exact=True)
    await panel.get_by_role("button", name="Change").tap()
    form = page.get_by_role("dialog", name="Change the stay of Ann Lee")
    await form.get_by_label("Room").select_option("103")
    await form.get_by_role("button", name="Save").tap()
    await expect(panel).to_contain_text("103", timeout=SOON_MS)
