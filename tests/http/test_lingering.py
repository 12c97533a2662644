"""What is refused is answered, and heard to the end for a while: nobody else notices, and nothing of it stays."""

import gc
import socket
import threading
import time
from collections.abc import Callable

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from holdfast.http import connections
from tests.http.conftest import LiveServer, until

JSON = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}


def asking(server: LiveServer, line: str, *headers: str, body: bytes = b"") -> socket.socket:
    """A connection that has sent a request of its own."""
    asker = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10)
    token = f"Authorization: Bearer {server.settings.admin_token}"
    asker.sendall("\r\n".join((f"{line} HTTP/1.1", "Host: localhost", token, *headers, "", "")).encode() + body)
    return asker


def heard(asker: socket.socket, wanted: bytes) -> bytes:
    told = b""
    while wanted not in told:
        part = asker.recv(65536)
        assert part, told
        told += part
    return told


def test_nonsense_sent_into_a_stream_disturbs_no_other(
    make_server: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = make_server()
    server.client.post("/api/sites", json=JSON)
    streams = [asking(server, "GET /api/sites/corner/events") for _ in range(4)]
    for stream in streams:
        heard(stream, b"id: ")
    for stream in streams[1:]:
        stream.sendall(b"\x00\x01\r\n\r\n")
        heard(stream, b"malformed_request")
    assert server.client.post("/api/sites/corner/units", json={"units": [{"code": "PC1", "category": "pc"}]}).is_success
    heard(streams[0], b"PC1")
    assert server.house is not None
    hub = server.house.hub
    until(lambda: hub.count, 1)
    assert caplog.text == ""
    for stream in streams:
        stream.close()


def test_a_server_at_its_end_does_not_wait_for_who_was_refused(
    make_server: Callable[..., LiveServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LINGER_S", 60)
    server = make_server(body_bytes_max=2048, shutdown_timeout_s=40)
    more = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    large = b"1000\r\n" + b" " * 4096 + b"\r\n"
    lingering = asking(server, "POST /api/sites", *more, body=large)
    heard(lingering, b"body_too_large")
    waiting = asking(server, "POST /api/sites", "Expect: 100-continue", *more)
    heard(waiting, b"100 Continue")
    assert server.house is not None
    began, stopping = time.monotonic(), threading.Thread(target=server.stop)
    stopping.start()
    assert lingering.recv(1) == b""
    time.sleep(1)  # past the last word, when connections were told to close
    waiting.sendall(large)
    heard(waiting, b"HTTP/1.1 ")
    stopping.join(20)
    assert not stopping.is_alive() and time.monotonic() - began < 8
    for each in (lingering, waiting):
        each.close()


def test_an_answered_request_is_gone_without_collecting_garbage(make_server: Callable[..., LiveServer]) -> None:
    server = make_server()
    server.client.post("/api/sites", json=JSON)
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            assert server.client.post("/api/sites/corner/bookings", json={}).status_code == 400
        assert sum(isinstance(each, RequestResponseCycle) for each in gc.get_objects()) < 5
    finally:
        gc.enable()


def test_a_body_whose_first_part_is_too_large_is_refused_at_once(make_server: Callable[..., LiveServer]) -> None:
    server = make_server(body_bytes_max=2048)
    more = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    with asking(server, "POST /api/sites", *more, body=b"1000\r\n" + b" " * 4096 + b"\r\n") as asker:
        asker.settimeout(4)
        heard(asker, b"body_too_large")


@pytest.mark.parametrize("header", ["Content-Length: 3", f"Cookie: {'x' * 20_000}"])
def test_what_cannot_become_a_websocket_is_refused(make_server: Callable[..., LiveServer], header: str) -> None:
    server = make_server()
    with asking(server, "GET /socket.io/?EIO=4", "Connection: Upgrade", "Upgrade: websocket", header) as asker:
        asker.settimeout(5)
        assert heard(asker, b"malformed_request").startswith(b"HTTP/1.1 400")
        assert asker.recv(1) == b""
