"""The OWASP API Security Top 10 (2023), item by item, against a running server.

API7 (server side request forgery) has nothing to try: no request makes the server ask an address that it was given.
API10 (unsafe consumption of APIs): what is read from other systems is `tests/services/test_mirror.py`'s.
"""

import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from holdfast.app.serving import application
from tests.http.conftest import TOKEN, LiveServer
from tests.principals import Principals

DAY = str((datetime.now(UTC) + timedelta(days=10)).date())
WISH = {"unit": "G1", "date": DAY, "slot": "9-10 AM"}


class Town:
    """Two organisations with a sports ground each, and a booking, a series, a block and people in both."""

    def __init__(self, server: LiveServer) -> None:
        self.server, self.admin = server, server.client
        self.principals = Principals(server)
        self.ours = self._ground("ours", None)
        self.theirs = self._ground("theirs", str(self.principals.other_organisation()))
        self.owner = self._person("owner", "ours")
        self.customer = self._person("customer", "ours", "customer@example.org")

    def _ground(self, slug: str, organisation: str | None) -> dict[str, str]:
        site = {
            "kind": "grounds", "name": slug.title(), "slug": slug, "time_zone": "UTC", "organisation": organisation,
            "settings": {"booking_page": "accounts"},
        }  # fmt: skip
        assert self.admin.post("/api/sites", json=site).status_code == 201
        units = {"units": [{"code": "G1", "category": "ground"}, {"code": "G2", "category": "ground"}]}
        assert self.admin.post(f"/api/sites/{slug}/units", json=units).status_code == 200
        booking = {**WISH, "customer": {"email": "ann@example.org", "name": "Ann"}}
        made = {"site": slug, "booking": self.admin.post(f"/api/sites/{slug}/bookings", json=booking).json()["id"]}
        again = {**booking, "unit": "G2", "recurrence": {"rule": "FREQ=WEEKLY;COUNT=2"}}
        series = self.admin.post(f"/api/sites/{slug}/bookings", json=again).json()["results"][0]["series"]
        block = {"units": ["G2"], "from": f"{DAY}T20:00", "to": f"{DAY}T21:00"}
        made |= {"series": series, "block": self.admin.post(f"/api/sites/{slug}/blocks", json=block).json()["id"]}
        made["organisation"] = str(self.principals.organisation_of(slug))
        place = f"/api/organisations/{made['organisation']}"
        token = {"name": "lobby", "scopes": ["read"]}
        made["token"] = self.admin.post(f"{place}/tokens", json=token).json()["id"]
        invitation = {"email": "bo@example.org", "role": "viewer"}
        made["invitation"] = self.admin.post(f"{place}/invitations", json=invitation).json()["id"]
        return made

    def _person(self, role: str, site: str, email: str | None = None) -> httpx.Client:
        return self.principals.person(role, site, email=email, only_there=role == "customer")


@pytest.fixture(scope="module")
def town(module_server: Callable[..., LiveServer]) -> Iterator[Town]:
    made = Town(module_server(secret_key="a key for the tests of this module only"))
    yield made
    made.principals.close()


def refused(answer: httpx.Response, status: int, *codes: str) -> None:
    assert answer.status_code == status and answer.json()["code"] in codes, answer.text


# -- API1: broken object level authorization ---------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/api/sites/ours/bookings/{booking}", "unknown_booking"),
    ("POST", "/api/sites/ours/bookings/{booking}/cancel", "unknown_booking"),
    ("POST", "/api/sites/ours/bookings/{booking}/approve", "unknown_booking"),
    ("POST", "/api/sites/ours/series/{series}/cancel", "unknown_booking"),
    ("DELETE", "/api/sites/ours/blocks/{block}", "unknown_block"),
    ("GET", "/bookings/{booking}?site=ours", "unknown_booking"),
    ("POST", "/bookings/{booking}/cancel?site=ours", "unknown_booking"),
    ("DELETE", "/api/organisations/{ours}/tokens/{token}", "unknown_token"),
    ("DELETE", "/api/organisations/{ours}/invitations/{invitation}", "unknown_invitation"),
    ("GET", "/api/sites/ours/bookings?series={series}", ""),
])  # fmt: skip
def test_api1_an_object_of_elsewhere_is_not_there_under_ones_own_address(
    town: Town, method: str, path: str, code: str
) -> None:
    address = path.format(**town.theirs, ours=town.ours["organisation"])
    body = {"json": {"reason": "x", "booking": town.theirs["booking"]}} if method == "POST" else {}
    answer = town.owner.request(method, address, **body)
    if code:
        assert answer.status_code in (400, 404) and answer.json()["code"] in (code, "invalid_request"), answer.text
    else:
        assert answer.json()["bookings"] == []
    whole = town.admin.get(f"/api/sites/theirs/bookings/{town.theirs['booking']}").json()
    assert whole["state"] == "Pending"


@pytest.mark.parametrize("path", [
    "/api/sites/theirs/bookings/{booking}", "/api/sites/theirs/board", "/api/sites/theirs/journal",
    "/api/sites/theirs/calendar-link", "/bookings?site=theirs", "/api/sites/theirs/blocks",
])  # fmt: skip
def test_api1_an_owner_sees_nothing_of_another_organisations_site(town: Town, path: str) -> None:
    answer = town.owner.get(path.format(**town.theirs))
    assert answer.status_code in (403, 404), answer.text  # its page is for all accounts, so that it is there
    for method, tail in (("GET", "people"), ("GET", "tokens"), ("GET", "log"), ("GET", "invitations")):
        place = f"/api/organisations/{town.theirs['organisation']}/{tail}"
        refused(town.owner.request(method, place), 404, "unknown_organisation")


def test_api1_a_site_of_elsewhere_is_no_place_for_a_role_or_a_token(town: Town) -> None:
    place = f"/api/organisations/{town.ours['organisation']}"
    invitation = {"email": "x@example.org", "role": "viewer", "site": "theirs"}
    refused(town.owner.post(f"{place}/invitations", json=invitation), 404, "unknown_site")
    token = {"name": "x", "scopes": ["read"], "site": "theirs"}
    refused(town.owner.post(f"{place}/tokens", json=token), 404, "unknown_site")
    refused(town.owner.get(f"{place}/people?site=theirs"), 404, "unknown_site")
    site = {"kind": "cafe", "name": "x", "time_zone": "UTC", "organisation": town.theirs["organisation"]}
    refused(town.owner.post("/api/sites", json=site), 404, "unknown_organisation")


def test_api1_swapping_with_a_booking_of_elsewhere_is_refused(town: Town) -> None:
    address = f"/api/sites/ours/bookings/{town.ours['booking']}"
    answer = town.owner.post(f"{address}/swap", json={"other": town.theirs["booking"]})
    assert answer.status_code in (404, 409), answer.text
    answer = town.owner.post("/api/sites/ours/check", json={"booking": town.theirs["booking"], "act": "cancel"})
    assert answer.json().get("allowed") is False


# -- API2: broken authentication ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [
    "Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x",
    f"Bearer {TOKEN.upper()}", f"bearer  {TOKEN} x", "Bearer hf_" + "x" * 43, "Bearer null", "Bearer undefined",
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "Negotiate x",
])  # fmt: skip
def test_api2_what_is_no_credential_lets_nobody_in(town: Town, given: str) -> None:
    nobody = town.principals.nobody()
    answer = nobody.get("/api/sites", headers={"Authorization": given})
    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer"), answer.text
    # nor where everybody may ask: a credential that is none is a mistake to be told of
    assert nobody.get("/api/sites/ours", headers={"Authorization": given}).status_code == 401


@pytest.mark.parametrize("address", [f"/api/sites?token={TOKEN}", f"/api/sites?access_token={TOKEN}",
                                     f"/api/sites?key={TOKEN}"])  # fmt: skip
def test_api2_a_token_counts_in_its_header_alone(town: Town, address: str) -> None:
    assert town.principals.nobody().get(address).status_code == 401
    assert town.principals.nobody().get("/api/sites", headers={"X-Api-Key": TOKEN}).status_code == 401
    assert town.principals.nobody().get("/api/sites", headers={"Cookie": f"holdfast={TOKEN}"}).status_code == 401


def test_api2_a_session_is_always_a_new_one(town: Town) -> None:
    secrets = set()
    account = town.principals.account("fixed@example.org")
    for _ in range(3):
        client = town.principals.signed_in(account)
        secrets.add(client.headers["cookie"])
    assert len(secrets) == 3
    # one that was chosen by somebody else is none
    fixed = town.principals.nobody().get("/api/session", headers={"Cookie": "holdfast=" + "A" * 43})
    assert fixed.status_code == 401


# -- API3: broken object property level authorization ------------------------------------------------------------------


@pytest.mark.parametrize("more", [
    {"state": "Approved"}, {"requested_by": "admin"}, {"decided_by": "admin"}, {"imported": True}, {"id": str(uuid4())},
    {"version": 1}, {"reference": "AAAAAA"}, {"series": str(uuid4())}, {"created_at": "2020-01-01T00:00:00Z"},
    {"start_code": "1"}, {"override": True}, {"site": "theirs"}, {"organisation": "x"}, {"live": False},
])  # fmt: skip
def test_api3_what_only_the_server_says_cannot_be_sent(town: Town, more: dict[str, Any]) -> None:
    body = {**WISH, "slot": "4-5 PM", **more}
    for client in (town.customer, town.owner, town.admin):
        refused(client.post("/api/sites/ours/bookings", json=body), 400, "invalid_request")
    former = {"ground": "G2", "date": DAY, "time": "5-6 PM", "name": "x", "email": "x@example.org", **more}
    made = town.admin.post("/bookings?site=ours", json=former)
    booking = made.json()["data"]["booking"]
    assert (booking["status"], booking["decidedBy"]) == ("Pending", None) and booking["version"] > 1
    whole = town.admin.get(f"/api/sites/ours/bookings/{booking['id']}").json()
    assert (whole["state"], whole["requested_by"], whole.get("series")) == ("Pending", "admin", None)
    assert town.admin.post(f"/bookings/{booking['id']}/cancel?site=ours", json={}).status_code == 200


def test_api3_a_customer_books_in_their_own_name_whatever_they_send(town: Town) -> None:
    body = {**WISH, "slot": "1-2 PM", "customer": {"name": "Eve", "email": "ann@example.org", "reference": "R1"}}
    made = town.customer.post("/api/sites/ours/bookings", json=body).json()
    assert made["customer"] == {"name": "Ann Lee", "email": "customer@example.org", "reference": "R1"}
    for more in ({"walk_in": True}, {"recurrence": {"rule": "FREQ=DAILY;COUNT=2"}}):
        refused(town.customer.post("/api/sites/ours/bookings", json={**body, **more}), 403, "not_allowed")
    for act in ("approve", "reject", "revoke", "undo", "no-show"):
        answer = town.customer.post(f"/api/sites/ours/bookings/{made['id']}/{act}", json={"reason": "x"})
        refused(answer, 403, "not_allowed")
    overriding = {"override": True, "reason": "x"}
    refused(town.customer.post(f"/api/sites/ours/bookings/{made['id']}/cancel", json=overriding), 403, "not_allowed")
    former = {"ground": "G2", "date": DAY, "time": "6-7 PM", "name": "Eve", "email": "ann@example.org"}
    told = town.customer.post("/bookings?site=ours", json=former).json()["data"]["booking"]
    assert (told["name"], told["email"], told["status"]) == ("Ann Lee", "customer@example.org", "Pending")


@pytest.mark.parametrize(("method", "path", "body"), [
    ("PATCH", "/api/account", {"email": "eve@example.org"}), ("PATCH", "/api/account", {"has_second_factor": False}),
    ("PATCH", "/api/account", {"grants": []}), ("PATCH", "/api/account", {"is_verified": True}),
    ("PATCH", "/api/sites/ours", {"organisation_id": str(uuid4())}), ("PATCH", "/api/sites/ours", {"slug": "x"}),
    ("PATCH", "/api/sites/ours", {"kind": "hotel"}), ("PATCH", "/api/sites/ours/units/G1", {"shown_status": "Vacant"}),
    ("PATCH", "/api/sites/ours/units/G1", {"version": 1}),
    ("POST", "/api/sites/ours/blocks", {"units": ["G1"], "from": DAY, "to": DAY, "created_by": "x"}),
    ("POST", "/api/sites", {"kind": "cafe", "name": "x", "time_zone": "UTC", "id": 1}),
])  # fmt: skip
def test_api3_no_field_is_taken_that_is_not_offered(town: Town, method: str, path: str, body: dict[str, Any]) -> None:
    refused(town.owner.request(method, path, json=body), 400, "invalid_request")


def test_api3_customers_see_of_a_site_what_they_book_by(town: Town) -> None:
    secret = {"mail_texts", "no_show_grace_minutes", "observation_minutes", "mail_bookings", "auto_end_idle_minutes"}
    (listed,) = town.customer.get("/api/sites").json()["sites"]
    for view in (listed, town.customer.get("/api/sites/ours").json()):
        assert not secret & view["settings"].keys() and "slots" in view["settings"]
    assert secret <= town.owner.get("/api/sites/ours").json()["settings"].keys()


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


# -- API5: broken function level authorization -------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/api/organisations"), ("POST", "/api/reconcile"), ("GET", "/metrics"),
    ("POST", "/api/organisations/{organisation}/accounts/{account}/disable"),
    ("PATCH", "/api/organisations/{organisation}"), ("GET", "/api/organisations/{organisation}/people"),
    ("PATCH", "/api/sites/ours"), ("POST", "/api/sites/ours/units"), ("POST", "/api/import?site=ours"),
    ("POST", "/api/sites/ours/reconcile"), ("POST", "/api/sync-sessions"), ("GET", "/api/sites/ours/journal"),
])  # fmt: skip
def test_api5_what_is_for_others_is_refused_by_whatever_method_and_spelling(town: Town, method: str, path: str) -> None:
    address = path.format(**town.ours, account=uuid4())
    for headers in ({}, {"X-HTTP-Method-Override": "GET"}, {"X-Original-URL": "/healthz"}, {"X-Rewrite-URL": "/"}):
        answer = town.customer.request(method, address, headers=headers, json={"name": "Mine"})
        assert answer.status_code in (401, 403, 404), answer.text
    base = address.partition("?")[0]
    for spelled in (base + "/", base.upper(), base + "%2f", "/" + base, base.replace("/api", "/api/."), base + ";x",
                    base + "%00", base.replace("ours", "ours%2f..%2ftheirs")):  # fmt: skip
        answer = town.customer.request(method, spelled, json={})
        is_away = answer.headers.get("location") == "/api/docs"  # as of the bare address
        assert is_away or answer.status_code in (400, 401, 403, 404, 405), (spelled, answer.text)


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
