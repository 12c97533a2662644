"""Whatever a header holds, it is read or refused, and never a failure of ours."""

import socket

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.http.calls import if_version
from holdfast.realtime.streams import _given
from tests.http.conftest import TOKEN


@given(st.binary(max_size=60))
def test_no_if_match_breaks_its_reading(given_: bytes) -> None:
    try:
        version = if_version({b"if-match": given_})
    except Refusal as refusal:
        assert refusal.code == "invalid_request"
    else:
        assert version is None or version >= 0


@given(st.text(max_size=5_000), st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True))
@example("e" * 65 + ":1", [1])
@example("a:1.2,1.3", [1, 2])
@example("²", [1])
def test_no_last_event_id_breaks_its_reading(text: str, sites: list[int]) -> None:
    try:
        found = _given(text, sites)
    except Refusal as refusal:
        assert refusal.code == "invalid_cursor"
    else:
        assert found is None or all(isinstance(version, int) for version in found[1].values())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    name=st.sampled_from(
        ["Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Origin", "Forwarded", "X-Forwarded-For",
         "Authorization", "Content-Type", "Content-Encoding", "Content-Length", "Sec-Fetch-Site", "Cookie"]
    ),
    value=st.binary(max_size=80).filter(lambda value: not set(value) & set(b"\r\n\0")),
)  # fmt: skip
def test_no_header_makes_the_server_fail(name: str, value: bytes, client: httpx.Client, cafe: str) -> None:
    port = client.base_url.port
    for line in (f"POST {cafe}/bookings", f"GET {cafe}/board", f"PATCH {cafe}"):
        head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        head += "" if name == "Authorization" else f"Authorization: Bearer {TOKEN}\r\n"
        with socket.create_connection(("127.0.0.1", port or 80), timeout=10) as connection:
            connection.sendall(head.encode() + name.encode() + b": " + value + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            status = connection.recv(65536)[9:12]
        assert status == b"" or int(status) < 500, (line, name, value)
