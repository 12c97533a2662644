"""The mirror: their statuses held against what their own bookings imply."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.domain.mirror import RULES
from holdfast.gateways.outside import OutsideError
from holdfast.services.mirror import Report, look
from holdfast.services.mirror_mapping import BookingPlace, MappingError, MirrorMapping, UnitPlace, Vocabularies
from tests.services.mirror_stage import Look, booking, look_at, room, rules_found, told

__all__ = ["look_at"]


def test_a_room_set_to_occupied_by_hand_is_found_with_its_reason(look_at: Look):
    report = look_at([room(101, "AVAILABLE"), room(102, "OCCUPIED")], [])
    assert told(report) == [("102", "OCCUPIED", "AVAILABLE", "No checked-in guest found")]
    assert (report.checked, report.fixed, report.dry_run) == (2, 0, True)


def test_a_booking_deleted_without_the_room_is_found_with_its_reason(look_at: Look):
    report = look_at([room(201, "RESERVED")], [booking("b1", 201, "Cancelled")])
    assert told(report) == [("201", "RESERVED", "AVAILABLE", "No active reservations found")]


EXPECTED = {
    # recorded status, state of a booking around now → what it should show, None where it is right
    ("AVAILABLE", "CheckedIn"): "OCCUPIED",
    ("OCCUPIED", "CheckedIn"): None,
    ("DIRTY", "CheckedIn"): "OCCUPIED",
    ("MAINTENANCE", "CheckedIn"): "OCCUPIED",
    ("AVAILABLE", "Reserved"): "RESERVED",
    ("OCCUPIED", "Reserved"): "RESERVED",
    ("CLEAN", "Reserved"): "RESERVED",
    ("DIRTY", "Reserved"): None,
    ("MAINTENANCE", "Reserved"): None,
    ("OUT_OF_SERVICE", "CheckedOut"): None,
    ("DIRTY", "CheckedOut"): None,
    ("CLEAN", "CheckedOut"): None,
    ("AVAILABLE", "NoShow"): None,
    ("OCCUPIED", "CheckedOut"): "AVAILABLE",
    ("RESERVED", "Cancelled"): "AVAILABLE",
}


@pytest.mark.parametrize(("recorded", "state"), EXPECTED)
def test_what_a_room_should_show_follows_from_its_booking_and_condition(look_at: Look, recorded: str, state: str):
    report = look_at([room(1, recorded)], [booking("b1", 1, state)])
    expected = EXPECTED[recorded, state]
    assert [each.to for each in report.details] == ([] if expected is None else [expected])
    assert not report.not_understood


def test_a_guest_who_is_there_is_named(look_at: Look):
    report = look_at([room(1, "AVAILABLE")], [booking("b1", 1, "CheckedIn")])
    assert "b1" in report.details[0].reason and "checked in" in report.details[0].reason


def test_a_dirty_room_with_a_reservation_is_left_and_that_is_said(look_at: Look):
    report = look_at([room(1, "DIRTY")], [booking("b1", 1, "Reserved", "2027-05-01", "2027-05-02")])
    assert report.is_clean and any("1 DIRTY" in sentence for sentence in report.assumed)


def test_the_look_ahead_says_which_reservations_count(look_at: Look):
    rooms, bookings = [room(1, "AVAILABLE")], [booking("b1", 1, "Reserved", "2027-05-01", "2027-05-02")]
    assert [each.to for each in look_at(rooms, bookings).details] == ["RESERVED"]
    assert look_at(rooms, bookings, MirrorMapping(policy={"look_ahead": "today"})).is_clean
    assert look_at(rooms, bookings, MirrorMapping(policy={"look_ahead": 60})).is_clean


def test_what_was_not_said_is_told(look_at: Look):
    (said,) = look_at([room(1, "AVAILABLE")], []).assumed
    assert "hotel" in said and "UTC" in said and "any future reservation" in said
    policy = {"kind": "hotel", "time_zone": "Asia/Tokyo", "look_ahead": "any"}
    assert look_at([room(1, "AVAILABLE")], [], MirrorMapping(policy=policy)).assumed == []


DISCREPANCIES = {
    "two_live_bookings": [booking("b1", 1, "CheckedIn"), booking("b2", 1, "Reserved", "2027-03-11", "2027-03-13")],
    "unknown_unit": [booking("b0", 1, "CheckedIn"), booking("b1", 9, "Reserved")],
    "late_check_out": [booking("b1", 1, "CheckedIn", "2027-03-07", "2027-03-10")],
    "past_its_end": [booking("b0", 1, "CheckedIn"), booking("b1", 1, "Reserved", "2027-03-01", "2027-03-02")],
    "no_arrival": [booking("b1", 1, "Reserved", "2027-03-08", "2027-03-12")],
    "early": [booking("b1", 1, "CheckedIn", "2027-06-08", "2027-06-12")],
}


@pytest.mark.parametrize("rule", DISCREPANCIES)
def test_what_needs_judgement_is_told_and_never_written(look_at: Look, rule: str, tmp_path: Path):
    bookings = DISCREPANCIES[rule]
    shown = "RESERVED" if rule == "no_arrival" else "OCCUPIED"
    report = look_at([room(1, shown)], bookings)
    assert rules_found(report) == [rule] and not report.details and not report.is_clean
    assert all(name in report.discrepancies[0].what for name in report.discrepancies[0].bookings)


def test_both_bookings_of_an_overlap_are_named_and_back_to_back_is_none(look_at: Look):
    bookings = [booking("b1", 1, "CheckedIn", "2027-03-09", "2027-03-11"), booking("b2", 1, "Reserved", "2027-03-11")]
    assert look_at([room(1, "OCCUPIED")], bookings).is_clean
    bookings[1]["checkIn"] = "2027-03-10"
    (found,) = look_at([room(1, "OCCUPIED")], bookings).discrepancies
    assert found.bookings == ("b1", "b2") and found.unit == "1"


def test_two_guests_in_one_room_are_found_even_when_their_nights_do_not_meet(look_at: Look):
    bookings = [booking("b1", 1, "CheckedIn", "2027-03-01", "2027-03-02"), booking("b2", 1, "CheckedIn")]
    assert sorted(rules_found(look_at([room(1, "OCCUPIED")], bookings))) == ["late_check_out", "two_live_bookings"]


def test_every_discrepancy_has_a_rule_that_is_described(look_at: Look):
    assert set(DISCREPANCIES) <= set(RULES)


def test_a_room_whose_booking_is_not_understood_is_not_judged(look_at: Look, tmp_path: Path):
    rooms = [room(1, "OCCUPIED"), room(2, "OCCUPIED"), room(3, "OCCUPIED"), room(4, "OCCUPIED")]
    bookings = [
        booking("b1", 1, "CheckedIn", "08/03/2027"),
        booking("b2", 2, "Sleeping"),
        booking("b3", 3, "CheckedOut", "nonsense"),
        booking("b4", 4, "CheckedIn", "2027-03-09", "2027-03-08"),
    ]
    report = look_at(rooms, bookings, fix=True, at=None)
    assert [each.unit for each in report.details] == ["3"] and report.fixed == 1 and report.checked == 1
    assert [each.unit for each in report.not_understood] == ["1", "2", "4"]
    assert "bookings.json, row 1 (b1)" in report.not_understood[0].where
    assert "'Sleeping'" in report.not_understood[1].problem and "[words.bookings]" in report.not_understood[1].problem
    assert rules_found(report).count("not_judged") == 3
    assert [each["status"] for each in json.loads((tmp_path / "rooms.json").read_text())] == [
        "OCCUPIED", "OCCUPIED", "AVAILABLE", "OCCUPIED",
    ]  # fmt: skip


def test_a_condition_kept_beside_the_status_outweighs_its_word(look_at: Look):
    mapping = MirrorMapping(units=UnitPlace(condition="housekeeping"))
    rooms = [
        room(1, "MAINTENANCE", housekeeping="clean"),
        room(2, "AVAILABLE", housekeeping="Dirty"),
        room(3, "DIRTY", housekeeping="dirty"),
        room(4, "DIRTY", housekeeping=None),
        room(5, "AVAILABLE", housekeeping="shiny"),
    ]
    report = look_at(rooms, [booking("b1", 3, "Reserved", "2027-03-10")], mapping)
    assert [each[:3] for each in told(report)] == [
        ("1", "MAINTENANCE", "AVAILABLE"), ("2", "AVAILABLE", "DIRTY"), ("3", "DIRTY", "RESERVED"),
    ]  # fmt: skip
    assert [each.unit for each in report.not_understood] == ["5"]


def test_two_rooms_of_one_number_are_told_and_a_booking_by_number_judges_neither(look_at: Look):
    rooms = [{"number": 1, "status": "OCCUPIED"}, {"number": "1", "status": "OCCUPIED"}, room(2, "AVAILABLE")]
    report = look_at(
        rooms, [{"roomNumber": 1, "status": "CheckedIn", "checkIn": "2027-03-09", "checkOut": "2027-03-12"}]
    )
    assert "duplicate_unit" in rules_found(report) and not report.details and report.checked == 1


def test_a_booking_names_its_room_by_id_number_or_either(look_at: Look):
    dates = {"status": "CheckedIn", "check_in_date": "2027-03-09", "check_out_date": "2027-03-12"}
    rooms = [{"_id": {"$oid": "a1"}, "number": 101, "status": "OCCUPIED"}]
    for name, value in (("roomId", {"$oid": "a1"}), ("room", "a1"), ("room", 101), ("room_number", "101")):
        assert look_at(rooms, [{name: value, **dates}]).is_clean, name
    both = [{"id": 1, "number": 2, "status": "OCCUPIED"}, {"id": 2, "number": 1, "status": "AVAILABLE"}]
    with pytest.raises(MappingError, match="matches"):
        look_at(both, [{"room": 1, **dates}])
    by_code = MirrorMapping(bookings=BookingPlace(unit="room", matches="code"))
    assert {each.unit for each in look_at(both, [{"room": 1, **dates}], by_code).details} == {"1", "2"}


def test_bookings_that_name_no_room_at_all_stop_the_check_before_anything_is_written(look_at: Look, tmp_path: Path):
    with pytest.raises(MappingError, match=r"None of the 1 live bookings .*'9'"):
        look_at([room(1, "OCCUPIED")], [{**booking("b1", 1, "CheckedIn"), "roomId": 9}], fix=True, at=None)
    assert not list(tmp_path.glob("*.before-holdfast"))


def test_a_fix_leaves_nothing_but_what_a_person_must_judge(look_at: Look, tmp_path: Path):
    today = date.today()
    rooms = [room(1, "OCCUPIED", price=80.0, tags=["a"]), room(2, "AVAILABLE"), room(3, "CLEAN")]
    bookings = [booking("b1", 2, "CheckedIn", str(today - timedelta(days=1)), str(today + timedelta(days=2)))]
    report = look_at(rooms, bookings, fix=True, at=None)
    assert (report.fixed, report.dry_run, report.is_clean) == (2, False, True)
    kept = (tmp_path / "rooms.json").read_text()
    assert kept == json.dumps(
        [{**rooms[0], "status": "AVAILABLE"}, {**rooms[1], "status": "OCCUPIED"}, rooms[2]], indent=2
    )
    assert json.loads((tmp_path / "rooms.json.before-holdfast").read_text()) == rooms
    again = look_at(json.loads(kept), bookings, fix=True, at=None)
    assert again.is_clean and not again.details


def test_one_file_is_never_both_units_and_bookings(tmp_path: Path):
    (tmp_path / "all.json").write_text(json.dumps([{**room(1, "RESERVED"), **booking("b1", 1, "Reserved")}]))
    mapping = MirrorMapping(units=UnitPlace(file="all.json"), bookings=BookingPlace(file="all.json"), folder=tmp_path)
    with pytest.raises(MappingError, match="both"):
        asyncio.run(look(mapping, {}, at=None, fix=True))


def test_too_many_rows_are_refused(look_at: Look, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("holdfast.services.mirror_sources.UNITS_MAX", 2)
    with pytest.raises(OutsideError, match="more than 2 rows"):
        look_at([room(n, "AVAILABLE") for n in range(3)], [])


def cafe(systems: list[dict[str, Any]], bookings: list[dict[str, Any]], look_at: Look, **more: Any) -> Report:
    mapping = MirrorMapping(
        policy={"kind": "cafe", "time_zone": "Asia/Kolkata"},
        units=UnitPlace(path="systems"),
        words=Vocabularies(units={"Available": ["Available", "Reserved"]}),
    )
    return look_at([{"_id": {"$oid": "c1"}, "name": "Arena", "systems": systems}], bookings, mapping, **more)


def test_a_cafe_whose_session_completed_without_freeing_its_pc_is_found(look_at: Look):
    systems = [
        {"_id": {"$oid": "s1"}, "name": "PC01", "status": "Active", "activeBooking": {"$oid": "b1"}},
        {"_id": {"$oid": "s2"}, "name": "PC02", "status": "Active", "activeBooking": {"$oid": "b2"}},
        {"_id": {"$oid": "s3"}, "name": "PC03", "status": "Available", "activeBooking": None},
    ]

    def session(name: str, system: str, status: str, start: str, end: str | None) -> dict[str, Any]:
        return {
            "_id": {"$oid": name}, "systemId": {"$oid": system}, "status": status,
            "sessionStartTime": {"$date": start}, "sessionEndTime": {"$date": end} if end else None,
        }  # fmt: skip

    bookings = [
        session("b1", "s1", "Completed", "2027-03-10T10:00:00Z", "2027-03-10T11:00:00Z"),
        session("b2", "s2", "Active", "2027-03-10T11:30:00Z", None),
        session("b3", "s3", "Booked", "2027-03-10T12:10:00Z", "2027-03-10T13:00:00Z"),
    ]
    report = cafe(systems, bookings, look_at)
    assert told(report) == [("PC01", "Active", "Available", "No active session found")]
    assert not report.discrepancies and not report.not_understood
    bookings[1]["sessionEndTime"] = {"$date": "2027-03-10T11:59:00Z"}
    late = cafe(systems, bookings, look_at)
    assert [each.unit for each in late.details] == ["PC01", "PC02"] and rules_found(late) == ["still_running"]


def test_grounds_that_never_record_an_end_are_not_blamed_for_it(look_at: Look):
    mapping = MirrorMapping(policy={"kind": "grounds", "time_zone": "Asia/Kolkata"})
    rooms = [{"_id": "g1", "name": "Court", "status": "Vacant"}]

    def slot(name: str, state: str, start: str, end: str) -> dict[str, str]:
        return {"_id": name, "ground": "g1", "status": state, "start": start, "end": end}

    over = slot("b1", "Approved", "2027-03-01T10:00", "2027-03-01T11:00")
    assert look_at(rooms, [over], mapping).is_clean
    done = slot("b2", "Completed", "2027-03-02T10:00", "2027-03-02T11:00")
    assert rules_found(look_at(rooms, [over, done], mapping)) == ["past_its_end"]
    pending = slot("b3", "Pending", "2027-03-10T17:00", "2027-03-10T18:00")
    report = look_at(rooms, [pending], mapping)
    assert told(report)[0][2] == "Pending" and rules_found(report) == ["not_decided"]
