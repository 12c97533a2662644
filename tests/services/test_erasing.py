"""Forgetting whose a booking was, at the desk: among other commands, in every state, with findings, and still true."""

import asyncio
import random
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.domain.bookings.values import Booking, Customer
from holdfast.domain.commands import Act, Erase
from holdfast.domain.erasing import PERSONAL, without_person
from holdfast.domain.errors import Refusal
from holdfast.domain.wire import BookingView
from holdfast.services.proving import prove_sites
from tests.markers import everything, where
from tests.reconciling import reconciled
from tests.stage import Stage, staged

KEPT = {
    # what stays of a booking whose person is forgotten: nothing that somebody wrote in their own words
    "id", "reference", "site", "units", "category", "state", "start", "end", "started_at", "ended_at", "expires_at",
    "version", "created_at", "open_ended", "party", "parts", "series", "requested_by", "decided_by", "start_code",
    "notes",
}  # fmt: skip
WHO = Customer("Zebulon Quokka", "quokka@example.org", "+49 171 5550", "RN-4711")
KEY = frozenset({"e:quokka@example.org"})
MARKERS = ("Zebulon", "quokka", "171 5550", "RN-4711", "wasps", "wheelchair", "he is late")
THEIRS: dict[str, Any] = {"customer": WHO, "note": "wasps", "details": {"seat": "wheelchair"}}


def test_every_member_of_a_booking_is_either_kept_or_forgotten() -> None:
    members = set(BookingView.__struct_fields__)
    assert members == KEPT | set(PERSONAL) | {"customer"}
    full = {name: "x" for name in Booking.__struct_fields__}
    left = without_person(Booking(**{**full, "customer": WHO}))  # type: ignore[arg-type]
    assert {name for name in Booking.__struct_fields__ if getattr(left, name) != "x"} == {*PERSONAL, "customer"}


async def forgotten(stage: Stage, ids: list[UUID], *, include_live: bool = True) -> int:
    erased: int = (await stage.do(Erase(tuple(ids), KEY, include_live)))["erased"]
    return erased


async def said(pool: asyncpg.Pool) -> dict[str, list[str]]:
    async with pool.acquire() as connection:
        found = where(await everything(connection), *MARKERS)  # type: ignore[arg-type]
    # answers to keys are taken out after the bookings, by who asks for it
    return {marker: tables for marker, tables in found.items() if tables != ["answer"]}


async def test_a_command_in_the_same_batch_says_nothing_that_is_kept(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1", "PC-2"]) as stage:
        one = await stage.book("PC-1", "10:00", "11:00", **THEIRS)
        other = await stage.book("PC-2", "10:00", "11:00", customer=Customer("Ann"))
        assert set(await said(pool)) == {*MARKERS} - {"he is late"}
        await asyncio.gather(
            stage.act(one, "extend", end="11:30"),
            forgotten(stage, [one, other, uuid4()]),
            stage.act(one, "cancel", reason="as asked"),
        )
        assert await said(pool) == {}
        assert [kind for kind, _ in await stage.told(one)][-1] in ("booking.cancelled", "booking.erased")
        assert await pool.fetchval("select customer_name from booking where id = $1", other) == "Ann"
        assert await prove_sites(pool) == []
        assert not (await reconciled(stage)).found_any


async def test_a_second_time_finds_nothing_and_says_nothing(pool: asyncpg.Pool) -> None:
    async with staged(pool, "cafe", ["PC-1"]) as stage:
        one = await stage.book("PC-1", "10:00", "11:00", **THEIRS)
        with pytest.raises(Refusal) as refusal:
            await forgotten(stage, [one], include_live=False)
        assert (refusal.value.code, refusal.value.data["bookings"]) == ("has_live_bookings", [str(one)])
        assert await forgotten(stage, [one]) == 1
        version = await stage.version()
        assert await forgotten(stage, [one], include_live=False) == 0
        assert await stage.version() == version


async def test_findings_keep_their_facts_and_lose_words(pool: asyncpg.Pool) -> None:
    async with staged(pool, "hotel", ["101"]) as stage:
        one = await stage.book("101", "15:00", "1 11:00", **THEIRS)
        await stage.tick("22:00")
        await reconciled(stage)
        finding = await pool.fetchrow("select id, rule, data from finding where subject = $1", str(one))
        assert finding is not None and finding["rule"] == "no_arrival"
        await pool.execute("update finding set reason = 'Zebulon called'")
        await forgotten(stage, [one])
        left = await pool.fetchrow("select reason, data from finding where subject = $1", str(one))
        assert left is not None and left["reason"] is None
        assert b'"reference"' in left["data"] and b'"reason"' not in left["data"]
        assert await said(pool) == {}
        assert await prove_sites(pool) == []


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
async def test_whatever_goes_on_meanwhile_the_journal_tells_what_the_tables_do(pool: asyncpg.Pool, seed: int) -> None:
    dice = random.Random(seed)
    async with staged(pool, "cafe", ["PC-1", "PC-2", "PC-3"]) as stage:
        ids = [
            await stage.book(f"PC-{unit}", f"{hour}:00", f"{hour}:30", **THEIRS)
            for unit in (1, 2, 3) for hour in (10, 12, 14)
        ]  # fmt: skip
        stage.clock.set("10:05")
        wishes: list[Any] = [Act(one, act) for one in ids for act in ("start", "cancel", "end", "no-show")]
        wishes += [Act(one, "move", start=stage.clock.at("18:00"), units=("PC-1",)) for one in ids[:3]]
        wishes += [Erase(tuple(dice.sample(ids, 4)), KEY, include_live=True) for _ in range(3)]
        dice.shuffle(wishes)
        await asyncio.gather(*(stage.submit(wish) for wish in wishes), return_exceptions=True)
        await forgotten(stage, ids)
        assert await said(pool) == {}
        assert await prove_sites(pool) == []
        assert not (await reconciled(stage)).found_any
