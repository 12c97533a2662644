"""What goes wrong at the addresses of the replaced sports system is told in its shape, with what to put right."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from holdfast.http.context import Context
from holdfast.http.former import grounds as handlers
from tests.http.former_campus import DAY, WISH, campus, refused

__all__ = ["campus"]


BAD_QUERIES = {
    "no ground": ("/bookings/availability?date=2027-03-08", "ground"),
    "no date": ("/bookings/availability?ground=G2", "date"),
    "no such date": ("/bookings/availability?ground=G2&date=2027-02-30", "date"),
    "not a date": ("/bookings/availability?ground=G2&date=tomorrow", "date"),
    "nobody": ("/bookings/my", "email"),
    "no such status": ("/bookings?status=Lost", "status"),
    "no such limit": ("/bookings?limit=x", "limit"),
    "a long name": ("/bookings?email=" + "x" * 400, "email"),
    "a NUL": ("/bookings/availability?ground=%00&date=2027-03-08", "query"),
    "a bell": ("/bookings/availability?ground=%07&date=2027-03-08", "ground"),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_a_bad_question_is_told_what_to_put_right(client: httpx.Client, campus: str, name: str) -> None:
    path, field = BAD_QUERIES[name]
    told = refused(
        client.get(path), 400, "invalid_request" if "date" not in name or name == "no date" else "invalid_time"
    )
    assert told["field"] == field and field in told["message"]


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "ground"),
    "no JSON": (b"ground=1", "not JSON"),
    "a list": (b"[]", "object"),
    "no time": (b'{"ground":"G2","date":"2027-03-08"}', "time"),
    "a number for a ground": (b'{"ground":1,"date":"2027-03-08","time":"9-10 AM"}', "ground"),
    "a list for a name": (b'{"ground":"G2","date":"2027-03-08","time":"9-10 AM","name":[]}', "name"),
    "too much beside it": (
        b'{"ground":"G2","date":"2027-03-08","time":"9-10 AM","x":"' + b"y" * 16_400 + b'"}', "details"
    ),
    "a NUL": (b'{"ground":"G2","date":"2027-03-08","time":"9-10 AM","x":"\\u0000"}', "NUL"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_told_what_to_put_right(client: httpx.Client, campus: str, name: str) -> None:
    body, word = BAD_BODIES[name]
    answer = client.post("/bookings", content=body, headers={"Content-Type": "application/json"})
    assert word in refused(answer, 400, "invalid_request")["message"]


def announced(client: httpx.Client, path: str, *, length: int) -> bytes:
    """The answer to a request whose body is said to be so long, and does not come."""
    host, port = client.base_url.host, client.base_url.port
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {client.headers['authorization']}\r\n"
    with socket.create_connection((host, port or 80), timeout=5) as raw:
        raw.sendall((head + f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n").encode())
        return b"".join(iter(lambda: raw.recv(65536), b""))


def test_whatever_goes_wrong_is_told_in_this_shape(make_server: Callable[..., Any]) -> None:
    server = make_server(body_bytes_max=2048)
    client = server.client
    for method, path in (
        ("GET", "/bookings"), ("GET", "/api/bookings/availability"), ("POST", "/api/sync-sessions")
    ):  # fmt: skip
        answer = httpx.request(method, server.url + path)
        refused(answer, 401, "unauthorised")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    refused(client.get("/bookings/a/b/c"), 404, "unknown_route")
    answer = client.delete("/bookings")
    refused(answer, 405, "wrong_method")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.options("/bookings/x/approve").headers["allow"] == "OPTIONS, PATCH, POST, PUT"
    for path in ("/bookings", "/api/sync-sessions", "/bookings/x/approve"):
        told = announced(client, path, length=3000)
        assert told.startswith(b"HTTP/1.1 413 ") and b'"success":false' in told and b"body_too_large" in told
        refused(client.post(path, content=b"x", headers={"Content-Type": "text/plain"}), 415, "wrong_media")
    refused(client.post("/bookings", json=WISH, headers={"Origin": "https://evil.example"}), 403, "foreign_origin")
    # and all others as before
    assert client.get("/api/bookingsx").headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("failure", "status", "code"), [
    (RuntimeError("a bug"), 500, "internal"), (ConnectionError("gone"), 503, "unavailable"),
])  # fmt: skip
def test_failures_of_ours_are_told_in_this_shape(
    client: httpx.Client, campus: str, monkeypatch: pytest.MonkeyPatch, failure: Exception, status: int, code: str
) -> None:
    async def failing(*_: object) -> None:
        raise failure

    monkeypatch.setattr(handlers, "day_of", failing)
    answer = client.get("/bookings/availability", params={"ground": "G2", "date": str(DAY)})
    assert "a bug" not in refused(answer, status, code)["message"]


def test_no_answer_in_time_is_told_in_this_shape(
    make_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: object, **__: object) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(Context, "answer_s", property(lambda _: 0.3))
    monkeypatch.setattr(handlers, "find_ground", slow)
    client = make_server().client
    client.post("/api/sites", json={"kind": "grounds", "name": "Campus", "time_zone": "UTC"})
    answer = client.get("/bookings/availability", params={"ground": "G2", "date": str(DAY)})
    refused(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "not known" in refused(client.post("/bookings", json=WISH), 503, "outcome_unknown")["message"]
