"""Pages of the console in Debian's Chromium at a quarter of this machine's speed: a café's board of 500 units and a
hotel's tape chart of 100 rooms, 30 nights and 800 stays. From the first request to the first contentful paint and to
all drawn, with nothing in the cache, how long the page's thread was busy (which does not grow when others want the
machine, too), and the bytes on the wire. Limits: 1 second, 1.5 seconds."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from playwright.async_api import Browser, async_playwright

from bench.serving import TOKEN, served

RUNS = 5
SLOWER = 4
PAINTED_MAX_MS = 1_000
DRAWN_MAX_MS = 1_500
UNITS, SESSIONS = 500, 350
ROOMS, STAYS_EACH, NIGHTS = 100, 8, 30
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WATCH = """
    new MutationObserver(() => {
        if (!document.documentElement.dataset.ready || window.drawnAt) return;
        requestAnimationFrame(() => requestAnimationFrame(() => { window.drawnAt ??= performance.now(); }));
    }).observe(document, { attributes: true, subtree: true });
"""
TOLD = """async () => {
    while (window.drawnAt === undefined) await new Promise((done) => requestAnimationFrame(done));
    return {
        painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null, drawn: window.drawnAt,
    };
}"""


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
        for name, path, marks in (
            ("the frame, with an empty list", "/console/bench-hotel?view=departures", ".empty"),
            (f"board of {UNITS} units", "/console/bench-cafe?group=none", ".tile"),
            (f"tape chart, {ROOMS} rooms, {NIGHTS} nights", f"/console/bench-hotel?nights={NIGHTS}", ".stay"),
        ):
            runs = [await _look(browser, url + path, marks) for _ in range(RUNS + 1)][1:]
            results[name] = _summary(runs)
        await browser.close()
    return results


async def _look(browser: Browser, address: str, marks: str) -> dict[str, float]:
    """One cold load by a slowed browser."""
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
    await page.add_init_script(WATCH)
    await page.goto(address)
    await page.wait_for_selector("html[data-ready]", timeout=60_000)
    told = await page.evaluate(TOLD)
    metrics = {one["name"]: one["value"] for one in (await wire.send("Performance.getMetrics"))["metrics"]}
    count = await page.locator(marks).count()
    await context.close()
    return {
        "painted": told["painted"] or told["drawn"], "drawn": told["drawn"], "kb": size["bytes"] / 1024, "n": count,
        "busy": metrics["TaskDuration"] * 1000, "script": metrics["ScriptDuration"] * 1000,
        "layout": (metrics["LayoutDuration"] + metrics["RecalcStyleDuration"]) * 1000,
    }  # fmt: skip


def _summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    painted, drawn = sorted(run["painted"] for run in runs), sorted(run["drawn"] for run in runs)
    return {
        "drawn": int(runs[0]["n"]),
        "first_paint_ms": [round(painted[0]), round(painted[-1])],
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
