"""Who is there, over HTTP, with a server that writes it down."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.http.conftest import LiveServer, until
from tests.principals import Principals


@pytest.fixture
def site(cafe: str) -> str:
    return cafe.rsplit("/", 1)[1]


def me(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/api/presence/me").json())


def events(client: httpx.Client, site: str) -> Iterator[dict[str, Any]]:
    with client.stream("GET", "/api/presence/events", params={"site": site}) as stream:
        assert stream.status_code == 200
        for line in stream.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def test_whoever_signs_in_is_online_and_whoever_signs_out_is_not(principals: Principals, site: str):
    person = principals.person("staff", site)
    until(lambda: me(person)["live_status"], "online")
    assert me(person)["status"] == "active" and me(person)["last_seen"] is not None
    account = me(person)["account"]
    manager = principals.person("manager", site)
    other = principals.signed_in(UUID(account))
    for leaving, left in ((other, "online"), (person, "offline")):
        assert leaving.delete("/api/session").status_code == 200
        until(lambda: manager.get(f"/api/presence/{account}").json()["live_status"], left)


def test_a_beat_says_how_one_is_and_the_manual_status_goes_before_it(principals: Principals, site: str):
    person = principals.person("staff", site)
    answer = person.post("/api/presence/beat", json={"idle_s": 900})
    assert answer.json() == {"beat_every_s": 60.0, "lease_s": 300.0}
    until(lambda: me(person)["status"], "away")
    assert person.post("/api/presence/beat").status_code == 200
    until(lambda: me(person)["status"], "active")
    assert person.put("/api/presence/status", json={"status": "busy"}).json()["status"] == "busy"
    colleague = principals.person("manager", site)
    told = colleague.get(f"/api/presence/{me(person)['account']}").json()
    assert (told["status"], told["said"]) == ("busy", None)
    person.put("/api/presence/status", json={"status": "offline"})
    assert colleague.get(f"/api/presence/{me(person)['account']}").json()["live_status"] == "offline"
    assert person.put("/api/presence/status", json={"status": "auto"}).json()["status"] == "active"
    person.post("/api/presence/beat", json={"status": "offline"})
    until(lambda: me(person)["live_status"], "offline")


@pytest.mark.parametrize("body", [{"status": "here"}, {"idle_s": -1}, {"device": "x" * 65}, {"more": 1}])
def test_a_beat_that_is_none_is_refused(principals: Principals, site: str, body: dict[str, Any]):
    assert principals.person("staff", site).post("/api/presence/beat", json=body).status_code == 400


def test_who_is_there_is_told_to_those_who_see_names_there_and_to_nobody_else(principals: Principals, site: str):
    person = principals.person("staff", site)
    account = me(person)["account"]
    for role in ("viewer", "owner"):
        assert principals.person(role, site).get(f"/api/presence/{account}").status_code == 200
    for role in ("housekeeping", "customer", None):
        stranger = principals.person(role, site)
        assert stranger.get(f"/api/presence/{account}").json()["code"] == "unknown_account"
        assert stranger.post("/api/presence/query", json={"accounts": [account]}).json() == {"people": []}
        assert stranger.get(f"/api/sites/{site}/presence").status_code in (403, 404)
    assert person.get(f"/api/presence/{uuid4()}").json()["code"] == "unknown_account"
    assert principals.nobody().get(f"/api/presence/{account}").status_code == 401
    customer = principals.person("customer", site)
    hidden = me(customer)["account"]
    assert person.get(f"/api/presence/{hidden}").json()["code"] == "unknown_account"


def test_a_site_tells_its_team_and_the_devices_of_its_programs(principals: Principals, site: str):
    person = principals.person("staff", site)
    program = principals.token(site, "observe")
    for device in ("PC1", "PC2"):
        assert program.post("/api/presence/beat", json={"device": device}).status_code == 200
    until(lambda: len(person.get(f"/api/sites/{site}/presence").json()["devices"]), 2)
    told = person.get(f"/api/sites/{site}/presence").json()
    assert [(each["device"], each["live_status"]) for each in told["devices"]] == [("PC1", "online"), ("PC2", "online")]
    (own,) = [each for each in told["people"] if each["account"] == me(person)["account"]]
    assert own["name"] == "Ann Lee" and own["live_status"] == "online"
    assert program.get("/api/presence/me").json()["code"] == "unknown_account"
    assert program.put("/api/presence/status", json={"status": "busy"}).status_code == 403
    queried = person.post("/api/presence/query", json={"accounts": [me(person)["account"], str(uuid4())]})
    assert len(queried.json()["people"]) == 1


def test_an_open_stream_is_a_sign_of_life(server: LiveServer, principals: Principals, site: str):
    account = principals.account()
    found = principals.run(server.house.sites.find(site))  # type: ignore[union-attr]
    principals.grant(account, found.organisation_id, "staff")
    person = principals.signed_in(account)
    person.post("/api/presence/beat", json={"status": "offline"})
    until(lambda: me(person)["live_status"], "offline")
    with person.stream("GET", f"/api/sites/{site}/events") as stream:
        assert stream.status_code == 200
        until(lambda: me(person)["live_status"], "online")


def test_a_socket_of_somebody_signed_in_is_a_sign_of_life(principals: Principals, site: str):
    person = principals.person("staff", site)
    person.post("/api/presence/beat", json={"status": "offline"})
    until(lambda: me(person)["live_status"], "offline")
    opened = person.get("/socket.io/", params={"EIO": "4", "transport": "polling"})
    sid = json.loads(opened.text[1:])["sid"]
    asked = {"EIO": "4", "transport": "polling", "sid": sid}
    assert person.post("/socket.io/", params=asked, content="40{}").status_code == 200
    until(lambda: me(person)["live_status"], "online")


def test_listeners_are_told_all_first_and_then_what_changes(principals: Principals, site: str):
    manager, person = principals.person("manager", site), principals.person("staff", site)
    account = me(person)["account"]
    told = events(manager, site)
    first = next(told)
    assert account in [each["account"] for each in first["people"]]
    person.put("/api/presence/status", json={"status": "busy"})
    while True:
        changed = {each["account"]: each["status"] for each in next(told)["people"]}
        if changed.get(account) == "busy":
            break
    told.close()  # type: ignore[attr-defined]
    assert principals.person("housekeeping", site).get(f"/api/presence/events?site={site}").status_code == 403


def test_who_loses_the_right_is_told_no_more(server: LiveServer, principals: Principals, site: str):
    account = principals.account()
    found = principals.run(server.house.sites.find(site))  # type: ignore[union-attr]
    principals.grant(account, found.organisation_id, "staff")
    told = events(principals.signed_in(account), site)
    next(told)
    principals.grant(account, found.organisation_id, "housekeeping")
    other = principals.person("staff", site)
    other.put("/api/presence/status", json={"status": "busy"})
    assert all(each["status"] != "busy" for block in told for each in block["people"])  # the stream ends by itself
