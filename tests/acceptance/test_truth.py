"""The stories that the replaced systems' documents tell of wrong statuses, against a real server process and its clock:
somebody writes past it, and it is put right, explained and said; nobody asks for that."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.acceptance.process import Process, serving

WITHIN_S = 15.0


@pytest.fixture
async def rows(database_url: str) -> Any:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def until(ask: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what the server does by itself."""
    async with asyncio.timeout(WITHIN_S):
        while not await ask():
            await asyncio.sleep(0.05)


async def make(client: httpx.AsyncClient, kind: str, *units: str, **settings: Any) -> str:
    body = {"kind": kind, "name": kind, "slug": f"the-{kind}", "time_zone": "UTC", "settings": settings}
    assert (await client.post("/api/sites", json=body)).status_code == 201
    new = [{"code": unit, "category": "standard"} for unit in units]
    assert (await client.post(f"/api/sites/the-{kind}/units", json={"units": new})).status_code == 200
    return f"/api/sites/the-{kind}"


async def status(client: httpx.AsyncClient, site: str, unit: str) -> str:
    units = (await client.get(f"{site}/units")).json()["units"]
    word: str = next(one["shown_status"] for one in units if one["code"] == unit)
    return word


async def events(client: httpx.AsyncClient, site: str, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(f"{site}/journal", params={"types": kind, "limit": 500})).json()[
        "events"
    ]
    return found


async def walk_in(client: httpx.AsyncClient, site: str, unit: str, seconds: float) -> dict[str, Any]:
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    answer = await client.post(f"{site}/bookings", json={"unit": unit, "walk_in": True, "to": end.isoformat()})
    assert answer.status_code == 201, answer.text
    booking: dict[str, Any] = answer.json()
    return booking


async def arriving(client: httpx.AsyncClient, site: str, unit: str) -> dict[str, Any]:
    """A stay in that room which begins now, by a site whose day has begun."""
    now = datetime.now(UTC)
    body = {"unit": unit, "from": now.isoformat(), "to": (now + timedelta(days=2)).isoformat()}
    answer = await client.post(f"{site}/bookings", json=body)
    assert answer.status_code == 201, answer.text
    booking: dict[str, Any] = answer.json()
    return booking


async def test_a_session_ends_by_itself_and_frees_its_pc(database_url: str) -> None:
    """The PC stayed Active after its session; the admin's panel and the customer's app disagreed."""
    async with serving(database_url) as server:
        site = await make(server.client, "cafe", "PC01", grid_minutes=0)
        booking = await walk_in(server.client, site, "PC01", 1.5)
        assert await status(server.client, site, "PC01") == "Active"

        async def is_free() -> bool:
            return await status(server.client, site, "PC01") == "Available"

        await until(is_free)
        told = (await server.client.get(f"{site}/bookings/{booking['id']}")).json()
        assert told["state"] == "Completed"
        (ended,) = await events(server.client, site, "booking.completed")
        assert ended["actor"] == "clock"
        assert datetime.fromisoformat(ended["effective_at"]) == datetime.fromisoformat(booking["to"])
        await walk_in(server.client, site, "PC01", 60)


async def test_a_session_that_ended_while_nobody_ran_ends_at_its_true_instant(database_url: str) -> None:
    async with serving(database_url) as server:
        site = await make(server.client, "cafe", "PC01", grid_minutes=0)
        booking = await walk_in(server.client, site, "PC01", 1.0)
    await asyncio.sleep(1.5)
    async with serving(database_url) as server:
        assert await status(server.client, site, "PC01") == "Available", "right at once"
        (ended,) = await events(server.client, site, "booking.completed")
        assert ended["effective_at"] == booking["to"]


async def test_a_status_corrupted_while_stopped_is_fixed_at_the_start(
    database_url: str, rows: asyncpg.Connection
) -> None:
    """Manually set room 102 to OCCUPIED, see that no booking exists for it, restart."""
    async with serving(database_url) as server:
        site = await make(server.client, "hotel", "101", "102")
    await rows.execute("update unit set shown_status = 'OCCUPIED' where code = '102'")
    async with serving(database_url) as server:

        async def is_fixed() -> bool:
            return await status(server.client, site, "102") == "AVAILABLE"

        await until(is_fixed)
        (fixed,) = await events(server.client, site, "unit.status_repaired")
        assert fixed["data"]["reason"] == "No checked-in guest found"
        findings = (await server.client.get(f"{site}/findings", params={"state": "repaired"})).json()["findings"]
        assert [one["rule"] for one in findings] == ["status_differs"]
        (line,) = await server.lines("fixed")
        assert (line["unit"], line["from"], line["to"]) == ("102", "OCCUPIED", "AVAILABLE")


async def test_a_booking_deleted_past_the_desk_frees_its_room_by_the_next_pass(
    database_url: str, rows: asyncpg.Connection
) -> None:
    """Book room 201, delete the booking from the file, do not touch the room, wait for the periodic pass."""
    async with serving(database_url, HOLDFAST_RECONCILE_MINUTES="0.02") as server:
        site = await make(server.client, "hotel", "201", "202", look_ahead="any")
        booking = await arriving(server.client, site, "201")
        await arriving(server.client, site, "202")
        assert await status(server.client, site, "201") == "RESERVED"
        await rows.execute("delete from booking where id = $1", booking["id"])

        async def is_free() -> bool:
            return await status(server.client, site, "201") == "AVAILABLE"

        await until(is_free)
        (fixed,) = await events(server.client, site, "unit.status_repaired")
        assert fixed["data"]["reason"] == "No active reservations found"
        assert await status(server.client, site, "202") == "RESERVED"
        open_ones = (await server.client.get(f"{site}/findings", params={"state": "open"})).json()["findings"]
        assert [(one["rule"], one["subject"]) for one in open_ones] == [("journal_differs", booking["id"])]


async def test_a_check_in_and_a_manual_edit_at_once_end_in_what_is_true(
    database_url: str, rows: asyncpg.Connection
) -> None:
    """User A checks a guest in to room 301 while user B changes its status by hand."""
    async with serving(database_url, HOLDFAST_RECONCILE_MINUTES="0.02") as server:
        site = await make(server.client, "hotel", "301")
        booking = await arriving(server.client, site, "301")
        editing = [rows.execute("update unit set shown_status = 'DIRTY' where code = '301'")]
        checking_in = server.client.post(f"{site}/bookings/{booking['id']}/check-in", json={})
        answer, *_ = await asyncio.gather(checking_in, *editing)
        assert answer.status_code == 200, answer.text
        for word in ("AVAILABLE", "OUT_OF_SERVICE"):
            await rows.execute("update unit set shown_status = $1 where code = '301'", word)

            async def is_true() -> bool:
                return await status(server.client, site, "301") == "OCCUPIED"

            await until(is_true)


async def test_what_an_agent_saw_is_told_and_closed_by_itself(database_url: str) -> None:
    async with serving(database_url) as server:
        site = await make(server.client, "cafe", "PC01", "PC02", grid_minutes=0)

        async def rules(state: str) -> set[tuple[str, str]]:
            found = (await server.client.get(f"{site}/findings", params={"state": state})).json()["findings"]
            return {(one["rule"], one["subject"]) for one in found}

        async def seen(*what: tuple[str, str]) -> None:
            body = {"observations": [{"unit": unit, "seen": word} for unit, word in what]}
            assert (await server.client.post(f"{site}/observations", json=body)).json()["recorded"] == len(what)

        await seen(("PC01", "occupied"), ("PC02", "vacant"))

        async def is_told() -> bool:
            return await rules("open") == {("occupied_not_booked", "PC01")}

        await until(is_told)
        await walk_in(server.client, site, "PC01", 60)

        async def is_closed() -> bool:
            return await rules("resolved") == {("occupied_not_booked", "PC01")} and not await rules("open")

        await until(is_closed)


async def test_two_processes_that_run_all_loops_do_nothing_twice(database_url: str, rows: asyncpg.Connection) -> None:
    async with serving(database_url, HOLDFAST_RECONCILE_MINUTES="0.01") as first:
        site = await make(first.client, "cafe", *[f"PC{number:02}" for number in range(20)], grid_minutes=0)
        async with serving(database_url, HOLDFAST_RECONCILE_MINUTES="0.01") as second:
            servers: list[Process] = [first, second]
            ends = [
                await walk_in(servers[number % 2].client, site, f"PC{number:02}", 2 + number / 20)
                for number in range(20)
            ]
            await rows.execute("update unit set shown_status = 'Reserved' where code in ('PC03', 'PC07')")

            async def is_over() -> bool:
                return len(await events(first.client, site, "booking.completed")) == len(ends)

            await until(is_over)
            await asyncio.sleep(1.5)
            counts = await rows.fetch(
                "select subject, type, count(*) from journal "
                "where type in ('booking.completed', 'unit.status_repaired') group by 1, 2 having count(*) > 1"
            )
            assert not counts
            assert len(await events(first.client, site, "unit.status_repaired")) == 2
            report = (await second.client.post("/api/reconcile", params={"dry_run": True})).json()
            assert report["fixed"] == 0 and not report["discrepancies"], json.dumps(report)
