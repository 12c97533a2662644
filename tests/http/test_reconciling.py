"""What was seen, what does not fit, and putting it right, over HTTP."""

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.http.conftest import LiveServer, until


def rules(client: httpx.Client, site: str, state: str = "open") -> list[tuple[str, str]]:
    found = client.get(f"{site}/findings", params={"state": state}).json()["findings"]
    return sorted((one["rule"], one["subject"]) for one in found)


def test_what_was_seen_is_recorded_in_bulk_and_listed(client: httpx.Client, cafe: str) -> None:
    codes = [unit["code"] for unit in client.get(f"{cafe}/units").json()["units"]]
    seen = [{"unit": code, "seen": word} for code in codes for word in ("vacant", "online")]
    answer = client.post(f"{cafe}/observations", json={"observations": [*seen, {"unit": "?", "seen": "online"}]})
    assert answer.status_code == 200
    assert answer.json() == {"recorded": len(seen), "passed_over": 0, "unknown": ["?"]}
    listed: list[Any] = []
    cursor = ""
    while cursor is not None:
        page = client.get(f"{cafe}/observations", params={"limit": 1, "cursor": cursor}).json()
        listed += page["observations"]
        cursor = page["next"]
    assert sorted((one["unit"], one["seen"]) for one in listed) == sorted((one["unit"], one["seen"]) for one in seen)
    assert {one["seen_by"] for one in listed} == {"admin"}


def test_the_last_that_was_seen_counts_whatever_comes_later(client: httpx.Client, cafe: str) -> None:
    def say(*what: tuple[str, str]) -> dict[str, Any]:
        body = [{"unit": "PC1", "seen": word, "at": at, "for_s": 600_000} for word, at in what]
        told: dict[str, Any] = client.post(f"{cafe}/observations", json={"observations": body}).json()
        return told

    def now() -> list[tuple[str, str]]:
        found = client.get(f"{cafe}/observations").json()["observations"]
        return [(one["seen"], one["since"][:10]) for one in found]

    today = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert say(("occupied", today))["recorded"] == 1
    assert say(("vacant", "2020-01-01T00:00:00Z"))["recorded"] == 0, "too old to count"
    earlier = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
    assert say(("vacant", earlier)) == {"recorded": 0, "passed_over": 1, "unknown": []}
    assert [word for word, _ in now()] == ["occupied"]
    # a clock that is ahead: what it says is taken as of now, so that the next one can win
    assert say(("vacant", "2099-01-01T00:00:00Z"))["recorded"] == 1
    assert say(("occupied", "2099-01-01T00:00:00Z"))["recorded"] == 1
    assert [word for word, _ in now()] == ["occupied"]


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"unit": "PC1", "seen": "gone"}, "expected one of occupied, vacant, online, offline"),
        ({"unit": "PC1", "seen": "vacant", "for_s": 0}, "for_s"),
        ({"unit": "PC1", "seen": "vacant", "at": "yesterday"}, "at"),
        ({"unit": "PC1", "sees": "vacant"}, "sees"),
        ({"unit": 7, "seen": "vacant"}, "unit"),
        ({"unit": "PC\u0000", "seen": "vacant"}, ""),
    ],
)
def test_a_malformed_line_refuses_all_and_says_which(client: httpx.Client, cafe: str, item: Any, said: str) -> None:
    body = {"observations": [{"unit": "PC1", "seen": "occupied"}, item]}
    answer = client.post(f"{cafe}/observations", json=body)
    assert answer.status_code == 400 and said in answer.json()["detail"], answer.text
    assert client.get(f"{cafe}/observations").json()["observations"] == []


def test_too_many_or_none_are_refused(client: httpx.Client, cafe: str) -> None:
    for count in (0, 5_001):
        items = [{"unit": "PC1", "seen": "vacant"}] * count
        assert client.post(f"{cafe}/observations", json={"observations": items}).status_code == 400


def test_a_discrepancy_is_opened_settled_and_closed(client: httpx.Client, cafe: str) -> None:
    def say(word: str) -> None:
        client.post(f"{cafe}/observations", json={"observations": [{"unit": "PC1", "seen": word}]})

    say("occupied")
    until(lambda: rules(client, cafe), [("occupied_not_booked", "PC1")])
    found = client.get(f"{cafe}/findings").json()["findings"][0]
    address = f"{cafe}/findings/{found['id']}"
    assert client.post(f"{address}/resolve", json={}).status_code == 400
    assert client.post(f"{address}/resolve", json={"reason": "  "}).json()["code"] == "invalid_request"
    assert client.post(f"{address}/eat", json={"reason": "x"}).json()["code"] == "unknown_act"
    assert client.post(f"{cafe}/findings/{uuid4()}/dismiss", json={"reason": "x"}).status_code == 404
    answer = client.post(f"{address}/dismiss", json={"reason": "staff's own"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 200 and answer.json()["finding"]["state"] == "dismissed"
    assert client.post(
        f"{address}/dismiss", json={"reason": "staff's own"}, headers={"Idempotency-Key": "k"}
    ).content == (answer.content)
    assert client.post(f"{address}/resolve", json={"reason": "again"}).status_code == 409
    settled = client.get(f"{cafe}/findings", params={"state": "dismissed"}).json()["findings"][0]
    assert (settled["closed_by"], settled["reason"]) == ("admin", "staff's own")
    types = [one["type"] for one in client.get(f"{cafe}/journal", params={"limit": 500}).json()["events"]]
    assert types[-2:] == ["finding.opened", "finding.closed"]


def test_reconcile_reports_and_a_dry_run_writes_nothing(server: LiveServer, cafe: str, hotel: str) -> None:
    client = server.client
    before = client.get(cafe).json()["version"]
    for address in (f"{cafe}/reconcile", "/api/reconcile"):
        report = client.post(address, params={"dry_run": True}).json()
        assert report["fixed"] == 0 and report["dry_run"] and report["details"] == []
        assert set(report) >= {"checked", "fixed", "details", "discrepancies", "took_ms", "dry_run"}
    assert client.post("/api/sites/nowhere/reconcile").status_code == 404
    assert client.get(cafe).json()["version"] == before
