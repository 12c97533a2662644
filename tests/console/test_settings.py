"""The settings screen: only what is changed is sent, a refusal lands at its field, units come in by many."""

from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import DESK, PHONE, Looker, change
from tests.console.test_look import check


def units_of(client: httpx.Client, site: str) -> dict[str, Any]:
    return {one["code"]: one for one in client.get(f"/api/sites/{site}/units").json()["units"]}


def add(client: httpx.Client, site: str, code: str) -> None:
    units = {"units": [{"code": code, "category": "vr"}]}
    assert client.post(f"/api/sites/{site}/units", json=units).status_code == 200


def settings_of(client: httpx.Client, site: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/sites/{site}/settings").json()
    return found


async def opened(looker: Looker, site: str, tab: str = "rules", **more: Any) -> Page:
    page = await looker.open(f"/console/{site}/settings?tab={tab}", **more)
    await page.wait_for_selector("#screen:not([aria-busy]) .settings")
    return page


def test_settings_say_what_is_own_and_what_is_default(client: httpx.Client, cafe: str) -> None:
    changed = {"settings": {"notice_minutes": 20, "hours": {"mon": [["09:00", "12:00"]]}}}
    assert client.patch(f"/api/sites/{cafe}", json=changed).status_code == 200
    found = settings_of(client, cafe)
    assert found["own"] == changed["settings"]
    assert found["settings"]["notice_minutes"] == 20
    assert found["defaults"]["notice_minutes"] == 0
    assert found["defaults"]["grid_minutes"] == 30
    assert found["limits"]["grid_minutes"] == [0, 720]
    assert "link" in found["mails"]["invitation"]["placeholders"]


async def test_only_what_was_changed_is_sent(looker: Looker, client: httpx.Client, cafe: str) -> None:
    change(client, cafe, buffer_minutes=5)
    page = await opened(looker, cafe)
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.method == "PATCH" else None)
    await page.get_by_role("spinbutton", name="Notice").fill("45")
    await page.get_by_role("button", name="Back to default: Pause between bookings").click()
    await page.get_by_role("switch", name="Start by itself").check()
    await expect(page.get_by_text("3 changes")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("The settings were changed")
    assert sent == [{"settings": {"notice_minutes": 45, "buffer_minutes": None, "auto_start": True}}]
    assert settings_of(client, cafe)["own"] == {"notice_minutes": 45, "auto_start": True}
    await expect(page.get_by_text("3 changes")).to_have_count(0)


async def test_a_refusal_lands_at_its_field(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await opened(looker, cafe)
    await page.get_by_role("spinbutton", name="Time grid").fill("9000")
    await page.get_by_role("tab", name="Hours").click()
    await page.get_by_role("button", name="Save").click()
    field = page.get_by_role("spinbutton", name="Time grid")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#error-grid_minutes")).to_contain_text("0 to 720")
    await expect(field).to_be_focused()
    await page.get_by_role("button", name="Discard").click()
    await expect(field).to_have_value("30")
    assert settings_of(client, cafe)["own"] == {}


async def test_hours_are_set_by_weekday_with_exceptions(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await opened(looker, cafe, "hours")
    await page.get_by_role("switch", name="Always open").uncheck()
    await page.get_by_label("Monday: opens").fill("12:00")
    await page.get_by_label("Monday: closes").fill("02:00")
    await page.get_by_role("button", name="Monday to all until Friday").click()
    await page.get_by_role("button", name="Sunday: remove this span").click()
    await page.get_by_label("Date").fill("2031-12-25")
    await page.get_by_role("button", name="Add a date").click()
    await expect(page.get_by_text("25 December 2031")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("The settings were changed")
    hours = settings_of(client, cafe)["own"]["hours"]
    assert hours["mon"] == hours["fri"] == [["12:00", "02:00"]]
    assert (hours["sat"], hours["sun"], hours["2031-12-25"]) == ([["09:00", "18:00"]], [], [])


async def test_profile_fields_and_mail_texts_are_edited(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await opened(looker, cafe, "page")
    await page.get_by_role("combobox", name="Who may book by themselves").select_option("accounts")
    await page.get_by_role("button", name="Add a question").click()
    await page.get_by_label("Question", exact=True).fill("Roll number")
    await page.get_by_label("Question", exact=True).press("Tab")
    await page.get_by_label("Must be answered").check()
    await page.get_by_role("tab", name="Mail").click()
    await page.get_by_label("Subject").fill("{sit}: yours")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#panel-mail .error")).to_contain_text("unknown placeholder {sit}")
    await page.get_by_label("Subject").fill("{site}: yours")
    await expect(page.get_by_role("region", name="Preview with examples")).to_contain_text("Corner: yours")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("The settings were changed")
    await page.get_by_role("tab", name="Booking page").click()
    await expect(page.get_by_role("link", name="Open the page")).to_have_attribute("href", f"/s/{cafe}")
    own = settings_of(client, cafe)["own"]
    assert own["booking_page"] == "accounts"
    assert own["mail_texts"] == {"booking_received": {"en": {"subject": "{site}: yours"}}}
    (asked,) = own["profile_fields"]
    assert (asked["name"], asked["label"], asked["required"]) == ("roll_number", "Roll number", True)


async def test_units_come_in_by_many_and_are_changed_together(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await opened(looker, cafe, "units")
    await page.get_by_role("button", name="Add units").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Codes").fill("VR08-VR11, Lobby")
    await expect(dialog.get_by_text("5 units: VR08, VR09, VR10")).to_be_visible()
    await dialog.get_by_label("Category").fill("vr")
    await dialog.get_by_role("button", name="Add").click()
    await expect(page.locator("tbody tr")).to_have_count(11)
    await page.get_by_label("Find a unit").fill("vr1")
    await page.get_by_label("Select all").check()
    await page.get_by_role("button", name="Change", exact=True).click()
    await dialog.get_by_label("Belongs to").select_option("Arena")
    await dialog.get_by_label("Condition").select_option("dirty")
    await dialog.get_by_role("button", name="Change", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(page.locator("tbody")).to_contain_text("Arena")
    units = units_of(client, cafe)
    assert [units[code].get("parent") for code in ("VR09", "VR10", "VR11")] == [None, "Arena", "Arena"]
    assert units["VR11"]["condition"] == "dirty"
    # what others add is there, too
    add(client, cafe, "VR19")
    await expect(page.locator("tbody")).to_contain_text("VR19")


async def test_units_come_in_from_a_file_and_each_row_is_told(looker: Looker, client: httpx.Client, cafe: str) -> None:
    page = await opened(looker, cafe, "units")
    await page.get_by_role("button", name="Import CSV").click()
    dialog = page.get_by_role("dialog")
    text = b"code,category,parent\nPC7,pc,Arena\nPC8,pc,Nowhere\nPC1,pc,Arena\n"
    await dialog.get_by_label("File").set_input_files({"name": "u.csv", "mimeType": "text/csv", "buffer": text})
    await dialog.get_by_role("button", name="Import").click()
    await expect(dialog.get_by_role("status")).to_contain_text("Taken in: 2")
    lines = dialog.get_by_label("What became of each row")
    await expect(lines.locator("li")).to_have_count(3)
    await expect(lines.locator("li").first).to_contain_text("Row")
    await check(page)
    assert "PC7" in units_of(client, cafe)


async def test_a_site_is_made_in_a_minute(looker: Looker, client: httpx.Client) -> None:
    page = await looker.open("/console")
    await page.get_by_role("link", name="New site").click()
    await page.get_by_role("button", name="Gaming café").click()
    await check(page)
    await page.get_by_label("Name").fill("Pixel Palace")
    await page.get_by_label("Time zone").select_option("Europe/Berlin")
    await page.get_by_role("button", name="Next").click()
    await page.get_by_label("Codes").first.fill("A1-A3")
    await expect(page.get_by_text("5 units")).to_be_visible()
    await check(page)
    await page.get_by_role("button", name="Make the site").click()
    await page.wait_for_url("**/console/pixel-palace")
    await expect(page.locator(".tile")).to_have_count(5)


def test_no_site_takes_the_address_of_a_page(client: httpx.Client) -> None:
    made = {"kind": "cafe", "name": "Account", "time_zone": "UTC"}
    assert client.post("/api/sites", json=made).json()["slug"] == "cafe-account"
    assert client.post("/api/sites", json={**made, "slug": "new"}).status_code == 400


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
async def test_the_settings_screen_is_for_everyone(looker: Looker, cafe: str, scheme: str, viewport: Any) -> None:
    page = await opened(looker, cafe, scheme=scheme, viewport=viewport)
    await page.get_by_role("spinbutton", name="Notice").fill("45")
    await check(page)
    await page.get_by_role("tab", name="Hours").click()
    await page.get_by_role("switch", name="Always open").uncheck()
    await check(page)
    await page.get_by_role("tab", name="Booking page").click()
    await page.get_by_role("button", name="Add a question").click()
    await check(page)
    for tab in ("Mail", "Units"):
        await page.get_by_role("tab", name=tab).click()
        await page.wait_for_selector("[role=tabpanel]:not([hidden]) :is(.table, .mail-preview)")
        await check(page)
