"""Bookings over HTTP: 64 clients to one server process, beside the bare insert of the claim alone on the same server in
the same run. The clients share the machine's cores with the server and the database."""

import asyncio
import json
from datetime import datetime
from typing import Any

from bench.ground import bare_insert, desk_on, load, make_sites, slots
from bench.serving import Client, served

CLIENTS = 64
COUNT = 20_000
SHAPES = ((1, 100), (100, 20))


async def main(database_url: str) -> dict[str, object]:
    results: dict[str, object] = {}
    for sites, units in SHAPES:
        async with desk_on(database_url) as (pool, desk):
            ids = await make_sites(pool, desk, sites, units)
        async with served(database_url=database_url) as server:
            free = asyncio.Queue[Client]()
            for _ in range(CLIENTS):
                free.put_nowait(await Client.open(server.port))
            wanted = slots(ids, units, 30)

            async def work(number: int) -> None:
                site_id, code, start, end = next(wanted)  # noqa: B023
                client = await free.get()  # noqa: B023
                status, answer = await client.request("POST", f"/api/sites/{site_id}/bookings", _body(code, start, end))
                free.put_nowait(client)  # noqa: B023
                assert status == 201, answer

            await load(CLIENTS, 2_000, work)
            ours = await load(CLIENTS, COUNT, work)
            while not free.empty():
                await free.get_nowait().close()
        bare = await bare_insert(database_url, sites=sites, units=units, callers=CLIENTS, count=COUNT // 2)
        ratio = round(ours["per_s"] / bare["per_s"], 2)
        results[f"{sites} sites, {CLIENTS} clients"] = {"http": ours, "bare": bare, "ratio": ratio}
    return results


def _body(code: str, start: datetime, end: datetime) -> bytes:
    booking: dict[str, Any] = {
        "unit": code,
        "from": start.isoformat(),
        "to": end.isoformat(),
        "customer": {"name": "Ann Example", "email": "ann@example.org"},
    }
    return json.dumps(booking).encode()
