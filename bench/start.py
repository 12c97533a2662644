"""A server that has nothing to do: memory without PostgreSQL, and time from start to the first answer, the embedded
database's folder being there already. Limits: 150 MB and 2 seconds."""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.serving import Client, served

RUNS = 5
MEMORY_MAX_MIB = 150
START_MAX_S = 2.0


async def main(database_url: str) -> dict[str, object]:
    first_answer_s: list[float] = []
    memory_mib: list[float] = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        for _ in range(RUNS + 1):
            began = time.perf_counter()
            async with served(data=Path(folder) / "data") as server:
                client = await Client.open(server.port)
                status, answer = await client.request("GET", "/api/sites")
                assert status == 200, answer
                first_answer_s.append(time.perf_counter() - began)
                await client.close()
                await asyncio.sleep(2)
                memory_mib.append(server.resident_mib())
    cold, *warm = first_answer_s
    return {
        "first answer": {
            "cold_s": round(cold, 2),
            "warm_s_min": round(min(warm), 2),
            "warm_s_max": round(max(warm), 2),
            "of_limit": round(max(warm) / START_MAX_S, 2),
        },
        "memory": {"mib_max": max(memory_mib), "of_limit": round(max(memory_mib) / MEMORY_MAX_MIB, 2)},
    }
