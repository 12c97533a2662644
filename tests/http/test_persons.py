"""A person is handed out whole, and forgotten everywhere: what happened stays, without whose it was."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from holdfast.services.proving import prove_sites
from tests.http.conftest import LiveServer
from tests.markers import stored, where
from tests.principals import Principals

MARKERS = ("Zebulon", "quokka", "+49 171 5550", "RN-4711", "allergic to wasps", "wheelchair-kept", "because he is late")
EMAIL = "Zebulon.Quokka@example.org"
SOON = (datetime.now(UTC) + timedelta(days=3)).replace(minute=0, second=0, microsecond=0)


def booking_of(unit: str, hour: int, **more: Any) -> dict[str, Any]:
    start = SOON + timedelta(hours=hour)
    return {
        "unit": unit, "from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat(),
        "customer": {"name": "Zebulon Quokka", "email": EMAIL, "phone": "+49 171 5550", "reference": "RN-4711"},
        "note": "allergic to wasps", "details": {"seat": "wheelchair-kept", "friends": ["Zebulon's brother"]}, **more,
    }  # fmt: skip


def made(client: httpx.Client, site: str, *, key: str | None = None, **more: Any) -> str:
    headers = {"Idempotency-Key": key} if key else {}
    answer = client.post(f"{site}/bookings", json=booking_of(**more), headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def organisation_of(principals: Principals, site: str) -> str:
    return f"/api/organisations/{principals.organisation_of(site.rsplit('/', 1)[1])}"


def erased(client: httpx.Client, organisation: str, **asked: Any) -> dict[str, Any]:
    answer = client.post(f"{organisation}/persons/erase", json={"reason": "asked to be forgotten", **asked})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def proved(server: LiveServer, principals: Principals) -> list[Any]:
    assert server.house is not None
    return principals.run(prove_sites(server.house.reads))


@pytest.fixture
def spread(client: httpx.Client, cafe: str, hotel: str, principals: Principals) -> dict[str, str]:
    """A person who is all over the place: an account with a profile, a session, bookings at two sites in all states,
    answers to keys, mails, an invitation, a finding; and a stranger beside them."""
    client.patch(cafe, json={"settings": {"mail_bookings": True, "booking_page": "guests"}})
    slug = cafe.rsplit("/", 1)[1]
    account = principals.account(EMAIL, name="Zebulon Quokka")
    principals.grant(account, principals.organisation_of(slug), "customer")
    principals.signed_in(account)
    one = made(client, cafe, unit="PC1", hour=0, key="zebulon-1")
    client.post(
        f"{cafe}/bookings/{one}/cancel", json={"reason": "because he is late"}, headers={"Idempotency-Key": "c"}
    )
    live = made(client, cafe, unit="PC2", hour=2)
    client.post(f"{cafe}/bookings/{live}/extend", json={"minutes": 30})
    night = {"from": SOON.date().isoformat(), "to": (SOON + timedelta(days=2)).date().isoformat()}
    room = client.post(f"{hotel}/bookings", json={**booking_of("101", 0), **night})
    assert room.status_code == 201, room.text
    guest = principals.nobody().post(
        f"{cafe}/bookings", json=booking_of("PC3", 4), headers={"Idempotency-Key": "from-a-guest"}
    )
    assert guest.status_code == 201, guest.text
    other = client.post(
        f"{cafe}/bookings", json={**booking_of("PC4", 0, note=None, details=None), "customer": {"name": "Ann Other",
        "email": "ann@example.org"}}, headers={"Idempotency-Key": "ann"},
    )  # fmt: skip
    assert other.status_code == 201, other.text
    organisation = organisation_of(principals, cafe)
    client.post(f"{organisation}/invitations", json={"email": EMAIL, "role": "staff"})
    return {"organisation": organisation, "account": str(account), "one": one, "live": live, "room": room.json()["id"]}


def test_an_erased_persons_markers_are_nowhere_in_the_database(
    server: LiveServer, client: httpx.Client, cafe: str, hotel: str, principals: Principals, spread: dict[str, str],
    database_url: str,
) -> None:  # fmt: skip
    before = where(stored(database_url), *MARKERS)
    assert set(before) == set(MARKERS)
    assert {"account", "answer", "booking", "journal", "single_use", "mail"} <= set(before["quokka"])
    versions = {site: client.get(site).json()["version"] for site in (cafe, hotel)}
    done = erased(client, spread["organisation"], email=EMAIL, include_live=True)
    assert done["done"] and done["bookings"] == 4 and done["answers"] >= 3 and done["account"]
    said = stored(database_url)
    assert where(said, *MARKERS) == {}
    left = where(said, "Ann Other", "asked to be forgotten")
    # the mail about a booking is written some seconds after it, so perhaps not yet
    assert set(left.pop("Ann Other")) - {"mail"} == {"answer", "booking", "journal"}
    assert left == {"asked to be forgotten": ["account_log"]}
    assert proved(server, principals) == []
    for site, booked in ((cafe, 3), (hotel, 1)):
        after = client.get(site).json()["version"]
        assert after == versions[site] + booked
        lines = client.get(f"{site}/journal", params={"limit": 500}).json()["events"]
        assert [line["version"] for line in lines] == list(range(1, after + 1))
        assert [line["type"] for line in lines][-booked:] == ["booking.erased"] * booked
    again = erased(client, spread["organisation"], email=EMAIL, include_live=True)
    assert again == {"done": True, "bookings": 0, "answers": 0, "account": False}


def test_what_happened_stays_and_can_still_be_acted_on(
    client: httpx.Client, cafe: str, principals: Principals, spread: dict[str, str]
) -> None:
    erased(client, spread["organisation"], account=spread["account"], include_live=True)
    booking = client.get(f"{cafe}/bookings/{spread['live']}").json()
    assert booking["state"] == "Booked" and booking["units"] == ["PC2"] and booking["customer"] == {}
    assert [line["type"] for line in booking["history"]] == ["booking.created", "booking.extended", "booking.erased"]
    taken = client.post(f"{cafe}/bookings", json={**booking_of("PC2", 2), "customer": None})
    assert taken.json()["code"] == "slot_taken"
    assert client.post(f"{cafe}/bookings/{spread['live']}/cancel", json={}).status_code == 200


def test_live_bookings_stand_in_the_way_unless_they_are_meant(
    client: httpx.Client, cafe: str, spread: dict[str, str], database_url: str
) -> None:
    asked = {"email": EMAIL, "reason": "asked"}
    refused = client.post(f"{spread['organisation']}/persons/erase", json=asked)
    assert refused.status_code == 409 and refused.json()["code"] == "has_live_bookings"
    assert sum(refused.json()["sites"].values()) == 3
    assert "booking" in where(stored(database_url), "quokka")["quokka"]


def test_the_reason_is_kept_so_it_must_not_name_the_person(client: httpx.Client, spread: dict[str, str]) -> None:
    for reason in ("Zebulon Quokka wrote to us", f"mail of {EMAIL}", " "):
        answer = client.post(f"{spread['organisation']}/persons/erase", json={"email": EMAIL, "reason": reason})
        assert answer.status_code == 400 and answer.json()["field"] == "reason", answer.text


def test_an_account_of_others_too_is_left_to_them(
    client: httpx.Client, cafe: str, principals: Principals, spread: dict[str, str]
) -> None:
    account = UUID(spread["account"])
    principals.grant(account, principals.other_organisation(), "viewer")
    erased(client, spread["organisation"], email=EMAIL, include_live=True)
    me = principals.signed_in(account).get("/api/session").json()
    assert me["account"]["email"] == EMAIL.lower()
    assert [grant["role"] for grant in me["grants"]] == ["viewer"]


def test_nobody_forgets_somebody_who_may_more_or_the_last_owner(
    client: httpx.Client, cafe: str, principals: Principals
) -> None:
    slug, organisation = cafe.rsplit("/", 1)[1], organisation_of(principals, cafe)
    owner = principals.account("owner@example.org", name="Olive")
    principals.grant(owner, principals.organisation_of(slug), "owner")
    asked = {"email": "owner@example.org", "reason": "asked"}
    refused = principals.person("manager", slug).post(f"{organisation}/persons/erase", json=asked)
    assert refused.status_code == 403
    last = client.post(f"{organisation}/persons/erase", json=asked)
    assert last.json()["code"] == "last_owner"
    for role in ("staff", "viewer", "customer"):
        person = principals.person(role, slug)
        for act in ("erase", "export"):
            body = asked if act == "erase" else {"email": "owner@example.org"}
            assert person.post(f"{organisation}/persons/{act}", json=body).status_code == 403, (role, act)


def test_all_that_is_kept_of_a_person_is_handed_out(
    client: httpx.Client, cafe: str, hotel: str, spread: dict[str, str]
) -> None:
    answer = client.post(f"{spread['organisation']}/persons/export", json={"email": EMAIL})
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    found = answer.json()
    assert found["account"]["name"] == "Zebulon Quokka" and found["account"]["roles"][0]["role"] == "customer"
    assert len(found["account"]["sessions"]) == 1
    sites = {f"/api/sites/{site['site']}": site for site in found["sites"]}
    assert len(sites[cafe]["bookings"]) == 3 and len(sites[hotel]["bookings"]) == 1
    assert {"booking.created", "booking.cancelled", "booking.extended"} <= {
        line["type"] for line in sites[cafe]["journal"]
    }
    assert all(marker in answer.text for marker in MARKERS)
    assert "ann@example.org" not in answer.text
    assert {"invitation"} <= {mail["kind"] for mail in found["mails"]}
    log = client.get(f"{spread['organisation']}/log", params={"action": "account_exported"}).json()["lines"]
    assert [line["account_id"] for line in log] == [spread["account"]]


def test_what_was_said_before_is_not_told_again_from_memory(
    client: httpx.Client, cafe: str, spread: dict[str, str]
) -> None:
    """A reader that keeps the last lines in memory, and one that resumes from before the person was forgotten."""
    with client.stream("GET", f"{cafe}/events") as listening:
        lines = listening.iter_lines()
        next(line for line in lines if line.startswith("id:"))
        version = client.get(cafe).json()["version"]
        made(client, cafe, unit="PC1", hour=8)
        assert "Zebulon" in next(line for line in lines if "booking.created" in line and line.startswith("data:"))
        erased(client, spread["organisation"], email=EMAIL, include_live=True)
        told = []
        with client.stream("GET", f"{cafe}/events", params={"after": str(version)}) as resumed:
            for line in resumed.iter_lines():
                told.append(line)
                if sum(one == "event: booking.erased" for one in told) == 4 and line.startswith("data:"):
                    break
    assert "event: booking.created" in told
    assert not any(marker.lower() in line.lower() for line in told for marker in MARKERS)


def test_forgetting_goes_on_where_it_was_broken_off(
    server: LiveServer, client: httpx.Client, cafe: str, principals: Principals, spread: dict[str, str],
    database_url: str, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from holdfast.services import persons

    monkeypatch.setattr(persons, "BOOKINGS_PER_STEP", 1)

    async def broken(*_: Any, **__: Any) -> None:
        raise asyncpg.PostgresConnectionError("gone")

    with monkeypatch.context() as breaking:
        breaking.setattr(persons.store, "forget_answers", broken)
        asked = {"email": EMAIL, "reason": "asked", "include_live": True}
        assert client.post(f"{spread['organisation']}/persons/erase", json=asked).status_code >= 500
    assert where(stored(database_url), "quokka")
    assert erased(client, spread["organisation"], email=EMAIL, include_live=True)["done"]
    assert where(stored(database_url), *MARKERS) == {}
    assert proved(server, principals) == []
