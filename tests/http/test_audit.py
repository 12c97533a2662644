"""Who did what, when, from which network: the account log and the journals together, on the screen and as files."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.services import exports
from holdfast.services.exports import cell
from tests.http.conftest import LiveServer
from tests.http.test_persons import booking_of, organisation_of
from tests.principals import Principals

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
AN_HOUR_AGO = (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def journal(client: httpx.Client, site: str, **asked: Any) -> dict[str, Any]:
    answer = client.get(f"{site}/journal", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read_on(client: httpx.Client, site: str, **asked: Any) -> list[dict[str, Any]]:
    """All pages of a filtered journal; each says where the next begins, and the last where the site stands."""
    lines: list[dict[str, Any]] = []
    after = 0
    for _ in range(100):
        page = journal(client, site, after=after, **asked)
        lines += page["events"]
        assert page["next"] > after or page["next"] == page["last"]
        after = page["next"]
        if after == page["last"]:
            return lines
    raise AssertionError("the journal has no end")


def test_the_journal_is_asked_by_actor_cause_subject_type_and_time(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    slug = cafe.rsplit("/", 1)[1]
    staff = principals.person("staff", slug)
    for hour in range(4):
        (staff if hour % 2 else client).post(f"{cafe}/bookings", json=booking_of("PC1", hour))
    actor = staff.get("/api/session").json()["actor"]
    whole = read_on(client, cafe)
    mine = [line for line in whole if line["actor"] == actor]
    assert len(mine) == 2
    assert read_on(client, cafe, actor=actor) == mine
    assert read_on(client, cafe, actor=actor, limit=1) == mine
    assert read_on(client, cafe, actor=actor, types="unit.created") == []
    subject = mine[0]["subject"]
    assert read_on(client, cafe, subject=subject, actor=actor) == mine[:1]
    assert read_on(client, cafe, cause="created", actor=actor) == mine
    for index in (0, 1, len(whole) - 1):
        at = whole[index]["at"]
        assert read_on(client, cafe, **{"from": at}) == [line for line in whole if line["at"] >= at]
        assert read_on(client, cafe, to=at) == [line for line in whole if line["at"] < at]
        assert read_on(client, cafe, to=at, limit=1) == [line for line in whole if line["at"] < at]
    assert read_on(client, cafe, **{"from": AN_HOUR_AGO, "to": TOMORROW}) == whole
    assert read_on(client, cafe, **{"from": TOMORROW}) == []
    wrong = client.get(f"{cafe}/journal", params={"from": TOMORROW, "to": AN_HOUR_AGO})
    assert wrong.json()["code"] == "invalid_time"


def test_who_sees_no_names_cannot_ask_by_them(client: httpx.Client, cafe: str, principals: Principals) -> None:
    keeper = principals.person("housekeeping", cafe.rsplit("/", 1)[1])
    assert keeper.get(f"{cafe}/journal", params={"actor": "admin"}).status_code == 403
    assert keeper.get(f"{cafe}/actors", params={"name": "admin"}).status_code == 403


def test_people_and_programs_are_named_to_those_who_may_know(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    slug = cafe.rsplit("/", 1)[1]
    account = principals.account("carol@example.org", name="Carol Ho")
    principals.grant(account, principals.organisation_of(slug), "staff")
    stranger = principals.account("dave@example.org", name="Dave")
    token = principals.token(slug, "book").get("/api/session").json()["actor"]
    asked = f"account:{account},account:{stranger},account:{uuid4()},{token},clock,account:nonsense"
    found = client.get(f"{cafe}/actors", params={"name": asked}).json()["actors"]
    assert found == {f"account:{account}": "Carol Ho", token: "t"}
    organisation = organisation_of(principals, cafe)
    client.post(f"{organisation}/persons/erase", json={"account": str(account), "reason": "left us"})
    assert client.get(f"{cafe}/actors", params={"name": f"account:{account}"}).json()["actors"] == {}
    assert client.get(f"{cafe}/actors", params=[("name", f"a:{n}") for n in range(501)]).status_code == 400


def test_the_log_is_asked_by_action_account_actor_and_time(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    slug, organisation = cafe.rsplit("/", 1)[1], organisation_of(principals, cafe)
    manager = principals.person("manager", slug, email="mary@example.org")
    actor = manager.get("/api/session").json()["actor"]
    for number in range(3):
        invited = {"email": f"new{number}@example.org", "role": "staff"}
        assert manager.post(f"{organisation}/invitations", json=invited).status_code == 201
    page = manager.get(f"{organisation}/log", params={"actor": actor, "action": "invited", "limit": 2}).json()
    assert len(page["lines"]) == 2 and page["next"] and page["actors"][actor] == "Ann Lee"
    rest = manager.get(
        f"{organisation}/log", params={"actor": actor, "action": "invited", "cursor": page["next"]}
    ).json()
    assert len(rest["lines"]) == 1 and rest["next"] is None
    for asked, count in (({"from": TOMORROW}, 0), ({"to": AN_HOUR_AGO}, 0), ({"from": AN_HOUR_AGO}, 3)):
        answer = manager.get(f"{organisation}/log", params={"actor": actor, "action": "invited", **asked})
        assert len(answer.json()["lines"]) == count, answer.text
    assert manager.get(f"{organisation}/log", params={"action": "eaten"}).json()["field"] == "action"


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_files_hold_every_line_and_that_they_were_taken_is_a_line(
    client: httpx.Client, cafe: str, principals: Principals, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_STEP", 2)
    slug, organisation = cafe.rsplit("/", 1)[1], organisation_of(principals, cafe)
    manager = principals.person("manager", slug)
    actor = manager.get("/api/session").json()["actor"]
    for hour in range(3):
        wish = {**booking_of("PC1", hour), "note": '=HYPERLINK("http://evil")\n"quoted"'}
        assert manager.post(f"{cafe}/bookings", json=wish).status_code == 201
        manager.post(f"{organisation}/invitations", json={"email": f"n{hour}@example.org", "role": "staff"})
    rows = _rows(manager.get(f"{cafe}/journal/export", params={"format": format}), format)
    whole = read_on(manager, cafe)
    assert [int(row["version"]) for row in rows] == [line["version"] for line in whole]
    assert {row["actor_name"] for row in rows if row["actor"] == actor} == {"Ann Lee"}
    data = [json.loads(row["data"]) if format == "csv" else row["data"] for row in rows]
    assert data == [line["data"] for line in whole]
    only = _rows(manager.get(f"{cafe}/journal/export", params={"format": format, "actor": actor}), format)
    assert len(only) == 3
    log = _rows(manager.get(f"{organisation}/log/export", params={"format": format}), format)
    assert [row["action"] for row in log].count("invited") == 3
    taken = [row for row in log if row["action"] == "log_exported"]
    assert len(taken) == 3 and {row["address"] for row in taken} == {"loopback"}
    assert manager.get(f"{cafe}/journal/export", params={"format": "pdf"}).json()["field"] == "format"


def _rows(answer: httpx.Response, format: str) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith("attachment")
    if format == "csv":
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(io.StringIO(answer.text, newline="")))
    return [json.loads(line) for line in answer.text.splitlines()]


def test_files_are_for_who_may_audit_and_name_only_to_who_may_know_names(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    slug, organisation = cafe.rsplit("/", 1)[1], organisation_of(principals, cafe)
    client.post(f"{cafe}/bookings", json=booking_of("PC1", 0))
    for address in (f"{cafe}/journal/export", f"{organisation}/log/export"):
        assert principals.person("staff", slug).get(address).status_code == 403
        assert principals.nobody().get(address).status_code == 401
    blind = principals.token(slug, "audit").get(f"{cafe}/journal/export")
    assert blind.status_code == 200 and "Zebulon" not in blind.text and "booking.created" in blind.text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"), ("+49", "'+49"), ("-x", "'-x"), ("@sum", "'@sum"), ("\tx", "'\tx"), ("\rx", "'\rx"),
        ("plain", "plain"), (None, ""), (7, "7"), (-7, "'-7"), ({"a": "=1"}, '{"a":"=1"}'),
        (datetime(2027, 1, 2, tzinfo=UTC), "2027-01-02T00:00:00Z"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value: Any, expected: str) -> None:
    assert cell(value) == expected


def test_the_operators_rows_bind_every_list(make_server: Any) -> None:
    server: LiveServer = make_server(page_rows_max=2)
    client = server.client
    site = {"kind": "grounds", "name": "Campus", "time_zone": "UTC", "settings": {"booking_page": "accounts"}}
    campus = client.post("/api/sites", json=site).headers["location"]
    units = [{"code": f"G{n}", "category": "ground"} for n in range(5)]
    client.post(f"{campus}/units", json={"units": units})
    day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    for unit in units:
        wish = {"unit": unit["code"], "date": day, "slot": 1, "customer": {"email": "a@example.org"}}
        assert client.post(f"{campus}/bookings", json=wish).status_code == 201
        block = {"units": [unit["code"]], "from": f"{day}T18:00", "to": f"{day}T19:00"}
        assert client.post(f"{campus}/blocks", json=block).status_code == 201
        client.post("/api/sites", json={**site, "name": f"Campus {unit['code']}"})
    organisation = client.get("/api/organisations").json()["organisations"][0]["id"]
    home = f"/api/organisations/{organisation}"
    for number in range(3):
        client.post(f"{home}/tokens", json={"name": f"t{number}", "scopes": ["read"]})
        client.post("/api/organisations", json={"name": f"Other {number}"})
    lists = {
        f"{campus}/units": "units", f"{campus}/bookings": "bookings", f"{campus}/blocks": "blocks",
        f"{campus}/journal": "events", "/api/sites": "sites", f"{home}/tokens": "tokens", f"{home}/log": "lines",
        "/api/organisations": "organisations",
    }  # fmt: skip
    for address, name in lists.items():
        found = client.get(address, params={"limit": 400}).json()
        assert len(found[name]) == 2, (address, found)
    former = client.get("/api/bookings", params={"limit": 400, "site": campus.rsplit("/", 1)[1]}).json()
    assert len(former["data"]["bookings"]) == 2
