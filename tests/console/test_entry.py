"""How people come in: signed in by a password, a second factor or a link, made by a link, got back in by a mail."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pyotp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from holdfast.console.entry import local_path
from holdfast.domain.actors import NOBODY
from holdfast.services import accounts as services
from holdfast.services import people as people_services
from holdfast.services import second_factor
from holdfast.services.access import Actor
from holdfast.services.people import Place
from holdfast.services.sign_in import sign_in_link
from tests.console.conftest import DESK, PHONE, Looker
from tests.console.test_look import check
from tests.http.conftest import LiveServer
from tests.principals import Principals

PASSWORD = "brown horses never whistle"
WITHIN_MS = 20_000
EMAIL = "ann@example.org"


@pytest.fixture
def server(make_server: Callable[..., LiveServer], tmp_path: Path) -> LiveServer:
    """A server that writes its mails into a folder."""
    return make_server(admin_token=None, data=tmp_path, public_url=None)


@pytest_asyncio.fixture(loop_scope="session")
async def people(server: LiveServer) -> AsyncIterator[Principals]:
    made = Principals(server)
    made.accounts.public_url = server.url
    yield made
    made.close()


@pytest.fixture
def owner(people: Principals) -> Any:
    """The first owner, with a password."""
    link = people.run(services.set_up_link(people.accounts))
    made = services.set_up(
        people.accounts, link.partition("#")[2], email=EMAIL, name="Ann Lee", password=PASSWORD, by=NOBODY
    )
    return people.run(made)


async def link_in_mail(folder: Path, path: str) -> str:
    """The link of the newest mail that has one to that path."""
    async with asyncio.timeout(30):
        while True:
            for file in sorted((folder / "mail").glob("*.eml"), reverse=True):
                body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("plain",))
                assert body is not None
                if found := re.search(rf"\S+{path}#\S+", body.get_content()):
                    return found[0]
            await asyncio.sleep(0.05)


async def sign_in(page: Page, password: str = PASSWORD) -> None:
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()


def actor_of(account_id: Any) -> Actor:
    return Actor(f"account:{account_id}", "account", account_id)


async def test_a_password_signs_in_and_leads_on(looker: Looker, owner: Any) -> None:
    page = await looker.open("/console/components?x=1")
    assert page.url == f"{looker.url}/sign-in?next=%2Fconsole%2Fcomponents%3Fx%3D1"
    await sign_in(page, "brown horses never whistled")
    await expect(page.get_by_role("alert")).to_have_text("The address, the password or the code is not right.")
    await expect(page.get_by_label("E-mail")).to_have_value(EMAIL)
    await expect(page.get_by_label("Password", exact=True)).to_be_focused()
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console/components?x=1")
    await page.get_by_role("button", name="Account and appearance").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await expect(page.get_by_text("You are signed out.")).to_be_visible()
    await page.goto(f"{looker.url}/console")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_all_of_it_works_without_scripts(
    browser: Browser, server: LiveServer, people: Principals, owner: Any
) -> None:
    account = people.run(people.accounts.account(actor_of(owner)))
    secret = people.run(second_factor.begin(people.accounts, actor_of(owner))).secret
    code = pyotp.TOTP(secret).now()
    recovery = people.run(second_factor.confirm(people.accounts, actor_of(owner), code, address="127.0.0.1"))
    context = await browser.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{server.url}/sign-in")
    await page.get_by_role("link", name="Deutsch").click()
    await expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    await page.get_by_role("link", name="English").click()
    await sign_in(page)
    await expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    assert PASSWORD not in await page.content()
    await page.get_by_label("Code").fill("000000")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#code-error")).to_contain_text("is not right")
    await page.get_by_label("Code").fill(recovery[0])
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console")
    await page.goto(f"{server.url}/reset")
    await page.get_by_label("E-mail").fill(account.email)
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_role("status")).to_contain_text("a link is on its way")


async def test_a_link_signs_in_once_and_leaves_the_address(looker: Looker, people: Principals, owner: Any) -> None:
    link = people.run(sign_in_link(people.accounts, owner, by=NOBODY))
    path = link.removeprefix(looker.url)
    page = await looker.open("/sign-in")
    await page.goto(link)
    await page.wait_for_url(f"{looker.url}/console")
    other = await looker.open(path)
    await expect(other.get_by_role("alert")).to_contain_text("This link does not work")
    await expect(other.get_by_label("E-mail")).to_be_visible()
    assert other.url == f"{looker.url}/sign-in"


async def test_guesses_are_told_how_long_to_wait(looker: Looker, owner: Any) -> None:
    page = await looker.open("/sign-in")
    refused = page.locator("[data-refused]")
    for _ in range(12):
        await sign_in(page, "not the password")
        await page.wait_for_selector("html[data-ready]")
        if "Too many tries" in await refused.inner_text():
            break
    await expect(refused).to_contain_text("You can try again now", timeout=30_000)


async def test_the_first_owner_is_made_once_by_the_link(looker: Looker, people: Principals) -> None:
    page = await looker.open("/")
    assert page.url == f"{looker.url}/set-up"
    await expect(page.get_by_text("This server has no account yet.")).to_be_visible()
    link = people.run(services.set_up_link(people.accounts))
    await page.goto("about:blank")
    await page.goto(link)
    await page.get_by_role("link", name="Deutsch").click()
    await expect(page.get_by_label("Ihr Name")).to_be_visible()
    await page.get_by_label("Ihr Name").fill("Ann Lee")
    await page.get_by_label("E-Mail").fill(EMAIL)
    await page.get_by_label("Passwort", exact=True).fill("passwort12")
    await page.get_by_role("button", name="Konto anlegen").click()
    await expect(page.locator("#password-error")).to_contain_text("zu leicht zu raten")
    assert "#" not in page.url
    await page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    await expect(page.get_by_role("status")).to_have_text("Gut")
    await page.get_by_role("button", name="Konto anlegen").click()
    await page.wait_for_url("**/console")
    again = await looker.open("/set-up")
    await expect(again.get_by_text("This server is set up already.")).to_be_visible()


async def test_an_invitation_makes_an_account_with_its_role(
    looker: Looker, people: Principals, owner: Any, tmp_path: Path
) -> None:
    client = people.signed_in(owner)
    organisation = client.get("/api/organisations").json()["organisations"][0]["id"]
    body = {"email": "bo@example.org", "role": "staff"}
    answer = await asyncio.to_thread(client.post, f"/api/organisations/{organisation}/invitations", json=body)
    assert answer.status_code == 201, answer.text
    link = await link_in_mail(tmp_path, "/invitation")
    page = await looker.open(link.removeprefix(looker.url))
    await expect(page.get_by_role("heading", name="Join Holdfast")).to_be_visible()
    await expect(page.locator("[data-said=role]")).to_have_text("Staff")
    await page.get_by_label("Your name").fill("Bo Oh")
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Accept the invitation").click()
    await page.wait_for_url("**/console")
    other = await looker.open(link.removeprefix(looker.url))
    await expect(other.locator("[data-looking]")).to_contain_text("This link does not work")
    place = Place(people_services.UUID(organisation), None, None)
    found = people.run(
        people_services.page(people.accounts, Actor("x", "x", has_everything=True), place.organisation_id)
    )
    assert {(one.email, one.role) for one in found.people} == {(EMAIL, "owner"), ("bo@example.org", "staff")}


async def test_a_forgotten_password_is_set_anew_by_a_mail(looker: Looker, owner: Any, tmp_path: Path) -> None:
    page = await looker.open("/sign-in")
    await page.get_by_role("link", name="Forgot your password?").click()
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_role("button", name="Send the link").click()
    await expect(page.get_by_role("status")).to_contain_text("a link is on its way")
    await page.goto(await link_in_mail(tmp_path, "/reset"))
    await page.get_by_label("New password", exact=True).fill("seven green umbrellas sing")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_text("The password is set.")).to_be_visible(timeout=WITHIN_MS)
    await sign_in(page, "seven green umbrellas sing")
    await page.wait_for_url("**/console")


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
async def test_entry_pages_are_for_everyone(looker: Looker, people: Principals, scheme: str, viewport: Any) -> None:
    await check(await looker.open("/set-up", scheme=scheme, viewport=viewport))
    link = people.run(services.set_up_link(people.accounts))
    page = await looker.open(link.removeprefix(looker.url), scheme=scheme, viewport=viewport)
    await page.get_by_label("Password", exact=True).fill("1234")
    await check(page)
    await page.get_by_label("Your name").fill("Ann")
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_role("button", name="Make my account").click()
    await expect(page.locator("#password-error")).to_be_visible()
    await check(page)
    secret = link.partition("#")[2]
    people.run(services.set_up(people.accounts, secret, email=EMAIL, name="Ann", password=PASSWORD, by=NOBODY))
    for path in ("/sign-in?told=out", "/reset", "/invitation", "/verify#" + secret):
        page = await looker.open(path, scheme=scheme, viewport=viewport)
        await check(page)
    page = await looker.open("/sign-in", scheme=scheme, viewport=viewport)
    await sign_in(page, "not the password")
    await expect(page.get_by_role("alert")).to_be_visible()
    await check(page)


@pytest.mark.parametrize(
    ("given", "led"),
    [
        ("/console/x?view=list&day=2027-01-01", "/console/x?view=list&day=2027-01-01"),
        ("/caf\u00e9", "/caf%C3%A9"),
        *[(bad, "/console") for bad in (
            None, "", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a b",
            "/a\r\nSet-Cookie: x=1", "/sign-in?next=/sign-in",
        )],
    ],
)  # fmt: skip
def test_nobody_is_led_away(given: str | None, led: str) -> None:
    assert local_path(given) == led
