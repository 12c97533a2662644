"""Who may not see names never gets a byte of them: marked bookings, every address that may be asked, every refusal."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.http.conftest import LiveServer
from tests.principals import Principals

MARK = "zqx"
"""In every personal field, followed by what field it is; nothing else holds these letters."""
DAY = (datetime.now(UTC) + timedelta(days=10)).date()
LATER = DAY + timedelta(days=3)
KINDS = ("cafe", "hotel", "grounds")
WHOLE = [
    pytest.param("cafe", ("nobody", "customer", "reading token"), id="cafe"),
    pytest.param("cafe", ("account", "housekeeping", "public token"), id="cafe-others", marks=pytest.mark.long),
    *(
        pytest.param(kind, ("nobody", "housekeeping", "reading token"), id=kind, marks=pytest.mark.long)
        for kind in KINDS[1:]
    ),
]
"""Sites, and who asks there. Everybody at the first, elsewhere those who see the least and the most without names."""
"""For what is asked a thousand times of each kind."""
SETTINGS = {"booking_page": "guests", "sign_up": True, "start_code": False}
WHO = {
    "name": f"{MARK}name", "email": f"{MARK}mail@example.org", "phone": f"+49 {MARK}phone", "reference": f"{MARK}ref"
}  # fmt: skip
SAID = {"note": f"{MARK}note", "details": {f"{MARK}key": f"{MARK}detail", "teamMembers": [f"{MARK}member"]}, "party": 3}


def when(kind: str, place: int = 0) -> dict[str, Any]:
    """A time to book at a site of that kind; the same place is the same time."""
    if kind == "hotel":
        return {"date": str(DAY + timedelta(days=10 * place)), "nights": 2}
    if kind == "grounds":
        return {"date": str(DAY), "slot": place}
    return {"from": f"{DAY}T{10 + 2 * place:02}:00", "to": f"{DAY}T{11 + 2 * place:02}:00"}


class Town:
    """Three sites full of marked bookings, and those who may not see whose they are."""

    def __init__(self, server: LiveServer) -> None:
        self.server, self.admin = server, server.client
        self.principals = Principals(server)
        self.bookings: dict[str, list[str]] = {}
        self.blocks: dict[str, str] = {}
        for kind in KINDS:
            self._fill(kind)
        self.organisation = str(self.principals.organisation_of("cafe"))
        self.customer = self.principals.account("customer@example.org", name="Carl Own")
        for kind in KINDS:
            found = self.principals.run(server.house.sites.find(kind))  # type: ignore[union-attr]
            self.principals.grant(self.customer, found.organisation_id, "customer", found.id)
        self.keys: dict[str, tuple[str, str]] = {}
        """The booking of a guest by site, and its key."""
        self.who = {
            "nobody": self.principals.nobody(),
            "account": self.principals.person(None, "cafe", email="bystander@example.org"),
            "customer": self.principals.signed_in(self.customer),
            "housekeeping": self.principals.person("housekeeping", "cafe", email="keeper@example.org"),
            "reading token": self.principals.token("cafe", "public", "read", "condition"),
            "public token": self.principals.token("cafe", "public", "own"),
        }
        self._book_as_others()

    def _fill(self, kind: str) -> None:
        site = {"kind": kind, "name": kind.title(), "slug": kind, "time_zone": "UTC", "settings": SETTINGS}
        assert self.admin.post("/api/sites", json=site).status_code == 201
        units = [{"code": f"U{n}", "category": "plain"} for n in range(3)]
        assert self.admin.post(f"/api/sites/{kind}/units", json={"units": units}).status_code == 200
        made = []
        for place in range(3):
            body = {"unit": "U0", **when(kind, place), "customer": WHO, **SAID}
            answer = self.admin.post(f"/api/sites/{kind}/bookings", json=body)
            assert answer.status_code == 201, answer.text
            made.append(answer.json()["id"])
        self.bookings[kind] = made
        first, last = ("reject", "approve") if kind == "grounds" else ("cancel", "move")
        for booking, act in ((made[2], first), (made[1], last)):
            body = {"reason": f"{MARK}reason"}
            if act == "move":
                body |= {"unit": "U1"}
            answer = self.admin.post(f"/api/sites/{kind}/bookings/{booking}/{act}", json=body)
            assert answer.status_code == 200, answer.text
        block = {
            "units": ["U2"], "from": f"{LATER}T10:00", "to": f"{LATER}T12:00", "reason": f"{MARK}blocked",
        }  # fmt: skip
        answer = self.admin.post(f"/api/sites/{kind}/blocks", json=block)
        assert answer.status_code == 201, answer.text
        self.blocks[kind] = answer.json()["id"]
        change = {"condition": "out_of_service" if kind != "hotel" else "dirty", "reason": f"{MARK}why"}
        assert self.admin.patch(f"/api/sites/{kind}/units/U2", json=change).status_code == 200
        back = {"condition": None if kind != "hotel" else "clean", "reason": f"{MARK}why"}
        assert self.admin.patch(f"/api/sites/{kind}/units/U2", json=back).status_code == 200

    def _book_as_others(self) -> None:
        for kind in KINDS:
            wish = {"unit": "U1", **when(kind, 3)}
            made = self.who["customer"].post(f"/api/sites/{kind}/bookings", json=wish)
            assert made.status_code == 201, made.text
            guest = {"unit": "U1", **when(kind, 4), "customer": {"name": "Gus", "email": "gus@example.org"}}
            made = self.who["nobody"].post(f"/api/sites/{kind}/bookings", json=guest)
            assert made.status_code == 201, made.text
            self.keys[kind] = made.json()["id"], made.headers["booking-key"]
        self.who["guest"] = self.principals.nobody()


@pytest.fixture(scope="module")
def town(module_server: Callable[..., LiveServer]) -> Iterator[Town]:
    made = Town(module_server())
    yield made
    made.principals.close()


def silent(answer: httpx.Response, *, given: tuple[str, ...] = ()) -> httpx.Response:
    """An answer that tells nothing of others; `given` is what the asker said, which may be said back."""
    whole = answer.text + json.dumps(list(answer.headers.items()))
    for text in given:
        whole = whole.replace(text, "")
    assert MARK not in whole.lower(), (answer.request.method, str(answer.request.url), answer.text[:2000])
    assert answer.status_code < 500, answer.text
    return answer


QUERIES: dict[str, tuple[str, ...]] = {
    "get_board": ("", f"?from={DAY}&to={LATER + timedelta(days=2)}", f"?from={DAY}&to={DAY + timedelta(days=80)}"),
    "list_units": ("", f"?at={DAY}T10:30", "?at=2026-01-01"),
    "get_availability": (
        f"?date={DAY}", f"?from={DAY}&to={LATER}&length=60", f"?from={DAY}&to={LATER}", f"?date={DAY}&slot=0",
        f"?from={LATER}T09:00&to={LATER}T13:00&units=U2",
    ),
    "list_bookings": (
        "", "?state=live", f"?from={DAY}", "?unit=U0", f"?customer={WHO['email']}", f"?customer={WHO['reference']}",
        f"?reference={MARK}", "?category=plain", "?limit=1",
    ),
    "list_blocks": ("",),
    "list_findings": ("",),
    "list_observations": ("",),
    "get_journal": ("?limit=500", "?after=0&limit=500", "?types=booking.created,block.created&limit=500"),
    "get_calendar": ("", f"?person={WHO['email']}", "?names=true", "?unit=U0&key=x"),
    "get_calendar_link": ("", "?names=true"),
    "former_get_slots": (f"?ground=U0&date={DAY}&site=grounds", f"?ground=U2&date={LATER}&site=grounds"),
    "former_list_bookings": (
        "?site=grounds", f"?site=grounds&email={WHO['email']}", f"?site=grounds&rollNumber={WHO['reference']}",
        f"?site=grounds&date={DAY}", "?site=grounds&status=Rejected",
    ),
    "former_list_my_bookings": (
        f"?site=grounds&email={WHO['email']}", f"?site=grounds&rollNumber={WHO['reference']}", "?site=grounds",
    ),
    "former_get_booking": ("?site=grounds",),
    "list_people": ("", "?customers=true"),
    "end_session": (),
}  # fmt: skip
STREAMS = {"stream_events", "stream_sites"}


def addresses(town: Town, kind: str) -> Iterator[tuple[str, str]]:
    """Every GET that there is, with the queries of `QUERIES`, for one site and all that is there."""
    paths = town.admin.get("/api/openapi.json").json()["paths"]
    for path, item in paths.items():
        if "get" not in item or (operation := item["get"]["operationId"]) in STREAMS | {"openapi"}:
            continue
        # what is of no site is asked once, not for each kind of site
        if kind != KINDS[0] and not re.search("{(site|booking)}", path):
            continue
        for booking in town.bookings[kind] if "{booking}" in path else [""]:
            there = {"site": kind, "booking": booking, "organisation": town.organisation}
            # of what there is none here, whatever id will do
            made = re.sub(r"{(\w+)}", lambda name, there=there: there.get(name[1], "U0"), path)
            for query in QUERIES.get(operation, ("",)):
                yield operation, made + query


@pytest.mark.parametrize("kind", KINDS)
def test_the_marks_are_there_for_those_who_may_see_them(town: Town, kind: str) -> None:
    site = f"/api/sites/{kind}"
    for path in (
        f"/bookings/{town.bookings[kind][0]}", "/bookings", "/board?from=" + str(DAY), "/journal?limit=500", "/blocks",
    ):  # fmt: skip
        assert MARK in town.admin.get(site + path).text, path
    whole = town.admin.get(f"{site}/journal?limit=500").text
    for field in ("name", "mail", "phone", "ref", "note", "detail", "member", "reason", "blocked", "why"):
        assert MARK + field in whole, field


@pytest.mark.parametrize(("kind", "asking"), WHOLE)
def test_no_answer_to_a_question_holds_a_mark(town: Town, kind: str, asking: tuple[str, ...]) -> None:
    given = (WHO["email"], WHO["email"].replace("@", "%40"), WHO["reference"], f"reference={MARK}", f'"{MARK}"')
    allowed: dict[str, int] = {}
    for name in asking:
        client = town.who[name]
        for _, address in addresses(town, kind):
            answer = silent(client.get(address), given=given)
            allowed[name] = allowed.get(name, 0) + answer.is_success
    # it is not that all were refused
    assert all(count > (8 if kind == KINDS[0] else 2) for count in allowed.values()), allowed


@pytest.mark.parametrize(("kind", "asking"), WHOLE)
def test_no_refusal_holds_a_mark(town: Town, kind: str, asking: tuple[str, ...]) -> None:
    site = f"/api/sites/{kind}"
    taken, blocked = {"unit": "U0", **when(kind)}, {"unit": "U2", "from": f"{LATER}T10:30", "to": f"{LATER}T11:30"}
    if kind == "hotel":
        blocked = {"unit": "U2", "date": str(LATER - timedelta(days=1)), "nights": 3}
    if kind == "grounds":
        blocked = {"unit": "U2", "date": str(LATER), "slot": 2}
    guest = {"customer": {"name": "Gus", "email": "gus@example.org"}}
    asked = 0
    for client in map(town.who.__getitem__, asking):
        for body in (taken, blocked):
            for more in ({}, guest, {"recurrence": {"rule": "FREQ=WEEKLY;COUNT=2"}}, {"walk_in": True}):
                for path in ("bookings", "check", "recurrence"):
                    answer = silent(client.post(f"{site}/{path}", json={**body, **more}))
                    asked += answer.status_code == 409 or '"allowed":false' in answer.text
        for booking in town.bookings[kind]:
            for act in ("cancel", "move", "extend", "approve", "reject", "swap", "undo"):
                silent(client.post(f"{site}/bookings/{booking}/{act}", json={"reason": "x"}))
            silent(client.post(f"{site}/check", json={"booking": booking, "act": "cancel"}))
        silent(client.delete(f"{site}/blocks/{town.blocks[kind]}"))
        silent(client.patch(f"{site}/units/U0", json={"condition": "dirty" if kind == "hotel" else None}))
        block = {"units": ["U0"], "from": f"{DAY}T00:00", "to": f"{LATER}T00:00"}
        silent(client.post(f"{site}/blocks", json=block))
        if kind == "grounds":
            former = {"ground": "U0", "date": str(DAY), "time": "8-9 AM", "name": "Gus", "email": "gus@example.org"}
            silent(client.post("/bookings?site=grounds", json=former))
    assert asked > 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_opens_one_booking_and_tells_of_no_other(town: Town, kind: str) -> None:
    booking, key = town.keys[kind]
    guest, site = town.who["guest"], f"/api/sites/{kind}/bookings"
    own = silent(guest.get(f"{site}/{booking}", headers={"Booking-Key": key}))
    assert own.status_code == 200 and own.json()["customer"]["email"] == "gus@example.org"
    for other in town.bookings[kind]:
        assert silent(guest.get(f"{site}/{other}", headers={"Booking-Key": key})).status_code in (401, 404)
        move = {"unit": "U0", **when(kind)}
        silent(guest.post(f"{site}/{booking}/move", json=move, headers={"Booking-Key": key}))
    for elsewhere in set(KINDS) - {kind}:
        answer = guest.get(f"/api/sites/{elsewhere}/bookings/{booking}", headers={"Booking-Key": key})
        assert silent(answer).status_code in (401, 404)


@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_sees_own_bookings_whole_and_the_rest_not(town: Town, kind: str) -> None:
    told = silent(town.who["customer"].get(f"/api/sites/{kind}/bookings?limit=500")).json()["bookings"]
    assert [line["customer"]["email"] for line in told] == ["customer@example.org"]
    keeper = town.who["housekeeping"].get(f"/api/sites/{kind}/bookings?limit=500").json()["bookings"]
    assert len(keeper) >= 4 and {json.dumps(line["customer"]) for line in keeper} == {"{}"}
    # nor by asking for somebody's
    for query in (f"customer={WHO['email']}", f"customer={WHO['reference']}", f"reference={MARK}"):
        answer = town.who["housekeeping"].get(f"/api/sites/{kind}/bookings?{query}")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
        answer = town.who["reading token"].get(f"/api/sites/{kind}/bookings?{query}")
        assert answer.status_code == 403


def test_how_many_bookings_somebody_has_is_not_asked_in_their_name(town: Town) -> None:
    town.admin.patch("/api/sites/cafe", json={"settings": {"quota_per_person": 1}})
    try:
        body = {"unit": "U1", "from": f"{LATER}T15:00", "to": f"{LATER}T16:00", "customer": {"email": WHO["email"]}}
        staff = town.admin.post("/api/sites/cafe/check", json=body).json()
        assert (staff["allowed"], staff["code"]) == (False, "quota_reached")
        for name in ("nobody", "account", "housekeeping", "public token"):
            told = town.who[name].post("/api/sites/cafe/check", json=body)
            assert told.json().get("allowed") is True, (name, told.text)
        own = town.who["customer"].post("/api/sites/cafe/check", json=body).json()
        assert (own["allowed"], own["code"]) == (False, "quota_reached")  # their own
    finally:
        town.admin.patch("/api/sites/cafe", json={"settings": {"quota_per_person": None}})


class Socket:
    """A Socket.IO client over polling, as bare as can be."""

    def __init__(self, client: httpx.Client, token: str | None = None) -> None:
        self.client, self.raw = client, ""
        opened = client.get("/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened.text[1:])["sid"]
        self.address = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        self.send("40" + json.dumps({"site": "grounds", **({"token": token} if token else {})}))
        self.until("40{")

    def send(self, packet: str) -> None:
        assert self.client.post(self.address, content=packet).status_code == 200

    def until(self, wanted: str) -> None:
        deadline = time.monotonic() + 15
        while wanted not in self.raw:
            assert time.monotonic() < deadline, self.raw
            self.raw += self.client.get(self.address).text
            if self.raw.endswith("2"):
                self.send("3")


@pytest.mark.parametrize("name", ["nobody", "account", "customer", "housekeeping", "reading token", "public token"])
def test_no_socket_hears_a_mark(town: Town, name: str) -> None:
    bearer = town.who[name].headers.get("authorization", "").removeprefix("Bearer ")
    socket = Socket(town.who[name], bearer)
    rooms = (["join-admin"], ["join-student", WHO["reference"]], ["join-user", {"id": WHO["email"]}],
             ["watch", {"ground": "U0"}], ["join-site", "grounds"])  # fmt: skip
    for number, event in enumerate(rooms):
        socket.send(f"42{number}" + json.dumps(event))
        socket.until(f"43{number}[")
    body = {"unit": "U0", "date": str(LATER), "slot": 5, "customer": WHO, **SAID}
    made = town.admin.post("/api/sites/grounds/bookings", json=body)
    assert made.status_code == 201, made.text
    address = f"/api/sites/grounds/bookings/{made.json()['id']}"
    town.admin.post(f"{address}/reject", json={"reason": f"{MARK}reason"})
    socket.until("booking:rejected")
    answers = socket.raw
    for said in (f"student-{WHO['reference']}", f"student-{WHO['email']}"):
        assert said not in answers
    assert MARK not in answers and made.json()["id"] not in answers, answers
