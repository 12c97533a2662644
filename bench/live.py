"""Live screens: so many readers of one site, events at a steady rate; from the moment somebody sends a change to the
moment it is with each reader, and what a delivery costs the server, the commands themselves included. Beside it node's
socket.io server, doing the same with the same readers on the same machine in the same run, and writing nothing down:
what is behind the first reader is without the commit."""

import asyncio
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.ground import desk_on, make_sites
from bench.serving import TOKEN, Client, served

SHAPES = tuple(
    tuple(map(int, shape.split("x"))) for shape in os.environ.get("BENCH_READERS", "1000x20,10000x2").split(",")
)
"""Readers and events a second."""
SECONDS = 15
MARK = b"sent-"
SO_TIMESTAMPNS = 35
STAMP = struct.Struct("@qq")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "holdfast-bench" / "socketio"
TICK = os.sysconf("SC_CLK_TCK")

_NODE = """
const http = require("http");
const { Server } = require("socket.io");
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    if (request.method === "POST") io.emit("booking:created", JSON.parse(body));
    response.end("{}");
  });
});
const io = new Server(server, { transports: ["websocket"], perMessageDeflate: false });
server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));
"""
_UPGRADE = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_LISTEN = (
    "GET /api/sites/{site}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    "Accept: text/event-stream\r\n\r\n"
)


class Readers:
    """A process of readers, as little work as can be: each socket's bytes are searched for the instant of sending, and
    compared with the instant at which the kernel stamped them as arrived. So it is the server that is measured, and not
    how long thousands of readers wait for their turn in one process, which they never share in life."""

    def __init__(self, port: int, hello: bytes, joined: bytes) -> None:
        self._port, self._hello, self._joined = port, hello, joined
        self._poll = select.epoll()
        self._open: dict[int, socket.socket] = {}
        self._ready: set[int] = set()
        self.arrived: dict[int, list[int]] = {}
        """Instants of arrival, by that of sending."""

    def run(self, count: int) -> None:
        """Connects, says that it is ready, reads until there is a line of input, and tells its figures."""
        while len(self._open) < count:
            for _ in range(min(200, count - len(self._open))):
                self._connect()
            while len(self._ready) < len(self._open):
                self._step()
        print("ready", flush=True)
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        while self._step():
            pass
        took = sorted(one - sent for sent, arrived in self.arrived.items() for one in arrived)
        firsts = [(min(arrived), arrived) for arrived in self.arrived.values()]
        behind = sorted(one - first for first, arrived in firsts for one in arrived)
        percentiles = {
            name: round(values[int(len(values) * part)] / 1e6, 1)
            for what, values in (("", took), ("behind_first_", behind))
            for name, part in ((f"{what}p50_ms", 0.5), (f"{what}p99_ms", 0.99))
        }
        print(json.dumps([len(took), time.process_time(), percentiles]), flush=True)

    def _connect(self) -> None:
        one = socket.create_connection(("127.0.0.1", self._port))
        one.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        one.sendall(self._hello)
        self._open[one.fileno()] = one
        self._poll.register(one.fileno(), select.EPOLLIN)

    def _step(self) -> bool:
        for number, _ in self._poll.poll():
            one = self._open.get(number)
            if one is None:
                return False
            data, more, _, _ = one.recvmsg(65536, 64)
            assert data, "the server ended a stream"
            if number not in self._ready:
                self._join(one, data)
            place = data.find(MARK)
            if place >= 0:
                seconds, nanoseconds = STAMP.unpack(more[0][2])
                arrived = seconds * 1_000_000_000 + nanoseconds
            while place >= 0:
                self.arrived.setdefault(int(data[place + 5 : place + 25]), []).append(arrived)
                place = data.find(MARK, place + 25)
        return True

    def _join(self, one: socket.socket, data: bytes) -> None:
        if b"101 Switching" in data:
            # the packet that joins, as a client must send it: masked, here with zeros
            one.sendall(b"\x81\x82\0\0\0\x0040")
            self._ready.add(one.fileno())
        elif self._joined in data:
            self._ready.add(one.fileno())


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_mib(pid: int) -> float:
    (line,) = (x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


@asynccontextmanager
async def listening(
    port: int, count: int, hello: bytes, joined: bytes, *, module: str = "bench.live"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of so many readers, once all of them are let in."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(port), str(count), hello.hex(), joined.hex(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(180):
            assert (await process.stdout.readline()).strip() == b"ready"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def measured(
    pid: int, process: asyncio.subprocess.Process, post: object, count: int, rate: int
) -> dict[str, object]:
    """Sends events for a while, then asks the readers what they got."""
    assert callable(post) and process.stdin is not None and process.stdout is not None
    idle_mib = resident_mib(pid)
    cpu, began, sent = cpu_s(pid), time.monotonic(), 0
    peak = idle_mib
    while time.monotonic() - began < SECONDS:
        await post(f"sent-{time.time_ns():020}")
        sent += 1
        peak = max(peak, resident_mib(pid))
        await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
    await asyncio.sleep(1.0)
    cpu = cpu_s(pid) - cpu
    process.stdin.write(b"\n")
    async with asyncio.timeout(60):
        got, readers_cpu, percentiles = json.loads(await process.stdout.readline())
    return {
        "events": sent, "delivered": got, "lost": sent * count - got, **percentiles,
        "cpu_us_per_delivery": round(cpu / max(got, 1) * 1e6, 1),
        "readers_cpu_us_per_delivery": round(readers_cpu / max(got, 1) * 1e6, 1),
        "mib": peak, "kib_per_reader": round(idle_mib * 1024 / count, 1),
    }  # fmt: skip


async def ours(database_url: str, site_id: int, count: int, rate: int) -> dict[str, object]:
    async with served(database_url=database_url) as server:
        hello = _LISTEN.format(site=site_id, port=server.port, token=TOKEN).encode()
        async with listening(server.port, count, hello, b"id: ") as process:
            client = await Client.open(server.port)

            async def post(name: str) -> None:
                status, answer = await client.request(
                    "PATCH", f"/api/sites/{site_id}/units/PC000", json.dumps({"name": name}).encode()
                )
                assert status == 200, answer

            await post("warm")
            found = await measured(server.process.pid, process, post, count, rate)
            await client.close()
            return found


async def nodes(count: int, rate: int) -> dict[str, object]:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return {"skipped": "node and npm are not installed"}
    CACHE.mkdir(parents=True, exist_ok=True)
    if not (CACHE / "node_modules" / "socket.io").exists():
        done = await asyncio.to_thread(
            subprocess.run,
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "socket.io@4"],
            cwd=CACHE,
            check=False,
        )
        if done.returncode:
            return {"skipped": "npm could not install socket.io"}
    (CACHE / "server.js").write_text(_NODE)
    process = await asyncio.create_subprocess_exec("node", "server.js", cwd=CACHE, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int((await process.stdout.readline()).split()[1])
        async with listening(port, count, _UPGRADE.format(port=port).encode(), b"101 Switching") as readers:
            client = await Client.open(port)

            async def post(name: str) -> None:
                booking = {
                    "ground": "Ground 1",
                    "date": "2026-11-20",
                    "time": "9-10 AM",
                    "status": "Pending",
                    "name": name,
                }
                body = {"booking": {**booking, "name": name, "note": "as many bytes as a journal line has " * 5}}
                await client.request("POST", "/", json.dumps(body).encode())

            found = await measured(process.pid, readers, post, count, rate)
            await client.close()
            return found
    finally:
        process.kill()
        await process.wait()


async def main(database_url: str) -> dict[str, object]:
    async with desk_on(database_url) as (pool, desk):
        (site_id,) = await make_sites(pool, desk, 1, 3)
    results: dict[str, object] = {}
    for count, rate in SHAPES:
        mine = await ours(database_url, site_id, count, rate)
        theirs = await nodes(count, rate)
        results[f"{count} readers, {rate} events/s"] = mine
        results[f"{count} readers, {rate} events/s, node socket.io"] = theirs
        if "p99_ms" in theirs:
            results[f"{count} readers: ours / node"] = {
                name: round(float(str(mine[name])) / float(str(theirs[name])), 2)
                for name in ("p50_ms", "p99_ms", "behind_first_p50_ms", "behind_first_p99_ms", "cpu_us_per_delivery")
            }
    return results


if __name__ == "__main__":
    Readers(int(sys.argv[1]), bytes.fromhex(sys.argv[3]), bytes.fromhex(sys.argv[4])).run(int(sys.argv[2]))
