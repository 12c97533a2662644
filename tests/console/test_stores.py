"""Stores as people see them: a source connected, a run watched as it goes, rows set aside, what customers are worth."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from holdfast.services.demo_ads import ACCOUNT, ADS_TOKEN, PATH_END, spent_on
from holdfast.services.demo_http import Asked, DemoServer, Told
from holdfast.services.demo_orders import generated, moved_to_end_at, shop_orders
from holdfast.services.demo_shop import TOKEN, DemoShop, ShopOrder
from tests.console.conftest import Looker
from tests.console.test_look import LOOKS, check
from tests.http.conftest import LiveServer, module_server

__all__ = ["module_server"]

LONG_MS = 20_000
KEY = "a key of sixteen characters or more"
PAGE_ROWS, PAGES_FREE = 250, 6
"""The shop, when it is held, has told so many pages: a batch of them is written, and no second one."""
NOW = datetime.now(UTC).replace(microsecond=0)
MARCH = datetime(2026, 3, 2, 12, tzinfo=UTC)
WELL = "id,updated_at,placed_at,gross,customer_id\n1,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,12.50,ann\n"
OTHERWISE = "number,changed,placed_at,gross,currency\n7,2026-03-02T10:00:00Z,2026-03-02T10:00:00Z,8.00,EUR\n"


class Outside:
    """A shop and an ad account in a thread of their own. While `goes_on` is not set the shop keeps whoever asks for
    more than its first pages waiting."""

    def __init__(self) -> None:
        self.shop = DemoShop(burst=1e9, per_s=1e9)
        self.shop.fault = self._held
        self.ads = spent_on([])
        self.goes_on = threading.Event()
        self.pages = 0
        self.address = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _held(self, asked: Asked, name: str) -> Told | None:
        if name == "Orders":
            self.pages += 1
            while self.pages > PAGES_FREE and not self.goes_on.is_set():
                await asyncio.sleep(0.01)
        return None

    async def _answer(self, asked: Asked) -> Told:
        return await (self.ads if asked.path.endswith(PATH_END) else self.shop).answer(asked)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with DemoServer(self._answer) as server:
            self.address = server.address
            self._ready.set()
            await self._stop.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self.goes_on.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def server(module_server: Any) -> LiveServer:
    made: LiveServer = module_server(admin_token=None, secret_key=KEY, sync_networks="127.0.0.1")
    return made


def store(client: httpx.Client, slug: str) -> str:
    """A new store in UTC; its address in the console."""
    made = {"kind": "store", "name": slug.title(), "time_zone": "UTC", "slug": slug, "settings": {"currency": "USD"}}
    assert client.post("/api/sites", json=made).status_code == 201
    return f"/console/{slug}"


def order(number: int) -> ShopOrder:
    at = MARCH + timedelta(minutes=number)
    return ShopOrder(number, at, at, Decimal("10.00"), number % 7)


def connect(client: httpx.Client, slug: str, kind: str, name: str, config: Any, secret: Any = None) -> int:
    stream = "ads" if kind == "meta_ads" else "orders"
    body = {
        "kind": kind,
        "name": name,
        "config": config,
        "secret": secret,
        "schedules": {stream: {"is_enabled": False}},
    }
    answer = client.post(f"/api/sites/{slug}/connections", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def hand_in(client: httpx.Client, slug: str, connection: int, text: str) -> None:
    address = f"/api/sites/{slug}/connections/{connection}/upload"
    assert client.post(address, content=text, headers={"content-type": "text/csv"}).status_code == 200


async def stage(page: Page, name: str, state: str) -> None:
    await page.locator(f'.stage[data-stage="{name}"][data-state="{state}"]').first.wait_for(timeout=LONG_MS)


async def connect_a_shop(page: Page, address: str) -> None:
    """By the form, as a person does."""
    await page.get_by_role("button", name="Connect a source").last.click()
    await page.get_by_role("button", name="Shopify").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name", exact=True).fill("shop")
    await form.get_by_label("Address").fill("shop.example.org")
    await form.get_by_label("Access token").fill(TOKEN)
    await form.get_by_label("Schedule").select_option("off")
    # an address without http is refused before it is sent, and what was typed stays
    await form.get_by_role("button", name="Connect", exact=True).click()
    await form.get_by_label("Address").fill(address)
    await form.get_by_role("button", name="Connect", exact=True).click()
    await page.locator('.source[data-connection="shop"]').wait_for(timeout=LONG_MS)
    assert TOKEN not in await page.content()


async def test_a_store_is_connected_and_its_run_is_watched_by_all(
    looker: Looker, client: httpx.Client, outside: Outside
) -> None:
    home = store(client, "watched")
    outside.shop.fill(order(number) for number in range(1, 10 * PAGE_ROWS + 1))
    page = await looker.open(home)
    await connect_a_shop(page, outside.address)
    other, cohorts = await looker.open(f"{home}/runs"), await looker.open(f"{home}/ltv")
    await cohorts.get_by_text("No cohorts yet").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Run now", exact=True).first.click()
    for seen in (page, other):
        await stage(seen, "orders", "running")
        await seen.get_by_text("1,500 of 2,500 rows").first.wait_for(timeout=LONG_MS)
        await stage(seen, "ltv", "waiting")
    # whoever asks meanwhile joins
    await other.get_by_role("button", name="Run now").click()
    await other.get_by_text("A run is at it already").first.wait_for(timeout=LONG_MS)
    await other.get_by_role("log").get_by_text("1,500 of 2,500 rows").wait_for(timeout=LONG_MS)
    outside.goes_on.set()
    await stage(other, "orders", "verified")
    await stage(other, "ltv", "done")
    await page.locator('[data-fresh="by_hand"]').wait_for(timeout=LONG_MS)
    await page.locator(".source").get_by_text("Verified").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Switch the verification off").click()
    await page.get_by_role("button", name="Switch the verification on").wait_for(timeout=LONG_MS)
    # no reload: the table is there once the run counted it, and another order is in it once that came in
    row = cohorts.locator('tr[data-row="2026-03-01"]')
    await row.get_by_text("$3.6").first.wait_for(timeout=LONG_MS)
    outside.shop.put(ShopOrder(9_999, NOW, NOW, Decimal("700.00"), 3))
    await page.get_by_role("button", name="Run now", exact=True).first.click()
    await cohorts.locator(".heat-cell", has_text="$3.7").first.wait_for(timeout=LONG_MS)
    await page.locator(".store-figures").get_by_text("2,501").wait_for(timeout=LONG_MS)
    # each cell can be gone to, and is told in full
    await cohorts.locator('.heat-cell[tabindex="0"]').focus()
    await cohorts.keyboard.press("ArrowRight")
    await cohorts.locator(".heat-about", has_text="Mar 2026, Month 1").wait_for(timeout=LONG_MS)
    # seven customers are too few to foretell anything of: how many there are is said, and how many it takes
    await cohorts.goto(f"{looker.url}{home}/forecast")
    await cohorts.get_by_text("Nothing can be foretold yet").first.wait_for(timeout=LONG_MS)
    await cohorts.get_by_text("7 of 200").wait_for(timeout=LONG_MS)
    await check(cohorts)


async def test_a_run_is_stopped_and_keeps_what_came_in(looker: Looker, client: httpx.Client, outside: Outside) -> None:
    home = store(client, "halted")
    connect(client, "halted", "shopify", "shop", {"address": outside.address}, {"access_token": TOKEN})
    outside.shop.fill(order(number) for number in range(1, 10 * PAGE_ROWS + 1))
    page = await looker.open(f"{home}/runs")
    await page.get_by_role("button", name="Run now").click()
    await page.get_by_text("1,500 of 2,500 rows").first.wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Stop").click()
    await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    await page.get_by_role("button", name="Stopping").wait_for(timeout=LONG_MS)
    outside.goes_on.set()
    await page.locator('.run[data-state="cancelled"]').wait_for(timeout=LONG_MS)
    await page.get_by_role("log").get_by_text("Ended: Stopped").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Read again").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("From").fill("2026-03-01")
    await form.get_by_role("button", name="Read", exact=True).click()
    await page.locator('.run[data-state="verified"]').wait_for(timeout=LONG_MS)
    assert await page.get_by_role("row", name="Range read again").count() == 1


async def test_a_row_set_aside_is_read_once_the_names_of_columns_are_right(
    looker: Looker, client: httpx.Client
) -> None:
    home = store(client, "files")
    till = connect(client, "files", "upload", "till", {"stream": "orders", "mapping": {"currency": "USD"}})
    page = await looker.open(home)
    await page.get_by_role("button", name="Hand in a file: till").click()
    form = page.get_by_role("dialog")
    for name, text in (("well.csv", WELL), ("otherwise.csv", OTHERWISE)):
        await form.get_by_label("File").set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})
        await form.get_by_role("button", name="Hand in a file").click()
        await form.locator(".stage").first.wait_for(timeout=LONG_MS)
    await form.get_by_text("1 row set aside").first.wait_for(timeout=LONG_MS)
    await form.get_by_role("link", name="Set aside").click()
    await page.wait_for_selector("html[data-ready]")
    # more than a page of them, told as they come in; chosen by a part of the reason
    many = OTHERWISE + "".join(
        OTHERWISE.splitlines(keepends=True)[1].replace("7,", f"{n},", 1) for n in range(100, 160)
    )
    hand_in(client, "files", till, many)
    await page.locator("#screen").get_by_text("61 rows set aside").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Next").click()
    await page.get_by_text("Page 2, 11 rows").wait_for(timeout=LONG_MS)
    await page.get_by_label("Part of the reason").fill("nothing like it")
    await page.get_by_text("No such row is set aside").wait_for(timeout=LONG_MS)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Show all rows").click()
        await page.locator("#screen").get_by_text("61 rows set aside").wait_for(timeout=LONG_MS)
        await page.get_by_role("link", name="CSV").click()
    assert (await (await saving.value).path()).read_text().count("is missing") == 61
    await page.get_by_role("row", name="is missing").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Order number").fill("number")
    await form.get_by_label("Changed at").fill("changed")
    await form.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Try again").click()
    await page.get_by_text("Nothing is set aside").wait_for(timeout=LONG_MS)
    await page.goto(f"{looker.url}{home}")
    await page.locator(".store-figures div", has_text="Rows set aside").get_by_text("0").wait_for(timeout=LONG_MS)


@pytest.fixture(scope="module")
def filled(server: LiveServer) -> Iterator[str]:
    """A store with two years of customers, what they cost, a row set aside, and a source that is switched off."""
    outside = Outside()
    outside.goes_on.set()
    given = generated(800)
    moved = moved_to_end_at(given, NOW.date())
    outside.shop.fill(shop_orders(given, moved=moved))
    outside.shop.spoil(3, b'{"id": "gid://shopify/Order/3", "updatedAt": "no time"}')
    outside.ads = spent_on(given, moved=moved)
    outside.start()
    client = server.client
    home = store(client, "filled")
    connect(client, "filled", "shopify", "shop", {"address": outside.address}, {"access_token": TOKEN})
    ads = {"account": ACCOUNT, "address": outside.address}
    connect(client, "filled", "meta_ads", "ads", ads, {"access_token": ADS_TOKEN})
    run = client.post("/api/sites/filled/sync").json()["id"]
    for _ in range(600):
        if "ended_at" in client.get(f"/api/sites/filled/sync/runs/{run}").json():
            break
        time.sleep(0.05)
    gone = connect(client, "filled", "shopify", "old shop", {"address": outside.address}, {"access_token": "no"})
    client.patch(f"/api/sites/filled/connections/{gone}", json={"is_enabled": False})
    yield home
    outside.stop()


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_screens_of_a_store_are_for_everyone(looker: Looker, filled: str, scheme: str, viewport: Any) -> None:
    page = await looker.open(filled, scheme=scheme, viewport=viewport)
    await page.wait_for_selector(".source-stream")
    await check(page)
    await page.goto(f"{looker.url}/console/stores")
    await page.get_by_role("row", name="Filled").get_by_text("1 row set aside").wait_for(timeout=LONG_MS)
    await check(page)
    await page.goto(looker.url + filled)
    await page.get_by_role("button", name="Connect a source").click()
    await check(page)
    await page.get_by_role("button", name="Any JSON API").click()
    await check(page)
    for screen, wait in (
        ("runs", ".run-log .is-strong"),
        ("ltv", '.curve[data-curve="cost"] svg'),
        ("forecast", '.curve[data-curve="trial"] svg'),
        ("customers", ".segment-card"),
        ("rejects", ".reject-why"),
    ):
        await page.goto(f"{looker.url}{filled}/{screen}")
        await page.wait_for_selector(wait)
        await check(page)


def ltv(client: httpx.Client, path: str) -> httpx.Response:
    return client.get(f"/api/sites/filled/ltv/{path}")


async def test_what_is_foretold_is_told_with_how_far_it_was_off(
    looker: Looker, client: httpx.Client, filled: str
) -> None:
    told, far = (ltv(client, f"prediction?weeks={weeks}").json() for weeks in (52, 104))
    assert told["customers"] == told["customers_total"] and told["orders_total"] < far["orders_total"]
    each = ltv(client, "export?of=predictions").text.splitlines()
    heads = each[0].split(",")
    orders = sum(float(line.split(",")[heads.index("expected_orders")] or 0) for line in each[1:])
    assert abs(orders - told["orders_total"]) < 0.01 * orders
    page = await looker.open(f"{filled}/forecast")
    trial = page.locator('.curve[data-curve="trial"]')
    shown = f"foretold {told['held_out_foretold']:.0f} orders; {told['held_out_real']} came"
    await trial.get_by_text(shown).wait_for(timeout=LONG_MS)
    await trial.get_by_text("The numbers as a table").click()
    last = trial.get_by_role("row").last
    assert str(told["held_out_real"]) in await last.inner_text()
    await check(page)
    await page.get_by_role("button", name="2 years").click()
    await page.locator(".forecast-figures").get_by_text(f"{far['orders_total']:,.0f}").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Next").click()
    await page.get_by_text("Page 2, 25 rows").wait_for(timeout=LONG_MS)
    async with page.expect_download() as saving:
        await trial.get_by_role("button", name="as CSV").click()
    assert len((await (await saving.value).path()).read_text().splitlines()) == len(told["held_out"]) + 1


def test_everybody_is_in_one_segment_and_its_list_holds_them(client: httpx.Client, filled: str) -> None:
    segments = client.get("/api/sites/filled/ltv/segments").json()["segments"]
    customers = client.get("/api/sites/filled/sync").json()["totals"]["customers"]
    assert sum(one["customers"] for one in segments) == customers > 0
    for one in segments:
        query = f"/api/sites/filled/ltv/customers?limit=500&segment={one['segment']}"
        found = client.get(query).json()["customers"]
        assert {each["segment"] for each in found} <= {one["segment"]}
        assert len(found) == min(500, one["customers"])
    assert client.get("/api/sites/filled/ltv/customers?segment=x").json()["code"] == "invalid_request"
