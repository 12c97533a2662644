"""A server as its users run it: a process of its own, its log read line by line, a client that speaks to it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
START_S = 30.0
STOP_S = 30.0
TOKEN = "a-token-for-acceptance"


class Process:
    """A running `holdfast serve`. `client` speaks to it as the admin; `log` are its log lines so far, read."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.url = ""
        self.was_killed = False
        self._reading = asyncio.create_task(self._read())

    async def started(self) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            while not self.url:
                line = (await self.process.stdout.readline()).decode()
                assert line, f"it did not start: {self.log[-5:]}"
                if "ready at " in line:
                    self.url = line.split("ready at ", 1)[1].split()[0]
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    async def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines of that event; waits a little for the first."""
        for _ in range(100):
            if found := [line for line in self.log if line.get("event") == event]:
                return found
            await asyncio.sleep(0.05)
        return []

    async def stop(self, sign: int = signal.SIGTERM) -> int:
        """Ends it with a signal; its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(sign)
        async with asyncio.timeout(STOP_S):
            code = await self.process.wait()
        await self._reading
        return code

    async def kill(self) -> None:
        """Ends it with no chance to say anything."""
        self.was_killed = True
        await self.stop(signal.SIGKILL)

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.log.append({"event": line.decode(errors="replace").rstrip()})


@asynccontextmanager
async def serving(database_url: str, *, port: int = 0, **variables: str) -> AsyncIterator[Process]:
    """A server on that database during the block; afterwards it must have stopped in order, unless it was killed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    environment |= {
        "HOLDFAST_DATABASE_URL": database_url,
        "HOLDFAST_ADMIN_TOKEN": TOKEN,
        "HOLDFAST_LOG_FORMAT": "json",
        "PYTHONPATH": str(ROOT / "src"),
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "holdfast", "serve", "--port", str(port),
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    server = Process(process)
    try:
        await server.started()
        yield server
        await server.client.aclose()
        assert server.was_killed or await server.stop() == 0, server.log[-5:]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
