"""Server-Sent Events on a real socket, and through plain ASGI, where the server is another's."""

import asyncio
import json
import re
import socket
import time
from typing import Any

import httpx
import pytest

from holdfast import app
from tests.conftest import DATA
from tests.http.conftest import TOKEN, LiveServer


class Stream:
    """A raw connection that listens, as `curl -N` does."""

    def __init__(self, server: LiveServer, path: str, method: str = "GET", **headers: str) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {TOKEN}\r\n{more}\r\n"
        self.socket.sendall(head.encode())
        self.raw = b""

    def until(self, wanted: str, within_s: float = 10.0) -> str:
        deadline = time.monotonic() + within_s
        while wanted.encode() not in self.raw:
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            part = self.socket.recv(65536)
            assert part, f"closed before {wanted!r}: {self.raw[-300:]!r}"
            self.raw += part
        return self.text

    @property
    def text(self) -> str:
        """The body, without its chunks' lengths."""
        _, _, rest = self.raw.partition(b"\r\n\r\n")
        return re.sub(rb"\r\n[0-9a-f]+\r\n|^[0-9a-f]+\r\n", b"", rest).decode()

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return [(one[0], json.loads(one[1])) for one in re.findall(r"event: (\S+)\ndata: (.*)\n\n", self.text)]

    def close(self) -> None:
        self.socket.close()


def book(client: httpx.Client, site: str, unit: str = "PC1") -> int:
    answer = client.post(f"{site}/bookings", json={"unit": unit, "walk_in": True})
    assert answer.status_code == 201, answer.text
    return int(answer.headers["holdfast-version"])


def test_a_stream_tells_what_is_written_and_resumes_by_its_last_id(server: LiveServer, cafe: str) -> None:
    stream = Stream(server, f"{cafe}/events")
    head = stream.until("id: ")
    assert b"text/event-stream" in stream.raw and b"x-accel-buffering: no" in stream.raw and "retry: " in head
    for unit in ("PC1", "PC2"):
        last = book(server.client, cafe, unit)
    stream.until(f":{last}\n")
    versions = [event["version"] for _, event in stream.events()]
    assert versions == list(range(versions[0], versions[0] + len(versions)))
    position = re.findall(r"id: (\S+)", stream.text)[1]
    stream.close()
    again = Stream(server, f"{cafe}/events", Last_Event_ID=position)
    again.until(f":{last}\n")
    told = [event["version"] for _, event in again.events()]
    assert told[0] == versions[1] and told == versions[1 : 1 + len(told)]
    again.close()


def test_a_snapshot_and_the_events_behind_it_fit(server: LiveServer, cafe: str) -> None:
    board = server.client.get(f"{cafe}/board").json()
    stream = Stream(server, f"{cafe}/events?after={board['epoch']}:{board['version']}")
    book(server.client, cafe)
    stream.until("booking.created")
    assert stream.events()[0][1]["version"] == board["version"] + 1
    stream.close()


def test_several_sites_come_on_one_stream(server: LiveServer, cafe: str, hotel: str) -> None:
    named = ",".join(address.rsplit("/", 1)[1] for address in (cafe, hotel))
    stream = Stream(server, f"/api/events?sites={named}")
    stream.until("id: ")
    book(server.client, cafe)
    server.client.patch(f"{hotel}/units/101", json={"condition": "dirty"})
    stream.until("unit.condition_changed")
    told = stream.events()
    assert {event["site"] for _, event in told} == set(named.split(","))
    positions = re.findall(r"id: (\S+)", stream.text)
    for (_, event), before in zip(told, positions, strict=False):
        assert event["prev"] == before
    stream.close()
    again = Stream(server, f"/api/events?sites={named}", Last_Event_ID=positions[0])
    again.until("unit.condition_changed")
    assert [event for _, event in again.events()] != [] and not again.text.count("event: reset")
    again.close()


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?after=nonsense", "invalid_cursor"),
        ("?after=" + "9" * 30, "invalid_cursor"),
        ("?after=x:1.2.3", "invalid_cursor"),
        ("?types=" + ",".join(f"t{n}" for n in range(60)), "invalid_request"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_stream_begins(
    server: LiveServer, cafe: str, query: str, code: str
) -> None:
    answer = server.client.get(f"{cafe}/events{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_stranger_hears_nothing(server: LiveServer, cafe: str) -> None:
    assert httpx.get(f"{server.url}{cafe}/events").status_code == 401
    assert server.client.get("/api/sites/nowhere/events").status_code == 404
    assert server.client.get("/api/events", params={"sites": ","}).status_code == 400


def test_head_tells_the_head_alone(server: LiveServer, cafe: str) -> None:
    stream = Stream(server, f"{cafe}/events", method="HEAD")
    stream.until("\r\n\r\n")
    book(server.client, cafe)
    with pytest.raises(TimeoutError):
        stream.until("booking.created", within_s=1.0)


def test_with_too_many_streams_the_next_is_told_to_come_again(make_server: Any) -> None:
    server = make_server(streams_max=1)
    server.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    first = Stream(server, "/api/sites/corner/events")
    first.until("id: ")
    answer = server.client.get("/api/sites/corner/events")
    assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
    first.close()
    for _ in range(100):
        second = Stream(server, "/api/sites/corner/events")
        if "200 OK" in second.until("\r\n\r\n") or b"200 OK" in second.raw:
            return
        second.close()
        time.sleep(0.05)
    raise AssertionError("the place was never given free")


def test_a_change_through_another_server_is_heard(make_server: Any) -> None:
    first, second = make_server(), make_server()
    first.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    first.client.post("/api/sites/corner/units", json={"units": [{"code": "PC1", "category": "pc"}]})
    stream = Stream(second, "/api/sites/corner/events")
    stream.until("id: ")
    book(first.client, "/api/sites/corner")
    stream.until("booking.created", within_s=5)
    stream.close()


def test_a_server_that_stops_ends_its_streams(make_server_on: Any, database_url: str) -> None:
    server = make_server_on(database_url)
    server.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    stream = Stream(server, "/api/sites/corner/events")
    stream.until("id: ")
    began = time.monotonic()
    server._loop.call_soon_threadsafe(server._stop.set)
    stream.until("\r\n0\r\n\r\n")
    assert time.monotonic() - began < 5


async def test_plain_asgi_serves_the_same(database_url: str) -> None:
    """Another server gives no way to its sockets; then bytes go through `send`."""

    from holdfast.settings import Settings

    settings = Settings(database_url=database_url, admin_token=TOKEN, data=DATA)
    async with app.opened(settings) as house:
        served = app.application(house)
        made = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}
        assert await status_of(served, "POST", "/api/sites", made) == 201
        parts: list[bytes] = []
        gone, heard = asyncio.Event(), asyncio.Event()

        async def send(message: Any) -> None:
            parts.append(message.get("body", b""))
            if b"unit.created" in b"".join(parts):
                heard.set()

        async def receive() -> Any:
            if not parts:
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        scope = scope_of("GET", "/api/sites/corner/events")
        stream = asyncio.create_task(served(scope, receive, send))
        async with asyncio.timeout(10):
            while b"id: " not in b"".join(parts):
                await asyncio.sleep(0.01)
            units = {"units": [{"code": "PC1", "category": "pc"}]}
            assert await status_of(served, "POST", "/api/sites/corner/units", units) == 200
            await heard.wait()
            gone.set()
            await stream
        assert house.hub.count == 0


async def status_of(served: Any, method: str, path: str, body: dict[str, Any]) -> int:
    """What a request of one message is answered with."""
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    await served(scope_of(method, path, (b"content-type", b"application/json")), receive, send)
    status: int = told[0]["status"]
    return status


def scope_of(method: str, path: str, *more: tuple[bytes, bytes]) -> dict[str, Any]:
    headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"host", b"testserver"), *more]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
