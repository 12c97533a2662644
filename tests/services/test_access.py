"""Who a credential stands for: remembered for moments, forgotten as soon as rights shrink, wherever that was."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from holdfast.domain.actors import CONSOLE, Actor, Grant, rights_in
from holdfast.runtime.rights import EVERY_S
from holdfast.services import people, sign_in, tokens
from holdfast.services.access import KEPT_S, Access
from holdfast.services.accounts import disable
from holdfast.services.doorbell import RIGHTS, Ring
from holdfast.services.people import Place
from holdfast.store import access as store
from tests.people import accounts_on, actor_of, organisation, person, session_of


async def test_a_credential_is_asked_for_once_and_then_remembered(pool: asyncpg.Pool) -> None:
    accounts = accounts_on(pool)
    access = accounts.access
    await access.poll()
    made = await session_of(accounts, await person(accounts, "ann@example.org"))
    await access.poll()
    assert access.remembered(made.secret) is None
    actor = await access.of_session(made.secret)
    assert actor is not None and access.remembered(made.secret) is actor
    assert access.remembered(made.secret + "x") is None and await access.of_session("x" * 43) is None
    # a session is no token, and a token no session
    assert await access.of_token(made.secret) is None


async def test_a_role_that_is_taken_counts_no_more_at_once_in_this_process(pool: asyncpg.Pool) -> None:
    accounts, place = accounts_on(pool), await organisation(pool)
    account = await person(accounts, "ann@example.org", Grant(place, None, "staff"))
    made = await session_of(accounts, account)
    await accounts.access.poll()
    assert (await accounts.access.of_session(made.secret)) is not None
    assert accounts.access.remembered(made.secret) is not None
    await people.take(accounts, CONSOLE, account, Place(place, None, None))
    assert accounts.access.remembered(made.secret) is None
    now = await accounts.access.of_session(made.secret)
    assert now is not None and now.grants == ()


async def test_another_process_learns_of_it_by_a_ring_or_by_its_next_look(pool: asyncpg.Pool) -> None:
    here, place = accounts_on(pool), await organisation(pool)
    rung, deaf = accounts_on(pool).access, accounts_on(pool).access
    here.access.ring = lambda: rung.hear(Ring(((RIGHTS, 1),)))
    account = await person(here, "ann@example.org", Grant(place, None, "staff"))
    made = await session_of(here, account)
    for access in (rung, deaf):
        await access.poll()
        assert await access.of_session(made.secret) is not None and access.remembered(made.secret) is not None
    await sign_in.sign_out_everywhere(here, await actor_of(here, account))
    assert rung.remembered(made.secret) is None and await rung.of_session(made.secret) is None
    assert deaf.remembered(made.secret) is not None  # until it looks, which is each second
    await deaf.poll()
    assert deaf.remembered(made.secret) is None and await deaf.of_session(made.secret) is None
    assert EVERY_S <= 1.0 < KEPT_S
    # a ring of something else forgets nothing; one that may be of anything does
    other = await session_of(here, account)
    await rung.poll()
    await rung.of_session(other.secret)
    rung.hear(Ring(((7, 1),)))
    assert rung.remembered(other.secret) is not None
    rung.hear(Ring(None))
    assert rung.remembered(other.secret) is None


class Held:
    """Holds a question to the store between its answer and whoever asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.answered, self.go_on = asyncio.Event(), asyncio.Event()
        asking: Any = getattr(store, name)

        async def held(*arguments: Any) -> Any:
            found = await asking(*arguments)
            self.answered.set()
            await self.go_on.wait()
            return found

        monkeypatch.setattr(store, name, held)


@pytest.mark.parametrize("looks_meanwhile", [False, True])
async def test_what_was_asked_before_rights_moved_is_not_remembered_after(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, looks_meanwhile: bool
) -> None:
    accounts, place = accounts_on(pool), await organisation(pool)
    account = await person(accounts, "ann@example.org", Grant(place, None, "owner"))
    made = await session_of(accounts, account)
    access = accounts.access
    await access.poll()
    held = Held(monkeypatch, "grants")
    asking = asyncio.create_task(access.of_session(made.secret))
    await held.answered.wait()
    async with accounts.changing(rights=True) as connection:
        await connection.execute("delete from membership")
    if looks_meanwhile:  # so that the version is known again
        await access.poll()
    held.go_on.set()
    old = await asking
    assert old is not None and old.grants  # asked before, so answered before
    assert access.remembered(made.secret) is None
    now = await access.of_session(made.secret)
    assert now is not None and now.grants == ()


async def test_a_look_that_began_before_rights_moved_says_nothing_of_them(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = accounts_on(pool)
    made = await session_of(accounts, await person(accounts, "ann@example.org"))
    access = accounts.access
    await access.poll()
    reading = Held(monkeypatch, "version")
    looking = asyncio.create_task(access.poll())
    await reading.answered.wait()
    async with accounts.changing(rights=True):
        pass
    reading.go_on.set()
    await looking
    await access.of_session(made.secret)
    assert access.remembered(made.secret) is None  # where rights stand is not known, so nothing is kept
    await access.poll()
    await access.of_session(made.secret)
    assert access.remembered(made.secret) is not None


async def test_when_it_cannot_look_nothing_is_remembered_for_long(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = accounts_on(pool)
    made = await session_of(accounts, await person(accounts, "ann@example.org"))
    await accounts.access.poll()
    await accounts.access.of_session(made.secret)

    async def away(*_: Any) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(store, "version", away)
    await accounts.access.poll()
    assert accounts.access.remembered(made.secret) is not None
    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now + KEPT_S)
    assert accounts.access.remembered(made.secret) is None


async def test_an_idle_session_ends_and_use_prolongs_it_up_to_its_end(pool: asyncpg.Pool) -> None:
    accounts = accounts_on(pool, session_idle_s=3600.0, session_life_s=7200.0)
    account = await person(accounts, "ann@example.org")
    made = await session_of(accounts, account)

    async def later(minutes: int) -> None:
        await pool.execute(
            "update session set seen_at = seen_at - $1 * interval '1 min', idle_until = idle_until - $1 *"
            " interval '1 min', ends_at = ends_at - $1 * interval '1 min'", minutes,
        )  # fmt: skip

    for minutes in (50, 50, 15):
        await later(minutes)
        assert await accounts.access.of_session(made.secret) is not None
    await later(10)  # 125 minutes after it began
    assert await accounts.access.of_session(made.secret) is None
    idle = await session_of(accounts, account)
    await later(61)
    assert await accounts.access.of_session(idle.secret) is None


async def test_an_expired_token_is_none_and_is_not_remembered_beyond_its_end(pool: asyncpg.Pool) -> None:
    accounts, place = accounts_on(pool), await organisation(pool)
    now: datetime = await pool.fetchval("select now()")
    soon = await tokens.make(
        accounts, CONSOLE, Place(place, None, None), name="t", scopes=["read"],
        expires_at=now + timedelta(seconds=1.5),
    )  # fmt: skip
    assert soon.token is not None
    access: Access = accounts.access
    await access.poll()
    actor = await access.of_token(soon.token)
    assert actor is not None and rights_in(actor, place) == {"read", "own"}
    (until, _) = access._kept[actor.credential or b""]
    assert until <= asyncio.get_running_loop().time() + 1.5
    await pool.execute("update api_token set expires_at = now()")
    await access.has_moved()
    assert access.remembered(soon.token) is None
    assert await access.of_token(soon.token) is None
    assert datetime.now(UTC) > now


async def test_a_closed_account_is_nobody_and_so_are_its_tokens(pool: asyncpg.Pool) -> None:
    accounts, place = accounts_on(pool), await organisation(pool)
    account = await person(accounts, "ann@example.org", Grant(place, None, "manager"))
    made = await session_of(accounts, account)
    actor = await actor_of(accounts, account)
    token = await tokens.make(accounts, actor, Place(place, None, None), name="t", scopes=["read"], expires_at=None)
    assert token.token is not None and await accounts.access.of_token(token.token) is not None
    await disable(accounts, account, disabled=True, by=CONSOLE)
    assert await accounts.access.of_session(made.secret) is None
    assert await accounts.access.of_token(token.token) is None
    assert await accounts.access.again(actor) is None
    await disable(accounts, account, disabled=False, by=CONSOLE)
    assert await accounts.access.of_session(made.secret) is None  # sessions that ended stay so
    assert await accounts.access.of_token(token.token) is not None


async def test_asking_again_gives_the_rights_of_now(pool: asyncpg.Pool) -> None:
    accounts, place = accounts_on(pool), await organisation(pool)
    account = await person(accounts, "ann@example.org", Grant(place, None, "staff"))
    actor = await actor_of(accounts, account)
    await people.give(accounts, CONSOLE, account, Place(place, None, None), "viewer")
    now = await accounts.access.again(actor)
    assert now is not None and now.grants == (Grant(place, None, "viewer"),)
    assert await accounts.access.again(CONSOLE) is CONSOLE
    assert await accounts.access.again(Actor("nobody", "nobody")) is not None
