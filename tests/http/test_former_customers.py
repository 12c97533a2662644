"""Students with accounts at the addresses of the replaced sports system: in their own name, and only to theirs."""

from typing import Any

import httpx
import pytest

from tests.http.former_campus import DAY, WISH, campus, slot
from tests.principals import Principals

__all__ = ["campus"]

PROFILE = [
    {"name": "roll_number", "label": "Roll number", "required": True, "is_reference": True},
    {"name": "branch", "label": "Branch", "choices": ["CS", "EE"]},
]


@pytest.fixture
def university(client: httpx.Client, campus: str) -> str:
    """The campus, where students book by themselves, with a roll number, and name up to two who come along."""
    settings = {"booking_page": "accounts", "sign_up": True, "profile_fields": PROFILE, "team_max": 2}
    assert client.patch(campus, json={"settings": settings}).status_code == 200
    return campus


def student(principals: Principals, site: str, email: str, **profile: str) -> httpx.Client:
    person = principals.signed_in(principals.account(email))
    assert person.post(f"{site}/customers/me", json={"profile": profile}).status_code == 200
    return person


def wish(**more: Any) -> dict[str, Any]:
    return {**WISH, **more}


def test_a_student_books_in_their_own_name_sees_it_and_cancels(
    client: httpx.Client, university: str, principals: Principals
) -> None:
    ann = student(principals, university, "ann@campus.example", roll_number="21CS001", branch="CS")
    bob = student(principals, university, "bob@campus.example", roll_number="21EE002", branch="EE")
    sent = wish(name="Bob", email="bob@campus.example", rollNumber="21EE002", branch="EE")
    made = ann.post("/bookings", json=sent)
    assert made.status_code == 201, made.text
    booking = made.json()["data"]["booking"]
    assert (booking["name"], booking["email"], booking["rollNumber"], booking["branch"]) == (
        "Ann Lee", "ann@campus.example", "21CS001", "CS",
    )  # fmt: skip
    mine = ann.get("/bookings/my").json()["data"]["bookings"]
    assert [each["_id"] for each in mine] == [booking["_id"]]
    assert bob.get("/bookings/my", params={"email": "ann@campus.example"}).json()["data"]["bookings"] == []
    day = bob.get("/bookings/availability", params={"ground": "Ground 1", "date": str(DAY)})
    assert "Ann" not in day.text and "21CS001" not in day.text
    taken = bob.post("/bookings", json=wish())
    assert taken.status_code == 409 and "Ann" not in taken.text
    assert bob.post(f"/bookings/{booking['_id']}/cancel", json={}).status_code == 404
    assert bob.get(f"/bookings/{booking['_id']}").status_code == 404
    assert ann.post(f"/bookings/{booking['_id']}/approve", json={}).status_code == 403
    assert ann.post(f"/bookings/{booking['_id']}/cancel", json={}).status_code == 200
    assert slot(client)["status"] == "Vacant"


def test_a_team_is_checked_and_told_in_both_shapes(
    client: httpx.Client, university: str, principals: Principals
) -> None:
    ann = student(principals, university, "ann@campus.example", roll_number="21CS001")
    for team, field in (
        (["Ben", "Chloe", "Dan"], "teamMembers"),
        (["Ben", "ben"], "teamMembers[1]"),
        ([{"name": "Me", "reference": "21cs001"}], "teamMembers[0]"),
    ):
        answer = ann.post("/bookings", json=wish(teamMembers=team))
        assert answer.status_code == 400 and answer.json()["field"] == field, answer.text
    team = ["Ben", {"name": "Chloe", "reference": "21EE009"}]
    booking = ann.post("/bookings", json=wish(teamMembers=team)).json()["data"]["booking"]
    assert booking["teamMembers"] == team and "team" not in booking
    ours = client.get(f"{university}/bookings/{booking['_id']}").json()
    assert ours["details"]["team"] == team and "teamMembers" not in ours["details"]
    own = {"unit": "Ground 1", "date": str(DAY), "slot": "10-11 AM", "details": {"team": ["Ben", "Ben "]}}
    refused = ann.post(f"{university}/bookings", json=own)
    assert refused.status_code == 400 and refused.json()["field"] == "details.team[1]"
    staff = client.post(f"{university}/bookings", json={**own, "details": {"team": [" Ben "]}})
    assert staff.status_code == 201 and staff.json()["details"]["team"] == ["Ben"]
    # it is put right later, by its booker too, as long as it is checked
    address = f"{university}/bookings/{booking['_id']}"
    assert "amend" in ann.get(address).json()["may"]
    changed = ann.post(f"{address}/amend", json={"team": ["Dan"]})
    assert (changed.status_code, changed.json()["details"]["team"]) == (200, ["Dan"])
    assert ann.post(f"{address}/amend", json={"team": ["Dan"]}).json()["code"] == "nothing_to_change"
    assert ann.post(f"{address}/amend", json={"team": ["Ben", "ben"]}).json()["field"] == "team[1]"
    assert ann.post(f"{address}/amend", json={}).json()["field"] == "team"
    assert ann.get(f"/bookings/{booking['_id']}").json()["data"]["booking"]["teamMembers"] == ["Dan"]
    assert ann.get(address).json()["history"][-1]["type"] == "booking.amended"


def test_without_a_limit_a_team_is_kept_as_it_came(client: httpx.Client, campus: str) -> None:
    booking = client.post("/bookings", json=wish(teamMembers=["Ben", "Ben", 7])).json()["data"]["booking"]
    assert booking["teamMembers"] == ["Ben", "Ben", 7]
