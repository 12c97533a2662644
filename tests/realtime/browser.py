"""Clients that run in Node.js with the real `socket.io-client`, and the servers they speak to."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.process import TOKEN

SCRIPT = Path(__file__).parent / "socketio_client.mjs"
WAIT_S = 8.0

Line = dict[str, Any]


def install(folder: Path) -> str | None:
    """Installs socket.io-client there unless it is; why not, if that cannot be done."""
    if (folder / "node_modules" / "socket.io-client").is_dir():
        return None
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not on this machine"
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), "socket.io-client@4"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return "the npm registry did not answer in time"
    return None if done.returncode == 0 else f"socket.io-client cannot be installed: {done.stderr[-300:]}"


class Browser:
    """One page. `lines` is all that it has told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Line] = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def until(self, what: Callable[[Line], bool], *, behind: int = 0, within_s: float = WAIT_S) -> Line:
        """The first line like that, from a place on."""
        async with asyncio.timeout(within_s):
            while True:
                for line in self.lines[behind:]:
                    if what(line):
                        return line
                self._news.clear()
                await self._news.wait()

    async def heard(self, event: str, *, behind: int = 0, within_s: float = WAIT_S) -> Line:
        """The payload of the first event of that name, from a place on."""
        try:
            line = await self.until(lambda line: line.get("event") == event and line["is"] == "event",
                                    behind=behind, within_s=within_s)  # fmt: skip
        except TimeoutError:
            raise AssertionError(f"no {event} among {self.lines[behind:]}") from None
        payload: Line = line["args"][0]
        return payload

    async def connected(self, *, behind: int = 0) -> Line:
        return await self.until(lambda line: line["is"] == "connect", behind=behind, within_s=20)

    async def shown(self, time: str, status: str, *, behind: int = 0) -> None:
        """Waits until its slot list shows that."""

        def shows(line: Line) -> bool:
            return line["is"] == "slots" and any(s["slot"] == time and s["status"] == status for s in line["slots"])

        try:
            await self.until(shows, behind=behind)
        except TimeoutError:
            raise AssertionError(f"{time} is not {status}: {self.lines[behind:]}") from None

    async def ask(self, event: str, *args: Any) -> Line:
        """Sends an event; its acknowledgement."""
        behind = len(self.lines)
        self.send(emit=event, args=args)
        line = await self.until(lambda line: line["is"] == "answer" and line["event"] == event, behind=behind)
        answer: Line = line["answer"]
        return answer

    def send(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")

    def events(self) -> list[Line]:
        return [line for line in self.lines if line["is"] == "event"]

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.lines.append(json.loads(line))
            self._news.set()


class Browsers:
    """Opens pages, and closes them at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: list[Browser] = []

    async def open(self, url: str, *, wizard: Line | None = None, **options: Any) -> Browser:
        """A page that connects; it need not be connected yet. Options are socket.io-client's."""
        given = {"folder": str(self._folder), "url": url, "options": options, "wizard": wizard, "token": TOKEN}
        process = await asyncio.create_subprocess_exec(
            "node", str(SCRIPT), json.dumps(given), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=1024 * 1024,
        )  # fmt: skip
        browser = Browser(process)
        self._open.append(browser)
        return browser

    async def connect(self, url: str, *, wizard: Line | None = None, **options: Any) -> Browser:
        """A page that is connected."""
        browser = await self.open(url, wizard=wizard, **options)
        await browser.connected()
        return browser

    async def close(self) -> None:
        for browser in self._open:
            if browser.process.returncode is None:
                browser.process.kill()
            await browser.process.wait()
            await browser._reading


@asynccontextmanager
async def browsers(folder: Path) -> AsyncIterator[Browsers]:
    found = Browsers(folder)
    try:
        yield found
    finally:
        await found.close()


async def campus(client: httpx.AsyncClient, *grounds: str) -> None:
    """Makes a sports site with these grounds, open for requests."""
    site = {"kind": "grounds", "name": "Campus", "time_zone": "Asia/Kolkata"}
    assert (await client.post("/api/sites", json=site)).status_code == 201
    units = [{"code": code, "category": "ground"} for code in grounds]
    assert (await client.post("/api/sites/campus/units", json={"units": units})).status_code == 200


async def book(client: httpx.AsyncClient, ground: str, day: str, time: str, **more: Any) -> str:
    """Asks for a slot as the replaced frontend does; the booking's id."""
    body = {
        "game": "Volleyball", "ground": ground, "date": day, "time": time, "name": "Ann Lee", "phone": "555-0101",
        "email": "ann@example.org", "rollNumber": "21CS01", "teamMembers": ["Ben Oh"], **more,
    }  # fmt: skip
    answer = await client.post("/bookings", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["booking"]["_id"])


async def act(client: httpx.AsyncClient, booking: str, name: str) -> None:
    answer = await client.put(f"/bookings/{booking}/{name}", json={"reason": "because"})
    assert answer.status_code == 200, answer.text
