"""What HTTP itself must withstand: bad bodies, foreign pages, missing tokens, a lost database. Never a 5xx of ours."""

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from holdfast.domain.errors import CODES
from holdfast.http import connections, imports
from holdfast.http.context import Context
from holdfast.http.errors import EDGE_CODES, STATUS, TITLES

JSON = {"Content-Type": "application/json"}
GOOD = b'{"unit":"PC1","from":"2027-03-08T10:00","to":"2027-03-08T11:00"'

BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "from"),
    "not json": (b"unit=PC1", "not JSON"),
    "cut off": (b'{"unit": "PC', "not JSON"),
    "an array": (b"[]", "object"),
    "a number": (b"1", "object"),
    "deep": (b'{"details":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, "nested"),
    "deep for us": (GOOD + b',"details":' + b'{"a":' * 40 + b"1" + b"}" * 41, "nested"),
    "not utf-8": (GOOD + b',"note":"\xff"}', "UTF-8"),
    "a nul": (GOOD + b',"note":"a\\u0000b"}', "NUL"),
    "a nul deep down": (GOOD + b',"details":{"a":[{"b\\u0000":1}]}}', "NUL"),
    "a raw control character": (GOOD + b',"note":"a\x01b"}', "not JSON"),
    "an escaped control character": (GOOD + b',"customer":{"name":"a\\u001bb"}}', "customer.name"),
    "half a surrogate": (GOOD + b',"note":"\\ud800"}', "not JSON"),
    "wrong type": (b'{"unit":5}', "unit"),
    "wrong type inside": (GOOD + b',"customer":{"name":["Ann"]}}', "customer.name"),
    "text for a number": (GOOD + b',"party":"2"}', "party"),
    "a huge number": (GOOD + b',"party":' + b"9" * 400 + b"}", "party"),
    "a huge number inside": (GOOD + b',"details":{"a":1e999}}', "details"),
    "unknown field": (b'{"unt":"PC1"}', "unt"),
    "a long note": (GOOD + b',"note":"' + b"n" * 2001 + b'"}', "note"),
    "a long name": (GOOD + b',"customer":{"name":"' + b"n" * 201 + b'"}}', "customer.name"),
    "large details": (GOOD + b',"details":{"a":"' + b"n" * 16_400 + b'"}}', "details"),
    "no time": (b'{"unit":"PC1"}', "from"),
    "half a time": (b'{"unit":"PC1","from":"2027-03-08T10:00"}', "to"),
    "no such time": (b'{"unit":"PC1","from":"2027-02-30T10:00","to":"2027-03-08T10:00"}', "from"),
    "backwards": (b'{"unit":"PC1","from":"2027-03-08T12:00","to":"2027-03-08T11:00"}', "to"),
    "two ways to say when": (GOOD + b',"slot":"9-10 AM","date":"2027-03-08"}', "from"),
    "two ways to say what": (GOOD + b',"units":["PC2"]}', "unit"),
    "no unit": (b'{"from":"2027-03-08T10:00","to":"2027-03-08T11:00"}', "units"),
    "a unit twice": (b'{"units":["PC1","PC1"],"from":"2027-03-08T10:00","to":"2027-03-08T11:00"}', "units"),
    "too many": (GOOD[:-1] + b'","category":"pc","count":201}', "count"),
    "a slot here": (b'{"unit":"PC1","slot":1,"date":"2027-03-08"}', "slot"),
    "nights here": (b'{"unit":"PC1","nights":1,"date":"2027-03-08"}', "nights"),
    "a rule without end": (GOOD + b',"recurrence":{"rule":"FREQ=DAILY"}}', "rule"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_by_name(name: str, client: httpx.Client, cafe: str) -> None:
    body, told = BAD_BODIES[name]
    if name == "too many":
        body = b'{"category":"pc","count":201,"from":"2027-03-08T10:00","to":"2027-03-08T11:00"}'
    for path in ("bookings", "check"):
        answer = client.post(f"{cafe}/{path}", content=body, headers=JSON)
        assert answer.status_code == 400, answer.text
        found = answer.json()
        assert told in found["detail"] + str(found.get("field", "")), found


def test_a_misspelt_field_gets_its_nearest_name(client: httpx.Client, cafe: str) -> None:
    found = client.post(f"{cafe}/bookings", json={"unit": "PC1", "custmer": {}}).json()
    assert (found["field"], found["did_you_mean"]) == ("custmer", "customer")


def test_a_body_over_the_limit_is_refused_however_it_is_sent(make_server: Callable[..., Any]) -> None:
    server = make_server(body_bytes_max=2048)

    def parts() -> Any:  # still being sent when the answer is there
        for _ in range(2000):
            yield b" " * 1000

    made = server.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    for path in ("/api/sites", f"{made.headers['location']}/bookings"):
        for content in (b" " * 2049, b" " * 4_000_000, parts()):
            answer = server.client.post(path, content=content, headers=JSON)
            assert answer.status_code == 413, answer.text
            assert answer.json()["bytes_max"] == 2048


def test_who_goes_on_sending_what_was_refused_is_cut_off(
    make_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LINGER_S", 0.3)
    server = make_server(body_bytes_max=2048)
    head = b"POST /api/sites HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n" + (
        f"Authorization: Bearer {server.settings.admin_token}\r\nContent-Type: application/json\r\n\r\n".encode()
    )
    for size, pause_s in ((1_000_000, 0.0), (3000, 0.05)):  # more than is taken, and for longer
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=5) as slow:
            slow.sendall(head)
            with pytest.raises(OSError):
                for _ in range(200):
                    slow.sendall(b"%x\r\n%s\r\n" % (size, b" " * size))
                    time.sleep(pause_s)
    assert server.client.get("/healthz").status_code == 200


def test_other_media_are_refused(client: httpx.Client, cafe: str) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data; boundary=x"):
        for path in (f"{cafe}/bookings", f"{cafe}/blocks"):
            answer = client.post(path, content=b"{}", headers={"Content-Type": media})
            assert (answer.status_code, answer.json()["code"]) == (415, "wrong_media")
    for media in ("application/json; charset=utf-8", "application/merge-patch+json"):
        answer = client.post(f"{cafe}/bookings", content=b"{}", headers={"Content-Type": media})
        assert answer.status_code == 400


def test_bad_keys_are_refused(client: httpx.Client, cafe: str) -> None:
    for key in (b"", b"k" * 201, b"k\xe9"):
        headers = {"Content-Type": "application/json", b"Idempotency-Key": key}
        answer = client.post(f"{cafe}/bookings", content=GOOD + b"}", headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")


def test_unknown_addresses_and_methods_are_problems_too(client: httpx.Client, cafe: str) -> None:
    assert client.get("/api/nowhere").json()["code"] == "unknown_route"
    assert client.get("/api/sites/a%00b").json()["code"] == "unknown_route"
    assert client.get("/api/sites?cursor=%00").status_code == 400
    assert client.get("/api/sites?limit=x").json()["field"] == "limit"
    answer = client.put("/api/sites", json={})
    assert answer.json()["code"] == "wrong_method" and "POST" in answer.headers["allow"]
    assert client.get("/api/sites?cursor=x").json()["code"] == "invalid_cursor"


def test_without_the_token_nothing_but_the_door_is_shown(make_server: Callable[..., Any]) -> None:
    server = make_server()
    for given in (None, "Bearer wrong", "Basic YTpi", "Bearer"):
        headers = {"Authorization": given} if given else {}
        for method, path in (("GET", "/api/sites"), ("POST", "/api/sites/x/bookings"), ("GET", "/api/sites/x")):
            answer = httpx.request(method, server.url + path, headers=headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
    for method, path in (("PATCH", "/api/sites/x/units/calendar.ics"), ("GET", "/api/sites/x/bookings/calendar.ics")):
        assert httpx.request(method, server.url + path, json={}).status_code == 401
    for path in ("/healthz", "/readyz", "/api", "/api/docs", "/api/docs/docs.js", "/api/openapi.json"):
        assert httpx.get(server.url + path).status_code == 200, path


def test_without_a_token_only_this_machine_is_let_in(make_server: Callable[..., Any]) -> None:
    server = make_server(admin_token=None)
    assert "this machine only" in server.client.get("/api").json()["access"]
    assert server.client.get("/api/sites").status_code == 200
    rebound = server.client.get("/api/sites", headers={"Host": "evil.example:80"})
    assert (rebound.status_code, rebound.json()["code"]) == (403, "foreign_origin")


def test_pages_of_other_origins_change_nothing(client: httpx.Client, cafe: str) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = client.post(f"{cafe}/bookings", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    same = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"{cafe}/bookings", json={}, headers=same).status_code == 400


def test_every_answer_carries_the_security_headers(client: httpx.Client, cafe: str) -> None:
    for answer in (client.get("/api/sites"), client.get("/none"), client.post(f"{cafe}/bookings", json={})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    page = client.get("/api/docs")
    assert "script-src 'self'" in page.headers["content-security-policy"] and "http" not in page.text.split("<body>")[0]


def test_every_code_has_a_status_a_title_and_a_sentence() -> None:
    assert set(STATUS) == set(CODES)
    assert not set(EDGE_CODES) & set(CODES)
    assert set(TITLES) == set(STATUS) | set(EDGE_CODES)


def test_a_request_cut_off_half_way_harms_nobody(client: httpx.Client, cafe: str) -> None:
    host, port = client.base_url.host, client.base_url.port
    head = f"POST {cafe}/bookings HTTP/1.1\r\nHost: {host}\r\nAuthorization: {client.headers['authorization']}\r\n"
    for rest in ("Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{", "Content-Len", "\r\n\r\n\x00\x00"):
        with socket.create_connection((host, port or 80), timeout=5) as raw:
            raw.sendall((head + rest).encode())
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/bookings", "/blocks", "import"])
def test_a_body_that_never_comes_whole_changes_nothing_and_says_so(
    path: str, make_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_server().client.post("/api/sites", json={"kind": "cafe", "name": "Slow", "time_zone": "UTC"})
    site = made.headers["location"]
    monkeypatch.setattr(Context, "answer_s", property(lambda _: 0.3))
    monkeypatch.setattr(imports, "PART_S", 0.3)
    client = make_server().client
    address = "/api/import?site=slow" if path == "import" else f"{site}{path}"
    host, port = client.base_url.host, client.base_url.port
    head = f"POST {address} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {client.headers['authorization']}\r\n"
    with socket.create_connection((host, port or 80), timeout=5) as raw:
        raw.sendall((head + "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{").encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))  # to its end: the connection is closed
    assert answer.startswith(b"HTTP/1.1 408 ") and b"body_incomplete" in answer and b"outcome_unknown" not in answer


def test_an_upload_cut_off_half_way_is_no_failure_of_ours(
    client: httpx.Client, cafe: str, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = client.base_url.host, client.base_url.port
    head = f"POST /api/import?site=corner HTTP/1.1\r\nHost: {host}\r\nAuthorization: {client.headers['authorization']}"
    with socket.create_connection((host, port or 80), timeout=5) as raw:
        raw.sendall((head + "\r\nContent-Length: 500\r\n\r\nunit,").encode())
    assert client.get("/healthz").status_code == 200
    time.sleep(0.2)
    said = capfd.readouterr()
    assert "request failed" not in said.out + said.err and "Traceback" not in said.out + said.err


def test_what_is_wrong_is_said_in_words(client: httpx.Client, cafe: str) -> None:
    wrong = client.post(f"{cafe}/bookings", json={"unit": 5}).json()["detail"]
    assert wrong == "`unit`: expected text, got whole number."
    wrong = client.get(f"{cafe}/bookings", params={"state": "Nope"}).json()["detail"]
    assert wrong.startswith("`state`: expected one of live, Held, Booked")


def test_the_page_names_its_charset_once(client: httpx.Client) -> None:
    for address in ("/api/docs", "/api/docs/docs.js", "/api/docs/docs.css"):
        assert client.get(address).headers["content-type"].count("charset=utf-8") == 1


def test_head_answers_like_get_without_a_body(client: httpx.Client, cafe: str) -> None:
    for path in (cafe, f"{cafe}/board", "/healthz", "/api/docs"):
        head, got = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert int(head.headers["content-length"]) > 0
    assert client.head("/api/sites/nowhere").status_code == 404
    assert client.head(f"{cafe}/bookings/{'0' * 8}-0000-0000-0000-000000000000/start").status_code == 405


def test_all_methods_of_an_address_are_told(client: httpx.Client, cafe: str) -> None:
    refused = client.request("DELETE", f"{cafe}/bookings")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    told = client.options(f"{cafe}/bookings")
    assert (told.status_code, told.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert client.put("/healthz").headers["allow"] == "GET, HEAD, OPTIONS"


def test_the_bare_address_leads_to_the_documentation(client: httpx.Client) -> None:
    led = client.get("/")
    assert (led.status_code, led.headers["location"]) == (307, "/api/docs")


def test_a_connection_that_sends_no_whole_head_is_closed(
    make_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    server = make_server()
    port = int(server.url.rsplit(":", 1)[1])
    whole = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for sent in (b"", whole[:30], whole + whole[:7]):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
            raw.sendall(sent)
            got = b""
            while part := raw.recv(4096):
                got += part
        assert (b"200 OK" in got) == sent.startswith(whole)
    kept = server.client
    assert kept.get("/healthz").status_code == 200
    time.sleep(0.6)
    assert kept.get("/healthz").status_code == 200
