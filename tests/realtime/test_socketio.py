"""The clients there are: a real `socket.io-client` in Node.js against real servers, used as the frontend uses it."""

import asyncio
import fcntl
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from holdfast.services.demo_http import DemoServer
from holdfast.services.demo_orders import generated, shop_orders
from holdfast.services.demo_shop import TOKEN as SHOP_TOKEN
from holdfast.services.demo_shop import DemoShop
from tests.acceptance.process import TOKEN, Process, serving
from tests.realtime.browser import Browsers, act, book, browsers, campus, install

DAY = str((datetime.now(UTC) + timedelta(days=20)).date())
GROUND = "Ground 1"
SLOT = "9-10 AM"
WIZARD = {"ground": GROUND, "date": DAY}
PRIVATE = ("Ann", "ann@example.org", "555-0101", "21CS01", "Ben Oh", "_id", "Volleyball")
WEBSOCKET, POLLING = ["websocket"], ["polling"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where socket.io-client is; all workers share one."""
    base = tmp_path_factory.getbasetemp()
    found = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "socket.io-client"
    found.mkdir(exist_ok=True)
    with (found / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (why := install(found)) is not None:
            pytest.skip(why)
    return found


@pytest.fixture
async def pages(folder: Path) -> AsyncIterator[Browsers]:
    async with browsers(folder) as found:
        yield found


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[Process]:
    """A server process with one sports site of two grounds."""
    async with serving(database_url) as found:
        await campus(found.client, GROUND, "Ground 2")
        yield found


@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING, ["polling", "websocket"]])
async def test_a_slot_list_changes_by_itself_whatever_is_decided(
    server: Process, pages: Browsers, transports: list[str]
) -> None:
    """B looks at a ground; A books, staff decide. B's page is the documented effect, and B is nobody in particular."""
    b = await pages.connect(server.url, wizard=WIZARD, transports=transports)
    if len(transports) > 1:
        await b.until(lambda line: line["is"] == "upgrade")
    for decisions in (("approve", "revoke", "reject"), ("cancel",)):
        behind = len(b.lines)
        booking = await book(server.client, GROUND, DAY, SLOT)
        told = await b.heard("booking:created", behind=behind)
        assert told == {"booking": {"ground": GROUND, "date": DAY, "time": SLOT, "status": "Pending"}}
        await b.shown(SLOT, "Booked", behind=behind)
        for decision in decisions:
            behind = len(b.lines)
            await act(server.client, booking, decision)
            event = {"cancel": "booking:cancelled", "reject": "booking:rejected"}.get(decision, f"booking:{decision}d")
            await b.heard(event, behind=behind)
            await b.shown(SLOT, "Vacant" if decision in ("reject", "cancel") else "Booked", behind=behind)
    said = json.dumps(b.events())
    assert not [word for word in PRIVATE if word in said]


async def test_staff_hear_whose_it_is_and_strangers_are_not_let_in(server: Process, pages: Browsers) -> None:
    stranger = await pages.connect(server.url, transports=WEBSOCKET)
    for event, wishes in (("join-admin", []), ("join-student", ["21CS01"]), ("join-user", [{"id": "21CS01"}])):
        behind = len(stranger.lines)
        answer = await stranger.ask(event, *wishes)
        assert (answer["success"], answer["code"]) == (False, "unauthorised")
        assert (await stranger.heard("error", behind=behind))["event"] == event
    wrong = await pages.open(server.url, transports=WEBSOCKET, auth={"token": "not-the-token-at-all"})
    refused = await wrong.until(lambda line: line["is"] == "connect_error")
    assert refused["data"]["code"] == "unauthorised"
    nowhere = await pages.open(server.url, transports=WEBSOCKET, query={"site": "no-such-site"})
    refused = await nowhere.until(lambda line: line["is"] == "connect_error")
    assert refused["data"]["code"] == "unknown_site"

    admin = await pages.connect(server.url, transports=WEBSOCKET, auth={"token": TOKEN})
    assert (await admin.ask("join-admin"))["room"] == "admin-room"
    header = await pages.connect(
        server.url, transports=WEBSOCKET, extraHeaders={"Authorization": f"Bearer {TOKEN}", "X-Site": "campus"}
    )
    assert (await header.ask("join-student", "21cs01"))["room"] == "student-21cs01"
    await header.ask("unwatch", {"site": "campus"})
    booking = await book(server.client, GROUND, DAY, SLOT)
    for page in (admin, header):
        told = (await page.heard("booking:created"))["booking"]
        assert (told["_id"], told["status"], told["ground"], told["name"]) == (booking, "Pending", GROUND, "Ann Lee")
        assert told["user"]["rollNumber"] == "21CS01" and told["teamMembers"] == ["Ben Oh"]
    await stranger.heard("booking:created")
    await book(server.client, GROUND, DAY, "10-11 AM", rollNumber="21CS02", email="ben@example.org", name="Ben")
    await admin.until(lambda line: line["is"] == "event" and line["args"][0]["booking"]["time"] == "10-11 AM")
    assert [len(page.events()) for page in (admin, header)] == [2, 1], "each hears of a change once, and of its own"
    assert not [word for word in PRIVATE if word in json.dumps(stranger.events())]


async def test_who_watches_one_ground_hears_of_that_one(server: Process, pages: Browsers) -> None:
    page = await pages.connect(server.url, transports=WEBSOCKET)
    assert (await page.ask("watch", {"ground": "ground 2"}))["room"] == "ground:Ground 2"
    await book(server.client, GROUND, DAY, SLOT)
    await book(server.client, "Ground 2", DAY, SLOT, email="ben@example.org")
    assert (await page.heard("booking:created"))["booking"]["ground"] == "Ground 2"
    assert (await page.ask("leave-site", {"ground": "Ground 2"}))["success"]
    assert (await page.ask("join-site", "campus"))["room"].startswith("site:")
    await book(server.client, GROUND, DAY, "10-11 AM", email="cy@example.org")
    await page.until(lambda line: line["is"] == "event" and line["args"][0]["booking"]["time"] == "10-11 AM")
    assert len(page.events()) == 2
    block = {
        "units": [GROUND],
        "from": f"{DAY}T03:30:00Z",
        "to": f"{DAY}T04:30:00Z",
        "kind": "maintenance",
        "reason": "?",
    }
    answer = await server.client.post("/api/sites/campus/blocks", json={**block, "allow_conflicts": True})
    assert answer.status_code == 201, answer.text
    assert await page.heard("slots:changed") == {"ground": GROUND}


async def test_a_client_with_a_place_of_another_history_is_told_so(server: Process, pages: Browsers) -> None:
    page = await pages.connect(server.url, transports=WEBSOCKET, auth={"offset": "0123456789ab:1"})
    assert await page.heard("reset") == {"site": "campus", "reason": "other_epoch"}
    other = await pages.connect(server.url, transports=WEBSOCKET, auth={"offset": "nonsense", "pid": 7})
    assert (await other.heard("reset"))["reason"] == "other_epoch"


@pytest.mark.timing
async def test_a_client_hears_of_what_another_process_does(database_url: str, pages: Browsers) -> None:
    """Two processes on one database: booking through one reaches a client of the other."""
    async with serving(database_url) as first, serving(database_url) as second:
        await campus(first.client, GROUND)
        page = await pages.connect(second.url, transports=WEBSOCKET, wizard=WIZARD)
        booking = await book(first.client, GROUND, DAY, SLOT)
        await page.heard("booking:created", within_s=2.5)
        await page.shown(SLOT, "Booked")
        await act(first.client, booking, "approve")
        await page.heard("booking:approved", within_s=2.5)


async def test_a_client_hears_of_what_the_clock_does(server: Process, pages: Browsers) -> None:
    cafe = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}
    assert (await server.client.post("/api/sites", json=cafe)).status_code == 201
    units = {"units": [{"code": "PC1", "category": "pc"}]}
    assert (await server.client.post("/api/sites/corner/units", json=units)).status_code == 200
    page = await pages.connect(server.url, transports=WEBSOCKET, auth={"token": TOKEN, "site": "corner"})
    hold = {"unit": "PC1", "from": f"{DAY}T10:00:00Z", "to": f"{DAY}T11:00:00Z", "hold_s": 1}
    answer = await server.client.post("/api/sites/corner/bookings", json=hold)
    assert answer.status_code == 201, answer.text
    told = await page.heard("booking:expired")
    assert told == {"booking": {"ground": "PC1", "date": DAY, "time": "10-11 AM", "status": "Cancelled"}}


async def test_a_server_that_is_killed_leaves_nothing_untold(
    database_url: str, pages: Browsers, unused_port: int
) -> None:
    """The client connects again by itself, and is told of what happened meanwhile, through another process."""
    async with serving(database_url) as other:
        await campus(other.client, GROUND)
        async with serving(database_url, port=unused_port) as server:
            url = server.url
            page = await pages.connect(url, transports=WEBSOCKET, wizard=WIZARD)
            booking = await book(server.client, GROUND, DAY, SLOT)
            await page.shown(SLOT, "Booked")
            server.process.send_signal(signal.SIGKILL)
            await server.process.wait()
            await page.until(lambda line: line["is"] == "disconnect")
            behind = len(page.lines)
            await act(other.client, booking, "reject")
            server.process = _Gone()  # type: ignore[assignment]
        async with serving(database_url, port=unused_port) as server:
            again = await page.connected(behind=behind)
            assert again["recovered"] is False, "its rooms are not what they were"
            await page.heard("booking:rejected", behind=behind)
            await page.shown(SLOT, "Vacant", behind=behind)
            assert [line["event"] for line in page.events()] == ["booking:created", "booking:rejected"]
            behind = len(page.lines)
            await book(server.client, GROUND, DAY, SLOT)
            await page.shown(SLOT, "Booked", behind=behind)


class _Gone:
    returncode = 0

    async def wait(self) -> int:
        return 0


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("transports", [WEBSOCKET, POLLING])
async def test_a_server_that_stops_sends_everybody_away_at_once(
    database_url: str, pages: Browsers, transports: list[str]
) -> None:
    async with serving(database_url) as server:
        await campus(server.client, GROUND)
        page = await pages.connect(server.url, transports=transports)
        began = asyncio.get_running_loop().time()
        assert await server.stop() == 0
        assert asyncio.get_running_loop().time() - began < 5, "a poll that is held must not hold up the end"
        gone = await page.until(lambda line: line["is"] == "disconnect")
        assert gone["reason"] != "io server disconnect", "after that a client would not come again"


async def test_what_a_client_sends_wrongly_is_answered_and_never_ends_the_server(
    server: Process, pages: Browsers
) -> None:
    page = await pages.connect(server.url, transports=WEBSOCKET, auth={"token": TOKEN})
    wrong: list[tuple[str, list[object], str]] = [
        ("no-such-event", [], "unknown_act"),
        ("connect", [], "unknown_act"),
        ("disconnect", [], "unknown_act"),
        ("join-student", [], "invalid_request"),
        ("join-student", ["x" * 400], "invalid_request"),
        ("join-student", [["a"]], "invalid_request"),
        ("join-site", ["no-such-site"], "unknown_site"),
        ("watch", [{"ground": "Ground 9"}], "unknown_unit"),
        ("selectStore", ["buycosari"], "unknown_site"),
        ("triggerManualSync", ["buycosari"], "unknown_site"),
    ]
    for event, wishes, code in wrong:
        behind = len(page.lines)
        if event in ("connect", "disconnect"):  # the client library refuses to send these
            page.send(raw=f'2["{event}"]')
        else:
            assert (await page.ask(event, *wishes))["code"] == code
        told = await page.heard("error", behind=behind)
        assert told["code"] == code and told["message"]
    for raw in ('2{"a":1}', "2[", "2[1]", '51-["x",{"_placeholder":true,"num":0}]', "9", "2" + "[" * 9_000):
        behind = len(page.lines)
        page.send(raw=raw)
        assert (await page.heard("error", behind=behind))["code"] == "invalid_request", raw
    assert (await page.ask("join-admin"))["success"]
    assert not [line for line in server.log if line.get("level") in ("error", "critical")]
    behind = len(page.lines)
    for _ in range(200):
        page.send(raw='2["join-admin"]')
    await page.until(lambda line: line["is"] == "disconnect", behind=behind)
    await page.connected(behind=behind)
    behind = len(page.lines)
    page.send(emit="join-site", args=["x" * 100_000])
    await page.until(lambda line: line["is"] == "disconnect", behind=behind)
    assert not [line for line in server.log if line.get("level") in ("error", "critical")]


async def test_a_manual_sync_puts_a_site_right_and_says_when_it_is_done(server: Process, pages: Browsers) -> None:
    cafe = {"kind": "cafe", "name": "Corner", "time_zone": "UTC"}
    assert (await server.client.post("/api/sites", json=cafe)).status_code == 201
    units = {"units": [{"code": "PC1", "category": "pc"}]}
    assert (await server.client.post("/api/sites/corner/units", json=units)).status_code == 200
    stranger = await pages.connect(server.url, transports=WEBSOCKET)
    assert (await stranger.ask("triggerManualSync", "corner"))["code"] == "unauthorised"
    assert (await stranger.ask("join-site", "corner"))["code"] == "unauthorised", "only grounds are public"
    page = await pages.connect(server.url, transports=WEBSOCKET, auth={"token": TOKEN})
    assert await page.ask("triggerManualSync", "corner") == {"success": True, "storeId": "corner"}
    done = await page.until(lambda line: line.get("event") == "syncStatus" and not line["args"][0]["isSyncing"])
    assert done["args"][0]["storeId"] == "corner" and done["args"][0]["checked"] == 1


async def test_a_store_is_selected_synced_and_followed_as_its_frontend_does_it(
    database_url: str, pages: Browsers
) -> None:
    shop = DemoShop(burst=1e9, per_s=1e9)
    shop.fill(shop_orders(generated(2_500)))
    async with (
        DemoServer(shop.answer) as served,
        serving(
            database_url, HOLDFAST_SECRET_KEY="a key of sixteen characters or more", HOLDFAST_SYNC_NETWORKS="127.0.0.1"
        ) as server,
    ):  # fmt: skip
        store = {"kind": "store", "name": "buycosari", "time_zone": "UTC"}
        assert (await server.client.post("/api/sites", json=store)).status_code == 201
        body = {
            "kind": "shopify", "name": "shop", "config": {"address": served.address},
            "secret": {"access_token": SHOP_TOKEN}, "schedules": {"orders": {"is_enabled": False}},
        }  # fmt: skip
        assert (await server.client.post("/api/sites/buycosari/connections", json=body)).status_code == 201
        stranger = await pages.connect(server.url, transports=WEBSOCKET)
        assert (await stranger.ask("selectStore", "buycosari"))["code"] == "unauthorised"
        page = await pages.connect(server.url, transports=WEBSOCKET, auth={"token": TOKEN})
        assert await page.ask("selectStore", "buycosari") == {
            "success": True, "storeId": "buycosari", "site": "buycosari",
        }  # fmt: skip
        status = await page.heard("syncStatus")
        assert status == {
            "storeId": "buycosari", "isSyncing": False, "activeConnections": 1, "hasCronJob": False,
        }  # fmt: skip
        assert (await page.ask("triggerManualSync", "buycosari"))["success"]
        done = await page.until(
            lambda line: line.get("event") == "autoSyncProgress" and line["args"][0]["stage"] == "completed"
        )
        assert done["args"][0]["state"] == "verified" and done["args"][0]["storeId"] == "buycosari"
        await page.until(lambda line: line.get("event") == "syncStatus" and line["args"][0].get("isSyncing") is True)
        told = [line["args"][0] for line in page.lines if line.get("event") == "autoSyncProgress"]
        assert told[0]["stage"] == "starting" and {"orders", "ltv"} <= {one["stage"] for one in told}
        shares = [one["progress"] for one in told if "progress" in one]
        assert shares == sorted(shares) and shares[-1] == 100.0
        assert not [line for line in stranger.events() if "ync" in line.get("event", "")]


async def test_other_origins_and_other_addresses_are_closed(server: Process, pages: Browsers) -> None:
    foreign = await pages.open(server.url, transports=WEBSOCKET, extraHeaders={"Origin": "https://evil.example"})
    await foreign.until(lambda line: line["is"] == "connect_error")
    polling = {"EIO": "4", "transport": "polling"}
    async with httpx.AsyncClient(base_url=server.url) as nobody:
        for origin, status in (("https://evil.example", 403), (server.url, 200)):
            answer = await nobody.get("/socket.io/", params=polling, headers={"Origin": origin})
            assert answer.status_code == status
            assert "access-control-allow-origin" not in answer.headers
    elsewhere = await pages.open(server.url, transports=WEBSOCKET, path="/api/elsewhere/")
    await elsewhere.until(lambda line: line["is"] == "connect_error")


async def test_how_many_are_connected_is_told_and_bounded(database_url: str, pages: Browsers) -> None:
    async with serving(database_url, HOLDFAST_STREAMS_MAX="2") as server:
        one = await pages.connect(server.url, transports=WEBSOCKET)
        await pages.connect(server.url, transports=POLLING)
        assert "holdfast_socketio_clients 2.0" in (await server.client.get("/metrics")).text
        third = await pages.open(server.url, transports=WEBSOCKET)
        await third.until(lambda line: line["is"] == "connect_error")
        one.send()
        await one.until(lambda line: line["is"] == "disconnect")
        await third.connected()
