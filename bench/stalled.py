"""A million events to a thousand readers of one site, of whom a tenth stand still for longer than the server waits: how
much memory that takes, and whether anybody lost, doubled or reordered one after coming again."""

import asyncio
import json
import re
import select
import socket
import sys
import time

from bench.ground import desk_on, make_sites
from bench.live import listening, resident_mib
from bench.serving import TOKEN, Client, served

READERS = 1_000
LINES = 1_000
BYTES = 10_000
"""Of a line: all of them are more than a connection's buffers in the kernel take."""
RATE = 40
STILL_S = 50.0
"""The server cuts whoever has read nothing for 30 s."""
_LINE = re.compile(rb"id: (\w+:)(\d+)\nevent: ")


class Reader:
    """One reader: checks that each line is the next one."""

    def __init__(self, port: int, hello: bytes, *, is_slow: bool) -> None:
        self._port, self._hello, self._is_slow = port, hello, is_slow
        self.position = b""
        self.last = 0
        self.lines = 0
        self.resumes = -1
        self.connect()

    def connect(self) -> None:
        self.resumes += 1
        self._rest = b""
        self.socket = socket.socket()
        if self._is_slow:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", self._port))
        more = b"Last-Event-ID: %b\r\n" % self.position if self.position else b""
        self.socket.sendall(self._hello.replace(b"\r\n\r\n", b"\r\n%b\r\n" % more))

    def read(self) -> None:
        """Reads what there is; a connection that was cut is taken up behind the last line."""
        try:
            data = self.socket.recv(262_144)
        except ConnectionError:
            data = b""
        if not data:
            self.socket.close()
            self.connect()
            return
        data = self._rest + data
        end = 0
        for found in _LINE.finditer(data):
            version, end = int(found[2]), found.end()
            if self.last and version != self.last + 1:
                raise SystemExit(f"{version} came behind {self.last}")
            self.last, self.position = version, found[1] + found[2]
            self.lines += 1
        self._rest = data[max(end, len(data) - 80) :]


def read_all(port: int, count: int, hello: bytes) -> None:
    """What the process of readers does: a tenth of them begins to read only after a while."""
    readers = [Reader(port, hello, is_slow=number % 10 == 0) for number in range(count)]
    poll = select.epoll()
    by_number = {}
    for number, reader in enumerate(readers):
        reader.socket.recv(1)  # it is let in
        if number % 10:
            by_number[reader.socket.fileno()] = reader
            poll.register(reader.socket.fileno(), select.EPOLLIN)
    print("ready", flush=True)
    still_until, done = time.monotonic() + STILL_S, 0
    while done < count:
        if still_until and time.monotonic() > still_until:
            still_until = 0.0
            for reader in readers[::10]:
                by_number[reader.socket.fileno()] = reader
                poll.register(reader.socket.fileno(), select.EPOLLIN)
        for number, _ in poll.poll(0.5):
            reader = by_number.pop(number)
            before = reader.resumes
            reader.read()
            if reader.resumes != before:  # its old number is gone with the connection
                poll.register(reader.socket.fileno(), select.EPOLLIN)
            by_number[reader.socket.fileno()] = reader
            if reader.lines == LINES:
                done += 1
                reader.lines += 1
    print(json.dumps([sum(reader.lines - 1 for reader in readers), sum(reader.resumes > 0 for reader in readers)]))


async def main(database_url: str) -> dict[str, object]:
    async with desk_on(database_url) as (pool, desk):
        (site_id,) = await make_sites(pool, desk, 1, 3)
    async with served(database_url=database_url) as server:
        head = f"GET /api/sites/{site_id}/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        began_mib = resident_mib(server.process.pid)
        async with listening(server.port, READERS, head.encode(), b"", module="bench.stalled") as process:
            client = await Client.open(server.port)
            idle_mib = peak_mib = resident_mib(server.process.pid)
            began = time.monotonic()
            for number in range(LINES):
                told = json.dumps({"attributes": {"note": f"{number:06}" + "x" * BYTES}}).encode()
                status, answer = await client.request("PATCH", f"/api/sites/{site_id}/units/PC000", told)
                assert status == 200, answer
                peak_mib = max(peak_mib, resident_mib(server.process.pid))
                await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            assert process.stdout is not None
            reading = asyncio.create_task(process.stdout.readline())
            async with asyncio.timeout(240):
                while not reading.done():
                    peak_mib = max(peak_mib, resident_mib(server.process.pid))
                    await asyncio.wait({reading}, timeout=0.05)
            delivered, resumed = json.loads(reading.result())
            await client.close()
    return {
        f"{READERS} readers, {READERS // 10} of them still for {STILL_S:.0f} s": {
            "delivered": delivered, "lost_doubled_or_reordered": READERS * LINES - delivered,
            "cut_and_resumed": resumed, "gib": round(delivered * BYTES / 2**30, 1),
            "mib_before": began_mib, "mib_with_idle_readers": idle_mib, "mib_most": peak_mib,
        }
    }  # fmt: skip


if __name__ == "__main__":
    read_all(int(sys.argv[1]), int(sys.argv[2]), bytes.fromhex(sys.argv[3]))
