"""Very many listeners, of whom some do not read: nobody loses, doubles or reorders a line, and memory stays bounded."""

import random
import re

import asyncpg
import pytest

from holdfast.realtime.outlets import HIGH
from holdfast.realtime.readers import CHUNK, Filter, Reader
from tests.realtime.test_hub import Live, Tube, fill, live

__all__ = ["live"]

READERS = 1_000
STALLED = 100
LINES = 1_000
_IDS = re.compile(rb"id: \w+:(\d+)\nevent: ")


class Counting(Tube):
    """Keeps only how far it got, and whether every line came once and in order."""

    def __init__(self, *, is_socket: bool) -> None:
        super().__init__(is_socket=is_socket)
        self.last = 0
        self.lines = 0

    def write(self, data: bytes) -> None:
        for found in _IDS.findall(data):
            assert int(found) == self.last + 1, "a line was lost, doubled or out of order"
            self.last = int(found)
            self.lines += 1
        if not self.flow:
            self.stuck += len(data)
            self.most = max(self.most, self.stuck)


async def listen(live: Live, tube: Counting) -> Reader:
    reader = Reader(live.hub, tube, Filter(), now=live.time, ends_at=live.time + 1e6)
    await live.hub.join(reader, {live.stage.site_id: "site"}, (None, {live.stage.site_id: tube.last}))
    return reader


async def test_a_thousand_listeners_of_whom_a_tenth_stall_get_every_line_once(live: Live) -> None:
    rng = random.Random(4)
    tubes = [Counting(is_socket=number % 5 != 0) for number in range(READERS)]
    for tube in tubes:
        tube.last = 3
    readers = {tube: await listen(live, tube) for tube in tubes}
    stalled = rng.sample(tubes, STALLED)
    for number in range(LINES // 100):
        for tube in rng.sample(stalled, STALLED // 2):
            tube.flow = False
        await fill(live, 100)
        await live.settled()
        for tube in rng.sample(stalled, STALLED // 4):
            if number % 2:
                # cut, and come again behind the last line it has
                live.hub.leave(readers[tube])
                tube.flow, tube.stuck = True, 0
                readers[tube] = await listen(live, tube)
            else:
                tube.open()
    for _ in range(20):
        for tube in tubes:
            tube.open()
        await live.settled()
    last = await live.stage.version()
    assert {tube.last for tube in tubes} == {last}
    assert sum(tube.lines for tube in tubes) == READERS * LINES
    assert max(tube.most for tube in tubes) <= HIGH + CHUNK + 4096


async def test_an_older_backup_under_running_listeners_resets_them_to_the_truth(live: Live, pool: asyncpg.Pool) -> None:
    one = await live.listen()
    await live.change(3)
    await pool.execute("create table kept as select * from journal; create table units as select * from unit")
    kept = await live.stage.version()
    await live.change(4)
    await live.settled()
    assert one.versions[-1] == kept + 4
    await pool.execute("delete from journal; insert into journal select * from kept; drop table kept")
    await pool.execute(
        "update unit u set name = k.name, version = k.version from units k where k.id = u.id; drop table units"
    )
    await pool.execute("update site set version = $1", kept)
    await live.settled()
    assert one.tube.resets() == ["other_epoch"]
    await live.change(2)
    await live.settled()
    assert one.versions[-2:] == [kept + 1, kept + 2]


@pytest.fixture(autouse=True)
def _bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.realtime.ring.FRAMES_MAX", 300)
