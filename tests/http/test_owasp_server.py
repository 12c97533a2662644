"""The OWASP API Security Top 10 (2023): what a server gives away of its time and of itself (API4, 6, 8, 9)."""

import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from holdfast.app.serving import application
from tests.http.conftest import LiveServer
from tests.http.town import DAY, WISH, Town, refused, town
from tests.principals import Principals

__all__ = ["town"]


# -- API4: unrestricted resource consumption ---------------------------------------------------------------------------


def test_api4_pages_windows_and_lists_are_bounded(town: Town) -> None:
    for address in ("/api/sites", "/api/sites/ours/bookings", "/api/sites/ours/units", "/api/sites/ours/blocks",
                    "/api/sites/ours/journal", f"/api/organisations/{town.ours['organisation']}/log"):  # fmt: skip
        for limit in ("999999999", "-1", "0"):
            answer = town.owner.get(f"{address}?limit={limit}")
            assert answer.status_code == 200, answer.text
            assert all(len(rows) <= 500 for rows in answer.json().values() if isinstance(rows, list))
    refused(town.owner.get(f"/api/sites/ours/board?from={DAY}&to=2190-01-01"), 422, "too_long")
    many = [{"code": f"X{n}", "category": "x"} for n in range(5_001)]
    refused(town.owner.post("/api/sites/ours/units", json={"units": many}), 400, "invalid_request")
    endless = {**WISH, "recurrence": {"rule": "FREQ=DAILY"}}
    refused(town.owner.post("/api/sites/ours/bookings", json=endless), 400, "invalid_recurrence")
    names = ",".join(f"s{n}" for n in range(101))
    refused(town.owner.get(f"/api/events?sites={names}"), 400, "invalid_request")


def test_api4_bodies_are_bounded_in_bytes_depth_and_packing(town: Town) -> None:
    post = town.customer.post
    large = post("/api/sites/ours/bookings", content=b'{"note": "' + b"x" * 1_100_000 + b'"}',
                 headers={"Content-Type": "application/json"})  # fmt: skip
    refused(large, 413, "body_too_large")
    deep = b'{"details": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    refused(post("/api/sites/ours/bookings", content=deep, headers={"Content-Type": "application/json"}), 400,
            "invalid_request")  # fmt: skip
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    refused(post("/api/sites/ours/bookings", content=b"\x1f\x8b", headers=packed), 415, "wrong_encoding")
    wide = {**WISH, "details": {"a": "x" * 20_000}}
    refused(post("/api/sites/ours/bookings", json=wide), 400, "invalid_request")


def test_api4_callers_are_counted(make_server: Callable[..., LiveServer]) -> None:
    server = make_server(
        trusted_proxies="127.0.0.1", requests_per_minute_principal=5, requests_per_minute_address=8,
        anonymous_writes_per_minute_address=3,
    )  # fmt: skip
    principals = Principals(server)
    server.client.post("/api/sites", json={"kind": "grounds", "name": "Ours", "time_zone": "UTC"})
    person = principals.person("viewer", "ours")

    def codes(client: httpx.Client, method: str, path: str, address: str, count: int) -> list[int]:
        headers = {"X-Forwarded-For": address}
        return [client.request(method, path, headers=headers, json=None).status_code for _ in range(count)]

    assert codes(person, "GET", "/api/sites", "192.0.2.1", 7).count(429) == 2
    assert codes(principals.nobody(), "GET", "/api/sites/ours", "192.0.2.2", 11).count(429) == 3
    assert codes(principals.nobody(), "POST", "/api/reset", "192.0.2.3", 6).count(429) == 3
    guessed = principals.nobody()
    guessed.headers["Authorization"] = "Bearer hf_guess"
    assert codes(guessed, "GET", "/api/sites", "192.0.2.4", 11).count(429) == 3
    principals.close()


def test_api4_a_password_costs_no_more_for_being_long(town: Town) -> None:
    began = time.perf_counter()
    for length in (300, 1_000):
        body = {"email": "ann@example.org", "password": "a1" * (length // 2)}
        assert town.principals.nobody().post("/api/session", json=body).status_code in (401, 429)
    too_long = {"email": "ann@example.org", "password": "x" * 1_001}
    refused(town.principals.nobody().post("/api/session", json=too_long), 400, "invalid_request")
    assert time.perf_counter() - began < 20


# -- API6: unrestricted access to sensitive business flows -------------------------------------------------------------


def test_api6_nobody_takes_more_than_the_site_allows_one_person(town: Town) -> None:
    town.admin.patch("/api/sites/ours", json={"settings": {"quota_per_person": 2}})
    try:
        greedy = town.principals.person("customer", "ours", email="greedy@example.org")
        day = str((datetime.now(UTC) + timedelta(days=12)).date())
        answers = []
        for slot in range(5):
            # under which name and address they say that they book makes no difference
            who = {"email": f"other{slot}@example.org", "reference": f"R{slot}"}
            wish = {"unit": "G1", "date": day, "slot": slot, "customer": who}
            answers.append(greedy.post("/api/sites/ours/bookings", json=wish))
        assert [answer.status_code for answer in answers] == [201, 201, 409, 409, 409]
        assert answers[-1].json()["code"] == "quota_reached"
    finally:
        town.admin.patch("/api/sites/ours", json={"settings": {"quota_per_person": None}})


# -- API8: security misconfiguration -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api", "/api/docs", "/api/docs/docs.js", "/api/sites", "/nothing", "/healthz",
                                  "/api/openapi.json", "/bookings", "/socket.io/?EIO=4&transport=polling"])  # fmt: skip
def test_api8_every_answer_says_what_a_browser_may_do_with_it(town: Town, path: str) -> None:
    for client in (town.principals.nobody(), town.admin):
        for method in ("GET", "OPTIONS", "DELETE"):
            headers = client.request(method, path).headers
            assert headers["x-content-type-options"] == "nosniff", (method, path)
            assert "default-src 'none'" in headers["content-security-policy"], (method, path)
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["cache-control"] in ("no-store", "private, no-cache"), (method, path)
            assert headers["referrer-policy"] in ("no-referrer", "same-origin")
            assert "server" not in headers and "x-powered-by" not in headers
            assert "access-control-allow-origin" not in headers


def test_api8_failures_show_nothing_of_their_insides(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: object, **__: object) -> None:
        raise RuntimeError("select secret from table /srv/holdfast")

    monkeypatch.setattr("holdfast.http.reads.unit_page", failing)
    answer = town.owner.get("/api/sites/ours/units")
    refused(answer, 500, "internal")
    assert not re.search(r"select|secret|/srv|Traceback|\.py", answer.text)
    for bad in ("/api/sites/ours/bookings?limit=x", "/api/sites/ours/bookings?from=x'--", "/api/sites/%27or1=1--",
                "/api/sites/ours/bookings/..%2fetc", "/api/docs/..%2f..%2fapi.py", "/api/docs/docs.html"):  # fmt: skip
        answer = town.owner.get(bad)
        assert answer.status_code in (400, 404, 405) and not re.search(r"Traceback|\.py\b|psycopg|asyncpg", answer.text)


def test_api8_a_format_is_a_mappings_name_and_never_a_file(town: Town) -> None:
    for name in ("../mappings/bookings", "../../../../etc/hosts", "/etc/hosts", "..", "", "x.toml", "./bookings"):
        answer = town.owner.post("/api/import", params={"site": "ours", "format": name}, content=b"a\n")
        refused(answer, 400, "invalid_request")
        assert "expected one of" in answer.json()["detail"]


def test_api8_smuggled_and_malformed_requests_are_closed(town: Town) -> None:
    host, port = town.server.url.removeprefix("http://").split(":")
    for head in (
        "POST /api/sites HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
        "POST /api/sites HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "GET /api/sites HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", "GET  /api HTTP/9.9\r\n\r\n", "\x00\x01\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT evil:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    ):  # fmt: skip
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(head.encode("latin-1"))
            raw.shutdown(socket.SHUT_WR)
            told = b"".join(iter(lambda raw=raw: raw.recv(65536), b""))
        statuses = re.findall(rb"HTTP/1\.1 (\d{3})", told)
        assert all(status[:1] == b"4" for status in statuses) and len(statuses) <= 1, (head, told[:300])


# -- API9: improper inventory management -------------------------------------------------------------------------------

HIDDEN = {
    # what is served and not in the document: pages and their files, and the former addresses without `/api`
    "/", "/api/docs", "/api/docs/{name}", "/bookings", "/bookings/availability", "/bookings/my", "/bookings/{booking}",
    "/bookings/{booking}/{act}",
}  # fmt: skip


PAGES = re.compile(r"/(s/{site}|console|static|sign-(?:in|out)|set-up|invitation|verify|reset|favicon\.ico)(/.*)?")
"""For people, not for programs: the console, the pages on which customers book, and what they are made of."""


def test_api9_every_address_is_in_the_document_or_known_to_be_hidden(town: Town) -> None:
    house: Any = town.server.house

    async def addresses() -> set[tuple[str, str]]:
        app: Any = application(house).inner
        return {
            (re.sub(r":\w+}", "}", route.path), method)
            for route in app.routes for handler in getattr(route, "route_handlers", ())
            for method in map(str, handler.http_methods)
        }  # fmt: skip

    document = town.admin.get("/api/openapi.json").json()["paths"]
    told = {(path, method.upper()) for path, item in document.items() for method in item}
    served = {
        (path, method) for path, method in town.principals.run(addresses())
        if method != "OPTIONS" and not path.startswith("/api/openapi/")
    }  # fmt: skip
    assert told <= served
    hidden = {path for path, _ in served - told if not PAGES.fullmatch(path)}
    # by PUT and PATCH, too; the framework's own is nobody's
    assert hidden <= HIDDEN | {"/api/bookings/{booking}/{act}", "/api/openapi"}
    assert town.admin.get("/api/openapi").status_code in (403, 404)


def test_api9_what_is_not_served_is_not_there_for_anybody(town: Town) -> None:
    for path in ("/admin", "/api/v1/sites", "/.env", "/.git/config", "/static/", "/debug", "/api/docs/docs.html",
                 "/docs", "/redoc", "/schema", "/api/openapi/swagger", "/server-status", "/actuator"):  # fmt: skip
        assert town.principals.nobody().get(path).status_code in (401, 403, 404), path
        assert town.admin.get(path).status_code in (403, 404), path
