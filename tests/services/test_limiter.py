"""Requests are counted in memory, and processes that share a database keep a limit together."""

import asyncio

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services import limiter
from holdfast.services.limiter import REST, WINDOW_S, Limiter, RequestLimits, neighbourhood_of, place_of

LIMITS = RequestLimits(principal=100, address=50, anonymous_writes=5)


class Clock:
    """A clock that stands until it is moved; it starts with a window."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0 * WINDOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limiter, "monotonic", clock)
    monkeypatch.setattr(limiter, "now_ms", lambda: round(clock.now_s * 1000))
    return clock


def admitted(limiter: Limiter, who: str | None, address: str = "192.0.2.1", *, tries: int = 200) -> int:
    """How many of so many requests were let in."""
    count = 0
    for _ in range(tries):
        try:
            limiter.admit(who, address)
        except Refusal:
            continue
        count += 1
    return count


def test_a_caller_may_ask_so_often_and_no_more_and_others_as_often(clock: Clock) -> None:
    limiter = Limiter(LIMITS)
    assert admitted(limiter, "ann") == 100
    assert admitted(limiter, "bob") == 100
    assert admitted(limiter, None) == 50
    assert admitted(limiter, None, "192.0.2.2") == 50


def test_of_the_minute_before_counts_what_lies_within_the_last_sixty_seconds(clock: Clock) -> None:
    limiter = Limiter(LIMITS)
    assert admitted(limiter, "ann") == 100
    clock.now_s += WINDOW_S
    assert admitted(limiter, "ann") == 0
    clock.now_s += WINDOW_S / 2
    assert admitted(limiter, "ann") == 50
    clock.now_s += 2 * WINDOW_S
    assert admitted(limiter, "ann") == 100


@pytest.mark.parametrize("spent", [100, 40])
def test_whoever_comes_back_when_told_is_let_in(clock: Clock, spent: int) -> None:
    limiter = Limiter(LIMITS)
    assert admitted(limiter, "ann", tries=spent) == spent
    if spent < 100:
        clock.now_s += WINDOW_S
        assert admitted(limiter, "ann") == 60
    with pytest.raises(Refusal) as refused:
        limiter.admit("ann", "192.0.2.1")
    assert refused.value.code == "too_many_requests"
    wait_s = refused.value.data["retry_after_s"]
    assert 1 <= wait_s <= 2 * WINDOW_S
    clock.now_s += wait_s
    limiter.admit("ann", "192.0.2.1")


def test_writes_of_unknown_people_are_counted_more_strictly_and_nought_is_no_limit(clock: Clock) -> None:
    limiter = Limiter(LIMITS)
    for _ in range(5):
        limiter.admit(None, "192.0.2.1", "anonymous_write")
    with pytest.raises(Refusal) as refused:
        limiter.admit(None, "192.0.2.1", "anonymous_write")
    assert refused.value.data["counted_by"] == "anonymous-writes"
    assert admitted(limiter, None) == 45
    unlimited = Limiter(RequestLimits(0, 0, 0))
    assert admitted(unlimited, "ann", tries=10_000) == admitted(unlimited, None, tries=10_000) == 10_000
    assert unlimited.admit(None, "192.0.2.1", "anonymous_write") is None


def test_addresses_are_counted_by_household() -> None:
    assert place_of("192.0.2.1") == place_of("::ffff:192.0.2.1") == "192.0.2.1"
    assert place_of("2001:db8:1:2:3:4:5:6") == place_of("2001:DB8:1:2::") == "2001:db8:1:2::/64"
    assert place_of("fe80::1%eth0") == "fe80::/64"
    assert place_of("unknown") == "unknown" and place_of("no:address" * 100) == ("no:address" * 100)[:64]
    assert neighbourhood_of("192.0.2.1") == "192.0.0.0/16"
    assert neighbourhood_of("2001:db8:1:2::7") == "2001:db8::/32"
    assert neighbourhood_of("no:address") == REST


def test_memory_is_bounded_and_whoever_has_no_room_is_counted_with_their_neighbours(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "KEYS_MAX", 100)
    monkeypatch.setattr(limiter, "NEIGHBOURHOODS_MAX", 10)
    counting = Limiter(LIMITS)
    for number in range(100):
        counting.admit(None, f"198.51.100.{number}")
    assert sum(admitted(counting, None, f"203.0.113.{number}", tries=1) for number in range(200)) == 50
    assert admitted(counting, None, "198.51.100.7") == 49
    for number in range(1, 200):
        admitted(counting, None, f"{number}.{number}.1.1", tries=1)
    assert len(counting._addresses.uses) <= 100 + 10 + 1


async def test_processes_keep_one_limit_together(pool: asyncpg.Pool) -> None:
    processes = [Limiter(LIMITS) for _ in range(4)]
    let_in = 0
    for _ in range(15):
        for process in processes:
            let_in += admitted(process, "ann", tries=5)
        await asyncio.gather(*(process.share(pool) for process in processes))
    assert 100 <= let_in <= 100 + 4 * 5
    assert admitted(processes[0], "bob") == 100
    # one that was not there yet learns with its first share
    late = Limiter(LIMITS)
    assert admitted(late, "ann", tries=1) == 1
    await late.share(pool)
    assert admitted(late, "ann") == 0


async def test_what_was_told_is_told_once_and_what_could_not_be_told_is_kept(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "SHARED_MAX", 2)
    process = Limiter(LIMITS)
    for who, tries in (("ann", 9), ("bob", 1), ("cay", 5)):
        admitted(process, who, tries=tries)
    gone = await asyncpg.create_pool("postgresql://nobody@127.0.0.1:1/none", min_size=0)
    with pytest.raises(OSError):
        await process.share(gone)
    counts = "select used from request_count order by used"
    await process.share(pool)
    assert [row["used"] for row in await pool.fetch(counts)] == [5, 9]
    await process.share(pool)
    await process.share(pool)
    assert [row["used"] for row in await pool.fetch(counts)] == [1, 5, 9]


async def test_old_counts_are_let_go_of(pool: asyncpg.Pool) -> None:
    await pool.execute("insert into request_count values (1, substr(sha256('a'), 1, 16), 7)")
    process = Limiter(LIMITS)
    admitted(process, "ann", tries=1)
    await process.share(pool)
    assert [row["used"] for row in await pool.fetch("select used from request_count")] == [1]
