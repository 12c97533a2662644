"""Webhooks as people see them: an endpoint made, tried, failing, paused and removed; and organisations' jobs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from tests.console.conftest import DESK, PHONE, Looker
from tests.console.test_look import check
from tests.console.test_pages import data_of
from tests.console.test_presence import cookies_of
from tests.http.conftest import TOKEN, LiveServer
from tests.http.test_webhooks import receiver as receiver
from tests.principals import Principals
from tests.receiver import Receiver

LONG_MS = 20_000
PATH = "/console/webhooks"
ADMIN = {"extra_http_headers": {"Authorization": f"Bearer {TOKEN}"}}
"""A browser of who runs the server."""


@pytest.fixture(scope="module")
def server(module_server: Callable[..., LiveServer], tmp_path_factory: pytest.TempPathFactory) -> LiveServer:
    folder: Path = tmp_path_factory.mktemp("keys")
    made = module_server(webhook_http=True, webhook_networks="127.0.0.0/8", secret_key="s" * 32, data=folder)
    site = {"kind": "cafe", "name": "Corner", "time_zone": "UTC", "slug": "corner"}
    assert made.client.post("/api/sites", json=site).status_code == 201
    return made


@pytest.fixture
def principals(server: LiveServer) -> Iterator[Principals]:
    made = Principals(server)
    yield made
    made.close()


@pytest.fixture
def address(principals: Principals) -> Iterator[str]:
    """Where the organisation's endpoints are; they go with the test."""
    found = f"/api/organisations/{principals.organisation_of('corner')}/webhooks"
    yield found
    client = principals.server.client
    for each in client.get(found).json()["webhooks"]:
        client.delete(f"{found}/{each['id']}")


async def test_an_endpoint_is_made_tried_rotated_and_removed(
    looker: Looker, server: LiveServer, receiver: Receiver, address: str
) -> None:
    page = await looker.open(PATH, **ADMIN)
    await page.get_by_text("No endpoints yet").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="New endpoint").first.click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Address").fill("ftp://hooks.example.org/")
    await form.get_by_label("Description").fill("Till")
    await form.get_by_label("Where").select_option("corner")
    await form.get_by_role("radio", name="Chosen events").check()
    await form.get_by_label("booking.*").check()
    await form.get_by_label("opened").check()
    await form.get_by_role("button", name="Make endpoint").click()
    await form.locator("#field-url-error").wait_for(timeout=LONG_MS)
    await form.get_by_label("Address").fill(receiver.url)
    await form.get_by_role("button", name="Make endpoint").click()
    secret = await page.get_by_role("dialog").locator(".secret-line code").inner_text()
    assert secret.startswith("whsec_")
    receiver.secrets.append(secret)
    await page.get_by_role("button", name="I have kept it").click()
    (made,) = server.client.get(address).json()["webhooks"]
    assert (made["events"], made["site"], made["description"]) == (["booking.*", "finding.opened"], "corner", "Till")
    row = page.get_by_role("row", name="Till")
    await row.get_by_role("button", name="Send a test to").click()
    drawer = page.get_by_role("dialog", name="webhook.test")
    await drawer.get_by_text("Delivered").wait_for(timeout=LONG_MS)
    await drawer.get_by_text("204", exact=True).wait_for()
    assert receiver.requests[0]["verified"] == [True]
    await drawer.get_by_role("button", name="Send again").click()
    await drawer.get_by_text("2.", exact=True).wait_for(timeout=LONG_MS)
    assert receiver.types() == ["webhook.test"] * 2
    await page.keyboard.press("Escape")
    await expect(row).to_contain_text("1 of 1 taken", timeout=LONG_MS)
    await row.get_by_text("Till").click()
    panel = page.get_by_role("dialog", name="Till")
    await panel.get_by_role("table", name="Deliveries").get_by_text("Delivered").wait_for(timeout=LONG_MS)
    assert f"webhook={made['id']}" in page.url
    await panel.get_by_role("button", name="New secret").click()
    await page.get_by_role("dialog", name="Give it a new secret?").get_by_role("button", name="New secret").click()
    await page.get_by_text("the one before").first.wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="I have kept it").click()
    await panel.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog", name="Remove the endpoint?").get_by_role("button", name="Remove").click()
    await page.get_by_text("No endpoints yet").wait_for(timeout=LONG_MS)


def made(server: LiveServer, address: str, url: str, **more: Any) -> str:
    answer = server.client.post(address, json={"url": url, "events": ["*"], "description": "Till", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_failing_endpoint_says_what_it_answered_and_a_paused_one_goes_on(
    looker: Looker, server: LiveServer, receiver: Receiver, address: str
) -> None:
    hook = made(server, address, receiver.url)
    receiver.behaviour = 500
    page = await looker.open(f"{PATH}?webhook={hook}", **ADMIN)
    panel = page.get_by_role("dialog", name="Till")
    await panel.get_by_text("Nothing sent yet").wait_for(timeout=LONG_MS)
    await panel.get_by_role("button", name="Send a test").click()
    drawer = page.get_by_role("dialog", name="webhook.test")
    await drawer.get_by_text("Is tried again").wait_for(timeout=LONG_MS)
    await drawer.get_by_text("What was answered").first.click()
    await drawer.locator(".hook-answer pre").first.get_by_text("no").wait_for()
    # one that says that it is gone is paused by itself
    receiver.behaviour = 410
    await drawer.get_by_role("button", name="Send again").click()
    await drawer.get_by_text("Held").wait_for(timeout=LONG_MS)
    await page.keyboard.press("Escape")
    await panel.get_by_text("it has taken nothing for days").wait_for(timeout=LONG_MS)
    await page.keyboard.press("Escape")
    receiver.behaviour = 204
    await page.get_by_text("Paused by failures").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Resume", exact=True).click()
    await expect(page.get_by_role("row", name="Till")).to_contain_text("1 of 1 taken", timeout=LONG_MS)
    await expect(page.get_by_role("row", name="Till")).to_contain_text("Active")


@pytest.mark.parametrize(("scheme", "viewport"), [("light", DESK), ("dark", PHONE)])
async def test_webhooks_are_for_everyone(
    looker: Looker, server: LiveServer, receiver: Receiver, address: str, scheme: str, viewport: Any
) -> None:
    hook = made(server, address, receiver.url)
    sent = server.client.post(f"{address}/{hook}/test").json()["id"]
    page = await looker.open(PATH, scheme=scheme, viewport=viewport, **ADMIN)
    await page.wait_for_selector(".hooks .table")
    await check(page)
    await page.get_by_role("button", name="New endpoint").click()
    await page.get_by_role("radio", name="Chosen events").check()
    await check(page)
    await page.goto(f"{looker.url}{PATH}?webhook={hook}&delivery={sent}")
    await page.locator("dialog .timeline").wait_for(timeout=LONG_MS)
    await check(page)
    # of an endpoint, whose drawer is beneath
    await page.locator("dialog[open]").last.get_by_role("button", name="Close").click()
    await page.locator("dialog[open] .button.danger").wait_for(timeout=LONG_MS)
    await check(page)


async def test_somebody_is_told_of_alerts_by_mail(looker: Looker, server: LiveServer, address: str) -> None:
    page = await looker.open(PATH, **ADMIN)
    await page.get_by_role("button", name="New endpoint").first.click()
    form = page.get_by_role("dialog")
    await form.get_by_role("button", name="Somebody by mail").click()
    await form.get_by_label("E-mail").fill("night@example.org")
    await form.get_by_role("radio", name="Chosen events").check()
    await form.get_by_label("given_up").check()
    await form.get_by_role("button", name="Make endpoint").click()
    await page.get_by_role("row", name="night@example.org").wait_for(timeout=LONG_MS)
    (made,) = server.client.get(address).json()["webhooks"]
    assert (made["url"], made["events"]) == ("mailto:night@example.org", ["job.given_up"])


def test_places_are_for_holders_of_jobs_in_an_organisation(principals: Principals) -> None:
    def places(person: httpx.Client) -> list[str]:
        return [place["name"] for place in data_of(person.get("/console/corner"))["places"]]

    manager = principals.person("manager", "corner")
    assert places(manager) == ["jobs", "webhooks"]
    (theirs,) = data_of(manager.get(PATH))["organisations"]
    assert theirs["id"] == str(principals.organisation_of("corner"))
    for person in (principals.person("staff", "corner"), principals.person("manager", "corner", only_there=True)):
        assert places(person) == []
        assert [person.get(f"/console/{name}").status_code for name in ("jobs", "webhooks")] == [403, 403]


async def test_an_organisations_schedules_are_its_managers_to_see_and_make(
    looker: Looker, server: LiveServer, principals: Principals
) -> None:
    body = {"schedule": "@daily", "function": "syncDenormalizedFields"}
    assert server.client.post("/api/schedules", json={**body, "name": "Of the server"}).status_code == 201
    manager = principals.person("manager", "corner")
    page = await looker.open("/console/jobs", storage_state=cookies_of(manager))
    await page.get_by_text("No schedules yet").wait_for(timeout=LONG_MS)
    assert await page.get_by_role("tab", name="Queues").count() == 0
    await page.get_by_role("button", name="New schedule").first.click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill("Ours")
    await form.get_by_label("Function").select_option("syncDenormalizedFields")
    await form.get_by_role("button", name="Make schedule").click()
    row = page.get_by_role("row", name="Ours")
    await row.get_by_role("button", name="Run Ours now").click()
    await row.get_by_text("Succeeded", exact=True).wait_for(timeout=LONG_MS)
    tenants = {each["name"]: each["tenant"] for each in server.client.get("/api/schedules").json()["schedules"]}
    assert (tenants["Of the server"], tenants["Ours"]) == ("", str(principals.organisation_of("corner")))
    # who runs the server sees both, and of which each is
    page = await looker.open("/console/jobs", **ADMIN)
    await page.get_by_role("row", name="Of the server").first.wait_for(timeout=LONG_MS)
    await page.get_by_label("Organisation").select_option(tenants["Ours"])
    await expect(page.get_by_role("row", name="Of the server")).to_have_count(0, timeout=LONG_MS)
    await expect(page.get_by_role("row", name="Ours")).to_be_visible()
