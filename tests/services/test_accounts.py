"""Accounts: every link counts once and for one thing, and nothing tells strangers who has one."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from holdfast.domain.actors import CONSOLE, NOBODY, Grant
from holdfast.domain.sites import Site
from holdfast.services import accounts as services
from holdfast.services import sign_in, sign_up
from holdfast.services.account_administration import disable_account, make_account, reset_account
from holdfast.services.accounts import AccountChange, Accounts
from holdfast.services.people import Place
from holdfast.services.sign_up import SignUp
from holdfast.services.sites import Sites
from holdfast.store import accounts as store
from holdfast.store import people
from tests.people import (
    HERE,
    PASSWORD,
    accounts_on,
    actor_of,
    mailed,
    organisation,
    person,
    refused,
    secret_of,
    session_of,
    site,
)
from tests.people import fast as fast

ANN, ADDRESS = "ann@example.org", "192.0.2.7"
OPEN = {"booking_page": "accounts", "sign_up": True}
pytestmark = pytest.mark.usefixtures("fast")


@pytest.fixture
def accounts(pool: asyncpg.Pool, tmp_path: Path) -> Accounts:
    return accounts_on(pool, folder=tmp_path)


def won(done: list[Any]) -> list[Any]:
    for one in done:
        assert not isinstance(one, BaseException) or getattr(one, "code", None) in ("link_used", "last_owner"), one
    return [one for one in done if not isinstance(one, BaseException)]


# -- set-up ------------------------------------------------------------------------------------------------------------


async def test_of_many_who_use_the_set_up_link_at_once_one_becomes_the_owner(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    secret = secret_of(await services.set_up_link(accounts))
    done = await asyncio.gather(*(
        services.set_up(accounts, secret, email=f"{n}@example.org", name="Ann", password=PASSWORD, by=NOBODY)
        for n in range(4)
    ), return_exceptions=True)  # fmt: skip
    (owner,) = won(done)
    actor = await actor_of(accounts, owner)
    assert [grant.role for grant in actor.grants] == ["owner"]
    assert await pool.fetchval("select count(*) from account") == 1
    assert await accounts.access.has_accounts()  # at once, or programs of the machine could go on with everything


async def test_a_set_up_link_works_no_more_once_there_is_another_or_an_account(accounts: Accounts) -> None:
    first = secret_of(await services.set_up_link(accounts))
    second = secret_of(await services.set_up_link(accounts))
    wish: dict[str, Any] = {"email": ANN, "name": "Ann", "password": PASSWORD, "by": NOBODY}
    with refused("link_used"):
        await services.set_up(accounts, first, **wish)
    with refused("weak_password"):
        await services.set_up(accounts, second, **{**wish, "password": "short"})
    await person(accounts, "console@example.org")
    with refused("link_used"):
        await services.set_up(accounts, second, **wish)


# -- signing up --------------------------------------------------------------------------------------------------------


async def campus(pool: asyncpg.Pool, **settings: Any) -> Site:
    await site(pool, await organisation(pool), "campus", **{**OPEN, **settings})
    return await Sites(pool).find("campus")


async def asked(accounts: Accounts, where: Site, *, email: str = ANN, password: str = PASSWORD) -> str:
    await sign_up.sign_up(accounts, where, SignUp(email, "Ann Lee", password), address=ADDRESS)
    return (await mailed(accounts.pool, "verify"))[-1]


async def test_an_account_is_there_once_its_link_is_followed_with_its_password(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    where = await campus(pool)
    secret = await asked(accounts, where)
    assert await pool.fetchval("select count(*) from account") == 0
    account, is_new = await sign_up.verify(accounts, secret, PASSWORD, by=NOBODY, address=ADDRESS)
    assert is_new and (await actor_of(accounts, account)).grants == (
        Grant(where.organisation_id, where.id, "customer"),
    )
    assert (await sign_in.sign_in(accounts, ANN, PASSWORD, None, HERE)).account_id == account
    with refused("link_used"):
        await sign_up.verify(accounts, secret, PASSWORD, by=NOBODY, address=ADDRESS)


async def test_whoever_gave_somebody_elses_address_gets_no_account_by_their_following_the_link(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    secret = await asked(accounts, await campus(pool), password="what the stranger chose")
    for given in (None, "", "what Ann might say"):
        with refused("wrong_credentials"):
            await sign_up.verify(accounts, secret, given, by=NOBODY, address=ADDRESS)
    assert await pool.fetchval("select count(*) from account") == 0


async def test_two_links_of_one_address_used_at_once_make_one_account(accounts: Accounts, pool: asyncpg.Pool) -> None:
    where = await campus(pool)
    secrets = [await asked(accounts, where), await asked(accounts, where)]
    done = await asyncio.gather(*(
        sign_up.verify(accounts, secret, PASSWORD, by=NOBODY, address=ADDRESS) for secret in (*secrets, *secrets)
    ), return_exceptions=True)  # fmt: skip
    made = won(done)
    assert len({account for account, _ in made}) == 1 and sum(is_new for _, is_new in made) == 1
    assert await pool.fetchval("select count(*) from account") == await pool.fetchval("select count(*) from membership")


async def test_signing_up_again_changes_neither_password_nor_role_and_is_no_way_in(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    where = await campus(pool)
    there = await person(accounts, ANN, Grant(where.organisation_id, where.id, "staff"), password=PASSWORD)
    secret = await asked(accounts, where, password="another quiet lantern drifts")
    account, is_new = await sign_up.verify(accounts, secret, None, by=NOBODY, address=ADDRESS)
    assert (account, is_new) == (there, False)
    assert [grant.role for grant in (await actor_of(accounts, there)).grants] == ["staff"]
    assert await sign_in.sign_in(accounts, ANN, PASSWORD, None, HERE)


async def test_nobody_is_flooded_with_mail(accounts: Accounts, pool: asyncpg.Pool) -> None:
    where = await campus(pool)
    await person(accounts, "bo@example.org")
    for work in (lambda: asked(accounts, where),
                 lambda: services.ask_reset(accounts, "bo@example.org", by=NOBODY, address=ADDRESS)):  # fmt: skip
        with refused("too_many_requests"):
            for _ in range(7):
                await work()
    assert await pool.fetchval("select count(*) from mail") <= 12


@pytest.mark.parametrize(("settings", "email"), [
    ({"sign_up": False}, ANN), ({"booking_page": "off"}, ANN), ({"sign_up_domains": ["campus.example"]}, ANN),
    ({"sign_up_domains": ["campus.example"]}, "ann@evil.campus.example"),
    ({"sign_up_domains": ["campus.example"]}, "ann@campus.example.evil.org"),
])  # fmt: skip
async def test_where_customers_do_not_sign_up_they_cannot(
    accounts: Accounts, pool: asyncpg.Pool, settings: dict[str, Any], email: str
) -> None:
    where = await campus(pool, **settings)
    with refused("sign_up_closed"):
        await asked(accounts, where, email=email)
    actor = await actor_of(accounts, await person(accounts, email))
    with refused("sign_up_closed"):
        await sign_up.join(accounts, actor, where, {})


# -- passwords ---------------------------------------------------------------------------------------------------------


async def test_a_reset_link_works_once_and_ends_all_sessions(accounts: Accounts, pool: asyncpg.Pool) -> None:
    account = await person(accounts, ANN, password=PASSWORD)
    session = await session_of(accounts, account)
    for _ in range(2):
        await services.ask_reset(accounts, ANN, by=NOBODY, address=ADDRESS)
    old, secret = await mailed(pool, "reset")
    new = "eleven loud bells at noon"
    with refused("link_used"):
        await services.reset(accounts, old, new, by=NOBODY)
    with refused("weak_password"):
        await services.reset(accounts, secret, "password12", by=NOBODY)
    done = await asyncio.gather(
        *(services.reset(accounts, secret, new, by=NOBODY) for _ in range(3)), return_exceptions=True
    )
    assert len(won(done)) == 1
    assert await accounts.access.of_session(session.secret) is None
    with refused("wrong_credentials"):
        await sign_in.sign_in(accounts, ANN, PASSWORD, None, HERE)
    assert await sign_in.sign_in(accounts, ANN, new, None, HERE)


async def test_asking_for_a_reset_says_the_same_of_an_address_without_an_account(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    closed = await person(accounts, "closed@example.org")
    await services.disable(accounts, closed, disabled=True, by=CONSOLE)
    for email in ("nobody@example.org", "closed@example.org"):
        await services.ask_reset(accounts, email, by=NOBODY, address=ADDRESS)
    assert await mailed(pool, "reset") == []


async def test_a_changed_password_ends_other_sessions_and_links_that_were_sent(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    account = await person(accounts, ANN, password=PASSWORD)
    here, elsewhere = await actor_of(accounts, account), await session_of(accounts, account)
    secret = secret_of(await reset_account(accounts, ANN, second_factor=False))
    new = "eleven loud bells at noon"
    for present in (None, "", "wrong"):
        with refused("wrong_credentials"):
            await services.change_password(accounts, here, present=present, new=new, address=ADDRESS)
    await services.change_password(accounts, here, present=PASSWORD, new=new, address=ADDRESS)
    assert await accounts.access.again(here) is not None
    assert await accounts.access.of_session(elsewhere.secret) is None
    with refused("link_used"):
        await services.reset(accounts, secret, PASSWORD, by=NOBODY)


async def test_a_closed_account_is_not_got_back_into(accounts: Accounts) -> None:
    account = await person(accounts, ANN, password=PASSWORD)
    secret = secret_of(await reset_account(accounts, ANN, second_factor=False))
    await services.disable(accounts, account, disabled=True, by=CONSOLE)
    with refused("link_used"):
        await services.reset(accounts, secret, PASSWORD, by=NOBODY)
    with refused("unknown_account"):
        await services.disable(accounts, UUID(int=0), disabled=True, by=CONSOLE)


async def test_nobody_changes_what_is_not_theirs_to_say(accounts: Accounts) -> None:
    actor = await actor_of(accounts, await person(accounts, ANN))
    changed = await services.change(accounts, actor, AccountChange(name=" Ann  Bo ", phone="+44 20 7946 0000"))
    assert (changed.name, changed.phone, changed.email) == ("Ann Bo", "+44 20 7946 0000", ANN)
    assert set(AccountChange.__struct_fields__) == {"name", "phone", "language"}
    for wish in (AccountChange(name="\x1b[31m"), AccountChange(phone="call me"), AccountChange(language="xx")):
        with refused("invalid_request"):
            await services.change(accounts, actor, wish)


# -- the last owner ----------------------------------------------------------------------------------------------------


async def test_the_last_owner_is_neither_closed_nor_made_less_by_anybody(accounts: Accounts) -> None:
    place = await organisation(accounts.pool)
    ann = await person(accounts, ANN, Grant(place, None, "owner"))
    closed = await person(accounts, "closed@example.org", Grant(place, None, "owner"))
    await services.disable(accounts, closed, disabled=True, by=CONSOLE)
    with refused("last_owner"):
        await services.disable(accounts, ann, disabled=True, by=CONSOLE)
    with refused("last_owner"):
        await disable_account(accounts, ANN, disabled=True)
    with refused("last_owner"):
        await make_account(accounts, Place(place, None, None), email=ANN, name="Ann", role="viewer", password=None)
    await make_account(accounts, Place(place, None, None), email=ANN, name="Ann", role="owner", password=None)


@pytest.mark.parametrize("first", ["closing", "taking"])
async def test_of_two_owners_removed_at_once_one_stays(accounts: Accounts, pool: asyncpg.Pool, first: str) -> None:
    place = await organisation(pool)
    ann, bo = [await person(accounts, f"{name}@example.org", Grant(place, None, "owner")) for name in ("ann", "bo")]
    async with pool.acquire() as connection, connection.transaction():
        await store.lock(connection, ann)
        await services.check_other_owner(connection, place, ann)
        if first == "closing":
            await store.disable(connection, ann, disabled=True)
        else:
            await people.ungrant(connection, ann, place, None)
        other = asyncio.create_task(services.disable(accounts, bo, disabled=True, by=CONSOLE))
        async with asyncio.timeout(10):
            waits = (
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            )
            while not await pool.fetchval(waits):
                await asyncio.sleep(0.01)
    with refused("last_owner"):
        await other
