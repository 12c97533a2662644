"""The people screen: somebody is invited, gets a role and loses it; a token is made, shown once and revoked."""

import asyncio
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.console.conftest import DESK, PHONE, Looker
from tests.console.test_account import entered
from tests.console.test_entry import owner, people, server
from tests.console.test_look import check
from tests.principals import Principals

__all__ = ["owner", "people", "server"]

PATH = "/console/corner/people"


@pytest.fixture
def site(people: Principals, owner: Any) -> httpx.Client:
    """A café of the owner's, and the owner."""
    client = people.signed_in(owner)
    made = {"kind": "cafe", "name": "Corner", "time_zone": "UTC", "slug": "corner"}
    assert client.post("/api/sites", json=made).status_code == 201
    return client


async def test_somebody_is_invited_and_the_invitation_is_withdrawn(looker: Looker, site: httpx.Client) -> None:
    page = await entered(looker, PATH)
    await page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("E-mail").fill("bo@example.org")
    await dialog.get_by_role("radio", name="Housekeeping").check()
    await dialog.get_by_label("Where").select_option("corner")
    await dialog.get_by_role("button", name="Send the invitation").click()
    line = page.locator(".account-lines li")
    await expect(line).to_contain_text("bo@example.org")
    await expect(line).to_contain_text("Housekeeping · Corner")
    await page.get_by_role("button", name="Withdraw the invitation of bo@example.org").click()
    await page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    await expect(line).to_have_count(0)


async def test_a_role_is_given_changed_and_taken(looker: Looker, people: Principals, site: httpx.Client) -> None:
    other = people.account("cy@example.org", name="Cy Fox")
    people.grant(other, people.organisation_of("corner"), "viewer")
    page = await entered(looker, PATH)
    await page.get_by_role("button", name="Roles of Cy Fox").click()
    drawer = page.get_by_role("dialog")
    await drawer.get_by_role("combobox", name="Role: All sites").select_option("staff")
    await expect(page.locator("#toasts")).to_contain_text("Cy Fox: Staff")
    await drawer.get_by_label("Role", exact=True).select_option("manager")
    await drawer.get_by_role("button", name="Give the role").click()
    await expect(drawer.get_by_role("combobox", name="Role: Corner")).to_have_value("manager")
    await drawer.get_by_role("button", name="Take the role: All sites").click()
    await page.get_by_role("dialog").last.get_by_role("button", name="Take the role").click()
    await expect(drawer.get_by_role("combobox", name="Role: All sites")).to_have_count(0)
    client = people.signed_in(other)
    grants = (await asyncio.to_thread(client.get, "/api/session")).json()["grants"]
    assert [(one["role"], one["site_id"] is None) for one in grants] == [("manager", False)]


async def test_the_last_owner_stays(looker: Looker, site: httpx.Client) -> None:
    page = await entered(looker, PATH)
    await page.get_by_role("button", name="Roles of Ann Lee").click()
    await page.get_by_role("button", name="Take the role: All sites").click()
    await page.get_by_role("dialog").last.get_by_role("button", name="Take the role").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Somebody must own the organisation")


async def test_a_token_is_shown_once_and_revoked(looker: Looker, server: Any, site: httpx.Client) -> None:
    page = await entered(looker, f"{PATH}?tab=tokens")
    await page.get_by_role("button", name="New token").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("What is it for?").fill("lobby screen")
    await dialog.get_by_role("checkbox", name="names whose").check()
    await dialog.get_by_role("button", name="Make the token").click()
    secret = await page.get_by_label("Token", exact=True).inner_text()
    asked = {"Authorization": f"Bearer {secret}"}
    board = f"{server.url}/api/sites/corner/board"
    assert (await asyncio.to_thread(httpx.get, board, headers=asked)).status_code == 200
    await page.get_by_role("button", name="I have kept it").click()
    await expect(page.locator(".table")).to_contain_text("lobby screen")
    assert secret not in await page.content()
    await page.get_by_role("button", name="Revoke lobby screen").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.locator(".table")).to_contain_text("Revoked")
    assert (await asyncio.to_thread(httpx.get, board, headers=asked)).status_code == 401


async def test_customers_are_found_and_the_log_tells(looker: Looker, people: Principals, site: httpx.Client) -> None:
    organisation = people.organisation_of("corner")
    for name in ("Dee Day", "Eve Oak"):
        people.grant(people.account(f"{name[:3].lower()}@campus.example", name=name), organisation, "customer")
    page = await entered(looker, f"{PATH}?tab=customers")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.get_by_label("Find by name or address").fill("oak")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody")).to_contain_text("Eve Oak")
    await page.get_by_role("tab", name="Account log").click()
    log = page.locator("#panel-log")
    await expect(log.locator("tbody")).to_contain_text("Signed in")
    await log.get_by_label("What").select_option("set_up")
    await expect(log.locator("tbody tr")).to_have_count(1)


async def test_who_manages_one_site_sees_its_people_only(
    looker: Looker, people: Principals, site: httpx.Client
) -> None:
    manager = people.person("manager", "corner", only_there=True, email="max@example.org")
    cookie = manager.headers["Cookie"].partition("=")
    state = {"cookies": [{"name": cookie[0], "value": cookie[2], "url": looker.url}]}
    page = await looker.open(PATH, storage_state=state | {"origins": []})
    await expect(page.get_by_role("tab")).to_have_text(["Team", "Customers"])
    await page.get_by_role("button", name="Invite").click()
    roles = page.get_by_role("dialog").get_by_role("radio")
    await expect(roles).to_have_count(4)


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
async def test_the_people_screen_is_for_everyone(
    looker: Looker, site: httpx.Client, scheme: str, viewport: Any
) -> None:
    page = await entered(looker, PATH, scheme=scheme, viewport=viewport)
    await page.wait_for_selector(".table")
    await check(page)
    await page.get_by_role("button", name="Invite").click()
    await check(page)
    await page.keyboard.press("Escape")
    for tab in ("Customers", "Tokens", "Account log"):
        await page.get_by_role("tab", name=tab).click()
        await page.wait_for_selector("[role=tabpanel]:not([hidden]) :is(.table, .empty)")
        await check(page)
    await page.get_by_role("tab", name="Tokens").click()
    await page.get_by_role("button", name="New token").first.click()
    await check(page)
