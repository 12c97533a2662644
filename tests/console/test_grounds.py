"""The board of a sports ground and its inbox of requests: what is asked, decided and blocked is seen at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import DESK, PHONE, Looker
from tests.console.test_look import check

WITHIN_MS = 20_000
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()
LATER = TOMORROW + timedelta(days=20)


@pytest.fixture
def campus(client: httpx.Client) -> str:
    """A sports ground in UTC with two grounds and four slots a day; its slug."""
    settings = {"slots": {"first": "08:00", "minutes": 60, "count": 4}, "team_max": 2}
    site = {"kind": "grounds", "name": "Campus", "time_zone": "UTC", "slug": "campus", "settings": settings}
    assert client.post("/api/sites", json=site).status_code == 201
    units = [{"code": code, "category": "football", "name": f"Ground {code[1]}"} for code in ("G1", "G2")]
    assert client.post("/api/sites/campus/units", json={"units": units}).status_code == 200
    return "campus"


def ask(client: httpx.Client, unit: str, slot: int, name: str, day: Any = TOMORROW) -> dict[str, Any]:
    customer = {"name": name, "email": f"{name.split()[0].lower()}@example.org"}
    body = {"unit": unit, "date": str(day), "slot": slot, "customer": customer}
    answer = client.post("/api/sites/campus/bookings", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def act(client: httpx.Client, booking: dict[str, Any], name: str) -> None:
    assert client.post(f"/api/sites/campus/bookings/{booking['id']}/{name}", json={}).status_code == 200


def block(client: httpx.Client, unit: str, start: str, end: str, reason: str) -> None:
    body = {"units": [unit], "from": f"{TOMORROW}T{start}", "to": f"{TOMORROW}T{end}", "kind": "event",
            "reason": reason, "allow_conflicts": True}  # fmt: skip
    assert client.post("/api/sites/campus/blocks", json=body).status_code == 201


def states(client: httpx.Client) -> dict[str, str]:
    found = client.get("/api/sites/campus/bookings").json()["bookings"]
    return {one["customer"]["name"]: one["state"] for one in found}


def booking_of(client: httpx.Client, name: str) -> dict[str, Any]:
    found = client.get("/api/sites/campus/bookings").json()["bookings"]
    return next(one for one in found if one["customer"].get("name") == name)


def row(page: Page, name: str) -> Any:
    return page.locator("[data-request]").filter(has_text=name)


async def test_the_board_shows_who_asked_who_has_it_and_what_is_blocked_and_follows(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    asked = ask(client, "G1", 0, "Ann Lee")
    block(client, "G2", "09:00", "11:00", "Sports day")
    page = await looker.open(f"/console/{campus}?date={TOMORROW}")
    cell = page.locator(f'[data-booking="{asked["id"]}"]')
    await expect(cell).to_contain_text("Pending")
    await expect(cell).to_contain_text("Ann Lee")
    await expect(page.locator(".slot.blocked")).to_contain_text("Sports day")
    await expect(page.locator("td[rowspan='2'] .slot.blocked")).to_have_count(1)
    act(client, asked, "approve")
    await expect(cell).to_contain_text("Approved", timeout=WITHIN_MS)
    other = ask(client, "G2", 3, "Ben Oh")
    await expect(page.locator(f'[data-booking="{other["id"]}"]')).to_contain_text("Ben Oh", timeout=WITHIN_MS)
    # a day beyond the page's own snapshot is followed, too
    await page.locator("input[type=date]").fill(str(LATER))
    await page.locator("input[type=date]").dispatch_event("change")
    await expect(page.locator(".slot.held")).to_have_count(0)
    await expect(page.locator("button.slot.free")).to_have_count(8)
    far = ask(client, "G1", 1, "Far Away", LATER)
    await expect(page.locator(f'[data-booking="{far["id"]}"]')).to_contain_text("Far Away", timeout=WITHIN_MS)
    assert f"date={LATER}" in page.url


async def test_a_slot_is_booked_in_two_clicks_moved_and_a_ground_blocked(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    page = await looker.open(f"/console/{campus}?date={TOMORROW}")
    await page.get_by_role("button", name="Book Ground 1, 09:00").click()
    form = page.get_by_role("dialog", name="New booking")
    await form.get_by_label("Name").fill("Cleo Day")
    # who comes along is said at once; refused, it stays as it was typed and says who is meant
    await form.get_by_label("Team").fill("Ann Lee\nCleo Day")
    await form.get_by_role("button", name="Book").click()
    await expect(form.get_by_text("Person 2: Somebody of the team is named twice")).to_be_visible()
    await expect(form.get_by_label("Team")).to_have_value("Ann Lee\nCleo Day")
    await form.get_by_label("Team").fill("Ann Lee\nBen Oh (CS-17)")
    await form.get_by_role("button", name="Book").click()
    cell = page.locator(".slot.held")
    await expect(cell).to_contain_text("Approved")
    await cell.click()
    panel = page.get_by_role("dialog", name="Cleo Day", exact=True)
    await panel.get_by_role("button", name="Move").click()
    await page.get_by_role("dialog", name="Move Cleo Day").get_by_role("button", name="Ground 2").last.click()
    await expect(panel).to_contain_text("11:00", timeout=WITHIN_MS)
    await page.keyboard.press("Escape")
    await page.keyboard.press("b")
    sheet = page.get_by_role("dialog", name="Block grounds")
    await sheet.get_by_label("What for").fill("Finals")
    await sheet.get_by_label("Ground 1").check()
    await sheet.get_by_label("Ground 2").check()
    await sheet.get_by_role("button", name="Block", exact=True).click()
    await expect(sheet.get_by_role("alert")).to_contain_text("There are bookings in that time.")
    await sheet.get_by_label("Keep bookings in the way").check()
    await sheet.get_by_role("button", name="Block", exact=True).click()
    await expect(page.locator(".slot.blocked").first).to_contain_text("Finals")
    await page.locator(".slot.blocked").first.click()
    await page.get_by_role("button", name="Give back").click()
    await expect(page.locator(".slot.blocked")).to_have_count(0, timeout=WITHIN_MS)
    moved = booking_of(client, "Cleo Day")
    assert (moved["units"], moved["from"]) == (["G2"], f"{TOMORROW}T11:00:00Z")
    assert moved["details"]["team"] == ["Ann Lee", {"name": "Ben Oh", "reference": "CS-17"}]


async def test_requests_are_decided_by_keys_with_a_reason_and_taken_back(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    for slot, name in enumerate(("Ann Lee", "Ben Oh", "Cleo Day")):
        ask(client, "G1", slot, name)
    block(client, "G1", "09:00", "10:00", "Sports day")
    page = await looker.open(f"/console/{campus}/approvals")
    await expect(page.locator("[data-request]")).to_have_count(3)
    await expect(page.locator("[data-request]").first).to_contain_text("Ann Lee")
    await expect(row(page, "Ben Oh")).to_contain_text("Blocked then: Sports day")
    await expect(row(page, "Cleo Day")).to_contain_text("Nothing in the way")
    await page.keyboard.press("j")
    await expect(row(page, "Ann Lee")).to_be_focused()
    await page.keyboard.press("a")
    await expect(row(page, "Ann Lee")).to_have_count(0)
    await expect(row(page, "Ben Oh")).to_be_focused()
    await page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Reject")
    await dialog.get_by_label("Reason").fill("The pitch is needed")
    await page.keyboard.press("Enter")
    await expect(row(page, "Ben Oh")).to_have_count(0)
    assert states(client) == {"Ann Lee": "Approved", "Ben Oh": "Rejected", "Cleo Day": "Pending"}
    assert booking_of(client, "Ben Oh")["decision_reason"] == "The pitch is needed"
    # what was asked for meanwhile is there by itself
    ask(client, "G2", 3, "Dan New")
    await expect(row(page, "Dan New")).to_be_visible(timeout=WITHIN_MS)
    await page.keyboard.press("j")
    await page.keyboard.press("k")
    await page.keyboard.press("a")
    await expect(row(page, "Cleo Day")).to_have_count(0)
    await page.keyboard.press("u")
    await expect(row(page, "Cleo Day")).to_be_visible(timeout=WITHIN_MS)
    assert states(client)["Cleo Day"] == "Pending"


async def test_several_are_decided_at_once_and_what_was_not_is_said(
    looker: Looker, client: httpx.Client, campus: str
) -> None:
    made = [ask(client, "G1", slot, name) for slot, name in enumerate(("Ann Lee", "Ben Oh", "Cleo Day"))]
    page = await looker.open(f"/console/{campus}/approvals")
    await expect(page.locator("[data-request]")).to_have_count(3)
    for key in ("j", "x", "j", "x", "j", "x"):
        await page.keyboard.press(key)
    bar = page.get_by_role("toolbar", name="3 selected")
    await expect(bar).to_be_visible()

    async def late(route: Any) -> None:
        # somebody else decides between the look and the click
        if made[1]["id"] in route.request.url:
            act(client, made[1], "approve")
        await route.continue_()

    await page.route("**/approve", late)
    await bar.get_by_role("button", name="Approve").click()
    report = page.get_by_role("dialog", name="2 done, 1 not")
    await expect(report).to_contain_text("Ben Oh, Ground 1")
    await report.get_by_role("button", name="Close").click()
    await expect(page.locator("main")).to_contain_text("No requests wait")
    assert set(states(client).values()) == {"Approved"}


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
async def test_the_board_and_the_inbox_are_for_everyone(
    looker: Looker, client: httpx.Client, campus: str, scheme: str, viewport: Any
) -> None:
    act(client, ask(client, "G1", 0, "Ann Lee"), "approve")
    ask(client, "G2", 1, "Ben Oh")
    block(client, "G2", "09:00", "11:00", "Sports day")
    page = await looker.open(f"/console/{campus}?date={TOMORROW}", scheme=scheme, viewport=viewport)
    await expect(page.locator(".slot.held")).to_have_count(2)
    await check(page)
    await page.locator(".slot.pending").click()
    await page.wait_for_selector("dialog .acts button")
    await check(page)
    await page.keyboard.press("Escape")
    await page.keyboard.press("b")
    await check(page)
    await page.keyboard.press("Escape")
    await page.goto(f"{looker.url}/console/{campus}/approvals")
    await expect(page.locator("[data-request]")).to_have_count(1)
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await check(page)
    await page.keyboard.press("r")
    await check(page)
