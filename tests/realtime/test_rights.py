"""Who hears what: names for those who may see them, the rest for those who may see what is free, nothing for others;
and nobody longer than they may."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.http.conftest import LiveServer, client, grounds, make_server, make_server_on, principals, server
from tests.principals import Principals

__all__ = ["client", "grounds", "make_server", "make_server_on", "principals", "server"]

MARKER = "Zaphod Unmistakable"
WISH = {"unit": "G1", "slot": "9-10 AM", "date": "2027-03-08", "note": MARKER,
        "customer": {"name": MARKER, "email": "zaphod@example.org"}}  # fmt: skip


class Line:
    """An open stream, block by block."""

    def __init__(self, answer: httpx.Response) -> None:
        self.text = ""
        self._parts = answer.iter_text()

    def until(self, word: str) -> str:
        """Reads until a word was told; all that was told so far."""
        while word not in self.text:
            self.text += next(self._parts)
        return self.text

    def rest(self) -> str:
        """All that is still told until the stream ends."""
        return "".join(self._parts)


@contextmanager
def listening(client: httpx.Client, address: str, **asked: Any) -> Iterator[Line]:
    with client.stream("GET", f"{address}/events", params=asked) as answer:
        assert answer.status_code == 200, answer.read()
        line = Line(answer)
        line.until("id: ")
        yield line


def test_who_may_not_see_names_hears_of_everything_without_them(
    client: httpx.Client, grounds: str, principals: Principals
) -> None:
    slug = grounds.rsplit("/", 1)[1]
    for who in (
        principals.nobody(), principals.person("customer", slug), principals.person("housekeeping", slug)
    ):  # fmt: skip
        begin = client.get(f"{grounds}/journal", params={"limit": 1}).json()["last"]
        with listening(who, grounds, after=str(begin)) as line:
            made = client.post(f"{grounds}/bookings", json=WISH)
            assert made.status_code == 201, made.text
            booking = made.json()["id"]
            client.post(f"{grounds}/bookings/{booking}/cancel", json={"reason": MARKER})
            told = line.until("booking.cancelled")
            told = line.until("\n\n") if told.endswith("\n\n") else told + next(line._parts, "")
        events = [json.loads(part[6:]) for part in told.splitlines() if part.startswith("data: ")]
        assert [event["version"] for event in events][:2] == [begin + 1, begin + 2]
        created = next(event for event in events if event["type"] == "booking.created")
        assert created["data"]["booking"]["units"] == ["G1"] and created["data"]["booking"]["state"] == "Pending"
        assert MARKER not in told and "zaphod" not in told
    assert principals.person("customer", slug).get(f"{grounds}/journal").status_code == 403


def test_staffs_notes_are_heard_inside_the_site_alone(
    client: httpx.Client, grounds: str, principals: Principals
) -> None:
    slug = grounds.rsplit("/", 1)[1]
    keeper = principals.person("housekeeping", slug)
    for who, is_told in ((keeper, True), (principals.nobody(), False), (principals.person("customer", slug), False)):
        begin = client.get(f"{grounds}/journal", params={"limit": 1}).json()["last"]
        with listening(who, grounds, after=str(begin)) as line:
            assert client.patch(f"{grounds}/units/G1", json={"note": MARKER}).status_code == 200
            assert client.patch(f"{grounds}/units/G1", json={"note": None}).status_code == 200
            told = line.until(f'"version":{begin + 2}')
        assert (MARKER in told) == is_told
    assert client.patch(f"{grounds}/units/G1", json={"note": MARKER}).status_code == 200
    (event,) = keeper.get(f"{grounds}/journal", params={"after": str(begin + 2)}).json()["events"]
    assert event["data"]["attributes"] == {"note": MARKER}


def test_a_site_without_a_booking_page_is_nobodys_to_hear(
    client: httpx.Client, grounds: str, principals: Principals
) -> None:
    client.patch(grounds, json={"settings": {"booking_page": "off"}})
    assert principals.nobody().get(f"{grounds}/events").status_code == 401
    assert principals.person(None, grounds.rsplit("/", 1)[1]).get(f"{grounds}/events").status_code == 404


@pytest.mark.parametrize("how", ["role", "session", "account", "token"])
def test_a_right_that_is_taken_ends_the_stream(
    client: httpx.Client, grounds: str, principals: Principals, how: str
) -> None:
    slug = grounds.rsplit("/", 1)[1]
    client.patch(grounds, json={"settings": {"booking_page": "off"}})
    organisation = principals.organisation_of(slug)
    account = principals.account()
    principals.grant(account, organisation, "viewer")
    who = principals.signed_in(account)
    if how == "token":
        who = principals.token(slug, "read", "names", "public")
    with listening(who, grounds) as line:
        if how == "role":
            address = f"/api/organisations/{organisation}/people/{account}"
            assert client.delete(address).status_code == 200
        elif how == "session":
            assert who.delete("/api/session").status_code == 200
        elif how == "account":
            assert client.post(f"/api/organisations/{organisation}/accounts/{account}/disable").status_code == 200
        else:
            (token,) = client.get(f"/api/organisations/{organisation}/tokens").json()["tokens"]
            assert client.delete(f"/api/organisations/{organisation}/tokens/{token['id']}").status_code == 200
        client.post(f"{grounds}/bookings", json=WISH)
        assert MARKER not in line.rest()
    assert who.get(f"{grounds}/events").status_code in (401, 404)


def test_a_right_taken_by_another_process_ends_the_stream_too(
    client: httpx.Client, grounds: str, principals: Principals, server: LiveServer,
    make_server_on: Callable[..., LiveServer],
) -> None:  # fmt: skip
    slug = grounds.rsplit("/", 1)[1]
    client.patch(grounds, json={"settings": {"booking_page": "off"}})
    account: UUID = principals.account()
    organisation = principals.organisation_of(slug)
    principals.grant(account, organisation, "staff")
    other = make_server_on(server.settings.database_url)
    with listening(principals.signed_in(account), grounds) as line:
        assert other.client.delete(f"/api/organisations/{organisation}/people/{account}").status_code == 200
        line.rest()


def test_a_session_that_lives_hears_on_when_others_rights_move(
    client: httpx.Client, grounds: str, principals: Principals
) -> None:
    slug = grounds.rsplit("/", 1)[1]
    with listening(principals.person("viewer", slug), grounds) as line:
        assert principals.person("staff", slug).delete("/api/session").status_code == 200
        client.post(f"{grounds}/bookings", json=WISH)
        assert MARKER in line.until("booking.created") + line.until(MARKER)
