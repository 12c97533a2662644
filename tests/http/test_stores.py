"""Stores over HTTP, on a whole server: connected, synced by its loop, read, exported; and the former addresses."""

import asyncio
import base64
import hashlib
import hmac
import io
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest
from pyarrow import parquet

from holdfast.services.demo_http import Asked, DemoServer, Told
from holdfast.services.demo_shop import TOKEN, DemoShop, ShopOrder, webhook_of
from tests.http.conftest import LiveServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOOK_SECRET = "a-secret-of-webhooks"
KEY = "a key of sixteen characters or more"


class ShopThread:
    """A shop that is served beside the test, in a thread of its own."""

    def __init__(self) -> None:
        self.shop = DemoShop(burst=1e9, per_s=1e9)
        self.address = ""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with DemoServer(self.shop.answer) as server:
            self.address = server.address
            self._ready.set()
            await self._stop.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)


@pytest.fixture
def shop() -> Iterator[ShopThread]:
    thread = ShopThread()
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def server(make_server: Any) -> LiveServer:
    made: LiveServer = make_server(secret_key=KEY, sync_networks="127.0.0.1")
    return made


def order(number: int, **more: Any) -> ShopOrder:
    at = NOON + timedelta(minutes=number)
    given = {"placed_at": at, "updated_at": at, "subtotal": Decimal("10.00"), "customer_id": number % 7, **more}
    return ShopOrder(number, **given)


@pytest.fixture
def store(client: httpx.Client, shop: ShopThread) -> str:
    """The address of a store with one connection, that nothing but a wish syncs."""
    made = client.post("/api/sites", json={"kind": "store", "name": "Buycosari", "time_zone": "UTC"})
    assert made.status_code == 201, made.text
    address: str = made.headers["location"]
    body = {
        "kind": "shopify", "name": "shop", "config": {"address": shop.address},
        "secret": {"access_token": TOKEN, "webhook_secret": HOOK_SECRET},
        "schedules": {"orders": {"is_enabled": False}},
    }  # fmt: skip
    connected = client.post(f"{address}/connections", json=body)
    assert connected.status_code == 201, connected.text
    return address


def ended(client: httpx.Client, store: str, run_id: str) -> dict[str, Any]:
    for _ in range(600):
        run: dict[str, Any] = client.get(f"{store}/sync/runs/{run_id}").json()
        if "ended_at" in run:
            return run
        time.sleep(0.05)
    raise AssertionError(run)


def synced(client: httpx.Client, store: str, **wish: Any) -> dict[str, Any]:
    asked = client.post(f"{store}/sync", json=wish)
    assert asked.status_code == 202, asked.text
    return ended(client, store, asked.json()["id"])


def test_a_store_is_connected_synced_and_read(client: httpx.Client, shop: ShopThread, store: str):
    shop.shop.fill(order(number) for number in range(1, 101))
    run = synced(client, store)
    assert run["state"] == "verified" and run["stages"][0]["done"] == 100
    (connection,) = client.get(f"{store}/connections").json()["connections"]
    assert connection["has_secret"] and TOKEN not in str(connection)
    assert connection["streams"][0]["complete_until"] and connection["streams"][0]["verified_at"]
    cohorts = client.get(f"{store}/ltv/cohorts").json()
    assert cohorts["cohorts"][0]["size"] == 7 and cohorts["watermark"]["orders_as_of"]
    assert cohorts["cohorts"][0]["months"][0]["net"] == "1000"
    assert client.get(f"{store}/ltv/curves").json()["points"][0]["customers"] == 7
    customers = client.get(f"{store}/ltv/customers?limit=3").json()
    assert len(customers["customers"]) == 3 and customers["next"]
    lines = client.get(f"{store}/ltv/export?of=orders").text.splitlines()
    assert len(lines) == 101 and lines[0].startswith("connection,id,name")
    assert client.get(f"{store}/ltv/export?of=customers").text.count("\n") == 8
    assert client.get(f"{store}/ltv/export").headers["content-type"] == "text/csv; charset=utf-8"
    for of, rows in (("cohorts", 1), ("customers", 7), ("orders", 7)):
        answer = client.get(f"{store}/ltv/export?of={of}&format=parquet")
        assert answer.headers["content-disposition"].endswith(f'-{of}.parquet"')
        assert parquet.read_table(io.BytesIO(answer.content)).num_rows >= rows
    assert client.get(f"{store}/ltv/export?format=xlsx").json()["code"] == "invalid_request"
    for path in ("/ltv/prediction", "/ltv/prediction/customers", "/ltv/export?of=predictions"):
        refusal = client.get(store + path)
        assert (refusal.status_code, refusal.json()["code"]) == (409, "too_little_past")
    assert client.get(f"{store}/sync/runs").json()["runs"][0]["id"] == run["id"]
    journal = client.get(f"{store}/journal?after=0").json()["events"]
    assert [event["type"] for event in journal if event["type"].startswith("sync.")][-1] == "sync.ended"


def test_a_secret_is_encrypted_and_never_told(client: httpx.Client, server: LiveServer, shop: ShopThread, store: str):
    assert server.house is not None
    kept = asyncio.run_coroutine_threadsafe(
        server.house.reads.fetchval("select secret from connection"), server._loop
    ).result(10)
    assert TOKEN.encode() not in bytes(kept)
    for text in (client.get(f"{store}/connections").text, client.get(f"{store}/journal?after=0").text):
        assert TOKEN not in text and HOOK_SECRET not in text


def test_what_is_wrong_with_a_connection_is_said_and_a_secret_is_not(client: httpx.Client, store: str):
    def refused(**body: Any) -> dict[str, Any]:
        answer = client.post(f"{store}/connections", json={"name": "x", **body})
        assert answer.status_code in (400, 409), answer.text
        found: dict[str, Any] = answer.json()
        return found

    assert "shopify" in refused(kind="nonsense")["possible"]
    assert refused(kind="shopify", config={"address": "ftp://x"}, secret={"access_token": "t"})["field"] == "config"
    assert refused(kind="shopify", config={"address": "http://x"})["field"] == "secret"
    wrong = refused(kind="shopify", config={"address": "http://x"}, secret={"token": "hush-hush"})
    assert "hush-hush" not in str(wrong)
    rule = {"orders": {"rule": "0 0 31 2 *"}}
    secret = {"access_token": "t"}
    config = {"address": "http://x"}
    assert refused(kind="shopify", config=config, secret=secret, schedules=rule)["field"] == "rule"
    assert refused(kind="shopify", config=config, secret=secret, name="shop")["code"] == "already_exists"


def test_a_webhook_needs_no_token_but_its_signature(server: LiveServer, shop: ShopThread, store: str):
    body = webhook_of(order(1))
    hook = store.replace("/api/sites/", "/api/hooks/") + "/1"
    signature = base64.b64encode(hmac.new(HOOK_SECRET.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "x-shopify-topic": "orders/create", "x-shopify-hmac-sha256": signature, "content-type": "application/json",
    }  # fmt: skip
    with httpx.Client(base_url=server.url) as stranger:
        assert stranger.post(hook, content=body, headers=headers).json() == {"outcome": "changed"}
        assert stranger.post(hook, content=body, headers=headers).json() == {"outcome": "known"}
        assert stranger.post(hook, content=body + b" ", headers=headers).status_code == 401
        assert stranger.get(f"{store}/connections").status_code == 401


def test_a_file_is_handed_in_and_its_rows_are_all_there_or_told(client: httpx.Client, store: str):
    mapping = {"fields": {"id": "Order", "placed_at": "Created", "updated_at": "Created", "gross": "Total"}}
    made = client.post(
        f"{store}/connections",
        json={"kind": "upload", "name": "files", "config": {"mapping": {**mapping, "currency": "USD"}}},
    )
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    rows = "\n".join(f"A{n},2026-03-0{n}T10:00:00Z,{n}.50,ann" for n in range(1, 8))
    content = f"Order,Created,Total,customer_id\n{rows}\n"
    run = client.post(f"{address}/upload", content=content, headers={"content-type": "text/csv"}).json()
    assert (run["state"], run["stages"][0]["done"]) == ("verified", 7), run
    run = client.post(f"{address}/upload", content=content + "A9,2026-03-09T10:00:00Z,much,ann\n").json()
    assert (run["state"], run["stages"][0]["rejects"]) == ("rejects", 1)
    (reject,) = client.get(f"{store}/rejects").json()["rejects"]
    assert reject["id"] == "A9" and "gross is no amount" in reject["reason"]
    assert client.post(f"{store}/rejects/retry").json() == {"tried": 1, "read": 0}
    saved = client.get(f"{store}/rejects/export?reason=GROSS&stream=orders")
    assert saved.headers["content-type"].startswith("text/csv") and ",A9,gross is no amount" in saved.text
    assert client.get(f"{store}/rejects?reason=other").json()["rejects"] == []
    assert client.get(f"{store}/rejects?cursor=x").json()["code"] == "invalid_cursor"
    assert client.get(f"{store}/rejects?connection=x").json()["code"] == "unknown_connection"
    assert client.get(f"{store}/rejects/export?format=x").json()["code"] == "invalid_request"


def test_a_connection_is_changed_and_taken_out_with_its_rows(client: httpx.Client, shop: ShopThread, store: str):
    shop.shop.fill(order(number) for number in range(1, 11))
    synced(client, store)
    changed = client.patch(f"{store}/connections/1", json={"name": "renamed", "is_enabled": False})
    assert (changed.json()["name"], changed.json()["is_enabled"], changed.json()["has_secret"]) == (
        "renamed", False, True,
    )  # fmt: skip
    refused = client.post(f"{store}/sync")
    assert refused.json()["code"] == "no_connections"
    assert client.delete(f"{store}/connections/1").json() == {"id": 1, "deleted": True}
    assert client.get(f"{store}/connections").json() == {"connections": []}
    assert client.get(f"{store}/ltv/export?of=orders").text.count("\n") == 1


def test_a_schedule_syncs_a_store_by_itself_and_only_while_watched_if_so_wished(
    client: httpx.Client, server: LiveServer, shop: ShopThread, store: str
):
    def due_now() -> None:
        assert server.house is not None
        asyncio.run_coroutine_threadsafe(
            server.house.reads.execute("update stream set due_at = now()"), server._loop
        ).result(10)
        server.house.stores.runs.asked[0]()

    shop.shop.put(order(1))
    schedule = {"orders": {"is_enabled": True, "when": "while_watched", "rule": "0 3 * * *"}}
    assert client.patch(f"{store}/connections/1", json={"schedules": schedule}).status_code == 200
    due_now()
    time.sleep(0.3)
    assert client.get(f"{store}/sync/runs").json()["runs"] == []
    assert server.house is not None
    site_id = int(client.get(store).json()["id"])
    asyncio.run_coroutine_threadsafe(server.house.stores.note_watched([site_id]), server._loop).result(10)
    due_now()
    for _ in range(200):
        if runs := client.get(f"{store}/sync/runs").json()["runs"]:
            break
        time.sleep(0.05)
    assert runs[0]["actor"] == "schedule" and ended(client, store, runs[0]["id"])["state"] == "verified"


def test_a_run_is_stopped(client: httpx.Client, shop: ShopThread, store: str):
    shop.shop.fill(order(number) for number in range(1, 5_001))
    began = threading.Event()

    async def slow(asked: Asked, name: str) -> Told | None:
        if name == "Orders":
            began.set()
            await asyncio.sleep(0.2)
        return None

    shop.shop.fault = slow
    run = client.post(f"{store}/sync").json()
    assert began.wait(20)
    again = client.post(f"{store}/sync").json()
    assert again["id"] == run["id"] and again["joined"]
    assert client.post(f"{store}/sync/runs/{run['id']}/cancel").status_code == 202
    assert ended(client, store, run["id"])["state"] == "cancelled"


def test_the_former_addresses_answer_as_their_frontend_knows_them(client: httpx.Client, shop: ShopThread, store: str):
    status = client.get("/api/sync/status/buycosari").json()
    assert status["success"] and status["storeId"] == "buycosari"
    assert status["status"] == {"isSyncing": False, "activeConnections": 0, "hasCronJob": False}
    assert datetime.fromisoformat(status["timestamp"]).tzinfo is not None
    triggered = client.post("/api/test/trigger-sync/buycosari").json()
    assert triggered["success"] and triggered["message"] == "Manual sync triggered for store: buycosari"
    run = client.get(f"{store}/sync/runs").json()["runs"][0]
    assert ended(client, store, run["id"])["state"] == "verified"
    refused = client.post("/api/test/trigger-sync/nowhere")
    assert refused.status_code == 404 and refused.json()["success"] is False
    assert refused.json()["code"] == "unknown_site"


def test_a_store_has_no_units_and_a_place_is_no_store(client: httpx.Client, cafe: str, store: str):
    refused = client.post(f"{store}/units", json={"units": [{"code": "A", "category": "pc"}]})
    assert refused.status_code == 400 and "has no units" in refused.text
    assert client.get(f"{cafe}/connections").json()["code"] == "unknown_store"
    assert client.post(f"{cafe}/sync").json()["code"] == "unknown_store"
    assert client.get(f"{store}/connections/99").json()["code"] == "unknown_connection"
    assert client.get(f"{store}/sync/runs/none").json()["code"] == "unknown_run"


def test_a_rate_is_set_in_the_stores_currency(client: httpx.Client, store: str):
    made = client.put(f"{store}/rates", json={"currency": "EUR", "day": "2026-01-01", "rate": "1.0834"})
    assert made.json() == {"currency": "EUR", "into": "USD", "day": "2026-01-01", "rate": "1.0834"}
    assert client.get(f"{store}/rates").json() == {"rates": [made.json()]}
    refused = client.put(f"{store}/rates", json={"currency": "USD", "day": "2026-01-01", "rate": "1"})
    assert refused.json()["field"] == "currency"
    assert msgspec.json.decode(refused.content)["code"] == "invalid_request"
