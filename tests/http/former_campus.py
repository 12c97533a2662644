"""A sports ground asked and told at the addresses of the replaced system."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

KOLKATA = ZoneInfo("Asia/Kolkata")
DAY = (datetime.now(KOLKATA) + timedelta(days=30)).date()
TAKEN = "This slot was just booked by another student. Please choose another time slot."
WISH: dict[str, Any] = {
    "game": "Volleyball", "ground": "Ground 1", "date": str(DAY), "time": "9-10 AM", "name": "Ann Lee",
    "email": "ann@example.org", "rollNumber": "21CS001", "branch": "CS", "year": "3", "teamMembers": ["Ben", "Chloe"],
    "reason": "practice for Sunday",
}  # fmt: skip


@pytest.fixture
def campus(client: httpx.Client) -> str:
    """The address of a sports ground in Kolkata, with two grounds."""
    site = {"kind": "grounds", "name": "Campus", "time_zone": "Asia/Kolkata"}
    address = client.post("/api/sites", json=site).headers["location"]
    units = [{"code": "Ground 1", "category": "ground"}, {"code": "G2", "name": "Ground 2", "category": "ground"}]
    assert client.post(f"{address}/units", json={"units": units}).status_code == 200
    return str(address)


def slots(client: httpx.Client, ground: str = "Ground 1", day: object = DAY, **more: Any) -> dict[str, Any]:
    answer = client.get("/bookings/availability", params={"ground": ground, "date": str(day)}, **more)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["success"] is True and found["message"]
    data: dict[str, Any] = found["data"]
    return data


def slot(client: httpx.Client, time: str = "9-10 AM", **more: Any) -> dict[str, Any]:
    return next(each for each in slots(client, **more)["slots"] if each["slot"] == time)


def book(client: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = client.post("/bookings", json={**WISH, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]["booking"]
    return found


def act(client: httpx.Client, booking: dict[str, Any], name: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/bookings/{booking['_id']}/{name}", json=body)
    assert answer.status_code == 200 and answer.json()["success"] is True, answer.text
    found: dict[str, Any] = answer.json()["data"]["booking"]
    return found


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    found: dict[str, Any] = answer.json()
    assert (found["success"], found["code"]) == (False, code)
    assert found["message"].endswith((".", "?", ")")) and "type" not in found
    return found
