"""Stores: orders a second from a local server into PostgreSQL, beside dlt doing the same. `HOLDFAST_BENCH_ORDERS` says
how many."""

import asyncio
import json
import os
import sys
import tempfile
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from holdfast.services.demo_shop import TOKEN

ORDERS = int(os.environ.get("HOLDFAST_BENCH_ORDERS", "100000"))
DLT_S = 300
HERE = Path(__file__).parent


async def main(database_url: str) -> dict[str, object]:
    results: dict[str, object] = {}
    async with shop(ORDERS) as address:
        ours = await told(sys.executable, "-m", "bench.store_sync", "sync", database_url, address)
        results[f"{ORDERS} orders of two lines, over HTTP"] = {"ours": ours, "dlt": await by_dlt(database_url, address)}
    return results


@asynccontextmanager
async def shop(count: int) -> AsyncIterator[str]:
    """A shop in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.store_sync", "shop", str(count), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await asyncio.wait_for(process.stdout.readline(), 300)).decode().strip()
    finally:
        process.kill()
        await process.wait()


async def told(*command: str) -> Any:
    """What a command printed as JSON in its last line, or why not."""
    environment = dict(os.environ) if command[0] == sys.executable else {"PATH": os.environ.get("PATH", "")}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        return {"failed": err.decode(errors="replace").strip().splitlines()[-1:]}
    return json.loads(out.decode().strip().splitlines()[-1])


async def by_dlt(database_url: str, address: str) -> Any:
    """dlt in an environment made for this run only; the reason, when it cannot be had in time."""
    try:
        async with asyncio.timeout(DLT_S):
            return await _by_dlt(database_url, address)
    except TimeoutError:
        return {"skipped": f"dlt was not installed and done within {DLT_S} s"}


async def _by_dlt(database_url: str, address: str) -> Any:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-dlt-") as folder:
        await asyncio.to_thread(venv.create, folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        process = await asyncio.create_subprocess_exec(
            python, "-m", "pip", "install", "--quiet", "dlt[postgres]",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode:
            return {"skipped": f"dlt cannot be installed here: {err.decode(errors='replace').strip()[-200:]}"}
        # -P: what stands beside the script must not stand in for its modules
        return await told(python, "-P", str(HERE / "store_dlt.py"), database_url, address, TOKEN)
