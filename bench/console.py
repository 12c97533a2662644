"""Pages of the console in Debian's Chromium at a quarter of this machine's speed: a café's board of 500 units and a
hotel's tape chart of 100 rooms, 30 nights and 800 stays. From the first request to the first contentful paint and to
all drawn, with nothing in the cache, how long the page's thread was busy (which does not grow when others want the
machine, too), and the bytes on the wire. Limits: 1 second, 1.5 seconds."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from playwright.async_api import Browser, async_playwright

from bench.serving import TOKEN, served

RUNS = 5
SLOWER = 4
PAINTED_MAX_MS = 1_000
DRAWN_MAX_MS = 1_500
UNITS, SESSIONS = 500, 350
ROOMS, STAYS_EACH, NIGHTS = 100, 8, 30
STAYS = ROOMS * STAYS_EACH
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WATCH = """
    window.watched = new Promise((done) => {
        const told = { first: null };
        const look = () => {
            const count = document.getElementsByClassName("MARK").length;
            const now = performance.now();
            // what is there at the beginning of a frame was painted at the end of the one before
            if (count > 0) told.first ??= now;
            if (count < WANTED) return requestAnimationFrame(look);
            requestAnimationFrame(() => {
                const [paint] = performance.getEntriesByName("first-contentful-paint");
                done(JSON.stringify({ ...told, drawn: performance.now(), painted: paint?.startTime ?? now }));
            });
        };
        requestAnimationFrame(look);
    });
"""


async def main(database_url: str) -> dict[str, object]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return {"skipped": "there is no Chromium on this machine"}
    results: dict[str, object] = {}
    async with served(database_url=database_url) as server, async_playwright() as playwright:
        url = f"http://127.0.0.1:{server.port}"
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            await _cafe(client)
            await _hotel(client)
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, path, mark, wanted in (
            ("the frame, with an empty list", "/console/bench-hotel?view=departures", "empty", 1),
            (f"board of {UNITS} units", "/console/bench-cafe?group=none", "tile", UNITS),
            (f"tape chart, {ROOMS} rooms, {NIGHTS} nights", f"/console/bench-hotel?nights={NIGHTS}", "stay", STAYS),
        ):
            runs = [await _look(browser, url + path, mark, wanted) for _ in range(RUNS + 1)][1:]
            results[name] = _summary(runs)
        await browser.close()
    return results


async def _look(browser: Browser, address: str, mark: str, wanted: int) -> dict[str, float]:
    """One cold load by a slowed browser, until so many elements of a class are painted."""
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, extra_http_headers={"Authorization": f"Bearer {TOKEN}"}
    )
    page = await context.new_page()
    wire = await context.new_cdp_session(page)
    await wire.send("Network.enable")
    await wire.send("Performance.enable", {"timeDomain": "threadTicks"})
    await wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    size = {"bytes": 0}

    def finished(event: dict[str, Any]) -> None:
        size["bytes"] += int(event["encodedDataLength"])

    wire.on("Network.loadingFinished", finished)
    await page.add_init_script(WATCH.replace("MARK", mark).replace("WANTED", str(wanted)))
    await page.goto(address, wait_until="commit")
    # not by the library, whose own scripts would be measured, too
    asked = {"expression": "window.watched", "awaitPromise": True}
    told = msgspec.json.decode((await wire.send("Runtime.evaluate", asked))["result"]["value"])
    metrics = {one["name"]: one["value"] for one in (await wire.send("Performance.getMetrics"))["metrics"]}
    await context.close()
    return {
        "painted": told["painted"], "first": told["first"], "drawn": told["drawn"], "kb": size["bytes"] / 1024,
        "busy": metrics["TaskDuration"] * 1000, "script": metrics["ScriptDuration"] * 1000,
        "layout": (metrics["LayoutDuration"] + metrics["RecalcStyleDuration"]) * 1000,
    }  # fmt: skip


def _summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    painted, first, drawn = (sorted(run[name] for run in runs) for name in ("painted", "first", "drawn"))
    return {
        "first_paint_ms": [round(painted[0]), round(painted[-1])],
        "first_screen_ms": [round(first[0]), round(first[-1])],
        "all_drawn_ms": [round(drawn[0]), round(drawn[-1])],
        "busy_ms": [round(min(run["busy"] for run in runs)), round(max(run["busy"] for run in runs))],
        "script_ms": round(min(run["script"] for run in runs)),
        "layout_ms": round(min(run["layout"] for run in runs)),
        "wire_kb": round(runs[0]["kb"]),
        "of_limit": [
            round(painted[len(runs) // 2] / PAINTED_MAX_MS, 2), round(drawn[len(runs) // 2] / DRAWN_MAX_MS, 2),
        ],
    }  # fmt: skip


async def _cafe(client: httpx.AsyncClient) -> None:
    await _made(client, "/api/sites", kind="cafe", name="Bench", time_zone="UTC", slug="bench-cafe")
    units = [{"code": f"PC{n:03}", "category": "pc"} for n in range(UNITS)]
    await _made(client, "/api/sites/bench-cafe/units", units=units)
    until = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    await _each(
        client, "/api/sites/bench-cafe/bookings",
        [{"unit": f"PC{n:03}", "walk_in": True, "to": until, "customer": {"name": f"Guest {n}"}}
         for n in range(SESSIONS)],
    )  # fmt: skip


async def _hotel(client: httpx.AsyncClient) -> None:
    await _made(client, "/api/sites", kind="hotel", name="Bench", time_zone="UTC", slug="bench-hotel")
    categories = ("single", "double", "double", "suite")
    units = [{"code": f"{100 + n}", "category": categories[n % 4], "condition": "clean"} for n in range(ROOMS)]
    await _made(client, "/api/sites/bench-hotel/units", units=units)
    today, stays = datetime.now(UTC).date(), []
    for n in range(ROOMS):
        first = today + timedelta(days=1)
        for number in range(STAYS_EACH):
            nights = 3 + (n + number) % 2
            guest = {"name": f"Guest {n} {number}", "email": f"guest{n}.{number}@example.org"}
            stays.append({"unit": f"{100 + n}", "date": first.isoformat(), "nights": nights, "customer": guest})
            first += timedelta(days=nights)
    await _each(client, "/api/sites/bench-hotel/bookings", stays)


async def _each(client: httpx.AsyncClient, path: str, bodies: list[dict[str, Any]]) -> None:
    for first in range(0, len(bodies), 50):
        await asyncio.gather(*(_made(client, path, **body) for body in bodies[first : first + 50]))


async def _made(client: httpx.AsyncClient, path: str, **body: Any) -> None:
    answer = await client.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
