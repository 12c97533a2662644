"""The booking wizard of the replaced sports system, step by step as its documents describe it, against a real server:
it reads the day, checks again before it sends, shows our message, and never has to ask twice after a conflict."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from holdfast.app import address_of, listening, opened, running_loops, served
from holdfast.settings import Settings
from tests.conftest import DATA

TOKEN = "a-token-for-tests-only"
TAKEN = "This slot was just booked by another student. Please choose another time slot."
DAY = str((datetime.now(UTC) + timedelta(days=20)).date())
GROUND = "Ground 1"


class Wizard:
    """One student's browser: what the replaced `BookingWizard` keeps, and what it does on each click."""

    def __init__(self, api: httpx.Client, name: str) -> None:
        self.api = api
        self.name = name
        self.slots: list[dict[str, Any]] = []
        self.time = ""
        self.error = ""
        self.confirmation: dict[str, Any] | None = None
        self.asked = 0

    def open_day(self) -> None:
        data = self._get("/bookings/availability", ground=GROUND, date=DAY)
        self.slots = data.get("data", {}).get("slots") or []

    def choose(self, time: str) -> None:
        assert next(slot for slot in self.slots if slot["slot"] == time)["status"] == "Vacant"
        self.time = time

    def is_still_free(self) -> bool:
        """Layer 3: pre-validation."""
        data = self._get("/bookings/availability", ground=GROUND, date=DAY)
        selected = next((slot for slot in data["data"]["slots"] if slot["slot"] == self.time), None)
        if selected is not None and selected["status"] == "Booked":
            self.error, self.slots = TAKEN, data["data"]["slots"]
            return False
        return True

    def send(self) -> None:
        """Layer 2, and what the wizard does with a 409: show the message, refresh the slots."""
        self.asked += 1
        body = {
            "game": "Volleyball", "ground": GROUND, "date": DAY, "time": self.time, "name": self.name,
            "email": f"{self.name}@example.org", "rollNumber": self.name.upper(), "teamMembers": ["a", "b"],
        }  # fmt: skip
        answer = self.api.post("/bookings", json=body)
        said = answer.json()
        if answer.status_code == 409:
            self.error, self.slots = said["message"], said["data"]["slots"]
        else:
            assert answer.status_code == 201 and said["success"], answer.text
            self.confirmation = said["data"]["booking"]

    def shown(self, time: str) -> str:
        return str(next(slot for slot in self.slots if slot["slot"] == time)["status"])

    def _get(self, path: str, **asked: str) -> dict[str, Any]:
        self.asked += 1
        answer = self.api.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def serving(database_url: str) -> Iterator[str]:
    """The address of a real server in a thread of its own."""
    settings = Settings(database_url=database_url, admin_token=TOKEN, port=0, data=DATA)
    ready, found = threading.Event(), {}

    async def serve() -> None:
        found["loop"], found["stop"] = asyncio.get_running_loop(), asyncio.Event()
        with listening(settings) as bound:
            async with AsyncExitStack() as stack:
                house = await stack.enter_async_context(opened(settings))
                await stack.enter_async_context(running_loops(house))
                await stack.enter_async_context(served(house, bound))
                found["url"] = address_of(settings, bound)
                ready.set()
                await found["stop"].wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield found["url"]
    finally:
        found["loop"].call_soon_threadsafe(found["stop"].set)
        thread.join(30)


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    """What a frontend has for an address: the server as its proxy reaches it, with one sports ground on it."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with serving(database_url) as url, httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        site = {"kind": "grounds", "name": "Campus", "time_zone": "Asia/Kolkata"}
        assert client.post("/api/sites", json=site).status_code == 201
        client.post("/api/sites/campus/units", json={"units": [{"code": GROUND, "category": "ground"}]})
        yield client


def test_a_student_books_and_staff_approve(api: httpx.Client) -> None:
    """Its test 1: no conflict."""
    ann, ben = Wizard(api, "ann"), Wizard(api, "ben")
    ann.open_day()
    assert ann.slots and {slot["status"] for slot in ann.slots} == {"Vacant"}
    ann.choose("9-10 AM")
    assert ann.is_still_free()
    ann.send()
    assert ann.confirmation is not None and ann.confirmation["status"] == "Pending"
    details = {name: ann.confirmation[name] for name in ("game", "ground", "date", "time")}
    assert details == {"game": "Volleyball", "ground": GROUND, "date": DAY, "time": "9-10 AM"}
    ben.open_day()
    assert ben.shown("9-10 AM") == "Booked"
    waiting = api.get("/api/bookings", params={"status": "Pending"}).json()["data"]["bookings"]
    assert [each["_id"] for each in waiting] == [ann.confirmation["_id"]]
    assert api.put(f"/api/bookings/{waiting[0]['_id']}/approve").json()["success"] is True
    history = api.get("/bookings/my", params={"email": "ann@example.org"}).json()["data"]["bookings"]
    assert [each["status"] for each in history] == ["Approved"]


def test_a_student_who_is_late_sees_it_before_sending(api: httpx.Client) -> None:
    """Its test 3: pre-validation catches it."""
    ann, ben = Wizard(api, "ann"), Wizard(api, "ben")
    for wizard in (ann, ben):
        wizard.open_day()
        wizard.choose("9-10 AM")
    ann.send()
    assert not ben.is_still_free()
    assert ben.error == TAKEN and ben.shown("9-10 AM") == "Booked" and ben.confirmation is None


def test_two_students_at_once_and_the_later_needs_no_second_question(api: httpx.Client) -> None:
    """Its test 2: both have passed the pre-check when the first booking is made."""
    ann, ben = Wizard(api, "ann"), Wizard(api, "ben")
    for wizard in (ann, ben):
        wizard.open_day()
        wizard.choose("9-10 AM")
        assert wizard.is_still_free()
    senders = [threading.Thread(target=wizard.send) for wizard in (ann, ben)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    (loser,) = [wizard for wizard in (ann, ben) if wizard.confirmation is None]
    assert loser.error == TAKEN
    asked = loser.asked
    assert loser.shown("9-10 AM") == "Booked"
    loser.choose("10-11 AM")
    assert loser.asked == asked, "the refusal brought the slots with it"
    loser.send()
    assert loser.confirmation is not None and loser.confirmation["time"] == "10-11 AM"


def test_a_rejected_slot_is_vacant_again_for_the_next_wizard(api: httpx.Client) -> None:
    ann, ben = Wizard(api, "ann"), Wizard(api, "ben")
    ann.open_day()
    ann.choose("6-7 PM")
    ann.send()
    assert ann.confirmation is not None
    answer = api.patch(f"/bookings/{ann.confirmation['_id']}/reject", json={"reason": "floodlights are broken"})
    assert answer.json()["data"]["booking"]["rejectionReason"] == "floodlights are broken"
    ben.open_day()
    ben.choose("6-7 PM")
    ben.send()
    assert ben.confirmation is not None
