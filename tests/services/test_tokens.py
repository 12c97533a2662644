"""Tokens: never more than their maker may now, made by nobody but people, and over when they are revoked."""

from pathlib import Path

import asyncpg
import pytest

from holdfast.domain.actors import CONSOLE, NOBODY, RIGHTS, Actor, Grant, rights_in
from holdfast.services import people, tokens
from holdfast.services.accounts import Accounts
from holdfast.services.people import Place
from holdfast.services.tokens import TokenView
from tests.people import accounts_on, actor_of, organisation, person, refused, site


@pytest.fixture
def accounts(pool: asyncpg.Pool, tmp_path: Path) -> Accounts:
    return accounts_on(pool, folder=tmp_path)


async def made(accounts: Accounts, actor: Actor, place: Place, *scopes: str) -> TokenView:
    return await tokens.make(accounts, actor, place, name="lobby", scopes=list(scopes), expires_at=None)


async def rights(accounts: Accounts, token: TokenView, place: Place) -> frozenset[str] | None:
    assert token.token is not None
    found = await accounts.access.of_token(token.token)
    return None if found is None else rights_in(found, place.organisation_id, place.site_id)


async def test_a_token_may_what_its_scopes_say_and_its_maker_may_now(accounts: Accounts) -> None:
    place = Place(await organisation(accounts.pool), None, None)
    account = await person(accounts, "ann@example.org", Grant(place.organisation_id, None, "owner"))
    ann = await actor_of(accounts, account)
    await person(accounts, "bo@example.org", Grant(place.organisation_id, None, "owner"))
    token = await made(accounts, ann, place, "read", "book", "people")
    assert await rights(accounts, token, place) == {"read", "book", "people", "own"}
    for role, left in (
        ("manager", {"read", "book", "people", "own"}),
        ("viewer", {"read", "own"}),
        ("customer", set()),
    ):
        await people.give(accounts, CONSOLE, account, place, role)
        assert await rights(accounts, token, place) == left
    await people.give(accounts, CONSOLE, account, place, "owner")
    assert await rights(accounts, token, place) == {"read", "book", "people", "own"}
    await people.take(accounts, CONSOLE, account, place)
    assert await rights(accounts, token, place) == frozenset()


async def test_a_token_for_one_site_opens_no_other(accounts: Accounts) -> None:
    ours = await organisation(accounts.pool)
    here, there = [Place(ours, await site(accounts.pool, ours, slug), slug) for slug in ("here", "there")]
    manager = await actor_of(accounts, await person(accounts, "ann@example.org", Grant(ours, here.site_id, "manager")))
    token = await made(accounts, manager, here, "read")
    assert await rights(accounts, token, here) == {"read", "own"}
    assert await rights(accounts, token, there) == await rights(accounts, token, Place(ours, None, None)) == frozenset()
    for place in (there, Place(ours, None, None)):
        with refused("not_allowed"):
            await made(accounts, manager, place, "read")
    with refused("not_allowed"):
        await made(accounts, manager, here, "sites")


async def test_nobody_gives_a_token_what_they_do_not_hold(accounts: Accounts) -> None:
    place = Place(await organisation(accounts.pool), None, None)
    manager = await actor_of(
        accounts, await person(accounts, "ann@example.org", Grant(place.organisation_id, None, "manager"))
    )
    staff = await actor_of(
        accounts, await person(accounts, "bo@example.org", Grant(place.organisation_id, None, "staff"))
    )
    for actor, scopes in ((manager, ["organisation"]), (manager, ["read", "sites"]), (staff, ["read"])):
        with refused("not_allowed"):
            await made(accounts, actor, place, *scopes)
    with refused("unauthorised"):
        await made(accounts, NOBODY, place, "read")
    for actor in (manager, CONSOLE):
        with refused("not_allowed"):
            await made(accounts, actor, place, "server")
        with refused("invalid_request"):
            await made(accounts, actor, place, "raed")
        with refused("invalid_request"):
            await made(accounts, actor, place)


async def test_a_token_makes_no_tokens(accounts: Accounts) -> None:
    place = Place(await organisation(accounts.pool), None, None)
    every = [right for right in RIGHTS if right != "server"]
    token = await made(accounts, CONSOLE, place, *every)
    assert token.token is not None
    program = await accounts.access.of_token(token.token)
    assert program is not None
    with refused("not_allowed"):
        await made(accounts, program, place, "read")


async def test_a_token_is_revoked_by_those_of_its_organisation_only(accounts: Accounts, pool: asyncpg.Pool) -> None:
    place, others = Place(await organisation(pool), None, None), await organisation(pool, "Others")
    token = await made(accounts, CONSOLE, place, "read")
    stranger = await actor_of(accounts, await person(accounts, "ann@example.org", Grant(others, None, "owner")))
    with refused("unknown_organisation"):
        await tokens.revoke(accounts, stranger, place.organisation_id, token.id)
    with refused("unknown_token"):
        await tokens.revoke(accounts, stranger, others, token.id)
    assert await rights(accounts, token, place) == {"read", "own"}
    await tokens.revoke(accounts, CONSOLE, place.organisation_id, token.id)
    assert await rights(accounts, token, place) is None
    kept = str(await pool.fetch("select t::text from api_token t"))
    assert token.token is not None and token.token not in kept and token.token.startswith("hf_")
    (line,) = (await tokens.page(accounts, CONSOLE, place.organisation_id, cursor=None, limit=10)).tokens
    assert line.token is None and line.revoked_at is not None
