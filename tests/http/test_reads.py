"""What is asked by HTTP: shapes, headers, and who may ask."""

from datetime import UTC, datetime, timedelta

import httpx

from tests.http.conftest import LiveServer


def booked(client: httpx.Client, address: str, unit: str = "PC1", hours: int = 24) -> dict[str, object]:
    start = (datetime.now(UTC) + timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
    body = {
        "unit": unit, "from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat(),
        "customer": {"name": "Ann", "email": "ann@x.org"},
    }  # fmt: skip
    made = client.post(f"{address}/bookings", json=body)
    assert made.status_code == 201, made.text
    answer: dict[str, object] = made.json()
    return answer


def test_a_board_is_answered_by_304_until_something_changes(client: httpx.Client, cafe: str) -> None:
    board = client.get(f"{cafe}/board")
    assert board.status_code == 200, board.text
    told = board.json()
    assert set(told) == {"site", "version", "epoch", "now", "from", "to", "units", "bookings", "blocks"}
    assert board.headers["etag"].startswith(f'"{told["epoch"]}:{told["version"]}:')
    assert board.headers["holdfast-version"] == str(told["version"])
    same = client.get(f"{cafe}/board", headers={"If-None-Match": board.headers["etag"]})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", board.headers["etag"])
    booked(client, cafe)
    later = client.get(f"{cafe}/board", headers={"If-None-Match": board.headers["etag"]})
    assert later.status_code == 200
    assert len(later.json()["bookings"]) == 1
    assert client.get(f"{cafe}/board?from=2026-01-01&to=2026-12-01").json()["code"] == "too_long"


def test_units_lists_and_details_have_the_fields_of_the_wire(client: httpx.Client, cafe: str) -> None:
    booking = booked(client, cafe)
    unit = client.get(f"{cafe}/units", params={"category": "pc", "limit": 1}).json()
    assert unit["units"][0].keys() == {
        "code", "name", "category", "parent", "condition", "shown_status", "shown_since", "booking", "next_booking_at",
        "version",
    }  # fmt: skip
    assert unit["next"]
    then = (datetime.now(UTC) - timedelta(days=400)).isoformat()
    assert client.get(f"{cafe}/units", params={"at": then}).json()["units"] == []
    found = client.get(f"{cafe}/bookings", params={"customer": "ann@x.org", "state": "Booked,Active"}).json()
    assert [one["id"] for one in found["bookings"]] == [booking["id"]]
    detail = client.get(f"{cafe}/bookings/{booking['id']}")
    assert detail.headers["etag"] == f'"{booking["version"]}"'
    assert "cancel" in detail.json()["may"]
    assert detail.json()["history"][0]["to"] == "Booked"
    assert client.get(f"{cafe}/bookings/{booking['id']}x").status_code == 404
    assert client.get(f"{cafe}/blocks").json()["blocks"] == []
    assert client.get(f"{cafe}/findings", params={"state": "open"}).json()["findings"] == []
    assert client.get(f"{cafe}/bookings", params={"cursor": "nonsense"}).json()["code"] == "invalid_cursor"


def test_availability_answers_by_the_kind_of_site(client: httpx.Client, cafe: str, hotel: str, grounds: str) -> None:
    booked(client, cafe)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    window = {"from": tomorrow.isoformat(), "to": (tomorrow + timedelta(days=2)).isoformat()}
    hours = client.get(f"{cafe}/availability", params={**window, "units": "PC1,PC2"}).json()
    assert [len(unit["free"]) for unit in hours["units"]] == [2, 1]
    assert (hours["free"], hours["among"]) == (1, 2)
    nights = client.get(f"{hotel}/availability", params=window).json()
    assert [night["categories"]["double"] for night in nights["nights"]] == [{"free": 2, "of": 2}] * 2
    assert len(nights["units"]) == 2
    slots = client.get(f"{grounds}/availability", params={"date": tomorrow.isoformat()}).json()
    assert [slot["units"][0]["status"] for slot in slots["slots"]] == ["Vacant"] * 11
    assert client.get(f"{cafe}/availability", params={"date": tomorrow.isoformat()}).status_code == 400


def test_the_journal_is_read_from_a_position(client: httpx.Client, cafe: str) -> None:
    booked(client, cafe)
    page = client.get(f"{cafe}/journal", params={"after": 0, "limit": 2}).json()
    assert [event["version"] for event in page["events"]] == [1, 2]
    rest = client.get(f"{cafe}/journal", params={"after": f"{page['epoch']}:{page['next']}"}).json()
    assert rest["events"][-1]["data"]["booking"]["customer"]["name"] == "Ann"
    assert rest["next"] == rest["last"]
    assert client.get(f"{cafe}/journal", params={"after": "x"}).json()["code"] == "invalid_cursor"


def test_a_calendar_link_needs_no_token_and_opens_nothing_else(
    server: LiveServer, client: httpx.Client, cafe: str
) -> None:
    booked(client, cafe)
    path = client.get(f"{cafe}/calendar-link", params={"unit": "PC1"}).json()["path"]
    with httpx.Client(base_url=server.url) as stranger:
        calendar = stranger.get(path)
        assert calendar.status_code == 200, calendar.text
        assert calendar.headers["content-type"].startswith("text/calendar")
        assert "PC1 (Booked)" in calendar.text
        assert "Ann" not in calendar.text
        assert stranger.get(path.replace("PC1", "PC2")).status_code == 401
        assert stranger.get(f"{cafe}/calendar.ics").status_code == 401
        assert stranger.get(f"{cafe}/calendar.ics?key=").status_code == 401
        assert stranger.get(f"{cafe}/calendar-link").status_code == 401
