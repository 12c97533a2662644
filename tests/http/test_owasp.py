"""The OWASP API Security Top 10 (2023), item by item, against a running server: who may do what (API1, 2, 3, 5).

The others are `test_owasp_server.py`'s. API7 (server side request forgery) has nothing to try: no request makes the
server ask an address that it was given. API10 (unsafe consumption of APIs): what is read from other systems is
`tests/services/test_mirror.py`'s and `test_mirror_reading.py`'s.
"""

from typing import Any
from uuid import uuid4

import pytest

from tests.http.conftest import TOKEN
from tests.http.town import DAY, WISH, Town, refused, town

__all__ = ["town"]


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
