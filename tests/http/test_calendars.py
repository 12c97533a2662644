"""Calendars from outside over HTTP, with a server that reads them by its own jobs and schedules."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.calendar_server import calendar, nights
from tests.http.conftest import LiveServer, until

DAY = datetime.now(UTC) + timedelta(days=20)
FIRST, LAST = f"{DAY:%Y%m%d}", f"{DAY + timedelta(days=2):%Y%m%d}"


@pytest.fixture
def feed() -> Iterator[ThreadingHTTPServer]:
    """A server of one calendar, `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.body)  # type: ignore[attr-defined]

        def log_message(self, *_: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.body = calendar(nights("a", FIRST, LAST))  # type: ignore[attr-defined]
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_calendar_is_added_read_by_a_job_and_removed(
    make_server: Callable[..., LiveServer], feed: ThreadingHTTPServer
):
    client = make_server(calendar_http=True, calendar_networks="127.0.0.0/8").client
    made = client.post("/api/sites", json={"kind": "hotel", "name": "Inn", "time_zone": "UTC"})
    assert made.headers["location"] == "/api/sites/inn", made.text
    units = {"units": [{"code": "101", "category": "double"}]}
    assert client.post("/api/sites/inn/units", json=units).status_code == 200
    wish = {"unit": "101", "name": "Airbnb", "url": f"http://127.0.0.1:{feed.server_port}/1.ics?s=secret"}
    made = client.post("/api/sites/inn/calendars", json=wish)
    assert made.status_code == 201 and "secret" not in made.text

    def seen() -> tuple[int, str | None]:
        (one,) = client.get("/api/sites/inn/calendars").json()["calendars"]
        return one["blocks"], one["error"]

    def state() -> str:
        return str(client.get("/api/sites/inn/calendars/Airbnb").json()["state"])

    assert made.json()["state"] == "waiting"
    until(seen, (1, None))
    assert state() == "fresh"
    (block,) = client.get("/api/sites/inn/blocks").json()["blocks"]
    assert (block["kind"], block["reason"], block["created_by"]) == ("calendar", "Airbnb: reserved", "calendar Airbnb")
    stay = {"unit": "101", "date": f"{DAY.date()}", "nights": 1}
    assert client.post("/api/sites/inn/bookings", json=stay).json()["code"] == "slot_taken"
    by_hand = {"units": ["101"], "from": f"{DAY.date()}", "to": f"{DAY.date() + timedelta(days=9)}", "kind": "calendar"}
    assert client.post("/api/sites/inn/blocks", json=by_hand).json()["code"] == "invalid_request"
    feed.body = b"<html>"  # type: ignore[attr-defined]
    put = client.post("/api/sites/inn/calendars/Airbnb/fetch")
    assert put.status_code == 202
    until(lambda: "no calendar" in (seen()[1] or ""), True)
    assert state() == "failing"
    # it tries again by itself
    until(lambda: client.get(f"/api/jobs/{put.json()['id']}").json()["state"], "waiting")
    names = {each["name"] for each in client.get("/api/schedules").json()["schedules"]}
    assert {"Read calendars from outside", "Reconcile all sites"} <= names
    assert client.delete("/api/sites/inn/calendars/Airbnb").json()["removed"] == 1
    assert client.get("/api/sites/inn/blocks").json()["blocks"] == []
    assert client.post("/api/sites/inn/bookings", json=stay).status_code == 201
