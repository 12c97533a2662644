"""A real server process on a database, and lean clients on its socket."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

TOKEN = "a-token-for-the-bench-only"
ADDRESS = "http://"


class Served:
    """A running server: its port, its process, and how long it took from start to its address."""

    def __init__(self, port: int, process: asyncio.subprocess.Process, ready_s: float) -> None:
        self.port = port
        self.process = process
        self.ready_s = ready_s

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return round(int(line.split()[1]) / 1024, 1)

    def cpu_s(self) -> float:
        """How much of a processor the process has used since it began."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def served(*, database_url: str | None = None, data: Path | None = None) -> AsyncIterator[Served]:
    """`holdfast serve` on a free port, stopped in order afterwards."""
    environment = {**os.environ, "HOLDFAST_ADMIN_TOKEN": TOKEN, "HOLDFAST_LOG_LEVEL": "warning"}
    if database_url is not None:
        environment["HOLDFAST_DATABASE_URL"] = database_url
    command = [sys.executable, "-m", "holdfast", "serve", "--port", "0"]
    if data is not None:
        command += ["--data", str(data)]
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while ADDRESS not in (line := (await process.stdout.readline()).decode()):
                if process.returncode is not None or not line:
                    raise RuntimeError("the server ended before it was ready")
        port = int(line.split(ADDRESS, 1)[1].split("/")[0].split()[0].rstrip(".,").rsplit(":", 1)[1])
        yield Served(port, process, time.perf_counter() - began)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


class Client:
    """One keep-alive connection that posts JSON and reads the whole answer; as little work as can be."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.credential = f"Authorization: Bearer {TOKEN}"
        """The header lines that say who asks."""

    @classmethod
    async def open(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self.credential}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        for line in head.split(b"\r\n"):
            if line[:15].lower() == b"content-length:":
                return status, await self._reader.readexactly(int(line[15:]))
        return status, b""

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
