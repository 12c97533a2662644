"""Keyed commands as clients send them, and what each client was told: to be compared with what is stored.

Run as a program it is a desk process that may be killed: it prints a line for each answer once it has it.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg

from holdfast.domain.commands import Book
from holdfast.domain.errors import Refusal
from holdfast.services.desk import Desk
from holdfast.store import database
from tests.stage import check_promises

UNITS = tuple(f"PC-{n}" for n in range(8))
CLIENTS = 24
UNKNOWN = {"outcome_unknown", "unavailable", "busy"}


def wish(number: int, base: datetime) -> Book:
    """Two numbers in three have a slot of their own; the third wants one that is taken. The id is new each time, so
    that a key that was forgotten would show as a second booking."""
    place = number - 1 if number % 3 == 2 else number
    start = base + timedelta(hours=place // len(UNITS))
    return Book(uuid4(), start, start + timedelta(hours=1), units=(UNITS[place % len(UNITS)],))


class Told:
    """What the clients heard: booking ids by number, refused numbers, and those whose outcome nobody told."""

    def __init__(self, base: datetime) -> None:
        self.base = base
        self.next = 0
        self.made: dict[int, str] = {}
        self.refused: set[int] = set()
        self.unknown: set[int] = set()

    async def ask(self, desk: Desk, site_id: int, number: int) -> None:
        self.unknown.add(number)
        try:
            answer = await desk.submit(
                site_id, wish(number, self.base), actor="client", key=f"k{number}", body_hash=b"b"
            )
        except Refusal as refusal:
            if refusal.code not in UNKNOWN:
                assert refusal.code == "slot_taken", refusal
                assert number not in self.made, "one key, two answers"
                self.refused.add(number)
                self.unknown.discard(number)
            return
        booking_id = json.loads(answer.body)["id"]
        assert number not in self.refused, "one key, two answers"
        assert self.made.setdefault(number, booking_id) == booking_id, "one key, two bookings"
        self.unknown.discard(number)

    async def load(self, desk: Desk, site_id: int, stop: asyncio.Event) -> None:
        """Many clients, each with one command under way, until told to stop."""

        async def client() -> None:
            while not stop.is_set():
                number, self.next = self.next, self.next + 1
                await self.ask(desk, site_id, number)
                if number in self.unknown:
                    await asyncio.sleep(0.05)  # a client of a server that is away does not knock without pause

        await asyncio.gather(*(client() for _ in range(CLIENTS)))

    async def resolve(self, desk: Desk, site_id: int) -> None:
        """Every client whose outcome is unknown asks again with the same key."""
        for number in sorted(self.unknown):
            await self.ask(desk, site_id, number)
        assert not self.unknown


async def nothing_lost_nothing_half(pool: asyncpg.Pool, told: Told) -> None:
    """What was acknowledged is there, once, whole; and what is there was acknowledged."""
    stored = {str(row["id"]) for row in await pool.fetch("select id from booking")}
    lost = set(told.made.values()) - stored
    assert not lost, f"{len(lost)} acknowledged bookings are lost"
    assert stored == set(told.made.values()), "a booking that no key tells of"
    keys = {row["key"]: json.loads(row["body"])["id"] for row in await pool.fetch("select key, body from answer")}
    assert keys == {f"k{number}": booking_id for number, booking_id in told.made.items()}
    await check_promises(pool)


async def main(url: str, site_id: int, base: datetime, first: int) -> None:
    pool = await database.open_pool(url)
    desk = Desk(pool)
    await desk.start()
    told = Told(base)
    told.next = first

    async def client() -> None:
        while True:
            number, told.next = told.next, told.next + 1
            await told.ask(desk, site_id, number)
            print(number, told.made.get(number, "-"), flush=True)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(
        main(sys.argv[1], int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]).astimezone(UTC), int(sys.argv[4]))
    )
