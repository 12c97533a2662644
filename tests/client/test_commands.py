"""A command happens once, however often it has to be sent."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from holdfast.client import Holdfast, NoAnswer, Patience, Refused
from tests.client.conftest import QUICK
from tests.client.wire import Wire
from tests.http.conftest import TOKEN

WHEN = {"start": "2027-03-08T10:00:00Z", "end": "2027-03-08T11:00:00Z"}


async def bookings(house: Holdfast, slug: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.get(f"/api/sites/{slug}/bookings"))["bookings"]
    return found


async def test_a_day_of_work(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    booked = await site.book(unit="PC1", customer={"name": "Ann"}, **WHEN)
    assert booked.status == 201 and booked["units"] == ["PC1"] and booked.version is not None
    longer = await site.act(booked["id"], "extend", minutes=30, if_version=booked["version"])
    assert longer["to"] == "2027-03-08T11:30:00Z"
    asked = await site.check(unit="PC1", **WHEN)
    assert asked["allowed"] is False and asked["code"] == "slot_taken"
    blocked = await site.block(["PC2"], start=datetime(2027, 3, 8, 10, tzinfo=UTC), end="2027-03-08T12:00:00Z")
    assert (await site.unblock(blocked["id"], reason="mended"))["id"] == blocked["id"]
    assert (await site.observe([{"unit": "PC3", "seen": "occupied"}]))["recorded"] == 1
    assert (await site.change_unit("PC4", condition="dirty"))["condition"] == "dirty"
    board = await site.board()
    assert board.version == board["version"]


async def test_a_refusal_says_why_and_is_not_repeated(house: Holdfast, slug: str) -> None:
    site = house.site(slug)
    await site.book(unit="PC1", **WHEN)
    with pytest.raises(Refused) as refused:
        await site.book(unit="PC1", **WHEN)
    assert (refused.value.code, refused.value.status) == ("slot_taken", 409)
    assert refused.value.data["alternatives"] and "taken" in refused.value.detail
    with pytest.raises(Refused, match="unknown_site"):
        await house.site("no where").board()


async def test_an_instant_without_an_offset_is_not_sent(house: Holdfast, slug: str) -> None:
    with pytest.raises(ValueError, match="no offset"):
        await house.site(slug).book(unit="PC1", start=datetime(2027, 3, 8, 10), end=WHEN["end"])


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_command_whose_answer_was_lost_has_one_effect(
    wire: Wire, wired: Holdfast, house: Holdfast, slug: str, lost: int
) -> None:
    wire.answers_lost = lost
    booked = await wired.site(slug).book(category="pc", **WHEN)
    assert wire.answers_lost == 0 and booked.attempts == lost + 1 and booked.replayed
    assert [one["id"] for one in await bookings(house, slug)] == [booked["id"]]


async def test_without_patience_the_key_tells_later_what_became_of_it(wire: Wire, house: Holdfast, slug: str) -> None:
    async with Holdfast(wire.url, token=TOKEN, patience=Patience(attempts_max=1)) as hasty:
        wire.answers_lost = 1
        with pytest.raises(NoAnswer) as unknown:
            await hasty.site(slug).book(category="pc", **WHEN)
        assert unknown.value.may_have_happened and unknown.value.key
        told = await hasty.site(slug).book(category="pc", key=unknown.value.key, **WHEN)
    assert told.replayed
    assert [one["id"] for one in await bookings(house, slug)] == [told["id"]]


async def test_what_has_no_key_is_not_sent_again_when_it_may_be_done(wire: Wire, wired: Holdfast, slug: str) -> None:
    wire.answers_lost = 1
    with pytest.raises(NoAnswer) as unknown:
        await wired.site(slug).observe([{"unit": "PC1", "seen": "online"}])
    assert unknown.value.attempts == 1 and unknown.value.may_have_happened
    wire.answers_lost = 1
    seen = await wired.site(slug).observe([{"unit": "PC1", "seen": "online", "at": "2026-03-08T10:00:00Z"}])
    assert seen.attempts == 2


class Told(httpx.AsyncBaseTransport):
    """A server that answers from a list: a status and headers, or a failure."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        return httpx.Response(status, headers=headers, json=body)


BUSY = (503, {"retry-after": "0"}, {"code": "busy", "detail": "Busy."})
UNKNOWN = (503, {}, {"code": "outcome_unknown", "detail": "Unknown."})
MANY = (429, {"retry-after": "0"}, {"code": "too_many", "detail": "Slower."})
GATEWAY = (502, {}, {})
DONE = (201, {"holdfast-version": "7"}, {"id": "x"})


async def test_what_passes_is_sent_again_with_the_same_key() -> None:
    told = Told(BUSY, UNKNOWN, MANY, GATEWAY, httpx.ConnectError("no"), httpx.ReadError("cut"), DONE)
    async with Holdfast("http://house", patience=QUICK, transport=told) as house:
        answer = await house.site("a").book(unit="PC1")
    assert (answer.version, answer.attempts) == (7, 7)
    assert len({request.headers["idempotency-key"] for request in told.asked}) == 1
    assert len({request.content for request in told.asked}) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 422, 500, 507])
async def test_what_does_not_pass_is_asked_once(status: int) -> None:
    told = Told((status, {}, {"code": "some_code", "detail": "No."}))
    async with Holdfast("http://house", patience=QUICK, transport=told) as house:
        with pytest.raises(Refused):
            await house.site("a").book(unit="PC1")
    assert len(told.asked) == 1


@pytest.mark.timing
async def test_patience_ends_by_attempts_and_by_time() -> None:
    told = Told(BUSY)
    async with Holdfast("http://house", patience=QUICK, transport=told) as house:
        with pytest.raises(Refused, match="busy"):
            await house.site("a").book(unit="PC1")
    assert len(told.asked) == QUICK.attempts_max
    late = Told((503, {"retry-after": "3600"}, {"code": "unavailable", "detail": "Later."}))
    began = time.monotonic()
    async with Holdfast("http://house", patience=QUICK, transport=late) as house:
        with pytest.raises(Refused, match="unavailable"):
            await house.site("a").board()
    assert len(late.asked) == 1 and time.monotonic() - began < 1


async def test_a_last_refusal_does_not_hide_that_an_earlier_attempt_may_have_been_done() -> None:
    told = Told(httpx.ReadError("cut"), BUSY)
    async with Holdfast("http://house", patience=QUICK, transport=told) as house:
        with pytest.raises(NoAnswer) as unknown:
            await house.site("a").book(unit="PC1", key="mine")
    assert unknown.value.may_have_happened and unknown.value.key == "mine"


async def test_a_silent_server_is_given_up(wire: Wire, slug: str) -> None:
    patience = Patience(attempts_max=2, total_s=1.0, attempt_s=0.2, wait_s=0.01)
    async with Holdfast(wire.url, token=TOKEN, patience=patience) as house:
        wire.silent = True
        began = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswer):
            await house.site(slug).book(unit="PC1", **WHEN)
        assert asyncio.get_running_loop().time() - began < 2
        wire.silent = False
