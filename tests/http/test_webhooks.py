"""Endpoints over HTTP: who may make and see them, and a whole way from a booking to a stranger's verification."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.conftest import LiveServer, until
from tests.principals import Principals
from tests.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver in a thread of its own."""
    ready, found = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with receiving() as made:
            found.append(made)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)


@pytest.fixture
def server(make_server: Callable[..., LiveServer], tmp_path: Path) -> LiveServer:
    return make_server(webhook_http=True, webhook_networks="127.0.0.0/8", secret_key="s" * 32, data=tmp_path)


@pytest.fixture
def site(cafe: str) -> str:
    return cafe.rsplit("/", 1)[1]


@pytest.fixture
def address(principals: Principals, site: str) -> str:
    return f"/api/organisations/{principals.organisation_of(site)}/webhooks"


def made(client: httpx.Client, address: str, url: str, **more: Any) -> dict[str, Any]:
    answer = client.post(address, json={"url": url, "events": ["booking.*"], **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_booking_reaches_a_receiver_that_verifies_it(
    principals: Principals, receiver: Receiver, site: str, address: str
):
    manager = principals.person("manager", site)
    hook = made(manager, address, receiver.url, site=site, description="ours")
    receiver.secrets.append(hook["secret"])
    body = {"unit": "PC1", "from": "2027-03-01T10:00:00Z", "to": "2027-03-01T11:00:00Z", "customer": {"name": "Ann"}}
    booked = manager.post(f"/api/sites/{site}/bookings", json=body)
    assert booked.status_code == 201, booked.text
    until(lambda: receiver.types(), ["booking.created"])
    assert receiver.requests[0]["verified"] == [True]
    one = f"{address}/{hook['id']}"
    until(lambda: [each["state"] for each in manager.get(f"{one}/deliveries").json()["deliveries"]], ["delivered"])
    (delivery,) = manager.get(f"{one}/deliveries").json()["deliveries"]
    assert delivery["id"] == receiver.requests[0]["headers"]["webhook-id"]
    detail = manager.get(f"{one}/deliveries/{delivery['id']}").json()
    assert detail["tries"][0]["status"] == 204 and detail["payload"]["type"] == "booking.created"
    assert manager.post(f"{one}/deliveries/{delivery['id']}/redeliver").status_code == 200
    until(lambda: receiver.types(), ["booking.created"] * 2)
    assert manager.post(f"{one}/test").status_code == 201
    until(lambda: receiver.types()[-1], "webhook.test")
    assert manager.post(f"{one}/pause").json()["active"] is False
    assert manager.post(f"{one}/pause").json()["code"] == "nothing_to_change"
    assert manager.post(f"{one}/test").json()["code"] == "wrong_state"
    assert manager.post(f"{one}/resume").json()["active"] is True
    assert manager.post(f"{one}/rotate").json()["secret"].startswith("whsec_")
    assert manager.patch(one, json={"events": ["*"]}).json()["events"] == ["*"]
    told = manager.get(address).json()["webhooks"]
    assert [each["secret"] for each in told] == [None] and told[0]["site"] == site
    assert manager.delete(one).status_code == 204
    assert manager.get(one).json()["code"] == "unknown_webhook"


def test_endpoints_are_for_those_who_hold_jobs_in_the_organisation(
    principals: Principals, client: httpx.Client, site: str, address: str
):
    hook = made(client, address, "https://hooks.example.org/a")
    one = f"{address}/{hook['id']}"
    paths = [("get", address), ("get", one), ("get", f"{one}/deliveries"), ("delete", one), ("post", f"{one}/test")]
    paths += [("post", f"{one}/{act}") for act in ("rotate", "pause", "resume")]
    for role, status in (("staff", 403), ("viewer", 403), ("customer", 403), (None, 404)):
        person = principals.person(role, site)
        for method, path in paths:
            assert person.request(method, path).status_code == status, (role, method, path)
        refused = person.post(address, json={"url": "https://x.example/", "events": ["*"]})
        assert refused.status_code == status
    assert principals.person("manager", site, only_there=True).get(address).status_code == 403
    assert principals.nobody().get(address).status_code == 401
    others = principals.other_organisation()
    foreign = f"/api/organisations/{others}/webhooks"
    assert client.get(f"{foreign}/{hook['id']}").json()["code"] == "unknown_webhook"
    body = {"url": "https://x.example/", "events": ["*"], "site": site}
    assert client.post(foreign, json=body).json()["code"] == "unknown_site"


def test_a_token_that_may_not_see_names_has_none_sent_to_it(principals: Principals, site: str, address: str):
    program = principals.token(site, "jobs")
    asked = program.post(address, json={"url": "https://x.example/", "events": ["*"]})
    assert asked.status_code == 403 and asked.json()["right"] == "names"
    assert program.get(address).status_code == 200
    both = principals.token(site, "jobs", "names")
    assert made(both, address, "https://x.example/")["active"] is True


@pytest.mark.parametrize(
    "wrong",
    [{"url": "ftp://x.example/"}, {"events": []}, {"events": ["nothing"]}, {"description": "x" * 201}, {"x": 1}],
)
def test_what_is_no_endpoint_is_refused(client: httpx.Client, address: str, wrong: dict[str, Any]):
    body = {"url": "https://x.example/", "events": ["*"], **wrong}
    assert client.post(address, json=body).json()["code"] == "invalid_request"
