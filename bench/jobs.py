"""Jobs beside Procrastinate, PgQueuer and Graphile Worker, on the same server in the same run: putting no-op jobs in,
draining them with one worker process, how soon a job put in by itself begins, how late one with a time of its own.
Ours keeps a run of each; and it drains beside somebody's open transaction."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import asyncpg

PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[1]
JOBS = int(os.environ.get("HOLDFAST_TEST_BENCH_JOBS", "50000"))
PICKUPS, SCHEDULED, ROUNDS = 200, 200, 3
SLOW = {"procrastinate": 10}
"""By how much less a peer is given to drain, or it would take minutes; the figure is per second all the same."""
PACKAGES = {"procrastinate": "procrastinate", "pgqueuer": "pgqueuer[asyncpg]"}
INSTALL_S, RUN_S = 300, 300


async def main(database_url: str) -> dict[str, object]:
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-peers-", dir="/var/tmp") as folder:
        python = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{PEERS}"}
        ours = [sys.executable, str(PEERS / "holdfast_jobs.py")]
        found["holdfast"] = figures = await measured(ours, database_url, JOBS, python)
        found["beside an open transaction"] = await beside_an_open_transaction(ours, database_url, python)
        for name, package in PACKAGES.items():
            found[name] = await python_peer(name, package, Path(folder), database_url)
        found["graphile-worker"] = await node_peer(Path(folder), database_url)
    found["ratios"] = {
        name: {
            "enqueue": round(figures["enqueue_per_s"] / theirs["enqueue_per_s"], 2),
            "drain": round(figures["drain_per_s"] / theirs["drain_per_s"], 2),
            "pickup p50": round(theirs["pickup_ms"]["p50"] / figures["pickup_ms"]["p50"], 1),
            "scheduled p50": round(theirs["scheduled_ms"]["p50"] / figures["scheduled_ms"]["p50"], 1),
        }
        for name, theirs in found.items()
        if name != "holdfast" and "drain_per_s" in theirs and "drain_per_s" in figures
    }
    return found


async def beside_an_open_transaction(command: list[str], url: str, environ: dict[str, str]) -> dict[str, Any]:
    """Ours once more, before and while somebody keeps a snapshot open: what a drain leaves behind cannot be cleared
    away then. What counts is how much that is, so three rounds drain as many jobs as a worker does in minutes."""
    few = {"pickups": 1, "scheduled": 1}
    plain = [(await measured(command, url, JOBS, environ, **few)).get("drain_per_s", 0) for _ in range(ROUNDS)]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            await connection.fetch("select count(*) from job")
            beside = [(await measured(command, url, JOBS, environ, **few)).get("drain_per_s", 0) for _ in range(ROUNDS)]
    finally:
        await connection.close()
    share = round(sorted(beside)[ROUNDS // 2] / max(sorted(plain)[ROUNDS // 2], 1), 2)
    return {"drain_per_s before": plain, "drain_per_s beside it": beside, "share of the middle ones": share}


async def python_peer(name: str, package: str, folder: Path, url: str) -> dict[str, Any]:
    """A peer in an environment of its own."""
    home = folder / name
    code, told = await done([sys.executable, "-m", "venv", str(home)], {**os.environ}, INSTALL_S)
    if code == 0:
        pip = [str(home / "bin" / "pip"), "install", "--quiet", package, "uvloop", "psycopg[binary,pool]"]
        code, told = await done(pip, {**os.environ}, INSTALL_S)
    if code != 0:
        return {"skipped": f"could not be installed: {told[-200:]}"}
    script = [str(home / "bin" / "python"), str(PEERS / f"{name}_jobs.py")]
    return await measured(script, url, JOBS // SLOW.get(name, 1), {**os.environ, "PYTHONPATH": str(PEERS)})


async def node_peer(folder: Path, url: str) -> dict[str, Any]:
    """Graphile Worker, in a folder of its own."""
    if shutil.which("npm") is None:
        return {"skipped": "there is no npm"}
    home = folder / "graphile"
    home.mkdir()
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home), "graphile-worker"]
    code, told = await done(npm, {**os.environ}, INSTALL_S)
    if code != 0:
        return {"skipped": f"could not be installed: {told[-200:]}"}
    script = home / "graphile.mjs"
    shutil.copy(PEERS / "graphile.mjs", script)
    return await measured(["node", str(script)], url, JOBS, {**os.environ})


async def measured(
    command: list[str],
    url: str,
    jobs: int,
    environ: dict[str, str],
    *,
    pickups: int = PICKUPS,
    scheduled: int = SCHEDULED,
) -> dict[str, Any]:
    """What a script prints, on the database that all of them share: their tables have names of their own."""
    code, told = await done([*command, url, str(jobs), str(pickups), str(scheduled)], environ, RUN_S)
    if code != 0:
        return {"skipped": told[-300:]}
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


async def done(command: list[str], environ: dict[str, str], within_s: float) -> tuple[int, str]:
    """Exit code and output; a command that takes too long is ended."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, f"took longer than {within_s} s"
    code = process.returncode or 0
    return code, (out if code == 0 else err or out).decode(errors="replace").strip()
