"""Files become bookings row by row: whole or refused, each at most once, and a file that lies is said to."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from holdfast.domain.sites import Site
from holdfast.services.checking import check_sites
from holdfast.services.desk import Desk
from holdfast.services.import_files import LINE_BYTES_MAX, ImportFileError, digest_of, open_rows
from holdfast.services.imports import RowResult, importer_for
from holdfast.services.mapping import formats, load_mapping
from holdfast.services.requests import SiteRequest
from holdfast.services.sites import Sites

UNITS = b"code,category,parent,attributes.gpu\nArena,room,,\nPC01,pc,Arena,4090\nPC02,pc,Arena,\n"
HEADER = "unit,from,to,name,state,external_id\n"


class Ground:
    def __init__(self, desk: Desk, pool: asyncpg.Pool, site: Site) -> None:
        self.desk, self.pool, self.site = desk, pool, site

    async def take(self, data: bytes | str, named: str = "bookings", **more: dict[str, str]) -> list[RowResult]:
        stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
        importer = importer_for(
            named, self.desk, self.pool, self.site, source=digest_of(stream), actor="test", only=more.get("only")
        )
        return [result async for result in importer.run(open_rows(stream))]


@pytest.fixture
async def ground(pool: asyncpg.Pool) -> AsyncIterator[Ground]:
    sites = Sites(pool)
    made = await sites.create(SiteRequest("cafe", "Café", "Europe/Berlin", "cafe", {}))
    desk = Desk(pool)
    await desk.start()
    try:
        ground = Ground(desk, pool, await sites.find(str(made.id)))
        assert [r.outcome for r in await ground.take(UNITS, "units")] == ["created"] * 3
        yield ground
    finally:
        await desk.stop()


def outcomes(results: list[RowResult]) -> list[str]:
    return [result.code or result.outcome for result in results]


async def test_each_row_is_taken_whole_or_refused_with_its_reason(ground: Ground) -> None:
    rows = (
        HEADER
        + "PC01,2031-01-01T10:07,2031-01-01T11:00,Ann,,1\n"
        + "PC01,2031-01-01T10:30,2031-01-01T11:30,Bob,,2\n"
        + "PC09,2031-01-01T10:00,2031-01-01T11:00,Bob,,3\n"
        + "PC02,2021-01-01T10:00,2021-01-01T11:00,Öz,Completed,4\n"
        + "PC02,never,2021-01-01T11:00,X,,5\n"
        + "PC02,2031-01-01T10:00,2031-01-01T11:00,X,Snoozing,6\n"
        + "PC02,2031-01-01T10:00\n"
    )
    results = await ground.take(rows)
    assert outcomes(results) == [
        "created", "slot_taken", "unknown_unit", "created", "invalid_time", "invalid_request", "invalid_request",
    ]  # fmt: skip
    assert [result.row for result in results] == [1, 2, 3, 4, 5, 6, 7]
    assert "PC01 is taken" in (results[1].why or "") and "has 2 cells, the header 6" in (results[6].why or "")
    assert {r["state"]: r["n"] for r in await states(ground)} == {"Booked": 1, "Completed": 1}
    (checked,) = await check_sites(ground.pool, "cafe")
    assert checked.mismatches == []


async def states(ground: Ground) -> list[asyncpg.Record]:
    return await ground.pool.fetch("select state, count(*) as n from booking group by state")


async def test_a_file_imported_again_adds_nothing_even_when_the_answers_are_forgotten(ground: Ground) -> None:
    rows = HEADER + "".join(f"PC01,2031-01-{d:02}T10:00,2031-01-{d:02}T11:00,Ann,,\n" for d in range(1, 29))
    assert outcomes(await ground.take(rows)) == ["created"] * 28
    assert outcomes(await ground.take(rows)) == ["there"] * 28
    await ground.pool.execute("delete from answer")
    assert outcomes(await ground.take(gzip.compress(b"") and rows)) == ["there"] * 28
    assert await ground.pool.fetchval("select count(*) from booking") == 28


async def test_two_imports_of_one_file_at_once_book_each_row_once(ground: Ground) -> None:
    rows = HEADER + "".join(
        f"PC0{unit},2031-{m:02}-{d:02}T10:00,2031-{m:02}-{d:02}T11:00,Ann,,\n"
        for m in range(1, 7) for d in range(1, 29) for unit in (1, 2)
    )  # fmt: skip
    first, second = await asyncio.gather(ground.take(rows), ground.take(rows))
    assert {*outcomes(first), *outcomes(second)} <= {"created", "there"}
    assert sum(r.outcome == "created" for r in (*first, *second)) == 336
    assert await ground.pool.fetchval("select count(*) from booking") == 336


async def test_an_import_cut_off_is_finished_by_running_it_again(ground: Ground) -> None:
    good = HEADER + "".join(f"PC01,2031-03-{d:02}T10:00,2031-03-{d:02}T11:00,Ann,,x{d}\n" for d in range(1, 20))
    with pytest.raises(ImportFileError, match="Line 21 is not UTF-8"):
        await ground.take(good.encode() + b"PC02,\xff\xfe\n" + b"PC02,2031-03-01T10:00,2031-03-01T11:00,Z,,last\n")
    again = await ground.take(good + "PC02,2031-03-01T10:00,2031-03-01T11:00,Z,,last\n")
    assert outcomes(again)[-1] == "created"
    assert await ground.pool.fetchval("select count(*) from booking") == 20


async def test_json_lines_carry_the_same_fields(ground: Ground) -> None:
    rows = (
        '{"category": "pc", "count": 2, "from": "2031-01-01T10:00", "to": "2031-01-01T11:00", "name": "Ann",'
        ' "details": {"old": [1]}}\n\n{"unit": "PC01"\n{"unit": "PC01", "form": "x"}\n'
    )
    results = await ground.take(rows)
    assert outcomes(results) == ["created", "invalid_request", "invalid_request"]
    assert await ground.pool.fetchval("select cardinality(unit_ids) from booking") == 2


async def test_a_spreadsheet_with_semicolons_and_a_mark_is_read(ground: Ground) -> None:
    data = '\ufeffunit;from;to;name\r\nPC01;2031-01-01T10:00;2031-01-01T11:00;"Ann; junior"\r\n'
    assert outcomes(await ground.take(data)) == ["created"]
    assert await ground.pool.fetchval("select customer_name from booking") == "Ann; junior"


async def test_a_mapping_file_reads_somebody_elses_table(ground: Ground, tmp_path: Path) -> None:
    mapping = tmp_path / "old.toml"
    mapping.write_text(
        """
        only = { shop = "north" }
        [fields]
        unit = { template = "PC{seat}" }
        from = { template = "{day} {start}", date_format = "%d.%m.%Y %H:%M" }
        to = { template = "{day} {end}", date_format = "%d.%m.%Y %H:%M" }
        name = { column = "who", default = "unknown" }
        party = { sum = ["big", "small"] }
        state = { column = "status", values = { "x" = "Cancelled", "ok" = "Booked" } }
        note = { constant = "old system" }
        [details]
        price = { column = "price" }
        """
    )
    data = (
        "shop,seat,day,start,end,who,big,small,status,price\n"
        "north,01,24.12.2031,10:00,12:00,,1,2,ok,9.50\n"
        "south,01,24.12.2031,10:00,12:00,Bob,1,2,ok,9.50\n"
        "north,02,24.12.2031,10:00,12:00,Cat,1,,x,\n"
        "north,02,12/24/2031,10:00,12:00,Cat,1,,x,\n"
    )
    results = await ground.take(data, str(mapping))
    assert outcomes(results) == ["created", "skipped", "created", "invalid_request"]
    assert "does not look like %d.%m.%Y" in (results[3].why or "")
    row = await ground.pool.fetchrow("select customer_name, party, note, details from booking where live")
    assert tuple(row) == ("unknown", 3, "old system", b'{"price": "9.50"}')


def test_every_shipped_mapping_loads() -> None:
    assert {"bookings", "units", "hotel-bookings"} <= set(formats())
    for name in set(formats()) - {"bookings", "units"}:
        assert load_mapping(name).fields


async def test_the_hotel_bookings_mapping_brings_in_stays_that_are_over(pool: asyncpg.Pool) -> None:
    columns = (
        "hotel,lead_time,arrival_date_year,arrival_date_month,arrival_date_day_of_month,stays_in_weekend_nights,"
        "stays_in_week_nights,adults,assigned_room_type,reservation_status,country,market_segment,meal,deposit_type,adr"
    )
    data = f"{columns}\nCity,3,2015,July,1,1,2,2,A,Check-Out,PRT,Direct,BB,No Deposit,80\n"
    sites = Sites(pool)
    site = await sites.find(str((await sites.create(SiteRequest("hotel", "H", "Europe/Lisbon", "h", {}))).id))
    desk = Desk(pool)
    await desk.start()
    ground = Ground(desk, pool, site)
    await ground.take("code,category\n101,A\n", "units")
    assert outcomes(await ground.take(data, "hotel-bookings", only={"hotel": "City"})) == ["created"]
    await desk.stop()
    row = await pool.fetchrow("select state, live, ends_at - starts_at > '2 days' as nights from booking")
    assert tuple(row) == ("CheckedOut", False, True)


BAD = {
    "empty": (b"", "is empty"),
    "latin-1": ("unit,name\nPC01,Müller\n".encode("latin-1"), "Line 2 is not UTF-8"),
    "utf-16": ("unit,from\nPC01,x\n".encode("utf-16-le"), "NUL byte"),
    "one long line": (b"x" * (LINE_BYTES_MAX + 10), "longer than 1024 KiB"),
    "unknown column": (b"unit,form,to\nPC01,a,b\n", "no field 'form'. Did you mean 'from'"),
    "doubled column": (b"unit,unit\na,b\n", "more than once"),
    "json array": (b'[{"unit": "PC01"}]', "one object per line"),
    "damaged gzip": (gzip.compress(b"unit,from,to\nPC01,a,b\n" * 50)[:-12], "damaged"),
    "not gzip at all": (b"\x1f\x8bnonsense that goes on", "damaged"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_file_that_is_not_what_it_says_is_told_apart(ground: Ground, case: str) -> None:
    data, told = BAD[case]
    with pytest.raises(ImportFileError, match=told):
        await ground.take(data)
    assert await ground.pool.fetchval("select count(*) from booking") == 0


MAPPINGS = {
    "[fields]\nform = { column = 'x' }": "no field 'form'",
    "[fields]\nfrom = { }": "must have one of",
    "[fields]\nfrom = { column = 'x', constant = 'y' }": "must have one of",
    "kind = 'dreams'": "bookings or units",
    "[fields": "cannot be used",
}


@pytest.mark.parametrize("text", MAPPINGS)
def test_a_mapping_that_cannot_work_says_why(text: str, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(text)
    with pytest.raises(ImportFileError, match=MAPPINGS[text]):
        load_mapping(str(file))


async def test_a_mapping_for_columns_that_are_not_there_names_the_nearest(ground: Ground, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text("[fields]\nunit = { column = 'seat' }\n")
    with pytest.raises(ImportFileError, match="no column 'seat'. Did you mean 'seats'"):
        await ground.take("seats,x\n1,2\n", str(file))
