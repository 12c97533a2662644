"""Health: true within a bounded time, whatever stands still; strangers are told little; 503 exactly when it must be."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from holdfast.runtime.loop import Loop
from tests.http.conftest import TOKEN, LiveServer

FROM_A_PROXY = {"X-Forwarded-For": "203.0.113.9"}


def on_the_loop(server: LiveServer, work: Callable[[], Any]) -> None:
    """Runs something in the server's own thread."""

    async def run() -> None:
        work()

    asyncio.run_coroutine_threadsafe(run(), server._loop).result(10)


def loop_named(server: LiveServer, name: str) -> Loop:
    assert server.house is not None
    return next(loop for loop in server.house.loops if loop.name == name)


def until(check: Callable[[], bool], within_s: float = 10) -> None:
    ends = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < ends, "it did not come true in time"
        time.sleep(0.02)


def test_a_server_that_is_well_says_so_in_full_to_a_program_on_its_machine(server: LiveServer) -> None:
    until(lambda: server.client.get("/health").json()["loops"]["alarms"]["last_beat_s"] is not None)
    answer = server.client.get("/health")
    told = answer.json()
    assert (answer.status_code, told["status"], told["warnings"]) == (200, "OK", [])
    assert {"alarms", "retention", "watch"} <= set(told["loops"])
    assert all(loop["running"] and loop["lateness_s"] == 0 for loop in told["loops"].values())
    assert told["overdue"] == {"oldest": None, "seconds": 0.0, "count": 0}
    assert told["database"]["reachable"] and not told["database"]["embedded"] and told["database"]["latency_ms"] > 0
    assert told["findings"] == {"open": 0}
    assert told["cronJob"]["isRunning"] is True
    next_run = datetime.fromisoformat(told["cronJob"]["nextRun"])
    assert abs(next_run - datetime.now(UTC)) < timedelta(seconds=5)


def test_strangers_are_told_whether_it_works_and_nothing_else(server: LiveServer) -> None:
    for headers in (FROM_A_PROXY, {"Host": "booking.example.org"}, {**FROM_A_PROXY, "Authorization": "Bearer wrong"}):
        told = httpx.get(f"{server.url}/health", headers=headers).json()
        assert set(told) == {"status", "cronJob"} and set(told["cronJob"]) == {"isRunning", "nextRun"}
    with_token = {**FROM_A_PROXY, "Authorization": f"Bearer {TOKEN}"}
    assert "database" in httpx.get(f"{server.url}/health", headers=with_token).json()


def test_a_loop_that_ended_makes_it_fail(server: LiveServer) -> None:
    assert server.client.get("/health").status_code == 200
    alarms = loop_named(server, "alarms")
    on_the_loop(server, alarms.stop)
    until(lambda: alarms.has_ended)
    answer = server.client.get("/health")
    told = answer.json()
    assert (answer.status_code, told["status"], told["cronJob"]) == (
        503,
        "FAILED",
        {"isRunning": False, "nextRun": None},
    )
    assert "the loop alarms does not run" in told["warnings"]
    assert httpx.get(f"{server.url}/readyz").status_code == 503


def test_a_loop_that_hangs_makes_it_fail(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    alarms = loop_named(server, "alarms")
    until(lambda: alarms.beat_at is not None)

    async def hang() -> float:
        await asyncio.sleep(60)
        return 0.0

    monkeypatch.setattr(alarms, "step", hang)
    monkeypatch.setattr(alarms, "beat_every_s", -0.9)  # of the second that it was to wait a tenth is left
    until(lambda: server.client.get("/health").status_code == 503)
    told = server.client.get("/health").json()
    assert told["loops"]["alarms"]["running"] and told["loops"]["alarms"]["lateness_s"] > 0
    assert told["cronJob"]["isRunning"] is False
    on_the_loop(server, lambda: [task.cancel() for task in asyncio.all_tasks() if task.get_name() == "alarms loop"])


@pytest.mark.timing
def test_a_database_that_hangs_is_told_of_in_two_seconds(server: LiveServer) -> None:
    assert server.house is not None
    held = threading_lock_on_sites(server)
    try:
        for _ in range(2):  # the second time the first question is still open
            asked = time.monotonic()
            answer = server.client.get("/health", timeout=10)
            assert time.monotonic() - asked < 2
            told = answer.json()
            assert (answer.status_code, told["status"]) == (503, "FAILED")
            assert told["database"] == {"reachable": False, "embedded": False, "latency_ms": None, "version": None}
    finally:
        held()
    until(lambda: server.client.get("/health").status_code == 200)


def threading_lock_on_sites(server: LiveServer) -> Callable[[], None]:
    """Holds the table of sites so that not even a read gets through; returns what lets it go."""
    assert server.settings.database_url is not None
    loop = asyncio.new_event_loop()
    connection: asyncpg.Connection = loop.run_until_complete(asyncpg.connect(server.settings.database_url))
    loop.run_until_complete(connection.execute("begin; lock table site in access exclusive mode"))

    def let_go() -> None:
        loop.run_until_complete(connection.execute("rollback"))
        loop.run_until_complete(connection.close())
        loop.close()

    return let_go


def test_what_is_late_is_told_of_and_degrades(server: LiveServer, cafe: str) -> None:
    assert server.house is not None
    on_the_loop(server, loop_named(server, "alarms").stop)
    until(lambda: loop_named(server, "alarms").has_ended)
    make_late(server, 90)
    told = server.client.get("/health").json()
    assert told["overdue"]["count"] == 1 and 90 <= told["overdue"]["seconds"] < 120
    assert "transitions are late by more than a minute" in told["warnings"]


def make_late(server: LiveServer, seconds: float) -> None:
    async def write() -> None:
        connection = await asyncpg.connect(server.settings.database_url)
        await connection.execute("update site set wakes_at = now() - make_interval(secs => $1)", seconds)
        await connection.close()

    asyncio.run(write())


def test_reconciling_switched_off_is_a_warning(make_server: Callable[..., LiveServer]) -> None:
    told = make_server(reconcile_minutes=0).client.get("/health").json()
    assert any("reconcile_minutes" in warning for warning in told["warnings"])


def test_a_server_that_stops_is_not_ready_and_takes_no_commands(server: LiveServer, cafe: str) -> None:
    assert server.house is not None
    assert httpx.get(f"{server.url}/readyz").status_code == 200
    on_the_loop(server, server.house.stopping.set)
    body = {"unit": "PC1", "walk_in": True}
    ready, health = httpx.get(f"{server.url}/readyz"), server.client.get("/health")
    booked, read = server.client.post(f"{cafe}/bookings", json=body), server.client.get(f"{cafe}/board")
    assert (ready.status_code, health.status_code, booked.status_code, read.status_code) == (503, 503, 503, 200)
    assert int(booked.headers["retry-after"]) > 0 and booked.json()["code"] == "unavailable"
    assert {each.headers["connection"] for each in (ready, health, booked, read)} == {"close"}
