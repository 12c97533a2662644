"""The edge bounds what anybody may ask: how often, how much at once, from which pages; and says so in its headers."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.errors import Refusal
from holdfast.http import guards
from holdfast.http.bodies import DEPTH_MAX, is_too_deep
from holdfast.http.connections import ADDRESS_BYTES_MAX, HEADERS_MAX
from holdfast.http.guards import Guards
from holdfast.http.headers import API_CSP
from holdfast.http.proxies import Proxies
from holdfast.realtime.seats import Seats
from holdfast.services.limiter import Limiter, RequestLimits
from tests.http.conftest import LiveServer

ANYBODY = {"X-Forwarded-For": "192.0.2.7"}
MAKE = Callable[..., LiveServer]


def statuses(server: LiveServer, count: int, **asked: Any) -> list[int]:
    with httpx.Client(base_url=server.url) as client:
        return [client.request(**{"method": "GET", "url": "/healthz", **asked}).status_code for _ in range(count)]


def raw(server: LiveServer, sent: bytes) -> bytes:
    """What is answered to these bytes, until the server closes."""
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as connection:
        with suppress(OSError):  # it may close before all was sent
            connection.sendall(sent)
        got = b""
        with suppress(ConnectionResetError):  # it had not read all that was sent
            while part := connection.recv(65536):
                got += part
        return got


# -- how often -------------------------------------------------------------------------------------------------------


def test_an_address_may_ask_so_often_and_is_told_when_to_come_back(make_server: MAKE) -> None:
    server = make_server(trusted_proxies="127.0.0.1", requests_per_minute_address=10)
    assert statuses(server, 12, headers=ANYBODY) == [200] * 10 + [429] * 2
    assert statuses(server, 1, headers={"X-Forwarded-For": "192.0.2.8"}) == [200]
    refused = httpx.get(f"{server.url}/api/sites", headers=ANYBODY)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers["content-type"] == "application/problem+json"
    assert 1 <= int(refused.headers["retry-after"]) <= 120
    assert refused.headers["ratelimit-policy"] == '"address";q=10;w=60'
    assert refused.headers["ratelimit"] == f'"address";r=0;t={refused.headers["retry-after"]}'
    in_browser = {**ANYBODY, "Accept": "text/html,*/*;q=0.8", "Accept-Language": "de"}
    page = httpx.post(f"{server.url}/s/nowhere/confirm", headers=in_browser, data={"name": "Ann"})
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert page.headers["retry-after"]
    assert "Zu viele Versuche" in page.text
    assert 'lang="de"' in page.text
    assert httpx.get(f"{server.url}/api/sites", headers=in_browser).json()["code"] == "too_many_requests"
    former = httpx.get(f"{server.url}/api/bookings", headers=ANYBODY)
    assert (former.status_code, former.json()["success"], former.json()["code"]) == (429, False, "too_many_requests")
    assert server.client.get("/api/sites", headers=ANYBODY).status_code == 200, "who has the token is not limited"


def test_what_is_left_is_told_with_the_answer(make_server: MAKE) -> None:
    server = make_server(trusted_proxies="127.0.0.1", requests_per_minute_address=10)
    told = [httpx.get(f"{server.url}/healthz", headers=ANYBODY).headers for _ in range(3)]
    assert [one["ratelimit"].split(";")[1] for one in told] == ["r=9", "r=8", "r=7"]
    assert "ratelimit" not in httpx.get(f"{server.url}/healthz").headers


def test_programs_on_this_machine_are_not_limited_unless_a_proxy_speaks_for_others(make_server: MAKE) -> None:
    server = make_server(requests_per_minute_address=5)
    assert statuses(server, 20) == [200] * 20
    # without trusted_proxies all clients of that proxy are one
    told = [statuses(server, 1, headers={"X-Forwarded-For": f"192.0.2.{n}"})[0] for n in range(7)]
    assert told == [200] * 5 + [429] * 2


def test_wrong_tokens_are_not_tried_at_any_speed(make_server: MAKE) -> None:
    server = make_server(trusted_proxies="127.0.0.1", requests_per_minute_address=10)
    asked = {"method": "POST", "url": "/api/sites/x/bookings", "headers": {**ANYBODY, "Authorization": "Bearer no"}}
    assert statuses(server, 12, **asked) == [401] * 10 + [429] * 2


def test_unknown_people_change_little(make_server: MAKE) -> None:
    server = make_server(trusted_proxies="127.0.0.1", anonymous_writes_per_minute_address=3)
    assert statuses(server, 5, method="POST", headers=ANYBODY) == [405] * 3 + [429] * 2
    assert statuses(server, 1, headers=ANYBODY) == [200]


def test_two_servers_keep_one_limit_together(database_url: str, make_server_on: MAKE) -> None:
    one, other = (
        make_server_on(database_url, trusted_proxies="127.0.0.1", requests_per_minute_address=40) for _ in range(2)
    )
    assert statuses(one, 30, headers=ANYBODY) == [200] * 30
    let_in = statuses(other, 1, headers=ANYBODY).count(200)
    until = time.monotonic() + 30
    while True:
        # each asks less than the limit of itself: only what the other told can stop it
        assert let_in < 39 and time.monotonic() < until
        told = statuses(other, 1, headers=ANYBODY)
        let_in += told.count(200)
        if 429 in told:
            break
        assert one.house is not None and other.house is not None
        time.sleep(0.1)
    assert let_in >= 10


def test_a_known_caller_is_counted_wherever_they_are_and_whoever_sits_beside_them_is_not() -> None:
    guard = Guards(Limiter(RequestLimits(principal=3, address=2)), Proxies())

    def ask(caller: str | None, address: str = "192.0.2.7") -> bool:
        scope = {"type": "http", "method": "POST", "client": (address, 1)}
        try:
            return guard.count(caller, scope, {}) is not None
        except Refusal as refusal:
            assert refusal.data["counted_by"] in ("principal", "address")
            return False

    assert [ask("ann"), ask("ann", "192.0.2.8"), ask("ann"), ask("ann"), ask("bob")] == [True, True, True, False, True]
    assert [ask(None), ask(None), ask(None)] == [True, True, False]
    scope = {"type": "http", "method": "GET", "client": ("127.0.0.1", 1)}
    assert guard.count("ann", scope, {}) is None
    assert guard.address({"client": None}, {}) == "unknown"


# -- streams ---------------------------------------------------------------------------------------------------------


def test_streams_of_one_caller_are_bounded_and_end_with_their_connection(
    make_server: MAKE, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "UNLIMITED", frozenset())
    server = make_server(trusted_proxies="127.0.0.1", streams_per_address_max=2)
    server.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    stream = {"method": "GET", "url": "/api/sites/corner/events", "headers": ANYBODY}
    with server.client.stream(**stream) as one, server.client.stream(**stream) as two:
        assert (one.status_code, two.status_code) == (200, 200)
        refused = server.client.get("/api/sites/corner/events", headers=ANYBODY)
        assert (refused.status_code, refused.json()["counted_by"]) == (429, "streams")
        assert refused.headers["retry-after"] == "30"
        elsewhere = server.client.get("/api/sites/corner/events", headers={"X-Forwarded-For": "192.0.2.8"})
        assert elsewhere.status_code == 429, "the caller is the same"
        polling = {**ANYBODY, "Authorization": ""}
        opened = httpx.get(f"{server.url}/socket.io/?EIO=4&transport=polling", headers=polling)
        assert (opened.status_code, opened.json()["code"]) == (429, "too_many_requests")
    until = time.monotonic() + 20
    while server.client.head("/api/sites/corner/events", headers=ANYBODY).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_socket_io_connections_of_one_address_are_bounded(make_server: MAKE) -> None:
    server = make_server(trusted_proxies="127.0.0.1", streams_per_address_max=2)
    address = f"{server.url}/socket.io/?EIO=4&transport=polling"
    assert [httpx.get(address, headers=ANYBODY).status_code for _ in range(3)] == [200, 200, 429]
    assert httpx.get(address, headers={"X-Forwarded-For": "192.0.2.8"}).status_code == 200
    assert [httpx.get(address).status_code for _ in range(3)] == [200] * 3


def test_seats_are_given_back() -> None:
    seats = Seats(Guards(), 1)
    with seats.taken(["a", "b"]):
        with pytest.raises(Refusal):
            seats.check(["c", "b"])
        seats.check(["c"])
    seats.check(["a", "b"])
    assert not seats._taken


# -- how much --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 100_000, 431, b"headers_too_large"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 2_000_000, 431, b"headers_too_large"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost" + b"\r\nX-More: 1" * HEADERS_MAX, 431, b"headers_too_large"),
        (b"GET /healthz?" + b"x" * ADDRESS_BYTES_MAX + b" HTTP/1.1\r\nHost: localhost", 414, b"address_too_long"),
        (b"GET /healthz?" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: localhost", 431, b"headers_too_large"),
        (b"nonsense", 400, b"malformed_request"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2", 400, b"malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nBad Name: 1", 400, b"malformed_request"),
        (
            b"POST /api/sites HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 3",
            400,
            b"malf",
        ),
    ],
)
def test_heads_that_are_too_large_or_none_are_refused_in_words(
    head: bytes, status: int, code: bytes, server: LiveServer
) -> None:
    answer = raw(server, head + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status) and code in answer and b"application/problem+json" in answer
    assert b"x-content-type-options: nosniff" in answer
    assert server.client.get("/healthz").status_code == 200


def test_a_head_that_comes_in_drops_is_bounded_too(server: LiveServer) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Large: ")
        got = b""
        try:
            for _ in range(40_000):  # far more than what is thrown away and what the sockets between hold
                connection.sendall(b"x" * 1000)
        except OSError:
            pass  # closed, as it should be
        else:
            pytest.fail("forty megabytes of a head were taken")
        with suppress(ConnectionResetError):
            got = connection.recv(65536)
    assert got == b"" or b" 431 " in got


def test_large_heads_within_the_limits_are_served(server: LiveServer) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Large: " + b"x" * 60_000 + b"\r\n\r\n"
    assert raw(server, head).startswith(b"HTTP/1.1 200 ")
    body = b'{"a":"' + b"x" * 300_000 + b'"}'
    posted = server.client.post("/api/sites", content=body, headers={"Content-Type": "application/json"})
    assert posted.status_code == 400 and posted.json()["field"] == "a"


def test_packed_bodies_are_refused(server: LiveServer) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    server.client.post("/api/sites", json={"kind": "grounds", "name": "Campus", "time_zone": "UTC"})
    for path in ("/api/sites", "/api/sites/campus/bookings", "/api/bookings"):
        answer = server.client.post(path, content=b"\x1f\x8b", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "wrong_encoding"), path
    server.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    packed = server.client.post("/api/import?site=corner", content=b"\x1f\x8b", headers=headers)
    assert (packed.status_code, packed.json()["code"]) == (415, "wrong_encoding")
    plain = {**headers, "Content-Encoding": "identity"}
    assert server.client.post("/api/sites", content=b"{}", headers=plain).json()["code"] == "invalid_request"


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "too_deep"),
    [
        (nested(DEPTH_MAX), False),
        (nested(DEPTH_MAX + 1), True),
        (b'{"a":[' * 32 + b"1" + b"]}" * 32, False),
        (b'{"a":[' * 33 + b"1" + b"]}" * 33, True),
        (b"[" + b"{}," * 500_000 + b"{}]", False),
        (b'["' + b"[" * 500_000 + b'"]', False),
        (b'["\\"' + b"[" * 500 + b'\\\\"]', False),
        (b"[" * 500_000, True),
        (b"{}" * 100 + b"[", False),
        (b"]{" * 500_000, False),
        (b"[" * 65 + b"]{" * 5, True),
        (b'"' * 999_999, False),
    ],
)
def test_depth_is_told_without_decoding(body: bytes, too_deep: bool) -> None:
    began = time.process_time()
    assert is_too_deep(body) is too_deep
    assert time.process_time() - began < 1.0


json_values = st.recursive(
    st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(json_values)
def test_depth_is_never_too_great_for_what_people_write(value: object) -> None:
    assert not is_too_deep(msgspec.json.encode(value))


def test_pages_and_windows_are_bounded_on_every_list(client: httpx.Client, cafe: str) -> None:
    lists = ("units", "bookings", "blocks", "findings", "journal", "availability", "observations")
    for name in lists:
        asked = {"limit": "99999999", "from": "2027-03-08T10:00:00Z", "to": "2027-03-08T11:00:00Z"}
        answer = client.get(f"{cafe}/{name}", params=asked)
        assert answer.status_code == 200, (name, answer.text)
        for limit in ("-5", "0"):
            assert client.get(f"{cafe}/{name}", params={**asked, "limit": limit}).status_code == 200, name
        assert client.get(f"{cafe}/{name}", params={"limit": "9" * 40}).status_code < 500, name
    for name in ("board", "availability"):
        window = {"from": "2027-01-01", "to": "2028-01-01"}
        assert client.get(f"{cafe}/{name}", params=window).json()["code"] == "too_long", name


# -- headers ---------------------------------------------------------------------------------------------------------


def test_every_answer_says_what_a_browser_may_do_with_it(client: httpx.Client, cafe: str) -> None:
    for answer in (client.get(cafe), client.get("/none"), client.post(f"{cafe}/bookings", json={})):
        assert answer.headers["content-security-policy"] == API_CSP.decode()
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "strict-transport-security" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers
    page = client.get("/api/docs").headers
    assert page["referrer-policy"] == "same-origin" and page["cross-origin-opener-policy"] == "same-origin"
    assert "geolocation=()" in page["permissions-policy"]


def test_tls_is_kept_to_once_it_was_used(make_server: MAKE) -> None:
    server = make_server(trusted_proxies="127.0.0.1")
    secure = {"X-Forwarded-Proto": "https"}
    for answer in (
        server.client.get("/api/sites", headers=secure),
        server.client.post("/api/sites/x/bookings", json={}, headers=secure),
        httpx.get(f"{server.url}/api/sites", headers=secure),
    ):
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in server.client.get("/api/sites").headers


APP = "https://app.example.org"


@pytest.fixture
def invited(make_server: MAKE) -> Iterator[LiveServer]:
    yield make_server(cors_origins=f"{APP}, http://localhost:3000")


def test_pages_of_named_origins_may_ask_with_a_token_and_nobody_elses(invited: LiveServer) -> None:
    made = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}
    page = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    answer = invited.client.post("/api/sites", json=made, headers=page)
    assert answer.status_code == 201
    assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (APP, "Origin")
    assert "location" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    for origin in ("https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null"):
        foreign = invited.client.post("/api/sites", json=made, headers={**page, "Origin": origin})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
        assert "access-control-allow-origin" not in foreign.headers and foreign.headers["vary"] == "Origin"
    cookie = invited.client.post("/api/sites", json=made, headers={**page, "Cookie": "session=1"})
    assert cookie.json()["code"] == "foreign_origin"
    bare = httpx.post(f"{invited.url}/api/sites", json=made, headers=page)
    assert bare.json()["code"] == "foreign_origin"
    wrong = httpx.post(f"{invited.url}/api/sites", json=made, headers={**page, "Authorization": "Bearer wrong"})
    assert wrong.status_code == 401 and wrong.headers["access-control-allow-origin"] == APP


def test_browsers_that_ask_beforehand_are_told(invited: LiveServer) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    told = httpx.options(f"{invited.url}/api/sites", headers={**asked, "Origin": APP})
    assert told.status_code == 200 and told.headers["access-control-allow-origin"] == APP
    assert "PATCH" in told.headers["access-control-allow-methods"]
    assert "idempotency-key" in told.headers["access-control-allow-headers"]
    foreign = httpx.options(f"{invited.url}/api/sites", headers={**asked, "Origin": "https://evil.example"})
    assert foreign.status_code == 204 and "access-control-allow-methods" not in foreign.headers
