"""Whoever listens gets every line once and in order, whatever way it came in, however slowly it is read."""

import json
import random
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from holdfast.domain.commands import ChangeUnit
from holdfast.realtime import hub as hub_module
from holdfast.realtime.hub import HEARTBEAT_S, PAGE_BYTES, STALLED_S, Hub
from holdfast.realtime.outlets import HIGH, LOW, Outlet
from holdfast.realtime.readers import CHUNK, Filter, Reader
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.journal import Epochs, EventView, lines_behind
from tests.stage import Stage, staged

UNITS = ["PC-1", "PC-2", "PC-3"]


class Tube(Outlet):
    """An outlet that keeps what it is given; `flow` says whether anybody takes it away. As a socket it is offered
    chunks past all else, too."""

    def __init__(self, *, is_socket: bool = True) -> None:
        super().__init__()
        self.offer = self._offered if is_socket else None
        self.flow = True
        self.stuck = 0
        self.told = b""
        self.most = 0

    @property
    def unsent(self) -> int:
        return self.stuck

    def write(self, data: bytes) -> None:
        self.told += data
        if not self.flow:
            self.stuck += len(data)
            self.most = max(self.most, self.stuck)

    def _offered(self, chunk: bytes) -> int:
        assert not self.stuck, "what is offered must not pass what is unsent"
        if not self.flow:
            raise BlockingIOError
        self.write(unframed(chunk))
        return len(chunk)

    def keep(self, rest: bytes) -> None:
        self.write(unframed(rest))

    def cut(self) -> None:
        self.closed.set()

    def open(self) -> None:
        self.flow, self.stuck = True, 0
        self.drained()

    def blocks(self) -> list[dict[str, str]]:
        texts = [text for text in self.told.decode().split("\n\n") if text]
        return [dict(line.split(": ", 1) for line in text.split("\n")) for text in texts]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one["data"]) for one in self.blocks() if "event" in one and one["event"] != "reset"]

    def resets(self) -> list[str]:
        return [json.loads(one["data"])["reason"] for one in self.blocks() if one.get("event") == "reset"]


def unframed(chunk: bytes) -> bytes:
    """What is in a chunk of HTTP/1.1."""
    size, _, rest = chunk.partition(b"\r\n")
    assert rest.endswith(b"\r\n") and int(size, 16) == len(rest) - 2
    return rest[:-2]


class Live:
    """A stage with a hub that hears its desk, and a second desk that it does not hear."""

    def __init__(self, stage: Stage, other: Desk) -> None:
        self.stage = stage
        self.other = other
        self.time = 1000.0
        self.epochs = Epochs(stage.pool)
        self.hub = Hub(stage.pool, self.epochs, clock=lambda: self.time)
        stage.desk.heard.append(self.hub.heard)
        self.count = 0
        self.listened = 0

    async def change(self, times: int = 1, *, desk: Desk | None = None) -> None:
        for _ in range(times):
            self.count += 1
            command = ChangeUnit(UNITS[self.count % 3], name=f"Name {self.count}")
            await (desk or self.stage.desk).submit(self.stage.site_id, command, actor="test")

    async def listen(
        self, after: int | None = None, wanted: Filter | None = None, *, epoch: str | None = None, caller: object = None
    ) -> "One":
        self.listened += 1
        tube = Tube(is_socket=self.listened % 3 != 0)
        reader = Reader(
            self.hub, tube, wanted or Filter(), now=self.time, ends_at=self.time + 1e6, caller=caller
        )  # fmt: skip
        given = None if after is None else (epoch, {self.stage.site_id: after})
        await self.hub.join(reader, {self.stage.site_id: "site"}, given)
        return One(reader, tube)

    async def settled(self) -> None:
        """Until everything that can be told is told."""
        await self.hub.poll()
        for _ in range(20_000):
            sites = self.hub.sites.values()
            # one that does not read is not waited for
            reading = [reader for site in sites for reader in site.apart if not reader.outlet.unsent]
            busy = bool(self.hub._filling) or any(
                reader.catching_up or reader.is_queued or self._is_behind(reader) for reader in reading
            )
            await asyncio_turn()
            if not busy and not any(site.is_behind for site in sites):
                return
        raise AssertionError("never settled")

    def _is_behind(self, reader: Reader) -> bool:
        if reader.paused_at is not None or reader.done.is_set():
            return False
        return any(place < self.hub.sites[site_id].ring.last for site_id, place in reader.places.items())

    async def journal(self, wanted: Filter | None = None, *, behind: int = 0) -> list[int]:
        rows = await self.stage.pool.fetch(
            "select version, type, data from journal where site_id = $1 and version > $2 order by version",
            self.stage.site_id, behind,
        )  # fmt: skip
        wanted = wanted or Filter()
        return [
            row["version"]
            for row in rows
            if (wanted.types is None or row["type"] in wanted.types)
            and (wanted.unit is None or wanted.unit in row["data"].decode())
        ]


class One:
    def __init__(self, reader: Reader, tube: Tube) -> None:
        self.reader, self.tube = reader, tube

    @property
    def versions(self) -> list[int]:
        return [event["version"] for event in self.tube.events()]


async def asyncio_turn() -> None:
    import asyncio

    await asyncio.sleep(0.001)


@pytest.fixture
async def live(pool: asyncpg.Pool) -> AsyncIterator[Live]:
    async with staged(pool, "cafe", UNITS) as stage:
        other = Desk(pool, DeskLimits(lanes=1), clock=stage.clock)
        await other.start()
        yield Live(stage, other)
        await other.stop()


async def test_a_listener_gets_each_line_once_and_in_order(live: Live) -> None:
    one = await live.listen()
    await live.change(20)
    await live.settled()
    assert one.versions == await live.journal(behind=3)
    positions = [block["id"] for block in one.tube.blocks()]
    assert positions[-1].endswith(f":{await live.stage.version()}") and len(set(positions)) == len(positions)


async def test_what_another_process_commits_is_told_by_the_next_look(live: Live) -> None:
    one = await live.listen()
    await live.change(3, desk=live.other)
    assert one.versions == []
    await live.settled()
    assert one.versions == [4, 5, 6]
    await live.change(1, desk=live.other)
    await live.change(1)  # heard, and one is missing before it
    await live.settled()
    assert one.versions == [4, 5, 6, 7, 8]


async def test_a_filtered_listener_can_prove_that_nothing_is_missing(live: Live) -> None:
    wanted = Filter(frozenset({"unit.changed"}), "PC-2")
    one = await live.listen(0, wanted)
    await live.change(9)
    await live.settled()
    assert one.versions == await live.journal(wanted)
    events = one.tube.blocks()
    last = events[0]["id"]
    for block in events[1:]:
        assert json.loads(block["data"])["prev"] == last
        last = block["id"]


async def test_a_listener_that_resumes_goes_on_where_it_was(live: Live) -> None:
    await live.change(10)
    for after in range(14):
        one = await live.listen(after)
        await live.settled()
        assert one.versions == await live.journal(behind=after) and not one.tube.resets()


async def test_what_cannot_be_told_is_said(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    await live.change(10)
    assert (await live.listen(3, epoch="another")).tube.resets() == ["other_epoch"]
    assert (await live.listen(99)).tube.resets() == ["ahead"]
    monkeypatch.setattr(hub_module, "BACKLOG_MAX", 5)
    assert (await live.listen(3)).tube.resets() == ["backlog"]
    monkeypatch.undo()
    await live.stage.pool.execute("create table kept as select * from journal")
    await live.stage.pool.execute("delete from journal where version < 6")
    one = await live.listen(2)
    await live.settled()
    assert one.tube.resets() == ["trimmed"]
    await live.change(1)
    await live.settled()
    assert one.versions == [14]
    await live.stage.pool.execute("insert into journal select * from kept where version < 6; drop table kept")


async def test_one_that_does_not_read_is_left_alone_and_loses_nothing(live: Live) -> None:
    slow, quick = await live.listen(), await live.listen()
    slow.tube.flow = False
    await fill(live, 1500)
    await live.settled()
    assert quick.versions == await live.journal(behind=3)
    assert slow.tube.most <= HIGH + CHUNK + 4096, "what it has not read stays where it is for all"
    assert slow.versions == quick.versions[: len(slow.versions)] and len(slow.versions) < len(quick.versions)
    for _ in range(100):
        if slow.versions == quick.versions:
            break
        slow.tube.open()
        await live.settled()
    assert slow.versions == quick.versions and not slow.tube.resets()


async def fill(live: Live, lines: int, *, of_bytes: int = 400) -> None:
    """Many lines at once, past the desk, as it would have written them."""
    first = await live.stage.version() + 1
    await live.stage.pool.execute(
        "insert into journal select $1, v, now(), now(), 'unit.changed', 'PC-1', 'test', 'changed', "
        "jsonb_build_object('code', 'PC-1', 'name', repeat('x', $4)) from generate_series($2::bigint, $3) v",
        live.stage.site_id, first, first + lines - 1, of_bytes,
    )  # fmt: skip
    await live.stage.pool.execute(
        "update site set version = $2, journal_at = now() where id = $1", live.stage.site_id, first + lines - 1
    )


async def test_lines_beyond_what_is_kept_in_memory_come_from_the_journal(live: Live) -> None:
    slow = await live.listen()
    slow.tube.flow = False
    await fill(live, 9000)
    await live.settled()
    for _ in range(200):
        slow.tube.open()
        await live.settled()
    assert slow.versions == await live.journal(behind=3) and not slow.tube.resets()


async def test_a_backlog_of_long_lines_is_read_a_little_at_a_time(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[int] = []

    async def reading(*asked: Any, **more: Any) -> list[EventView]:
        found = await lines_behind(*asked, **more)
        pages.append(sum(len(bytes(line.data)) for line in found))
        return found

    await fill(live, 400, of_bytes=10_000)
    await live.settled()
    monkeypatch.setattr(hub_module, "lines_behind", reading)
    slow = await live.listen(3)
    slow.tube.flow = False
    for _ in range(200):
        slow.tube.open()
        await live.settled()
        if len(slow.versions) == 400:
            break
    assert slow.versions == await live.journal(behind=3) and not slow.tube.resets()
    assert max(pages) <= 2 * PAGE_BYTES, "many may come up at the same time"
    assert slow.tube.most <= HIGH + PAGE_BYTES


async def test_a_quiet_line_is_marked_an_old_one_ends_a_stalled_one_is_cut(live: Live) -> None:
    quiet, stalled, alone = await live.listen(), await live.listen(), await live.listen()
    await live.settled()
    assert quiet.reader.company is not None and alone.reader.company is None
    before = [len(one.tube.blocks()) for one in (quiet, alone)]
    live.time += HEARTBEAT_S + 1
    live.hub.look_after()
    await live.settled()
    for one, told in zip((quiet, alone), before, strict=True):
        assert len(one.tube.blocks()) == told + 1 and one.tube.blocks()[-1].keys() == {"id"}
    stalled.tube.flow = False
    await fill(live, 1500)
    await live.settled()
    live.time += STALLED_S + 1
    live.hub.look_after()
    assert stalled.tube.closed.is_set() and stalled.reader.done.is_set() and not quiet.reader.done.is_set()
    live.time += 2e6
    live.hub.look_after()
    assert quiet.reader.done.is_set()


async def test_another_line_of_history_resets_all(live: Live) -> None:
    one = await live.listen()
    await live.change(2)
    await live.settled()
    live.epochs._kept = (live.epochs._kept[0] + 1e9, "restored")  # type: ignore[index]
    await live.hub.poll()
    assert one.tube.resets() == ["other_epoch"]
    await live.change(1)
    await live.settled()
    assert one.tube.blocks()[-1]["id"] == f"restored:{await live.stage.version()}"


async def test_one_that_comes_after_a_restore_does_not_hide_it_from_the_others(live: Live) -> None:
    one = await live.listen()
    await live.change(2)
    await live.settled()
    live.epochs._kept = (live.epochs._kept[0] + 1e9, "restored")  # type: ignore[index]
    await live.listen()
    await live.hub.poll()
    assert one.tube.resets() == ["other_epoch"]
    await live.change(1)
    await live.settled()
    assert one.tube.blocks()[-1]["id"] == f"restored:{await live.stage.version()}"


async def test_streams_are_ended_from_outside_and_hear_nothing_more(live: Live) -> None:
    seen = [await live.listen(caller=caller) for caller in ("ann", "ben", "ann")]
    seen.append(await live.listen(0, Filter(frozenset({"unit.changed"})), caller="ann"))
    await live.change(2)
    await live.settled()
    before = [one.tube.told for one in seen]
    ended: list[int] = []
    # as the commit that takes a right away is heard: it is in the ring, and not yet told
    live.stage.desk.heard.append(lambda _: ended.append(live.hub.end_where(lambda reader: reader.caller == "ann")))
    await live.change(2)
    await live.settled()
    assert ended[0] == 3
    for one, told in zip(seen, before, strict=True):
        is_anns = one.reader.caller == "ann"
        assert one.reader.done.is_set() == is_anns and (one.tube.told == told) == is_anns
    assert seen[1].versions == [4, 5, 6, 7] and (await live.listen()).reader.caller is None


async def test_sites_nobody_listens_to_are_forgotten(live: Live) -> None:
    one = await live.listen()
    live.hub.leave(one.reader)
    assert not live.hub.sites and live.hub.count == 0


@pytest.mark.parametrize("seed", range(12))
async def test_any_mixture_of_listeners_gets_what_the_journal_says(live: Live, seed: int) -> None:
    rng = random.Random(seed)
    filters = [None, None, Filter(frozenset({"unit.changed"})), Filter(None, "PC-1"), Filter(frozenset({"no.such"}))]
    listening: list[tuple[One, int, Filter | None]] = []
    for _ in range(120):
        act = rng.randrange(10)
        if act < 4:
            await live.change(rng.randrange(1, 4), desk=rng.choice([None, None, live.other]))
        elif act == 4:
            after, wanted = rng.randrange(await live.stage.version() + 1), rng.choice(filters)
            listening.append((await live.listen(after, wanted), after, wanted))
        elif act == 5 and listening:
            rng.choice(listening)[0].tube.flow = False
        elif act == 6 and listening:
            rng.choice(listening)[0].tube.open()
        elif act == 7:
            await live.hub.poll()
        elif act == 8:
            await asyncio_turn()
        elif listening:
            one, after, wanted = listening.pop(rng.randrange(len(listening)))
            live.hub.leave(one.reader)
            told = one.versions
            assert told == (await live.journal(wanted, behind=after))[: len(told)]
            place = next(iter(one.reader.places.values()))
            listening.append((await live.listen(place, wanted), place, wanted))
    for one, _, _ in listening:
        one.tube.open()
    await live.settled()
    for one, after, wanted in listening:
        assert one.versions == await live.journal(wanted, behind=after) and not one.tube.resets()
    assert LOW < HIGH
