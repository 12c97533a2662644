"""The log: one line for each act, without anybody's name, without control characters, and without anybody waiting."""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
import structlog

from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import NewUnit, Together
from holdfast.services import acts_log, logs
from holdfast.services.acts_log import ActsLog
from holdfast.services.log_writer import Writer
from holdfast.services.logs import Sink
from tests.stage import Stage, refused, staged

NASTY = "PC\x9b31m\u202e\u2028-1"
ANN = Customer(name="Ann Secret", email="ann@example.org", phone="+49 555", reference="R-1")

ROW = "Failing row contains (1, Ann Secret, ann@example.org, a note\nof two lines of Ann's)."


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_holds_a_secret(log_format: str) -> None:
    file = io.StringIO()
    sink = logs.configure(log_format=log_format, level="info", file=file)
    log = structlog.get_logger("test")
    log.warning("no database at postgresql://holdfast:hidden-1@db.example.org/holdfast?sslpassword=hidden-2")
    log.info("asked", path="/api/sites/x/calendar.ics?unit=PC1&key=hidden-3", header="Authorization: Bearer hidden-4")
    log.info("asked", path="/api/sites/x/bookings/y?booking_key=hidden-8")
    log.info("several", links=["https://app.example.org/reset?token=hidden-5"], inside={"a": "admin_token=hidden-6"})
    try:
        raise ConnectionError("postgres://u:hidden-7@h:5432/d")
    except ConnectionError:
        log.exception("failed")
    sink.writer.close()
    said = file.getvalue()
    assert "hidden" not in said and said.count("***") == 9  # the failing line itself is quoted, too
    assert "unit=PC1" in said and "db.example.org/holdfast" in said


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    yield
    logs._Current.sink = None
    structlog.reset_defaults()


def listen(stage: Stage, *, log_format: str = "json", every: bool = True) -> tuple[Sink, io.StringIO]:
    file = io.StringIO()
    sink = logs.configure(log_format=log_format, level="info", file=file)
    acts = ActsLog(sink, every=every)
    stage.desk.served.append(acts.served)
    stage.desk.failed.append(acts.failed)
    return sink, file


def lines(sink: Sink, file: io.StringIO) -> list[dict[str, Any]]:
    sink.writer.close()
    return [json.loads(line) for line in file.getvalue().splitlines()]


async def test_each_act_is_one_line_with_what_followed(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        sink, file = listen(stage)
        session = await stage.walk_in("PC-1", "10:00", customer=ANN, note="call Ann Secret")
        await refused(stage.walk_in("PC-1", "10:00", customer=ANN), "slot_taken")
        await stage.act(session["id"], "extend", minutes=60, reason="Ann Secret asked")
        await stage.tick("11:00")
        site = session["site"]
    found = lines(sink, file)
    assert [line["event"] for line in found] == ["booking.created", "refused", "booking.extended", "booking.completed"]
    made, no, extended, ended = found
    assert (made["site"], made["actor"], made["subject"], made["units"], made["state"]) == (
        site, "test", session["reference"], ["PC-1"], "Active",
    )  # fmt: skip
    assert made["statuses"] == ["PC-1: Available → Active"] and made["version"] == session["version"] + 1
    assert (no["code"], no["act"], no["units"], no["site"]) == ("slot_taken", "Book", ["PC-1"], site)
    assert extended["subject"] == session["reference"]
    assert (ended["actor"], ended["cause"], ended["statuses"]) == ("clock", "ended", ["PC-1: Active → Available"])
    assert ended["late_ms"] == 0
    assert all(line["took_ms"] >= 0 and line["level"] == "info" and line["timestamp"] for line in found)
    for secret in ("Ann", "example.org", "555", "R-1", "asked"):
        assert secret not in file.getvalue()


async def test_what_the_clock_caught_up_is_summed_up(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2", "PC-3"]) as stage:
        for unit, end in (("PC-1", "10:00"), ("PC-2", "10:00"), ("PC-3", "10:30")):
            await stage.walk_in(unit, end)
        sink, file = listen(stage)
        await stage.tick("11:00")
    *ends, summary = lines(sink, file)
    assert [(line["event"], line["statuses"]) for line in ends] == [
        ("booking.completed", [f"PC-{n}: Active → Available"]) for n in (1, 2, 3)
    ]
    assert (summary["event"], summary["found"], summary["done"]) == ("caught up", 3, {"booking.completed": 3})
    assert summary["late_ms_max"] == 3_600_000


async def test_a_mass_of_the_same_kind_is_one_line_and_bookings_are_one_each(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        sink, file = listen(stage)
        from holdfast.domain.commands import AddUnits

        await stage.do(AddUnits(tuple(NewUnit(f"N-{n}", "pc") for n in range(50))))
        await stage.do(Together((stage.wish("N-1", "10:00", "11:00"), stage.wish("N-2", "10:00", "11:00"))))
    units, *bookings = lines(sink, file)
    assert (units["event"], units["also"]) == ("unit.created", {"unit.created": 49})
    assert [(line["event"], line["units"]) for line in bookings] == [
        ("booking.created", ["N-1"]),
        ("booking.created", ["N-2"]),
    ]


@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_no_line_holds_a_control_character(pool: asyncpg.Pool, log_format: str) -> None:
    async with staged(pool, "cafe", [NASTY]) as stage:
        sink, file = listen(stage, log_format=log_format)
        await stage.walk_in(NASTY, "10:00")
        structlog.get_logger("test.controls").warning("said", what="a\x07b\x9b31m\nforged line", header="x\r\ny")
    sink.writer.close()
    text = file.getvalue()
    assert [letter for letter in text if not letter.isprintable() and letter != "\n"] == []
    assert len(text.splitlines()) == 2 and "forged line" in text.splitlines()[1]


def test_rows_that_the_database_quotes_are_left_out() -> None:
    file = io.StringIO()
    sink = logs.configure(log_format="json", level="info", file=file)
    error = asyncpg.CheckViolationError("new row violates check constraint")
    error.detail, error.hint = ROW, "Look."  # type: ignore[attr-defined]
    try:
        raise error
    except asyncpg.PostgresError as failure:
        structlog.get_logger("test.rows").exception("failed", error=str(failure))
    (line,) = lines(sink, file)
    assert "Ann" not in json.dumps(line) and "example.org" not in json.dumps(line)
    assert "HINT" in line["exception"] and "HINT" in line["error"] and "Traceback" in line["exception"]


async def test_beyond_so_many_a_second_they_are_counted(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr(acts_log, "ACTS_PER_S", 5)
    async with staged(pool, "cafe", [f"PC-{n}" for n in range(40)]) as stage:
        sink, file = listen(stage, every=False)
        for n in range(40):
            await stage.walk_in(f"PC-{n}", "10:00")
        await asyncio.sleep(1.1)
    found = lines(sink, file)
    counted = sum(line["counts"]["booking.created"] for line in found if line["event"] == "acts without a line each")
    each = sum(line["event"] == "booking.created" for line in found)
    assert counted + each == 40 and 5 <= each < 40


class Stuck(io.StringIO):
    """A terminal that was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.free = threading.Event()

    def write(self, text: str) -> int:
        self.free.wait(20)
        return super().write(text)


def test_a_reader_who_stands_still_holds_up_nobody_and_what_is_lost_is_told() -> None:
    file = Stuck()
    writer = Writer(file, waiting_max=10)
    for n in range(1000):
        writer.put(f"line {n}")
    assert writer.dropped >= 980
    file.free.set()
    writer.close()
    text = file.getvalue()
    assert "line 0\n" in text and f"{writer.dropped} log lines were dropped" in text
    writer.put("after that")
    writer.close()
    assert file.getvalue().endswith("after that\n"), "it goes on"


def test_a_file_that_is_closed_ends_nothing() -> None:
    file = io.StringIO()
    file.close()
    writer = Writer(file)
    writer.put("to nobody")
    writer.close()
    assert writer.dropped == 1


def test_an_address_in_an_actor_is_not_told() -> None:
    assert acts_log.person("admin") == "admin"
    assert "@" not in acts_log.person("ann@example.org")
    assert (
        acts_log.person("ann@example.org") == acts_log.person("ann@example.org") != acts_log.person("bob@example.org")
    )
