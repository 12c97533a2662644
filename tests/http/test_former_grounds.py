"""The addresses of the replaced sports system: its words and shapes, its sentences, none of its mistakes."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.http.former_campus import DAY, KOLKATA, TAKEN, WISH, act, book, campus, refused, slot, slots
from tests.principals import Principals

__all__ = ["campus"]

CLIENTS = 64


@pytest.mark.parametrize("path", ["/bookings", "/api/bookings"])
def test_a_day_is_told_slot_by_slot_and_a_request_makes_its_slot_booked(
    client: httpx.Client, campus: str, path: str
) -> None:
    day = client.get(f"{path}/availability", params={"ground": "Ground 1", "date": str(DAY)}).json()["data"]
    assert [each["slot"] for each in day["slots"]][:5] == ["8-9 AM", "9-10 AM", "10-11 AM", "11 AM-12 PM", "12-1 PM"]
    assert {each["status"] for each in day["slots"]} == {"Vacant"} and day["bookedTimes"] == []
    made = client.post(path, json=WISH)
    assert made.status_code == 201 and made.headers["location"].endswith(made.json()["data"]["booking"]["_id"])
    day = slots(client)
    assert day["bookedTimes"] == ["9-10 AM"]
    told = slot(client)
    assert (told["status"], told["state"]) == ("Booked", "Pending") and told["reason"]
    assert slot(client, ground="Ground 2")["status"] == "Vacant"
    act(client, made.json()["data"]["booking"], "approve")
    assert slot(client)["state"] == "Approved"


def test_a_booking_comes_back_with_all_that_was_sent(client: httpx.Client, campus: str) -> None:
    made = book(client)
    assert made["_id"] == made["id"]
    assert {name: made[name] for name in WISH} == WISH
    assert made["status"] == "Pending" and made["rollNo"] == "21CS001"
    assert made["user"] == {"name": "Ann Lee", "email": "ann@example.org", "phone": None, "rollNumber": "21CS001"}
    again = client.get(f"/api/bookings/{made['id']}").json()["data"]["booking"]
    assert again == made
    ours = client.get(f"{campus}/bookings/{made['id']}").json()
    assert ours["customer"] == {"name": "Ann Lee", "email": "ann@example.org", "reference": "21CS001"}
    assert ours["note"] == "practice for Sunday" and ours["requested_by"] == "admin"
    assert ours["details"] == {"game": "Volleyball", "branch": "CS", "year": "3", "teamMembers": ["Ben", "Chloe"]}


def test_nothing_sent_stands_for_what_the_server_says(client: httpx.Client, campus: str) -> None:
    made = book(client, status="Approved", _id="mine", rejectionReason="x", user={"name": "Eve"}, version=0)
    assert made["status"] == "Pending" and made["_id"] != "mine" and made["rejectionReason"] is None
    assert made["user"]["name"] == "Ann Lee" and made["version"] > 0
    # nor by another door
    body = {"unit": "G2", "date": str(DAY), "slot": "8-9 AM", "details": {"status": "Approved", "decidedBy": "Eve"}}
    other = client.post(f"{campus}/bookings", json=body).json()["id"]
    told = client.get(f"/bookings/{other}").json()["data"]["booking"]
    assert (told["status"], told["decidedBy"], told["ground"]) == ("Pending", None, "Ground 2")


def test_numbers_reasons_and_notes_are_kept_as_they_come(client: httpx.Client, campus: str) -> None:
    wish = {name: WISH[name] for name in ("ground", "date", "time")}
    answer = client.post("/bookings", json={**wish, "rollNo": 42, "phone": 123, "reason": "a", "notes": "b"})
    made = answer.json()["data"]["booking"]
    assert (made["rollNumber"], made["rollNo"], made["phone"]) == ("42", "42", "123")
    assert (made["reason"], made["notes"], made["game"]) == ("a", "b", None)


@pytest.mark.parametrize(
    "time", ["9-10 AM", " 9 - 10 am", "09:00-10:00", "9:00 AM - 10:00 AM", "9:00-10:00 AM", "9 AM-10 AM", "09:00"]
)
def test_a_slot_is_understood_however_the_frontend_writes_it(client: httpx.Client, campus: str, time: str) -> None:
    assert book(client, time=time)["time"] == "9-10 AM"


def test_a_ground_is_found_by_code_and_by_name_and_told_by_name(client: httpx.Client, campus: str) -> None:
    for named in ("G2", "Ground 2", "ground 2"):
        assert slots(client, named)["ground"] == "Ground 2"
    assert book(client, ground="g2")["ground"] == "Ground 2"
    told = refused(client.post("/bookings", json={**WISH, "ground": "Ground 9"}), 404, "unknown_unit")
    assert told["message"] == "There is no ground 'Ground 9'. Choose one of: Ground 2, Ground 1."
    units = [{"code": "a", "name": "Ground 2", "category": "ground"}]
    client.post(f"{campus}/units", json={"units": units})
    told = refused(client.post("/bookings", json={**WISH, "ground": "Ground 2"}), 400, "invalid_request")
    assert told["field"] == "ground" and "G2" in told["message"]


def test_a_taken_slot_is_refused_with_the_sentence_and_the_slots_as_they_are_now(
    client: httpx.Client, campus: str
) -> None:
    book(client)
    told = refused(client.post("/bookings", json=WISH), 409, "slot_taken")
    assert told["message"] == TAKEN
    day = slots(client)
    assert {name: told["data"][name] for name in day} == day
    assert {"ground": "Ground 2", "date": str(DAY), "time": "9-10 AM"} in told["data"]["alternatives"]
    offer = told["data"]["alternatives"][0]
    assert client.post("/bookings", json={**WISH, **offer}).status_code == 201


def test_what_is_blocked_is_booked_to_the_frontend_and_says_why(client: httpx.Client, campus: str) -> None:
    block = {"units": ["Ground 1"], "from": f"{DAY}T09:00", "to": f"{DAY}T11:00", "kind": "event"}
    assert client.post(f"{campus}/blocks", json=block).status_code == 201
    told = slot(client)
    assert (told["status"], told["state"]) == ("Booked", "Blocked") and slots(client)["bookedTimes"] == []
    told = refused(client.post("/bookings", json=WISH), 409, "slot_taken")
    assert "student" not in told["message"] and "out of use" in told["message"]
    client.patch(f"{campus}/units/Ground 1", json={"condition": "out_of_service"})
    assert slot(client, "2-3 PM")["state"] == "Blocked"
    refused(client.post("/bookings", json={**WISH, "time": "2-3 PM"}), 409, "not_bookable")


def test_the_past_and_what_is_not_sold_are_booked_to_the_frontend(client: httpx.Client, campus: str) -> None:
    yesterday = (datetime.now(KOLKATA) - timedelta(days=1)).date()
    assert {each["state"] for each in slots(client, day=yesterday)["slots"]} == {"Past"}
    refused(client.post("/bookings", json={**WISH, "date": str(yesterday)}), 400, "in_the_past")
    far = (datetime.now(KOLKATA) + timedelta(days=800)).date()
    assert slot(client, day=far)["state"] == "TooFar"
    refused(client.post("/bookings", json={**WISH, "date": str(far)}), 400, "too_far")
    hours = {day: [["08:00", "09:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    client.patch(campus, json={"settings": {"hours": hours, "notice_minutes": 44_640}})
    assert slot(client, day=DAY + timedelta(days=30))["state"] == "Closed"
    assert slot(client, "8-9 AM")["state"] == "TooSoon"
    refused(client.post("/bookings", json=WISH), 400, "too_soon")
    assert {each["status"] for each in slots(client)["slots"]} == {"Booked"}


def test_requests_are_decided_in_the_former_words(client: httpx.Client, campus: str) -> None:
    made = book(client)
    approved = act(client, made, "approve")
    assert (approved["status"], approved["decidedBy"]) == ("Approved", "admin")
    assert act(client, made, "revoke")["status"] == "Pending"
    told = refused(client.post(f"/bookings/{made['id']}/reject", json={}), 400, "invalid_request")
    assert told["field"] == "reason"
    rejected = act(client, made, "reject", reason="finals")
    assert (rejected["status"], rejected["rejectionReason"]) == ("Rejected", "finals")
    assert slot(client)["status"] == "Vacant"
    other = book(client)
    assert act(client, other, "cancel")["status"] == "Cancelled"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("root", ["", "/api"])
def test_decisions_come_by_whatever_method_the_frontend_uses(
    client: httpx.Client, campus: str, method: str, root: str
) -> None:
    made = book(client)
    answer = client.request(method, f"{root}/bookings/{made['id']}/reject", json={"rejectionReason": "finals"})
    assert answer.json()["data"]["booking"]["status"] == "Rejected"
    assert client.request(method, f"{root}/bookings/{book(client)['id']}/approve").status_code == 200


def test_no_state_follows_any_other(client: httpx.Client, campus: str) -> None:
    """There, any state could follow any state."""
    made = book(client)
    act(client, made, "cancel")
    for name in ("approve", "reject", "revoke", "cancel"):
        told = refused(client.post(f"/bookings/{made['id']}/{name}", json={"reason": "x"}), 409, "wrong_state")
        assert told["message"].startswith("This booking is Cancelled, so it cannot be ")
    refused(client.post(f"/bookings/{made['id']}/complete", json={}), 404, "unknown_act")
    refused(client.post(f"/bookings/{book(client)['id']}/revoke", json={}), 409, "wrong_state")


def test_a_pending_and_an_approved_request_share_no_slot(client: httpx.Client, campus: str) -> None:
    """There, the unique index contained the status."""
    first = act(client, book(client), "approve")
    refused(client.post("/bookings", json=WISH), 409, "slot_taken")
    act(client, first, "revoke")
    refused(client.post("/bookings", json=WISH), 409, "slot_taken")
    act(client, first, "reject", reason="finals")
    book(client)
    again = client.post(f"{campus}/bookings/{first['id']}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "slot_taken")


async def test_of_64_clients_on_one_slot_one_wins_and_63_read_the_sentence(
    server: Any, client: httpx.Client, campus: str
) -> None:
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=server.url, headers=dict(client.headers), limits=limits, timeout=30) as many:
        for hour in ("8-9 AM", "9-10 AM", "10-11 AM"):
            wish = {**WISH, "time": hour}
            answers = await asyncio.gather(*(many.post("/bookings", json=wish) for _ in range(CLIENTS)))
            assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CLIENTS - 1}
            for answer in answers:
                if answer.status_code == 409:
                    told = answer.json()
                    assert told["message"] == TAKEN and hour in told["data"]["bookedTimes"]
        made = (await many.get("/bookings", params={"date": str(DAY)})).json()["data"]["bookings"]
    assert len(made) == 3


def test_a_request_sent_twice_with_a_key_is_one(client: httpx.Client, campus: str) -> None:
    key = {"Idempotency-Key": "click-1"}
    first = client.post("/bookings", json=WISH, headers=key)
    again = client.post("/api/bookings", json=WISH, headers=key)
    assert (again.status_code, again.json()) == (201, first.json()) and again.headers["holdfast-replayed"] == "true"
    refused(client.post("/bookings", json={**WISH, "time": "8-9 AM"}, headers=key), 422, "key_reused")
    version = first.json()["data"]["booking"]["version"]
    path = f"/bookings/{first.json()['data']['booking']['id']}/approve"
    assert client.post(path, headers={"If-Match": f'"{version}"'}).status_code == 200
    refused(client.post(path, headers={"If-Match": f'"{version}"'}), 412, "version_mismatch")


def test_bookings_are_listed_the_latest_first_by_what_is_asked(client: httpx.Client, campus: str) -> None:
    made = [book(client, time=time) for time in ("8-9 AM", "9-10 AM", "10-11 AM")]
    other = book(client, ground="G2", email="ben@example.org", rollNumber="22ME7", date=str(DAY + timedelta(days=1)))
    act(client, made[1], "approve")

    def listed(path: str = "/bookings", **asked: Any) -> list[str]:
        answer = client.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["data"]["bookings"]]

    latest_first = [other["id"], *(each["id"] for each in reversed(made))]
    assert listed() == listed("/api/bookings") == latest_first
    assert listed(status="Approved") == listed(status="approved") == [made[1]["id"]]
    assert listed(ground="Ground 2") == listed(date=str(DAY + timedelta(days=1))) == [other["id"]]
    assert listed(ground="Ground 1", date=str(DAY), status="Pending") == [made[2]["id"], made[0]["id"]]
    for asked in ({"email": "BEN@example.org"}, {"rollNumber": "22ME7"}):
        assert listed("/bookings/my", **asked) == listed(**asked) == [other["id"]]
    page = client.get("/bookings", params={"limit": 3}).json()["data"]
    rest = client.get("/bookings", params={"limit": 3, "cursor": page["next"]}).json()["data"]
    assert [each["id"] for each in [*page["bookings"], *rest["bookings"]]] == latest_first and rest["next"] is None


def test_an_unknown_slot_names_those_there_are(client: httpx.Client, campus: str) -> None:
    told = refused(client.post("/bookings", json={**WISH, "time": "7-8 AM"}), 404, "unknown_slot")
    assert told["message"].startswith("There is no slot '7-8 AM' on that day. Choose one of: 8-9 AM, 9-10 AM, ")
    refused(client.get("/bookings/no-such-id"), 404, "unknown_booking")
    refused(client.post("/bookings/01946fd6-7a3f-7cc0-9c1b-3f0d8a5b2c11/approve"), 404, "unknown_booking")


def test_the_site_is_the_only_one_or_the_one_that_is_named(client: httpx.Client, cafe: str) -> None:
    asked = {"ground": "G1", "date": str(DAY)}
    told = refused(client.get("/bookings/availability", params=asked), 400, "invalid_request")
    assert "no sports ground here yet" in told["message"]
    for name in ("North", "South"):
        made = client.post("/api/sites", json={"kind": "grounds", "name": name, "time_zone": "Asia/Kolkata"})
        unit = {"code": "G1", "name": f"{name} field", "category": "ground"}
        client.post(f"{made.headers['location']}/units", json={"units": [unit]})
    told = refused(client.get("/bookings/availability", params=asked), 400, "invalid_request")
    assert "north, south" in told["message"]
    assert slots(client, "G1", headers={"X-Site": "south"})["ground"] == "South field"
    named = client.get("/bookings/availability", params={**asked, "site": "north"}).json()
    assert named["data"]["ground"] == "North field"
    told = refused(client.get("/bookings", headers={"X-Site": "corner"}), 400, "invalid_request")
    assert "corner is a café" in told["message"]
    refused(client.get("/bookings?site=nowhere"), 404, "unknown_site")


def test_customers_see_and_change_what_is_theirs_and_no_names(
    client: httpx.Client, campus: str, principals: Principals
) -> None:
    others = book(client)
    bob = principals.person("customer", "campus", email="bob@example.org")
    told = refused(bob.post("/bookings", json=WISH), 409, "slot_taken")
    assert "Ann Lee" not in str(told) and others["id"] not in str(told)
    mine = book(bob, time="8-9 AM")
    assert mine["email"] == "bob@example.org", "a customer books in their own name"
    for asked in ("/bookings", "/bookings/my", "/bookings/my?email=ann@example.org"):
        assert [each["id"] for each in bob.get(asked).json()["data"]["bookings"]] == [mine["id"]]
    refused(bob.get(f"/bookings/{others['id']}"), 404, "unknown_booking")
    refused(bob.post(f"/bookings/{others['id']}/cancel"), 404, "unknown_booking")
    for method, path in (
        ("POST", f"/bookings/{mine['id']}/approve"), ("POST", "/api/sync-sessions"),
        ("POST", "/api/bookings/auto-complete-sessions"),
    ):  # fmt: skip
        refused(bob.request(method, path), 403, "not_allowed")
    assert bob.get(f"/bookings/{mine['id']}").json()["data"]["booking"]["id"] == mine["id"]
    assert bob.post(f"/bookings/{mine['id']}/cancel").json()["data"]["booking"]["status"] == "Cancelled"


def test_nobody_in_particular_sees_slots_and_books_where_guests_may(
    client: httpx.Client, campus: str, principals: Principals
) -> None:
    nobody = principals.nobody()
    assert nobody.get("/bookings/availability", params={"ground": "Ground 1", "date": WISH["date"]}).status_code == 200
    refused(nobody.post("/bookings", json=WISH), 401, "unauthorised")
    client.patch(campus, json={"settings": {"booking_page": "guests"}})
    click = {"Idempotency-Key": "click-1"}
    made = nobody.post("/bookings", json=WISH, headers=click)
    assert made.status_code == 201, made.text
    again = nobody.post("/bookings", json=WISH, headers=click)
    assert (again.status_code, again.content) == (201, made.content)
    assert again.headers["booking-key"] == made.headers["booking-key"]
    key, booking = made.headers["booking-key"], made.json()["data"]["booking"]["id"]
    refused(nobody.get(f"/bookings/{booking}"), 404, "unknown_booking")
    assert nobody.get(f"{campus}/bookings/{booking}", headers={"Booking-Key": key}).json()["customer"]["name"]
    told = nobody.get(
        f"{campus}/bookings/{booking}", headers={"Booking-Key": ("y" if key[0] == "x" else "x") + key[1:]}
    )
    assert told.status_code == 404


def test_a_slot_after_midnight_belongs_to_its_evening(client: httpx.Client) -> None:
    slots_late = [{"from": "22:00", "to": "23:30"}, {"from": "23:30", "to": "01:00"}, {"from": "01:00", "to": "02:00"}]
    site = {"kind": "grounds", "name": "Night", "time_zone": "Asia/Kolkata", "settings": {"slots": slots_late}}
    address = client.post("/api/sites", json=site).headers["location"]
    client.post(f"{address}/units", json={"units": [{"code": "Ground 1", "category": "ground"}]})
    made = book(client, time="1-2 AM")
    assert (made["date"], made["time"]) == (str(DAY), "1-2 AM")
    assert slots(client)["bookedTimes"] == ["1-2 AM"]
    assert slots(client, day=DAY + timedelta(days=1))["bookedTimes"] == []
    assert refused(client.post("/bookings", json={**WISH, "time": "1-2 AM"}), 409, "slot_taken")["message"] == TAKEN
    assert [b["id"] for b in client.get("/bookings", params={"date": str(DAY)}).json()["data"]["bookings"]] == [
        made["id"]
    ]
    following = client.get("/bookings", params={"date": str(DAY + timedelta(days=1))}).json()["data"]["bookings"]
    assert following == []
    assert datetime.fromisoformat(made["createdAt"]) <= datetime.now(UTC) + timedelta(minutes=1)
