"""The command line: it teaches, answers in one line when something is wrong, and ends with the right code."""

import asyncio
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import click
import httpx
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from holdfast import __version__
from holdfast.cli import main, running
from holdfast.cli.looking import table_of
from holdfast.cli.remote import RemoteRefusal
from holdfast.client import Refused

ROOT = Path(__file__).parents[2]
DAY = date.today() + timedelta(days=100)
WHEN = (f"{DAY}T10:00", f"{DAY}T11:00")


@pytest.fixture
def cli(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command on this test's own database."""
    for name in list(os.environ):
        if name.startswith("HOLDFAST_") and not name.startswith("HOLDFAST_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOLDFAST_DATABASE_URL", database_url)
    monkeypatch.setattr(running.out, "width", 200)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    return run


@pytest.fixture
def demo(cli: Callable[..., Result]) -> Callable[..., Result]:
    made = cli("demo", "--no-serve")
    assert made.exit_code == 0, made.output
    return cli


def execute(url: str, statement: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(work())


def test_every_command_teaches_by_an_example() -> None:
    for name, command in main.commands.items():
        said = CliRunner().invoke(main, [name, "--help"]).output
        assert isinstance(command, click.Command)
        assert "Example" in said and f"holdfast {name}" in said, name


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(main, ["--version"]).output.strip() == f"holdfast, version {__version__}"


def test_a_new_place_can_be_looked_at_at_once(demo: Callable[..., Result]) -> None:
    board = demo("board", "demo-cafe")
    assert board.exit_code == 0 and "PC20" in board.output and "Under Maintenance" in board.output
    assert "Ada Brandt" in board.output and re.search(r"\d:\d\d", board.output)
    hotel = demo("board", "demo-hotel").output  # who arrives today is shown from the hour on at which its day begins
    assert "OCCUPIED" in hotel and "Maria Almeida" in hotel
    assert demo("board", "demo-grounds", "--watch", "--seconds", "0.1").exit_code == 0


def test_a_booking_by_name_category_and_night(demo: Callable[..., Result]) -> None:
    booked = demo("book", "demo-cafe", "PC15", *WHEN, "--name", "Ann")
    assert booked.exit_code == 0 and "Booked" in booked.output and "PC15" in booked.output
    taken = demo("book", "demo-cafe", "PC15", *WHEN)
    assert taken.exit_code == 1
    assert taken.output.strip().count("\n") == 0 and "PC15 is taken" in taken.output
    assert demo("book", "demo-hotel", str(DAY), "--category", "suite", "--nights", "2").exit_code == 0
    assert demo("book", "demo-cafe", "--category", "pc", "--walk-in", "--name", "Bo").exit_code == 0


def test_a_refused_booking_names_what_is_free_in_local_time(demo: Callable[..., Result]) -> None:
    booked = demo("book", "demo-cafe", "PC15", *WHEN)
    offset = datetime.fromisoformat(WHEN[0]).replace(tzinfo=ZoneInfo("Europe/Berlin")).isoformat()[-6:]
    assert f"{DAY} 10:00{offset} to {DAY} 11:00{offset}" in booked.output
    taken = demo("book", "demo-cafe", "PC15", *WHEN).output
    assert f"PC15 is taken from {DAY} 10:00{offset}" in taken and "free instead: PC" in taken
    off_grid = demo("book", "demo-cafe", "PC15", f"{DAY}T10:07", f"{DAY}T11:00").output
    assert "grid of 30 minutes" in off_grid and f"the next start is {DAY} 10:30{offset}" in off_grid


def test_without_a_site_it_is_said_how_to_make_one(cli: Callable[..., Result]) -> None:
    assert "curl -X POST http://127.0.0.1:8765/api/sites" in cli("board", "nowhere").output


def test_a_file_that_does_not_fit_the_site_is_stopped_early(demo: Callable[..., Result], tmp_path: Path) -> None:
    row = "Sea,3,2015,July,4,1,2,2,0,0,BB,PRT,Direct,A,A,1,No Deposit,Transient,80,Check-Out,7/7/2015"
    file = tmp_path / "hotels.csv"
    file.write_text("\n".join([_COLUMNS, *[row] * 30]) + "\n")
    for site in ("demo-hotel", "demo-cafe"):
        stopped = demo("import", str(file), "--site", site, "--format", "hotel-bookings")
        assert stopped.exit_code == 2, stopped.output
        assert "the first 20 rows" in stopped.output and "holdfast replay" in stopped.output


def test_a_small_window_cuts_no_status_and_says_how_many_units_are_left() -> None:
    unit = {"category": "console-deluxe", "shown_status": "Under Maintenance", "shown_since": "2027-03-08T10:00:00Z"}
    units = [{**unit, "code": f"PC{n:02}", "next_booking_at": "2027-03-09T10:00:00Z"} for n in range(40)]
    board = {"now": "2027-03-08T12:00:00Z", "site": "x", "version": 7, "bookings": [], "units": units}
    for width, height in ((40, 12), (60, 20), (120, 24)):
        console = Console(width=width, height=height, record=True, file=io.StringIO())
        console.print(table_of(board, (width, height)))
        lines = console.export_text().rstrip().splitlines()
        assert len(lines) <= height and max(map(len, lines)) <= width
        shown = sum("Under Maintenance" in line for line in lines)
        assert shown > 0 and f"{40 - shown} more, make the window taller" in lines[-1]


USAGE = {
    "no unit": (("book", "demo-cafe"), "Name a UNIT"),
    "no time": (("book", "demo-cafe", "PC01"), "Say when"),
    "bad number": (("serve", "--port", "http"), "--port"),
    "out of bounds": (("serve", "--port", "99999"), "between 0 and 65535"),
    "no such command": (("borad", "x"), "No such command"),
    "no site": (("import", "x.csv"), "does not exist"),
}


@pytest.mark.parametrize("case", USAGE)
def test_a_command_that_is_not_understood_ends_with_2(cli: Callable[..., Result], case: str) -> None:
    words, told = USAGE[case]
    result = cli(*words)
    assert result.exit_code == 2 and told in result.output, result.output
    assert "Traceback" not in result.output


def test_a_refused_right_is_named():
    refused = Refused("not_allowed", 403, "You may not do that here.", {"right": "public"})
    assert RemoteRefusal(refused).message == "You may not do that here. [not_allowed] It takes the right public."


def test_failures_are_one_line_and_end_with_1(cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    for words, told in (
        (("board", "nowhere"), "unknown_site"),
        (("check", "--site", "nowhere"), "no site 'nowhere'"),
        (("board", "x", "--url", "http://127.0.0.1:9"), "No answer from"),
    ):
        result = cli(*words)
        assert result.exit_code == 1 and told in result.output, result.output
        assert "Traceback" not in result.output
    monkeypatch.setenv("HOLDFAST_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("HOLDFAST_CONNECT_TIMEOUT_S", "0.2")
    result = cli("check")
    assert result.exit_code == 1 and "No database answered" in result.output and "Traceback" not in result.output


def test_check_is_quiet_when_all_fits_and_names_what_does_not(demo: Callable[..., Result], database_url: str) -> None:
    quiet = demo("check", "--site", "demo-cafe")
    assert quiet.exit_code == 0 and "0 to repair" in quiet.output, quiet.output
    execute(database_url, "update unit set shown_status = 'Under Maintenance' where code = 'PC13'")
    found = demo("check", "--site", "demo-cafe")
    assert found.exit_code == 1
    for word in ("status_differs", "PC13", "Under Maintenance", "No maintenance found", "to repair"):
        assert word in found.output, found.output
    assert demo("check", "--site", "demo-grounds").exit_code == 0
    assert "no site" in demo("check", "--site", "nowhere").output


def test_check_repairs_when_told_to(demo: Callable[..., Result], database_url: str) -> None:
    execute(database_url, "update unit set shown_status = 'Under Maintenance' where code = 'PC13'")
    told = json.loads(demo("check", "--site", "demo-cafe", "--json").output)
    assert (told["fixed"], told["dry_run"]) == (1, True)
    fixed = demo("check", "--site", "demo-cafe", "--fix")
    assert fixed.exit_code == 0 and "1 repaired" in fixed.output, fixed.output
    again = json.loads(demo("check", "--site", "demo-cafe", "--fix", "--json").output)
    assert (again["fixed"], again["discrepancies"], again["journal"]) == (0, [], [])


def test_check_proves_the_journal(demo: Callable[..., Result], database_url: str) -> None:
    execute(database_url, "delete from booking where not live and site_id = (select min(id) from site)")
    execute(database_url, "update unit set condition = 'dirty' where code = '101'")
    found = demo("check")
    assert found.exit_code == 1 and "journal = unit" in found.output and "journal = bookings" in found.output


def test_import_reports_each_refused_row_and_does_nothing_twice(demo: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "b.csv"
    file.write_text("unit,from,to,name\nPC15,{0},{1},Ann\nPC15,{0},{1},Bob\n".format(*WHEN))
    first = demo("import", str(file), "--site", "demo-cafe", "--report", "report.jsonl")
    assert first.exit_code == 1 and "slot_taken" in first.output and "created 1" in first.output
    rows = [json.loads(line) for line in Path("report.jsonl").read_text().splitlines()]
    assert [(row["row"], row["outcome"]) for row in rows] == [(1, "created"), (2, "refused")]
    assert "there 1" in demo("import", str(file), "--site", "demo-cafe").output
    file.write_bytes(b"\xff\xfe\x00")
    broken = demo("import", str(file), "--site", "demo-cafe")
    assert broken.exit_code == 1 and "not UTF-8" in broken.output


def test_backup_and_restore_move_everything(
    demo: Callable[..., Result], empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demo("backup", "all.backup").exit_code == 0
    assert demo("restore", "all.backup").exit_code == 1
    monkeypatch.setenv("HOLDFAST_DATABASE_URL", empty_database_url)
    assert demo("restore", "all.backup").exit_code == 0
    assert "3 sites, 55 units" in demo("check").output
    assert "up to date" in demo("migrate").output


def test_settings_say_where_they_come_from(cli: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_PORT", "9000")
    said = cli("settings").output
    assert "9000" in said and "HOLDFAST_PORT" in said
    monkeypatch.setenv("COLUMNS", "80")
    assert "HOLDFAST_IDLE_IN_TRANSACTION_TIMEOUT_S" in cli("settings").output
    monkeypatch.setenv("HOLDFAST_PROT", "9000")
    wrong = cli("settings")
    assert wrong.exit_code == 2 and "Did you mean HOLDFAST_PORT?" in wrong.output


def test_a_replay_tells_what_it_came_to(cli: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text(FEW)
    told = cli("replay", str(file), "--keep")
    assert told.exit_code == 0, told.output
    assert "Every promise was kept" in told.output and "2015-07" in told.output
    again = cli("replay", str(file), "--keep")
    assert again.exit_code == 1 and "database of its own" in again.output


def test_a_newcomer_types_one_command(database_url: str, tmp_path: Path) -> None:
    environ = {**os.environ, "HOLDFAST_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT / "src")}
    with (tmp_path / "errors").open("wb") as errors:
        server = subprocess.Popen(
            [sys.executable, "-m", "holdfast", "demo", "--port", "0"],
            stdout=subprocess.PIPE, stderr=errors, text=True, cwd=tmp_path, env=environ,
        )  # fmt: skip
    try:
        assert server.stdout is not None
        address = next((line.split()[-1] for line in server.stdout if "ready at" in line), None)
        assert address is not None, (tmp_path / "errors").read_text()
        link = next(line.split("once): ")[1].strip() for line in server.stdout if "/sign-in#" in line)
        token = next(line.split("=")[1].strip() for line in server.stdout if "HOLDFAST_TOKEN=" in line)
        entered = httpx.post(f"{address}/api/session", json={"secret": link.partition("#")[2]})
        assert entered.json()["grants"][0]["role"] == "owner"
        environ["HOLDFAST_TOKEN"] = token
        allowed = {"Authorization": f"Bearer {token}"}
        sites = httpx.get(f"{address}/api/sites", headers=allowed).json()["sites"]
        remote = subprocess.run(
            [sys.executable, "-m", "holdfast", "board", "demo-grounds", "--url", address],
            capture_output=True, text=True, env=environ, timeout=30, check=True, cwd=tmp_path,
        )  # fmt: skip
        assert " IST " in remote.stdout  # the site's clock, as without --url
        assert {site["slug"] for site in sites} == {"demo-cafe", "demo-hotel", "demo-grounds", "demo-store"}
        body = "unit,from,to\nPC15,{0},{1}\nPC15,{0},{1}\n".format(*WHEN)
        answer = httpx.post(f"{address}/api/import?site=demo-cafe", content=body, headers=allowed)
        assert answer.status_code == 200
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert [line.get("outcome") for line in lines[:2]] == ["created", "refused"]
        assert lines[2] == {"rows": 2, "outcomes": {"created": 1, "refused": 1}}
        wrong = httpx.post(f"{address}/api/import?site=demo-cafe", content=b"unit,form\n", headers=allowed)
        assert wrong.status_code == 400 and "Did you mean 'from'" in wrong.json()["detail"]
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_an_import_killed_in_the_middle_is_finished_by_running_it_again(
    demo: Callable[..., Result], database_url: str, tmp_path: Path
) -> None:
    rows = 6_000
    lines = (f"PC{n % 20 + 1:02},{DAY + timedelta(days=n // 20 % 300)}T{n // 6000 + 9:02}:00,,Ann" for n in range(rows))
    texts = [line.replace(":00,,", f":00,{line.split(',')[1][:11]}10:00,") for line in lines]
    file = tmp_path / "many.csv"
    file.write_text("unit,from,to,name\n" + "\n".join(texts) + "\n")
    environ = {**os.environ, "HOLDFAST_DATABASE_URL": database_url, "PYTHONPATH": str(ROOT / "src")}
    words = [sys.executable, "-m", "holdfast", "import", str(file), "--site", "demo-cafe", "--report", "first.jsonl"]
    first = subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while count(database_url, "select count(*) from booking where customer_name = 'Ann'") < 500:
        assert first.poll() is None
    first.kill()
    first.wait(10)
    done = count(database_url, "select count(*) from booking where customer_name = 'Ann'")
    assert 500 <= done < rows
    again = demo("import", str(file), "--site", "demo-cafe")
    assert again.exit_code == 0, again.output
    assert count(database_url, "select count(*) from booking where customer_name = 'Ann'") == rows
    there = re.search(r"there (\d+)", again.output)
    assert there is not None and done <= int(there[1]) < rows
    assert demo("check", "--site", "demo-cafe").exit_code == 0


def count(url: str, query: str) -> int:
    async def work() -> int:
        connection = await asyncpg.connect(url)
        try:
            found: int = await connection.fetchval(query)
            return found
        finally:
            await connection.close()

    return asyncio.run(work())


_COLUMNS = (
    "hotel,lead_time,arrival_date_year,arrival_date_month,arrival_date_day_of_month,stays_in_weekend_nights,"
    "stays_in_week_nights,adults,children,babies,meal,country,market_segment,reserved_room_type,assigned_room_type,"
    "booking_changes,deposit_type,customer_type,adr,reservation_status,reservation_status_date"
)
FEW = f"""{_COLUMNS}
Sea,3,2015,July,4,1,2,2,0,0,BB,PRT,Direct,A,A,1,No Deposit,Transient,80,Check-Out,7/7/2015
Sea,2,2015,July,5,1,0,2,NA,0,BB,PRT,Direct,A,B,0,No Deposit,Transient,80,Check-Out,7/6/2015
Sea,5,2015,July,6,1,1,2,0,0,BB,PRT,Direct,A,A,0,No Deposit,Transient,80,Canceled,7/2/2015
Sea,0,2015,July,6,0,2,1,0,0,BB,PRT,Direct,A,A,0,No Deposit,Transient,80,No-Show,7/6/2015
"""
