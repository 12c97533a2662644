"""Each request that changes a site: what it answers when it may, and when it may not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

DAY = (datetime.now(UTC) + timedelta(days=30)).date()


def at(hour: int, days: int = 0) -> str:
    return f"{DAY + timedelta(days=days)}T{hour:02}:00"


def hours(unit: str = "PC1", first: int = 10, last: int = 12, **more: Any) -> dict[str, Any]:
    return {"unit": unit, "from": at(first), "to": at(last), **more}


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert (found["code"], found["status"]) == (code, status)
    assert found["type"] == f"urn:holdfast:problem:{code}" and found["title"] and found["detail"]
    return found


def test_a_booking_is_answered_with_where_it_is_and_which_version(client: httpx.Client, cafe: str) -> None:
    answer = client.post(f"{cafe}/bookings", json=hours(customer={"name": "Ann", "email": "a@example.org"}))
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert answer.headers["location"] == f"{cafe}/bookings/{found['id']}"
    assert answer.headers["etag"] == f'"{found["version"]}"'
    assert int(answer.headers["holdfast-version"]) >= found["version"]
    assert found["units"] == ["PC1"] and found["state"] == "Booked" and found["customer"]["name"] == "Ann"
    assert found["from"] == f"{at(10)}:00Z"


def test_a_taken_slot_names_what_is_in_the_way_and_what_is_free(client: httpx.Client, cafe: str) -> None:
    holder = client.post(f"{cafe}/bookings", json=hours()).json()["id"]
    found = refused(client.post(f"{cafe}/bookings", json=hours(first=11, last=13)), 409, "slot_taken")
    assert found["blocking"][0]["unit"] == "PC1" and found["holders"] == [holder]
    assert {"PC2", "PC3", "PC4"} & {offer["unit"] for offer in found["alternatives"]}


def test_an_offered_alternative_can_be_booked(client: httpx.Client, cafe: str) -> None:
    client.post(f"{cafe}/bookings", json=hours())
    for offer in client.post(f"{cafe}/bookings", json=hours()).json()["alternatives"]:
        assert client.post(f"{cafe}/check", json=offer).json()["allowed"] is True


def test_the_same_key_and_body_get_the_same_answer_byte_for_byte(client: httpx.Client, cafe: str) -> None:
    key = {"Idempotency-Key": "k-1"}
    body = hours(note="x", customer={"name": "Ann"})
    first = client.post(f"{cafe}/bookings", json=body, headers=key)
    again = client.post(f"{cafe}/bookings", json=dict(reversed(body.items())), headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content) and first.status_code == 201
    for name in ("location", "etag", "holdfast-version"):
        assert again.headers[name] == first.headers[name]
    found = refused(client.post(f"{cafe}/bookings", json=hours("PC2"), headers=key), 422, "key_reused")
    assert found["key"] == "k-1"


def test_a_start_code_is_in_the_answer_and_in_its_repetition(client: httpx.Client, cafe: str) -> None:
    assert client.patch(cafe, json={"settings": {"start_code": True}}).status_code == 200
    first = client.post(f"{cafe}/bookings", json=hours(), headers={"Idempotency-Key": "k"})
    again = client.post(f"{cafe}/bookings", json=hours(), headers={"Idempotency-Key": "k"})
    code = first.json()["start_code"]
    assert len(code) == 6 and code.isdigit() and again.content == first.content
    wrong = client.post(f"{cafe}/bookings/{first.json()['id']}/start", json={"code": "x"})
    refused(wrong, 403, "wrong_code")


def test_a_refused_request_keeps_no_key(client: httpx.Client, cafe: str) -> None:
    client.post(f"{cafe}/bookings", json=hours())
    key = {"Idempotency-Key": "k-2"}
    refused(client.post(f"{cafe}/bookings", json=hours(), headers=key), 409, "slot_taken")
    assert client.post(f"{cafe}/bookings", json=hours("PC2"), headers=key).status_code == 201


def test_an_act_is_for_the_version_it_names(client: httpx.Client, cafe: str) -> None:
    made = client.post(f"{cafe}/bookings", json=hours())
    address = made.headers["location"]
    etag = made.headers["etag"]
    moved = client.post(f"{address}/extend", json={"minutes": 30}, headers={"If-Match": etag})
    assert moved.status_code == 200 and moved.json()["to"] == f"{at(12)[:-2]}30:00Z"
    for form in (etag, etag.strip('"'), f"W/{etag}"):
        found = refused(client.post(f"{address}/cancel", headers={"If-Match": form}), 412, "version_mismatch")
        assert found["version"] == moved.json()["version"]
    for form in ("abc", '"1', '"1", "2"', "-1", "1.5"):
        refused(client.post(f"{address}/cancel", headers={"If-Match": form}), 400, "invalid_request")
    assert client.post(f"{address}/cancel", headers={"If-Match": "*"}).json()["state"] == "Cancelled"


def test_acts_that_cannot_be_say_why(client: httpx.Client, cafe: str) -> None:
    made = client.post(f"{cafe}/bookings", json=hours()).headers["location"]
    refused(client.post(f"{made}/fly"), 404, "unknown_act")
    refused(client.post(f"{made}/extend"), 400, "invalid_request")
    refused(client.post(f"{made}/confirm"), 409, "wrong_state")
    refused(client.post(f"{cafe}/bookings/01946fd6-7a3f-7cc0-9c1b-3f0d8a5b2c11/cancel"), 404, "unknown_booking")
    refused(client.post(f"{cafe}/bookings/none/cancel"), 404, "unknown_booking")
    assert client.post(f"{made}/cancel", json={"reason": "ill"}).json()["decision_reason"] == "ill"


def test_a_walk_in_starts_now_and_ends(client: httpx.Client, cafe: str) -> None:
    made = client.post(f"{cafe}/bookings", json={"category": "pc", "walk_in": True})
    assert made.status_code == 201 and made.json()["state"] == "Active" and made.json()["open_ended"]
    ended = client.post(f"{made.headers['location']}/end")
    assert ended.json()["state"] == "Completed"


def test_hotels_take_nights_and_dates(client: httpx.Client, hotel: str) -> None:
    nights = client.post(f"{hotel}/bookings", json={"unit": "101", "date": str(DAY), "nights": 2})
    dates = client.post(f"{hotel}/bookings", json={"unit": "102", "from": str(DAY), "to": str(DAY + timedelta(days=2))})
    assert nights.status_code == dates.status_code == 201, (nights.text, dates.text)
    assert nights.json()["from"] == dates.json()["from"] == f"{DAY}T09:30:00Z"
    assert nights.json()["to"] == dates.json()["to"]
    extended = client.post(f"{nights.headers['location']}/extend", json={"to": str(DAY + timedelta(days=3))})
    assert extended.json()["to"] == f"{DAY + timedelta(days=3)}T05:30:00Z"


def test_grounds_take_slots_and_approve(client: httpx.Client, grounds: str) -> None:
    made = client.post(f"{grounds}/bookings", json={"unit": "G1", "date": str(DAY), "slot": "9-10 AM"})
    assert made.json()["state"] == "Pending" and made.json()["from"] == f"{DAY}T03:30:00Z"
    early = {"unit": "G1", "date": str(DAY), "slot": "3-4 AM"}
    refused(client.post(f"{grounds}/bookings", json=early), 404, "unknown_slot")
    address = made.headers["location"]
    refused(client.post(f"{address}/reject"), 400, "invalid_request")
    assert client.post(f"{address}/approve").json()["state"] == "Approved"
    moved = client.post(f"{address}/move", json={"date": str(DAY), "slot": "10-11 AM"})
    assert moved.json()["from"] == f"{DAY}T04:30:00Z"
    assert client.post(f"{address}/revoke").json()["state"] == "Pending"


def test_a_local_time_that_does_not_exist_is_told(client: httpx.Client) -> None:
    made = client.post("/api/sites", json={"kind": "cafe", "name": "Berlin", "time_zone": "Europe/Berlin"})
    address = made.headers["location"]
    client.post(f"{address}/units", json={"units": [{"code": "A", "category": "pc"}]})
    body = {"unit": "A", "from": "2027-03-28T02:30", "to": "2027-03-28T05:00"}
    found = client.post(f"{address}/bookings", json=body, headers={"Idempotency-Key": "k"})
    assert found.status_code == 201, found.text
    assert "does not exist" in found.json()["notes"][0]
    assert client.post(f"{address}/bookings", json=body, headers={"Idempotency-Key": "k"}).content == found.content


def test_check_says_yes_or_no_and_changes_nothing(client: httpx.Client, cafe: str) -> None:
    made = client.post(f"{cafe}/bookings", json=hours())
    before = client.get(cafe).json()["version"]
    no = client.post(f"{cafe}/check", json=hours()).json()
    assert no["allowed"] is False and no["code"] == "slot_taken" and no["alternatives"]
    yes = client.post(f"{cafe}/check", json=hours("PC2")).json()
    assert yes["allowed"] is True and yes["would_be"]["units"] == ["PC2"]
    act = {"booking": made.json()["id"], "act": "extend", "minutes": 30}
    assert client.post(f"{cafe}/check", json=act).json()["would_be"]["to"] == f"{at(12)[:-2]}30:00Z"
    assert client.post(f"{cafe}/check", json={**act, "act": "confirm"}).json()["code"] == "wrong_state"
    refused(client.post(f"{cafe}/check", json={"act": "extend"}), 400, "invalid_request")
    assert client.get(cafe).json()["version"] == before
    assert client.post(f"{cafe}/bookings", json=hours("PC2")).status_code == 201


def test_a_series_is_previewed_booked_moved_and_cancelled(client: httpx.Client, cafe: str) -> None:
    client.post(f"{cafe}/bookings", json={"unit": "PC1", "from": at(10, 7), "to": at(11, 7)})
    weekly = hours(recurrence={"rule": "FREQ=WEEKLY;COUNT=3"})
    seen = client.post(f"{cafe}/recurrence", json=weekly).json()
    assert (seen["count"], seen["conflicts"]) == (3, 1)
    assert [line["allowed"] for line in seen["dates"]] == [True, False, True]
    before = client.get(cafe).json()["version"]
    found = refused(client.post(f"{cafe}/bookings", json=weekly), 409, "slot_taken")
    assert found["failed_at"] == 1 and client.get(cafe).json()["version"] == before
    weekly["recurrence"]["mode"] = "skip"
    booked = client.post(f"{cafe}/bookings", json=weekly, headers={"Idempotency-Key": "s"})
    again = client.post(f"{cafe}/bookings", json=weekly, headers={"Idempotency-Key": "s"})
    assert booked.status_code == 200 and booked.content == again.content
    first, skipped, last = booked.json()["results"]
    assert skipped["refused"]["code"] == "slot_taken" and first["series"] == last["series"]
    series = f"{cafe}/series/{first['series']}"
    moved = client.post(f"{series}/move", json={"scope": "all", "minutes": 60}).json()["results"]
    assert sorted(each["from"] for each in moved) == [f"{at(11)}:00Z", f"{at(11, 14)}:00Z"]
    cancelled = client.post(f"{series}/cancel", json={"scope": "following", "booking": last["id"]}).json()["results"]
    assert [each["id"] for each in cancelled] == [last["id"]]
    refused(client.post(f"{series}/cancel", json={"scope": "this"}), 400, "invalid_request")
    refused(client.post(f"{series}/approve", json={"scope": "all"}), 404, "unknown_act")


def test_blocks_refuse_or_list_what_they_hit(client: httpx.Client, cafe: str) -> None:
    held = client.post(f"{cafe}/bookings", json=hours()).json()["id"]
    block = {"units": ["PC1", "PC2"], "from": at(9), "to": at(13), "reason": "paint"}
    assert refused(client.post(f"{cafe}/blocks", json=block), 409, "would_hit")["holders"] == [held]
    made = client.post(f"{cafe}/blocks", json={**block, "allow_conflicts": True})
    assert made.status_code == 201 and made.json()["to_replan"] == [held]
    assert made.headers["location"] == f"{cafe}/blocks/{made.json()['id']}"
    refused(client.post(f"{cafe}/bookings", json=hours("PC2")), 409, "slot_taken")
    assert client.delete(made.headers["location"]).status_code == 200
    refused(client.delete(made.headers["location"]), 404, "unknown_block")
    assert client.post(f"{cafe}/bookings", json=hours("PC2")).status_code == 201


def test_units_are_added_updated_and_changed(client: httpx.Client, cafe: str) -> None:
    body = {"units": [{"code": "PC1", "category": "vip"}, {"code": "PC9", "category": "pc", "attributes": {"gpu": 1}}]}
    refused(client.post(f"{cafe}/units", json=body), 409, "already_exists")
    assert client.post(f"{cafe}/units?update=true", json=body).json()["added"] == 1
    changed = client.patch(f"{cafe}/units/PC9", json={"condition": "under_maintenance", "reason": "fan"})
    assert changed.json()["condition"] == "under_maintenance"
    refused(client.post(f"{cafe}/bookings", json=hours("PC9")), 409, "not_bookable")
    refused(client.patch(f"{cafe}/units/PC9", json={"condition": "shiny"}), 400, "invalid_request")
    noted = {"note": "fan is loud", "attributes": {"gpu": "4070"}}
    assert client.patch(f"{cafe}/units/PC9", json=noted).status_code == 200
    units = client.get(f"{cafe}/units").json()["units"]
    assert units[-1]["attributes"] == {"gpu": "4070", "note": "fan is loud"}
    refused(client.patch(f"{cafe}/units/PC9", json={"note": "a\nb"}), 400, "invalid_request")
    refused(client.patch(f"{cafe}/units/PC9", json={"note": "fan is loud"}), 409, "nothing_to_change")
    assert client.patch(f"{cafe}/units/PC9", json={"note": None}).status_code == 200
    assert client.get(f"{cafe}/units").json()["units"][-1]["attributes"] == {"gpu": "4070"}
    refused(client.patch(f"{cafe}/units/none", json={"condition": "clean"}), 404, "unknown_unit")
    stale = client.patch(f"{cafe}/units/PC9", json={"condition": None}, headers={"If-Match": "1"})
    refused(stale, 412, "version_mismatch")


def test_a_walk_in_takes_no_nights_before_it_arrives(client: httpx.Client, hotel: str) -> None:
    wish: dict[str, Any] = {"unit": "101", "walk_in": True, "nights": 1}
    for name in ("date", "from"):
        later = client.post(f"{hotel}/bookings", json={**wish, name: str(DAY)})
        assert refused(later, 400, "invalid_request")["field"] == name
    today = datetime.now(ZoneInfo("Asia/Kolkata")).date()
    made = client.post(f"{hotel}/bookings", json={**wish, "date": str(today)}).json()
    assert (made["state"], made["to"][:10]) == ("CheckedIn", str(today + timedelta(days=1)))


def test_sites_are_made_listed_and_changed(client: httpx.Client, cafe: str, hotel: str) -> None:
    body = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}
    assert refused(client.post("/api/sites", json=body), 409, "already_exists")["given"] == "corner"
    zone = refused(client.post("/api/sites", json={**body, "time_zone": "Kolkata"}), 400, "invalid_settings")
    assert zone["hint"] == ["Asia/Kolkata"]
    refused(client.post("/api/sites", json={**body, "kind": "zoo"}), 400, "invalid_request")
    first = client.get("/api/sites", params={"limit": 1}).json()
    second = client.get("/api/sites", params={"limit": 1, "cursor": first["next"]}).json()
    assert [first["sites"][0]["slug"], second["sites"][0]["slug"]] == ["corner", "sea-view"]
    site_id = first["sites"][0]["id"]
    assert client.get(f"/api/sites/{site_id}").json()["slug"] == "corner"
    found = refused(client.patch(cafe, json={"settings": {"grid_minute": 15}}), 400, "invalid_settings")
    assert found["did_you_mean"] == "grid_minutes"
    assert client.patch(cafe, json={"settings": {"grid_minutes": 15}}).json()["settings"]["grid_minutes"] == 15
    refused(client.get("/api/sites/none"), 404, "unknown_site")
    refused(client.post("/api/sites/none/bookings", json=hours()), 404, "unknown_site")
