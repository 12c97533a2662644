"""`holdfast check` on somebody else's system: files, SQLite, PostgreSQL, as the guide tells it."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from holdfast.cli import main

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "mirror.md").read_text(encoding="utf-8")
CAFE, HOTEL, EXPORT = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
TODAY = date.today()
ROOMS = [
    {"id": "1", "roomNumber": 101, "type": "single", "status": "OCCUPIED", "price": 80.00},
    {"id": "2", "roomNumber": 102, "type": "double", "status": "OCCUPIED", "price": 120.50},
    {"id": "3", "roomNumber": 201, "type": "double", "status": "RESERVED", "price": 120.50},
]
BOOKINGS = [
    {
        "id": "b1", "roomId": "1", "status": "CheckedIn", "guestName": "Ann",
        "checkIn": str(TODAY - timedelta(days=1)), "checkOut": str(TODAY + timedelta(days=2)),
    },
    {"id": "b2", "roomId": "3", "status": "Cancelled", "checkIn": str(TODAY), "checkOut": str(TODAY)},
]  # fmt: skip
FILES = ("check", "--rooms", "rooms.json", "--bookings", "bookings.json")
FIXED = "Room 102: OCCUPIED → AVAILABLE (No checked-in guest found)"


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command in a folder with a hotel's own files."""
    for name in list(os.environ):
        if name.startswith("HOLDFAST_") and not name.startswith("HOLDFAST_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    Path("rooms.json").write_text(json.dumps(ROOMS, indent=2))
    Path("bookings.json").write_text(json.dumps(BOOKINGS, indent=2))

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    return run


def test_a_room_set_to_occupied_by_hand_is_found_and_fixed(cli: Callable[..., Result], tmp_path: Path) -> None:
    before = Path("rooms.json").read_text()
    looked = cli(*FILES)
    assert looked.exit_code == 1, looked.output
    assert FIXED in looked.output and "Room 201: RESERVED → AVAILABLE (No active reservations found)" in looked.output
    assert "2 of 3 rooms lie; checked 3 rooms, 2 bookings in" in looked.output
    assert "time zone is UTC" in looked.output and "any future reservation" in looked.output
    assert Path("rooms.json").read_text() == before
    fixed = cli(*FILES, "--fix")
    assert fixed.exit_code == 0 and "Fixed 2 of 2 rooms" in fixed.output, fixed.output
    after = before.replace('"status": "OCCUPIED",\n    "price": 120.5', '"status": "AVAILABLE",\n    "price": 120.5')
    assert Path("rooms.json").read_text() == after.replace("RESERVED", "AVAILABLE")
    assert Path("rooms.json.before-holdfast").read_text() == before
    clean = cli(*FILES)
    assert clean.exit_code == 0 and "No room lies; checked 3 rooms" in clean.output
    assert not (tmp_path / "data").exists()


def test_a_program_gets_the_same_as_json(cli: Callable[..., Result]) -> None:
    looked = cli(*FILES, "--json")
    told = json.loads(looked.stdout)
    assert looked.exit_code == 1 and (told["checked"], told["fixed"], told["dry_run"]) == (3, 0, True)
    assert told["details"][0] == {
        "unit": "102", "from": "OCCUPIED", "to": "AVAILABLE", "reason": "No checked-in guest found",
    }  # fmt: skip
    assert told["discrepancies"] == told["not_understood"] == [] and isinstance(told["took_ms"], int)
    assert json.loads(cli(*FILES, "--json", "--fix").stdout)["fixed"] == 2


def test_what_is_left_for_a_person_is_told_and_ends_with_1(cli: Callable[..., Result]) -> None:
    late = {**BOOKINGS[0], "checkOut": str(TODAY - timedelta(days=1)), "checkIn": str(TODAY - timedelta(days=3))}
    Path("bookings.json").write_text(json.dumps([late, {**BOOKINGS[1], "status": "???"}]))
    fixed = cli(*FILES, "--fix")
    assert fixed.exit_code == 1 and "To be looked at by a person" in fixed.output
    assert (
        "guest is still CheckedIn" in fixed.output and "bookings.json, row 2 (b2) has the state '???'" in fixed.output
    )
    assert "room 201 was not judged" in fixed.output and "Fixed 1 of 1 rooms" in fixed.output


def test_it_can_be_judged_as_of_another_time_but_not_written(cli: Callable[..., Result]) -> None:
    at = str(TODAY + timedelta(days=30)) + "T12:00"
    assert "guest is still CheckedIn" in cli(*FILES, "--at", at).output
    refused = cli(*FILES, "--at", at, "--fix")
    assert refused.exit_code == 2 and "--at only looks" in refused.output


USAGE = {
    "one file": (("check", "--rooms", "rooms.json"), "Name --bookings as well"),
    "no such file": (("check", "--rooms", "room.json", "--bookings", "bookings.json"), "There is no file"),
    "ours and theirs": ((*FILES, "--site", "demo-hotel"), "leave them out"),
    "without files": (("check", "--time-zone", "UTC"), "--time-zone needs --rooms"),
    "time zone": ((*FILES, "--time-zone", "Kolkata"), "Asia/Kolkata"),
    "look-ahead": ((*FILES, "--look-ahead", "soon"), "minutes, or today, or any"),
    "look-ahead of a café": ((*FILES, "--policy", "cafe", "--look-ahead", "any"), "is for hotels"),
    "instant": ((*FILES, "--at", "yesterday"), "--at 'yesterday' is not"),
    "swapped": (("check", "--rooms", "bookings.json", "--bookings", "rooms.json"), "start of bookings"),
}


@pytest.mark.parametrize("case", USAGE)
def test_a_mistake_is_one_sentence_and_ends_with_2(cli: Callable[..., Result], case: str) -> None:
    words, said = USAGE[case]
    result = cli(*words)
    assert result.exit_code == 2 and said in result.output and "Traceback" not in result.output, result.output


MISTAKES = {
    "section": ("[unit]", "Did you mean 'units'?"),
    "field": ('[units]\nkeey = "id"', "Did you mean 'key'?"),
    "policy": ("[policy]\nlook_ahed = 3", "Did you mean 'look_ahead'?"),
    "kind": ('[policy]\nkind = "motel"', "hotel"),
    "type": ("[units]\nkey = 7", "Expected `str"),
    "table without database": ('[units]\ntable = "x"', "there is no [database]"),
    "no table": ('[database]\nurl = "sqlite:///x.db"', "does not say its table"),
    "column": ('[units]\nstatus = "stauts"', "Did you mean 'status'?"),
    "word": ('[words.units]\nVAC = "AVAILBLE"', "did you mean 'AVAILABLE'"),
    "state": ('[words.bookings]\nX = ["Reserved", "CheckedIn"]', "name one"),
    "matches": ('[bookings]\nmatches = "name"', "key or code"),
    "no toml": ("[units", "cannot be read"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_a_mapping_is_answered_with_what_would_do(cli: Callable[..., Result], case: str) -> None:
    text, said = MISTAKES[case]
    Path("mapping.toml").write_text(text)
    files = () if case == "no table" else FILES[1:]
    result = cli("check", *files, "--mapping", "mapping.toml")
    assert result.exit_code == 2 and said in result.output and "Traceback" not in result.output, result.output


def test_a_real_process_answers_without_any_database(cli: Callable[..., Result], tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "HOME": str(tmp_path)}
    looked = subprocess.run(
        [sys.executable, "-m", "holdfast", *FILES], capture_output=True, text=True, env=environ, timeout=60, check=False
    )
    assert looked.returncode == 1 and FIXED in looked.stdout, looked.stderr
    assert {each.name for each in tmp_path.iterdir()} == {"rooms.json", "bookings.json"}


@pytest.fixture
def cafe_db(cli: Callable[..., Result]) -> sqlite3.Connection:
    """The guide's café in SQLite: a session that is over but whose PC was not freed, and one that is running."""
    Path("cafe.toml").write_text(CAFE)
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    db = sqlite3.connect("cafe.db")
    db.executescript("""
        create table systems (id integer primary key, cafe_id integer, name text, state text, note text);
        create table bookings (id integer primary key, system_id integer, status text, session_start text,
            session_end text, deleted_at text);
        insert into systems values (1, 7, 'PC01', 'Active', 'x'), (2, 7, 'PC02', 'Active', null),
            (3, 7, 'PC03', 'Free', null), (4, 8, 'PC01', 'Active', null), (5, 7, 'PC05', 'Broken', null);
    """)
    hour = timedelta(hours=1)
    for values in (
        (1, 1, "Completed", now - 2 * hour, now - hour, None),
        (2, 2, "Active", now - hour, now + hour, None),
        (3, 3, "Paid", now + hour / 4, now + hour, None),
        (4, 3, "Active", now - hour, now + hour, str(now)),
        (5, 3, "Draft", now, now + hour, None),
    ):
        row = tuple(str(each) if isinstance(each, datetime) else each for each in values)
        db.execute("insert into bookings values (?, ?, ?, ?, ?, ?)", row)
    db.commit()
    return db


def test_the_guides_cafe_in_sqlite(cli: Callable[..., Result], cafe_db: sqlite3.Connection) -> None:
    looked = cli("check", "--mapping", "cafe.toml")
    assert looked.exit_code == 1 and "PC01: Active → Free (No active session found)" in looked.output, looked.output
    assert "1 of 4 PCs lies" in looked.output and "PC02" not in looked.output and "PC03" not in looked.output
    fixed = cli("check", "--mapping", "cafe.toml", "--fix")
    assert fixed.exit_code == 0, fixed.output
    rows = cafe_db.execute("select id, state, note from systems order by id").fetchall()
    assert rows[0] == (1, "Free", "x") and rows[3] == (4, "Active", None)
    assert cli("check", "--mapping", "cafe.toml").exit_code == 0


def test_a_wrong_table_or_column_of_a_mapping_is_named(cli: Callable[..., Result], cafe_db: sqlite3.Connection) -> None:
    for right, wrong, said in (
        ('table = "systems"', 'table = "sytems"', "Did you mean 'systems'?"),
        ('code = "name"', 'code = "nane"', "Did you mean 'name'?"),
        ("cafe_id = 7", "caffe_id = 7", "Did you mean 'cafe_id'?"),
        ("cafe.db", "coffee.db", "four slashes"),
        ("sqlite:///", "mysql://", "no kind of database"),
    ):
        assert right in CAFE
        Path("cafe.toml").write_text(CAFE.replace(right, wrong))
        result = cli("check", "--mapping", "cafe.toml")
        assert result.exit_code == 2 and said in result.output, result.output


def test_the_guides_hotel_in_postgresql(
    cli: Callable[..., Result], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("hotel.toml").write_text(HOTEL)
    missing = cli("check", "--mapping", "hotel.toml")
    assert missing.exit_code == 2 and "HOTEL_DATABASE_URL is not set" in missing.output
    monkeypatch.setenv("HOTEL_DATABASE_URL", empty_database_url)
    sql(empty_database_url, """
        create schema pms;
        create type pms.state as enum ('VAC', 'ARR', 'OCC', 'HK', 'OOO');
        create table pms.rooms (room_id uuid primary key default gen_random_uuid(), room_number text,
            room_status pms.state, housekeeping text);
        create table pms.reservations (confirmation text, room_id uuid, reservation_status text, arrival date,
            departure date);
        insert into pms.rooms (room_number, room_status, housekeeping) values
            ('101', 'OCC', 'ok'), ('102', 'OCC', 'ok'), ('103', 'VAC', 'todo'), ('104', 'OOO', 'broken'),
            ('105', 'ARR', 'ok'), ('106', 'VAC', 'ok');
        insert into pms.reservations select 'C1', room_id, 'INH', current_date - 2, current_date + 5 from pms.rooms
            where room_number = '101';
        insert into pms.reservations select 'C2', room_id, 'RES', current_date + 90, current_date + 95 from pms.rooms
            where room_number = '105';
        insert into pms.reservations select 'C3', room_id, 'OLD', current_date, current_date + 1 from pms.rooms;
    """)  # fmt: skip
    looked = cli("check", "--mapping", "hotel.toml")
    assert looked.exit_code == 1, looked.output
    assert "Room 102: OCC → VAC (No checked-in guest found)" in looked.output
    assert "Room 103: VAC → HK" in looked.output and "Room 105: ARR → VAC" in looked.output
    assert "3 of 6 rooms lie; checked 6 rooms, 2 bookings" in looked.output
    fixed = cli("check", "--mapping", "hotel.toml", "--fix", "--json")
    assert fixed.exit_code == 0 and json.loads(fixed.stdout)["fixed"] == 3, fixed.output
    shown = sql(empty_database_url, "select room_number, room_status::text from pms.rooms order by 1")
    assert [status for _, status in shown] == ["OCC", "VAC", "HK", "OOO", "VAC", "VAC"]


def test_the_guides_export_of_a_cafe_with_its_systems_inside(cli: Callable[..., Result]) -> None:
    Path("export.toml").write_text(EXPORT)
    systems = [
        {"_id": {"$oid": "s1"}, "name": "PC01", "status": "Active", "activeBooking": {"$oid": "b1"}},
        {"_id": {"$oid": "s2"}, "name": "PC02", "status": "Available", "activeBooking": None},
    ]
    document = json.dumps({"_id": {"$oid": "c1"}, "name": "Arena", "systems": systems})
    Path("cafes.json").write_text(document + "\n")
    over = datetime.now(UTC) - timedelta(hours=1)
    booking = {
        "_id": {"$oid": "b1"}, "systemId": {"$oid": "s1"}, "status": "Completed",
        "sessionStartTime": {"$date": (over - timedelta(hours=1)).isoformat()},
        "sessionEndTime": {"$date": {"$numberLong": str(int(over.timestamp() * 1000))}},
    }  # fmt: skip
    Path("bookings.json").write_text(json.dumps(booking) + "\n" + json.dumps(booking) + "\n")
    looked = cli("check", "--mapping", "export.toml")
    assert looked.exit_code == 1 and "PC01: Active → Available (No active session found)" in looked.output
    assert cli("check", "--mapping", "export.toml", "--fix").exit_code == 0
    assert Path("cafes.json").read_text() == document.replace('"Active"', '"Available"') + "\n"


def test_many_lies_are_told_in_few_lines(cli: Callable[..., Result]) -> None:
    rooms = [{"id": n, "number": n, "status": "OCCUPIED"} for n in range(5_000)]
    Path("rooms.json").write_text(json.dumps(rooms))
    Path("bookings.json").write_text("[]")
    looked = cli(*FILES)
    assert "5000 of 5000 rooms lie" in looked.output and "… and 4950 more" in looked.output
    assert looked.output.count("\n") < 60
    assert len(json.loads(cli(*FILES, "--json").stdout)["details"]) == 5_000


def sql(url: str, statement: str) -> list[Any]:
    async def work() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            if statement.lstrip().startswith("select"):
                return list(await connection.fetch(statement))
            await connection.execute(statement)
            return []
        finally:
            await connection.close()

    return asyncio.run(work())
