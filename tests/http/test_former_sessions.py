"""The two addresses of the replaced café system: usually nothing is left for them to do, and they say so truly."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest

from holdfast.app import loops
from holdfast.http.former import sessions

OVER = "/api/bookings/auto-complete-sessions"


@pytest.fixture
def sleeping(make_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server whose alarms do not run, with a café of four PCs."""
    monkeypatch.setattr(loops, "LOOPS", [])
    server = make_server()
    make_cafe(server.client, "Corner")
    return server


def make_cafe(client: httpx.Client, name: str) -> str:
    address = client.post("/api/sites", json={"kind": "cafe", "name": name, "time_zone": "UTC"}).headers["location"]
    units = [{"code": f"PC{n}", "category": "pc"} for n in range(1, 5)]
    assert client.post(f"{address}/units", json={"units": units}).status_code == 200
    return str(address)


def seat(client: httpx.Client, cafe: str, units: list[str], seconds: float) -> dict[str, Any]:
    """A session of some PCs that will be over soon."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    answer = client.post(f"{cafe}/bookings", json={"units": units, "walk_in": True, "to": until.isoformat()})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def asked_until(client: httpx.Client, completed: int, **more: Any) -> dict[str, Any]:
    """What the address says once so many sessions were over, asked again and again."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = client.post(OVER, **more)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        if told["completed"] >= completed:
            return told
    raise AssertionError("no session was over")


def test_what_is_over_is_completed_and_counted_where_no_alarm_rang(sleeping: Any) -> None:
    client, cafe = sleeping.client, "/api/sites/corner"
    party = seat(client, cafe, ["PC1", "PC2"], 0.6)
    shown = {unit["code"]: unit["shown_status"] for unit in client.get(f"{cafe}/units").json()["units"]}
    assert shown == {"PC1": "Active", "PC2": "Active", "PC3": "Available", "PC4": "Available"}
    assert client.post(OVER).json()["message"] == "0 sessions auto-completed, 0 systems freed"
    assert asked_until(client, 1) == {
        "success": True, "message": "1 sessions auto-completed, 2 systems freed", "completed": 1, "freed": 2,
    }  # fmt: skip
    assert {unit["shown_status"] for unit in client.get(f"{cafe}/units").json()["units"]} == {"Available"}
    told = client.get(f"{cafe}/bookings/{party['id']}").json()
    assert (told["state"], told["ended_at"]) == ("Completed", party["to"])  # the true instant, not the one it was asked
    assert client.post(OVER).json()["completed"] == 0


def test_all_cafes_are_asked_or_the_one_that_is_named(sleeping: Any) -> None:
    client = sleeping.client
    other = make_cafe(client, "Side")
    seat(client, "/api/sites/corner", ["PC1"], 0.4)
    seat(client, other, ["PC1"], 0.4)
    assert asked_until(client, 1, headers={"X-Site": "side"})["freed"] == 1
    assert asked_until(client, 1, params={"site": "corner"})["freed"] == 1
    seat(client, "/api/sites/corner", ["PC2"], 0.2)
    seat(client, other, ["PC2", "PC3"], 0.2)
    completed, freed = 0, 0
    while completed < 2:
        told = asked_until(client, 1)
        completed, freed = completed + told["completed"], freed + told["freed"]
    assert (completed, freed) == (2, 3)


def test_where_the_alarms_run_nothing_is_left_to_do(client: httpx.Client, cafe: str) -> None:
    party = seat(client, cafe, ["PC1"], 0.3)
    deadline = time.monotonic() + 10
    while client.get(f"{cafe}/bookings/{party['id']}").json()["state"] == "Active" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert client.post(OVER).json() == {
        "success": True, "message": "0 sessions auto-completed, 0 systems freed", "completed": 0, "freed": 0,
    }  # fmt: skip


def test_a_sync_says_so_and_completes_what_is_over(sleeping: Any) -> None:
    client = sleeping.client
    told = client.post("/api/sync-sessions").json()
    assert (told["success"], told["message"]) == (True, "Manual sync completed")
    assert (told["fixed"], told["details"], told["discrepancies"]) == (0, [], [])
    party = seat(client, "/api/sites/corner", ["PC1"], 0.3)
    deadline = time.monotonic() + 10
    address = f"/api/sites/corner/bookings/{party['id']}"
    while client.get(address).json()["state"] == "Active" and time.monotonic() < deadline:
        assert client.post("/api/sync-sessions", json={}).status_code == 200
    assert client.get(address).json()["state"] == "Completed"


def test_a_pc_that_stayed_active_without_a_session_is_put_right_by_a_sync(sleeping: Any, database_url: str) -> None:
    """What that system's timer was made for, written past us: no session, and the PC Active for ever."""

    async def write_past() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("update unit set shown_status = 'Active' where code = 'PC3'")
        await connection.close()

    asyncio.run(write_past())
    told = sleeping.client.post("/api/sync-sessions").json()
    assert (told["message"], told["fixed"], told["checked"]) == ("Manual sync completed", 1, 4)
    (detail,) = told["details"]
    assert (detail["unit"], detail["from"], detail["to"]) == ("PC3", "Active", "Available")
    assert detail["reason"] == "No active session found"
    units = sleeping.client.get("/api/sites/corner/units").json()["units"]
    assert {unit["shown_status"] for unit in units} == {"Available"}


def test_a_sync_tells_what_was_compared_and_put_right_at_each_cafe(
    sleeping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cafe(sleeping.client, "Side")
    asked: list[str] = []
    failed: dict[str, str] = {}

    async def run(named: str, *, dry_run: bool = False) -> Any:
        asked.append(named)
        detail = {"unit": "PC1", "from": "Active", "to": "Available", "reason": "No active session found"}
        counted = {"checked": 4, "fixed": 1, "details": [detail], "discrepancies": [], "left_out": 0, "took_ms": 1.5}
        return SimpleNamespace(**counted, failed=failed, dry_run=dry_run)

    monkeypatch.setattr(sessions, "reconciler_of", lambda _: SimpleNamespace(run=run))
    told = sleeping.client.post("/api/sync-sessions").json()
    assert asked == ["corner", "side"]
    assert (told["checked"], told["fixed"], told["took_ms"], len(told["details"])) == (8, 2, 3.0, 2)
    assert sleeping.client.post("/api/sync-sessions?site=side").json()["fixed"] == 1 and asked[2:] == ["side"]
    failed["side"] = "busy"
    answer = sleeping.client.post("/api/sync-sessions")
    assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert "side could not be compared (busy)" in answer.json()["message"]


def test_a_site_of_another_kind_is_refused_and_no_cafe_is_nothing_to_do(client: httpx.Client, grounds: str) -> None:
    for path in (OVER, "/api/sync-sessions"):
        answer = client.post(path, headers={"X-Site": "campus"})
        assert answer.status_code == 400 and "campus is a sports ground" in answer.json()["message"]
        assert client.post(path, headers={"X-Site": "nowhere"}).status_code == 404
        assert client.post(path).json()["success"] is True
        assert client.get(path).status_code == 405
