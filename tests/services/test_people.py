"""Roles given and taken, and invitations: nobody gives what they do not hold, and what they gave goes with them."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from holdfast.domain.actors import CONSOLE, Actor, Grant
from holdfast.services import people, tokens
from holdfast.services.accounts import Accounts, disable
from holdfast.services.people import Place
from tests.people import PASSWORD, accounts_on, actor_of, mailed, organisation, person, refused, site
from tests.people import fast as fast

pytestmark = pytest.mark.usefixtures("fast")
BO = "bo@example.org"


class Town:
    """An organisation with an owner, a manager of all and of one site, and two sites."""

    accounts: Accounts
    everywhere: Place
    here: Place
    there: Place
    owner: Actor
    manager: Actor
    site_manager: Actor

    async def who(self, email: str, role: str | None, place: Place | None = None) -> Actor:
        where = place or self.everywhere
        grants = [Grant(where.organisation_id, where.site_id, role)] if role is not None else []
        return await actor_of(self.accounts, await person(self.accounts, email, *grants))

    async def invited(self, actor: Actor, role: str, place: Place | None = None, email: str = BO) -> str:
        await people.invite(self.accounts, actor, place or self.everywhere, email=email, role=role)
        return (await mailed(self.accounts.pool, "invitation"))[-1]

    async def accept(self, secret: str) -> Any:
        return await people.accept(self.accounts, secret, name="Bo Ray", password=PASSWORD)

    async def roles(self, actor: Actor) -> list[str]:
        now = await self.accounts.access.again(actor)
        return [] if now is None else [grant.role for grant in now.grants]


@pytest.fixture
async def town(pool: asyncpg.Pool, tmp_path: Path) -> Town:
    made = Town()
    made.accounts = accounts_on(pool, folder=tmp_path)
    ours = await organisation(pool)
    made.everywhere = Place(ours, None, None)
    made.here, made.there = [Place(ours, await site(pool, ours, slug), slug) for slug in ("here", "there")]
    made.owner = await made.who("owner@example.org", "owner")
    made.manager = await made.who("manager@example.org", "manager")
    made.site_manager = await made.who("local@example.org", "manager", made.here)
    return made


async def test_nobody_gives_a_role_with_rights_that_they_do_not_hold_there(town: Town) -> None:
    staff = await town.who("staff@example.org", "staff")
    assert staff.account_id is not None
    for actor, place, role in (
        (town.manager, town.everywhere, "owner"), (town.site_manager, town.everywhere, "viewer"),
        (town.site_manager, town.there, "viewer"), (town.site_manager, town.here, "owner"),
        (staff, town.everywhere, "customer"), (staff, town.here, "staff"),
    ):  # fmt: skip
        with refused("not_allowed"):
            await people.give(town.accounts, actor, staff.account_id, place, role)
        with refused("not_allowed", "invalid_request"):
            await people.invite(town.accounts, actor, place, email=BO, role=role)
    await people.give(town.accounts, town.site_manager, staff.account_id, town.here, "manager")
    assert await town.roles(staff) == ["staff", "manager"]


async def test_nobody_raises_themselves(town: Town) -> None:
    for actor, place in ((town.manager, town.everywhere), (town.site_manager, town.here),
                         (town.site_manager, town.everywhere)):  # fmt: skip
        assert actor.account_id is not None
        with refused("not_allowed"):
            await people.give(town.accounts, actor, actor.account_id, place, "owner")


async def test_those_who_may_more_are_not_lowered_by_those_who_may_less(town: Town) -> None:
    assert town.owner.account_id is not None and town.manager.account_id is not None
    for work in (people.give(town.accounts, town.manager, town.owner.account_id, town.everywhere, "viewer"),
                 people.take(town.accounts, town.manager, town.owner.account_id, town.everywhere)):  # fmt: skip
        with refused("not_allowed"):
            await work
    with refused("last_owner"):
        await people.take(town.accounts, town.owner, town.owner.account_id, town.everywhere)
    with refused("last_owner"):
        await people.give(town.accounts, town.owner, town.owner.account_id, town.everywhere, "viewer")
    await people.take(town.accounts, town.manager, town.manager.account_id, town.everywhere)  # one's own


async def test_strangers_are_invited_and_never_just_taken_in(town: Town) -> None:
    stranger = await town.who(BO, None)
    assert stranger.account_id is not None
    with refused("unknown_account"):
        await people.give(town.accounts, town.owner, stranger.account_id, town.everywhere, "viewer")
    with refused("unknown_account"):
        await people.take(town.accounts, town.owner, stranger.account_id, town.everywhere)
    elsewhere = Place(await organisation(town.accounts.pool, "Others"), None, None)
    with refused("unknown_organisation"):
        await people.page(town.accounts, town.owner, elsewhere.organisation_id)
    with refused("unknown_organisation"):
        await people.give(town.accounts, town.owner, stranger.account_id, elsewhere, "viewer")


async def test_an_invitation_makes_one_account_and_works_once(town: Town) -> None:
    secret = await town.invited(town.manager, "staff", town.here)
    with refused("invalid_request"):
        await people.accept(town.accounts, secret, name="Bo", password=None)
    done = await asyncio.gather(*(town.accept(secret) for _ in range(3)), return_exceptions=True)
    (account,) = {one for one in done if not isinstance(one, BaseException)}
    assert await town.roles(await actor_of(town.accounts, account)) == ["staff"]
    with refused("link_used"):
        await people.invited(town.accounts, secret)


async def test_an_invitation_that_is_withdrawn_or_sent_anew_or_late_works_no_more(town: Town) -> None:
    first = await town.invited(town.manager, "staff")
    second = await town.invited(town.manager, "viewer")
    (line,) = await people.invitations(town.accounts, town.manager, town.everywhere.organisation_id)
    with refused("link_used"):
        await town.accept(first)
    with refused("unknown_organisation", "not_allowed"):
        await people.withdraw(town.accounts, town.site_manager, town.everywhere.organisation_id, line.id)
    await people.withdraw(town.accounts, town.owner, town.everywhere.organisation_id, line.id)
    with refused("link_used"):
        await town.accept(second)
    third = await town.invited(town.manager, "viewer")
    await town.accounts.pool.execute("update single_use set expires_at = now() - interval '1 s'")
    with refused("link_used"):
        await town.accept(third)


@pytest.mark.parametrize("how", ["lowered", "taken", "closed"])
async def test_whom_somebody_invited_does_not_come_in_once_they_have_lost_their_role(town: Town, how: str) -> None:
    secret = await town.invited(town.manager, "manager")
    kept = await town.invited(town.owner, "staff", email="chloe@example.org")
    assert town.manager.account_id is not None
    if how == "lowered":
        await people.give(town.accounts, town.owner, town.manager.account_id, town.everywhere, "viewer")
    elif how == "taken":
        await people.take(town.accounts, town.owner, town.manager.account_id, town.everywhere)
    else:
        await disable(town.accounts, town.manager.account_id, disabled=True, by=CONSOLE)
    with refused("link_used"):
        await town.accept(secret)
    assert await town.accept(kept)


async def test_a_role_taken_here_withdraws_no_invitation_elsewhere(town: Town) -> None:
    others = await organisation(town.accounts.pool, "Others")
    assert town.manager.account_id is not None
    async with town.accounts.changing(rights=True) as connection:
        await people.store.grant(connection, town.manager.account_id, Grant(others, None, "manager"), by="tests")
    manager = await town.accounts.access.again(town.manager)
    assert manager is not None
    secret = await town.invited(manager, "staff", Place(others, None, None))
    await people.take(town.accounts, town.owner, town.manager.account_id, town.everywhere)
    assert await town.accept(secret)


async def test_an_invitation_for_less_takes_nothing(town: Town) -> None:
    for role in ("viewer", "housekeeping", "manager"):
        secret = await town.invited(town.manager, role, email="owner@example.org")
        await town.accept(secret)
    assert await town.roles(town.owner) == ["owner"]
    customer = await town.who("customer@example.org", "customer")
    await town.accept(await town.invited(town.manager, "staff", email="customer@example.org"))
    assert await town.roles(customer) == ["staff"]


async def test_what_a_token_invited_to_goes_with_the_token(town: Town) -> None:
    scopes = [right for right in ("public", "own", "read", "names", "people")]
    made = await tokens.make(
        town.accounts, town.owner, town.everywhere, name="t", scopes=scopes, expires_at=None
    )  # fmt: skip
    assert made.token is not None
    program = await town.accounts.access.of_token(made.token)
    assert program is not None
    with refused("not_allowed"):
        await people.invite(town.accounts, program, town.everywhere, email=BO, role="staff")
    secret = await town.invited(program, "viewer")
    await tokens.revoke(town.accounts, town.owner, town.everywhere.organisation_id, made.id)
    with refused("link_used"):
        await town.accept(secret)


async def test_a_customer_is_nobody_of_the_team(town: Town) -> None:
    customer = await town.who("customer@example.org", "customer", town.here)
    organisation_id = town.everywhere.organisation_id
    for work in (people.page(town.accounts, customer, organisation_id), people.invitations(town.accounts, customer,
                 organisation_id), people.rename_organisation(town.accounts, customer, organisation_id, "Mine"),
                 people.make_organisation(town.accounts, customer, "Mine"),
                 people.invite(town.accounts, customer, town.here, email=BO, role="viewer")):  # fmt: skip
        with refused("not_allowed"):
            await work
    told = await people.page(town.accounts, town.manager, organisation_id)
    assert "customer@example.org" not in {line.email for line in told.people}
