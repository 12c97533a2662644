"""1,000 open boards of one café of 500 PCs on one server, while 50 changes a second happen there: from the moment
somebody sends a change to the moment it is with each board, and, in a few pages of a real Chromium among them, to the
moment its tile is painted; what of a core the server takes for it all, commands included."""

import asyncio
import json
import os
import shutil
import time
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from bench.console import ARGUMENTS
from bench.ground import desk_on, make_sites
from bench.live import SECONDS, listening, measured
from bench.serving import TOKEN, Client, served

BOARDS = int(os.environ.get("BENCH_BOARDS", "1000"))
CHANGES_PER_S = int(os.environ.get("BENCH_CHANGES", "50"))
PAGES, UNITS = 3, 500
CALLERS = 8
_LISTEN = (
    "GET /api/sites/{site}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
    "Accept: text/event-stream\r\n\r\n"
)
_WATCH = """() => {
    window.seen = [];
    new MutationObserver((records) => {
        const tiles = records.map(({ target }) => target).filter((target) => target.classList.contains("tile"));
        const units = new Set(tiles.map((tile) => tile.dataset.unit));
        requestAnimationFrame(() => setTimeout(() => {
            const at = performance.timeOrigin + performance.now();
            for (const unit of units) window.seen.push([unit, at]);
        }, 0));
    }).observe(document.querySelector(".board"), { subtree: true, attributes: true, attributeFilter: ["class"] });
}"""


class Changes:
    """One PC after the other goes out of use and comes back, by several callers, so that the rate is kept however long
    an answer takes; remembers when each change was sent."""

    def __init__(self, clients: list[Client], site_id: int) -> None:
        self._site_id, self._count = site_id, 0
        self._free: asyncio.Queue[Client] = asyncio.Queue()
        for client in clients:
            self._free.put_nowait(client)
        self._under_way: set[asyncio.Task[None]] = set()
        self.sent: dict[str, list[float]] = {}
        """Milliseconds since 1970, by unit, in their order."""

    async def post(self, mark: str) -> None:
        client = await self._free.get()
        task = asyncio.create_task(self._send(client, mark))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _send(self, client: Client, mark: str) -> None:
        code, is_back = f"PC{self._count % UNITS:03}", self._count // UNITS % 2 == 1
        self._count += 1
        body = {"condition": None if is_back else "under_maintenance", "note": mark}
        self.sent.setdefault(code, []).append(time.time() * 1000)
        path = f"/api/sites/{self._site_id}/units/{code}"
        status, answer = await client.request("PATCH", path, json.dumps(body).encode())
        assert status == 200, answer
        self._free.put_nowait(client)


async def main(database_url: str) -> dict[str, object]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    async with desk_on(database_url) as (pool, desk):
        (site_id,) = await make_sites(pool, desk, 1, UNITS)
    async with served(database_url=database_url) as server, async_playwright() as playwright:
        browser = None
        if chromium is not None:
            browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        pages = [await _open(browser, server.port, site_id) for _ in range(PAGES)] if browser is not None else []
        hello = _LISTEN.format(site=site_id, port=server.port, token=TOKEN).encode()
        async with listening(server.port, BOARDS, hello, b"id: ") as process:
            clients = [await Client.open(server.port) for _ in range(CALLERS)]
            changes = Changes(clients, site_id)
            found = await measured(server.process.pid, process, changes.post, BOARDS, CHANGES_PER_S)
            for client in clients:
                await client.close()
        seen = [await page.evaluate("window.seen") for page in pages]
        if browser is not None:
            await browser.close()
    spent = float(str(found["cpu_us_per_delivery"])) * int(str(found["delivered"])) / 1e6
    results: dict[str, object] = {
        f"{BOARDS} boards, {CHANGES_PER_S} changes/s": {
            **found, "per_s": round(int(str(found["events"])) / SECONDS, 1), "server_cores": round(spent / SECONDS, 2),
        },
    }  # fmt: skip
    results[f"{len(pages)} of them in Chromium, painted"] = _painted(changes.sent, seen) if pages else {
        "skipped": "there is no Chromium on this machine"
    }  # fmt: skip
    return results


async def _open(browser: Browser, port: int, site_id: int) -> Page:
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, extra_http_headers={"Authorization": f"Bearer {TOKEN}"}
    )
    page = await context.new_page()
    await page.goto(f"http://127.0.0.1:{port}/console/{site_id}?group=none")
    await page.wait_for_selector("html[data-ready]", timeout=60_000)
    await page.wait_for_function(f"document.getElementsByClassName('tile').length === {UNITS}", timeout=60_000)
    await page.evaluate(_WATCH)
    return page


def _painted(sent: dict[str, list[float]], seen: list[list[tuple[str, float]]]) -> dict[str, Any]:
    """Each change's way to the paint of its tile: the nth change of a unit is the nth time that its tile changed."""
    took: list[float] = []
    for each in seen:
        by_unit: dict[str, list[float]] = {}
        for unit, at in each:
            by_unit.setdefault(unit, []).append(at)
        for unit, instants in sent.items():
            took += [there - gone for gone, there in zip(instants, by_unit.get(unit, []), strict=False)]
    took.sort()
    wanted = len(seen) * sum(len(instants) for instants in sent.values())
    return {
        "seen": len(took), "of": wanted,
        "p50_ms": round(took[len(took) // 2]), "p99_ms": round(took[int(len(took) * 0.99)]),
    }  # fmt: skip
