"""Whose booking it is: by the secret of a link, by an account; and that nobody else learns of it or changes it."""

import httpx
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.console.booking_page.conftest import (
    TOMORROW,
    WITHIN_MS,
    book,
    offer,
    pick,
    to_details,
    to_review,
)
from tests.console.conftest import Looker, act, bookings_of, change
from tests.http.conftest import LiveServer
from tests.principals import Principals


async def test_the_secret_link_of_a_guest_opens_the_booking_and_stands_in_no_address(
    looker: Looker, browser: Browser, campus: str
) -> None:
    page = await looker.open(offer())
    dialog = await to_review(page, "0~G2")
    await dialog.get_by_role("button", name="Send request").click()
    await page.get_by_role("dialog", name="Waiting for approval").get_by_role("button", name="Close").click()
    path, _, key = (await page.locator("#link").input_value()).removeprefix("http://").partition("#")
    assert len(key) > 20
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    path = path[path.index("/") :]
    stranger = await looker.open(path)
    await expect(stranger.get_by_role("heading", name="Your booking")).to_be_visible()
    assert "Kim Guest" not in await stranger.content()
    asked: list[str] = []
    other = await (await browser.new_context(locale="en-GB")).new_page()
    other.on("request", lambda request: asked.append(request.url))
    await other.goto(f"{looker.url}{path}#{key}")
    await expect(other.locator("#booking")).to_contain_text("Kim Guest")
    assert not any(key in address.partition("#")[0] for address in asked)
    await other.get_by_role("link", name="Move").click()
    await expect(other.get_by_role("heading", name="Move your booking")).to_be_visible()
    await pick(other, "2~G1").click()
    await other.get_by_role("button", name="Move here").click()
    await expect(other.locator("#booking")).to_contain_text("Ground 1")
    await expect(page.locator("#booking")).to_contain_text("Ground 1", timeout=WITHIN_MS)
    await other.get_by_text("Cancel booking").click()
    await other.get_by_role("button", name="Cancel my booking").click()
    await expect(other.locator("#booking")).to_contain_text("Cancelled")


async def as_customer(context: BrowserContext, person: httpx.Client, url: str) -> None:
    name, _, secret = person.headers["cookie"].partition("=")
    await context.add_cookies([{"name": name, "value": secret, "url": url}])


async def test_a_customer_sees_their_bookings_and_gives_one_up(
    looker: Looker, client: httpx.Client, principals: Principals, campus: str
) -> None:
    person = principals.person("customer", campus, email="ann@example.org")
    mine = book(client, "G2", 2, "Ann Lee")
    act(client, campus, mine, "cancel")
    page = await looker.open(offer())
    await as_customer(page.context, person, looker.url)
    await page.reload()
    await to_details(page, "3~G1")
    await expect(page.locator("#details")).to_contain_text("You book as Ann Lee (ann@example.org).")
    await page.get_by_role("button", name="Look it over").click()
    await page.get_by_role("button", name="Send request").click()
    await page.get_by_role("link", name="See my bookings").click()
    await expect(page.get_by_role("heading", name="To come")).to_be_visible()
    await page.locator(".line").first.click()
    await page.get_by_text("Cancel booking").click()
    await page.get_by_role("button", name="Cancel my booking").click()
    await expect(page.locator("#booking")).to_contain_text("Cancelled")
    assert {one["state"] for one in bookings_of(client, campus)} == {"Cancelled"}


async def test_where_an_account_is_asked_for_one_is_made_on_the_way(
    plain: Page, client: httpx.Client, campus: str, server: LiveServer
) -> None:
    field = {"name": "roll_number", "label": "Roll number", "required": True, "is_reference": True}
    change(client, campus, booking_page="accounts", profile_fields=[field])
    await plain.goto(f"/s/{campus}/details?date={TOMORROW}&pick=0~G1")
    await expect(plain.get_by_role("heading", name="Sign in")).to_be_visible()
    await plain.get_by_text("Make an account").first.click()
    form = plain.locator('form[action$="/sign-up"]')
    await form.get_by_label("Name").fill("New Kim")
    await form.get_by_label("E-mail").fill("new@example.org")
    await form.get_by_label("Password").fill("short")
    await form.get_by_label("Roll number").fill("CS-17")
    await form.get_by_role("button", name="Make an account").click()
    await expect(plain.get_by_role("alert")).to_be_visible()
    await form.get_by_label("Password").fill("four random words here")
    await expect(form.get_by_label("Roll number")).to_have_value("CS-17")
    await form.get_by_role("button", name="Make an account").click()
    await expect(plain.get_by_role("heading", name="Look into your mail")).to_be_visible()
    wrong = plain.locator('form[action$="/sign-in"]')
    await plain.get_by_role("link", name="Go on with the booking").click()
    await wrong.get_by_label("E-mail").fill("new@example.org")
    await wrong.get_by_label("Password").fill("not the right words")
    await wrong.get_by_role("button", name="Sign in").click()
    await expect(plain.get_by_role("alert")).to_be_visible()
    assert bookings_of(client, campus) == []


def test_nobodys_name_is_in_anything_a_customer_is_answered(
    client: httpx.Client, principals: Principals, campus: str, server: LiveServer
) -> None:
    theirs = book(client, "G1", 0)
    block = {"units": ["G2"], "from": f"{TOMORROW}T08:00", "to": f"{TOMORROW}T09:00", "reason": "secret reason"}
    assert client.post(f"/api/sites/{campus}/blocks", json=block).status_code == 201
    form = {"date": str(TOMORROW), "pick": "0~G1", "name": "Kim", "email": "kim@example.org", "key": "k" * 20}
    with httpx.Client(base_url=server.url, headers={"Origin": server.url}, follow_redirects=True) as guest:
        for visitor in (guest, principals.person("customer", campus)):
            answers = [visitor.get(f"/s/{campus}{path}") for path in (
                f"?date={TOMORROW}", f"/details?date={TOMORROW}&pick=0~G1", "/bookings", f"/booking/{theirs['id']}",
                f"/booking/{theirs['id']}/booking.ics", f"/booking/{theirs['id']}/move",
            )]  # fmt: skip
            answers += [visitor.post(f"/s/{campus}/{step}", data=form) for step in ("details", "review", "confirm")]
            answers += [
                visitor.post(f"/s/{campus}/booking/{theirs['id']}/{act}") for act in ("cancel", "move", "confirm")
            ]
            answers += [visitor.post(f"/s/{campus}/booking/{theirs['id']}", data={"booking_key": "x" * 32})]
            for answer in answers:
                assert answer.status_code < 500
                for secret in ("Secret", "secret@", "secret reason", theirs["reference"]):
                    assert secret not in answer.text, answer.url
            assert answers[8].status_code == 409
    assert bookings_of(client, campus)[0]["state"] == "Pending"


def test_what_staff_approved_is_not_moved_by_its_booker(
    client: httpx.Client, principals: Principals, campus: str, server: LiveServer
) -> None:
    person = principals.person("customer", campus, email="secret@else.example")
    mine = book(client, "G1", 0)
    address = f"/api/sites/{campus}/bookings/{mine['id']}"
    moved = {"date": str(TOMORROW), "slot": 1}
    assert person.post(f"{address}/move", json=moved).status_code == 200
    assert person.get(address).json()["may"] == ["move", "cancel"]
    act(client, campus, mine, "approve")
    assert person.get(address).json()["may"] == ["cancel"]
    refused = person.post(f"{address}/move", json=moved)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    assert "/move" not in person.get(f"/s/{campus}/booking/{mine['id']}").text
    assert client.post(f"{address}/move", json={"date": str(TOMORROW), "slot": 2}).status_code == 200


def test_there_is_no_page_where_customers_do_not_book_by_themselves(client: httpx.Client, campus: str) -> None:
    client.patch(f"/api/sites/{campus}", json={"settings": {"booking_page": "off"}})
    for path in ("/s/campus", "/s/campus/details", "/s/nowhere"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
