"""Guesses are slowed down exactly, by whichever process they come, and nobody locks somebody else out."""

import asyncio

import asyncpg
import pytest

from holdfast.domain.errors import Refusal
from holdfast.services.retention import forget_old_guesses
from holdfast.services.throttle import Throttle

ANN, HOME, AWAY = "ann@example.org", "192.0.2.1", "198.51.100.1"


async def guesses(throttle: Throttle, count: int, account: str | None = ANN, address: str = AWAY) -> int:
    """How many of so many wrong guesses, made at once, were let through."""
    done = await asyncio.gather(
        *(throttle.check("sign-in", account, address) for _ in range(count)), return_exceptions=True
    )
    for one in done:
        assert one is None or (isinstance(one, Refusal) and one.code == "too_many_requests"), one
    return sum(one is None for one in done)


async def later(pool: asyncpg.Pool, seconds: float) -> None:
    await pool.execute(
        "update guess set tried_at = tried_at - $1 * interval '1 s', open_at = open_at - $1 * interval '1 s'", seconds
    )


async def test_of_a_hundred_guesses_at_once_no_more_get_through_than_one_after_the_other(pool: asyncpg.Pool) -> None:
    processes = [Throttle(pool), Throttle(pool)]
    let_through = await asyncio.gather(*(guesses(process, 50) for process in processes))
    assert sum(let_through) == 6


async def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour(pool: asyncpg.Pool) -> None:
    throttle = Throttle(pool)
    assert await guesses(throttle, 6) == 6
    waits = []
    for _ in range(14):
        waits.append(await pool.fetchval("select max(extract(epoch from open_at - tried_at))::float from guess"))
        with pytest.raises(Refusal) as refused:
            await throttle.check("sign-in", ANN, AWAY)
        assert 1 <= refused.value.data["retry_after_s"] <= waits[-1] + 1
        await pool.execute("update guess set open_at = now()")
        await throttle.check("sign-in", ANN, AWAY)
    assert [round(wait) for wait in waits[:5]] == [1, 2, 4, 8, 16]
    assert max(waits) == 900
    await later(pool, 15 * 900)
    assert await guesses(throttle, 4) == 4
    await later(pool, 86_400)
    assert await guesses(throttle, 6, address="203.0.113.9") == 6


async def test_a_success_forgets_the_accounts_failures_and_not_the_addresss(pool: asyncpg.Pool) -> None:
    throttle = Throttle(pool)
    assert await guesses(throttle, 5) == 5
    await throttle.check("sign-in", "own@example.org", AWAY)
    await throttle.succeed("sign-in", "own@example.org", AWAY)
    assert await pool.fetchval("select min(failures) from guess") == pytest.approx(1.25, abs=0.01)
    await throttle.check("sign-in", ANN, AWAY)
    await throttle.succeed("sign-in", ANN, AWAY)
    assert await guesses(throttle, 5) == 5


async def test_an_address_that_tries_many_accounts_is_slowed_down_too(pool: asyncpg.Pool) -> None:
    throttle = Throttle(pool)
    for number in range(21):
        await throttle.check("sign-in", f"somebody-{number}@example.org", AWAY)
    with pytest.raises(Refusal):
        await throttle.check("sign-in", "somebody-else@example.org", AWAY)
    with pytest.raises(Refusal):
        await throttle.check("sign-in", None, AWAY)
    await throttle.check("sign-in", "somebody-else@example.org", HOME)
    await throttle.check("reset", "somebody-else@example.org", AWAY)


async def test_guesses_from_elsewhere_never_lock_the_owner_out_where_they_are_known(pool: asyncpg.Pool) -> None:
    throttle = Throttle(pool)
    await throttle.know(ANN, HOME)
    await throttle.know(ANN, "2001:db8:1:2::7")
    for number in range(60):
        await guesses(throttle, 1, address=f"198.51.100.{number}")
    with pytest.raises(Refusal):
        await throttle.check("sign-in", ANN, "203.0.113.1")
    await throttle.check("sign-in", ANN, HOME)
    await throttle.check("sign-in", ANN, "2001:db8:1:2::8")
    # but whoever guesses there is slowed down there
    assert await guesses(throttle, 20, address=HOME) == 5
    await throttle.check("sign-in", ANN, "2001:db8:1:2::8")
    await throttle.check("sign-in", "bob@example.org", HOME)


async def test_nothing_that_is_kept_names_anybody_and_it_goes_by_itself(pool: asyncpg.Pool) -> None:
    throttle = Throttle(pool)
    await throttle.check("sign-in", ANN, AWAY)
    await throttle.know(ANN, HOME)
    rows = [*await pool.fetch("select * from guess"), *await pool.fetch("select * from known_place")]
    assert len(rows) == 3 and not any(b"ann" in bytes(row[0]) for row in rows)
    assert not await forget_old_guesses(pool)
    assert await pool.fetchval("select count(*) from guess") == 2
    await pool.execute("update guess set tried_at = now() - interval '25 hours'")
    await pool.execute("update known_place set seen_at = now() - interval '181 days'")
    await forget_old_guesses(pool)
    assert await pool.fetchval("select (select count(*) from guess) + (select count(*) from known_place)") == 0
