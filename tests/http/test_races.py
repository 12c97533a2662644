"""Many at once, and a database that goes away: one winner, honest losers, no failure of ours, answers in time."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.store.embedded import EmbeddedServer

CLIENTS = 64
SLOT = {"unit": "PC1", "from": "2027-03-08T10:00", "to": "2027-03-08T11:00"}


Bodies = list[dict[str, Any]]


async def ask_together(server: Any, path: str, bodies: Bodies, keys: list[str | None]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=CLIENTS)
    headers = dict(server.client.headers)
    async with httpx.AsyncClient(base_url=server.url, headers=headers, limits=limits, timeout=30) as client:
        asks = [
            client.post(path, json=body, headers={"Idempotency-Key": key} if key else {})
            for body, key in zip(bodies, keys, strict=True)
        ]
        return await asyncio.gather(*asks)


async def test_of_64_clients_on_one_slot_one_wins_and_63_learn_what_is_free(server: Any, cafe: str) -> None:
    for day in range(1, 6):
        slot = {**SLOT, "from": f"2027-03-{day:02}T10:00", "to": f"2027-03-{day:02}T11:00"}
        answers = await ask_together(server, f"{cafe}/bookings", [slot] * CLIENTS, [None] * CLIENTS)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CLIENTS - 1}
        winner = next(answer.json() for answer in answers if answer.status_code == 201)
        for loser in (answer.json() for answer in answers if answer.status_code == 409):
            assert loser["code"] == "slot_taken" and loser["holders"] == [winner["id"]]
            assert loser["blocking"] and loser["alternatives"]


async def test_one_request_sent_many_times_at_once_has_one_effect_and_one_answer(server: Any, cafe: str) -> None:
    before = server.client.get(cafe).json()["version"]
    answers = await ask_together(server, f"{cafe}/bookings", [SLOT] * 16, ["same"] * 16)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert server.client.get(cafe).json()["version"] == before + 1


@pytest.fixture
def own_database(server_folder: Path, bindir: Path) -> Any:
    """A PostgreSQL that this test may stop."""
    database = EmbeddedServer(server_folder / "data", bindir=bindir, options={"fsync": "off"}, ballast_bytes=0)
    asyncio.run(database.start())
    yield database
    asyncio.run(database.stop())


@pytest.mark.timing
def test_while_the_database_hangs_every_request_is_answered_in_time(
    own_database: EmbeddedServer, make_server_on: Callable[..., Any]
) -> None:
    server = make_server_on(own_database.url)
    site = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}
    address = server.client.post("/api/sites", json=site).headers["location"]
    server.client.post(f"{address}/units", json={"units": [{"code": "PC1", "category": "pc"}]})
    pids = _backends(own_database)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        asks = (("POST", f"{address}/bookings", SLOT), ("GET", "/api/sites", None), ("GET", "/readyz", None))
        for method, path, body in asks:
            began = time.monotonic()
            answer = server.client.request(method, path, json=body)
            assert time.monotonic() - began <= 10.5
            assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1, answer.text
            assert answer.json()["code"] in ("unavailable", "outcome_unknown")
        assert server.client.get("/healthz").status_code == 200
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    deadline = time.monotonic() + 10
    while server.client.get(address).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    later = {**SLOT, "from": "2027-03-09T10:00", "to": "2027-03-09T11:00"}
    assert server.client.post(f"{address}/bookings", json=later).status_code == 201


def _backends(database: EmbeddedServer) -> list[int]:
    """The server's process and its children: a machine that stands still."""
    assert database.pid is not None
    children = Path(f"/proc/{database.pid}/task/{database.pid}/children").read_text().split()
    return [database.pid, *map(int, children)]
