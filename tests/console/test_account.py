"""One's own account in a browser: changed, protected by a second factor, and signed out of other places."""

from typing import Any

import pyotp
import pytest
from playwright.async_api import expect

from tests.console.conftest import DESK, PHONE, Looker
from tests.console.test_entry import EMAIL, PASSWORD, WITHIN_MS, owner, people, server, sign_in
from tests.console.test_look import check
from tests.principals import Principals

__all__ = ["owner", "people", "server"]


async def entered(looker: Looker, path: str = "/console/account", **more: Any) -> Any:
    """The page, by somebody who has just signed in with a password."""
    page = await looker.open(path, **more)
    await sign_in(page)
    await page.wait_for_url(f"**{path}", timeout=WITHIN_MS)
    await page.wait_for_selector("html[data-ready] #screen:not([aria-busy])")
    return page


async def test_a_second_factor_is_set_up_and_asked_for(looker: Looker, owner: Any) -> None:
    page = await entered(looker)
    await page.get_by_role("button", name="Set up").click()
    picture = page.get_by_role("img", name="QR code for the authenticator app")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    await page.get_by_text("Cannot scan?").click()
    secret = await page.get_by_label("Secret for the authenticator app").inner_text()
    await page.get_by_label("The code that the app shows now").fill("000000")
    await page.get_by_role("button", name="Turn on").click()
    await expect(page.get_by_text("This code does not fit.")).to_be_visible()
    await page.get_by_label("The code that the app shows now").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Turn on").click()
    codes = page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    await expect(codes).to_have_count(10)
    await check(page)
    recovery = await codes.first.inner_text()
    await page.get_by_role("button", name="I have kept them").click()
    await expect(page.locator("#second-factor")).to_contain_text("On")
    other = await looker.open("/sign-in")
    await sign_in(other)
    await other.get_by_label("Code").fill(recovery)
    await other.get_by_role("button", name="Sign in").click()
    await other.wait_for_url("**/console", timeout=WITHIN_MS)


async def test_an_account_is_changed_and_other_sessions_are_ended(
    looker: Looker,
    people: Principals,
    owner: Any,
) -> None:
    elsewhere = people.signed_in(owner)
    page = await entered(looker)
    await page.get_by_label("Name").fill("Ann Lee-Oh")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#toasts")).to_contain_text("Your account was changed")
    await page.get_by_role("button", name="End the session of tests").click()
    await expect(page.locator(".account-sessions li")).to_have_count(1)
    assert elsewhere.get("/api/account").status_code == 401
    await page.get_by_label("Present password").fill("not this one")
    await page.get_by_label("New password").fill("seven green umbrellas sing")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("This is not your password.")).to_be_visible(timeout=WITHIN_MS)
    await page.get_by_label("Present password").fill(PASSWORD)
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.locator("#toasts")).to_contain_text("The password was changed", timeout=WITHIN_MS)
    await page.get_by_role("button", name="Sign out everywhere").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert EMAIL not in await page.content()


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
async def test_the_account_page_is_for_everyone(looker: Looker, owner: Any, scheme: str, viewport: Any) -> None:
    await check(await entered(looker, scheme=scheme, viewport=viewport))
