"""Signing in: one answer to everything that is wrong, every proof counts once, and out means out everywhere."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import pyotp
import pytest

from holdfast.domain.actors import CONSOLE
from holdfast.domain.errors import Refusal
from holdfast.services import second_factor, sign_in
from holdfast.services.account_administration import reset_account
from holdfast.services.accounts import Accounts, disable
from holdfast.services.sealing import Sealing
from holdfast.services.sign_in import From
from tests.people import HERE, PASSWORD, accounts_on, actor_of, person, refused, secret_of, session_of
from tests.people import fast as fast

ANN = "ann@example.org"


@pytest.fixture
def accounts(pool: asyncpg.Pool, tmp_path: Path) -> Accounts:
    return accounts_on(pool, folder=tmp_path)


async def told(accounts: Accounts, email: str, password: str, code: str | None = None, where: From = HERE) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await sign_in.sign_in(accounts, email, password, code, where)
    return caught.value


async def test_who_knows_the_password_is_signed_in_however_the_address_is_written(accounts: Accounts) -> None:
    account = await person(accounts, ANN, password=PASSWORD)
    made = await sign_in.sign_in(accounts, "  Ann@EXAMPLE.org ", PASSWORD, None, HERE)
    assert made.account_id == account
    actor = await accounts.access.of_session(made.secret)
    assert actor is not None and actor.account_id == account and actor.customer_key == "e:ann@example.org"
    (line,) = await sign_in.sessions(accounts, actor)
    assert line.is_this and line.address == "192.0.2.0/24" and line.agent == "a browser"


async def test_whatever_is_wrong_gets_the_same_answer(accounts: Accounts, fast: None) -> None:
    await person(accounts, ANN, password=PASSWORD)
    closed = await person(accounts, "closed@example.org", password=PASSWORD)
    await person(accounts, "invited@example.org")
    await disable(accounts, closed, disabled=True, by=CONSOLE)
    answers = [
        await told(accounts, email, password)
        for email, password in (
            (ANN, "wrong"), (ANN, ""), ("nobody@example.org", PASSWORD), ("closed@example.org", PASSWORD),
            ("invited@example.org", ""), ("invited@example.org", PASSWORD), ("no address", PASSWORD),
        )
    ]  # fmt: skip
    assert {(answer.code, *answer.data.items()) for answer in answers} == {("wrong_credentials",)}


async def test_an_unknown_address_takes_as_long_and_leaves_as_much_behind(
    accounts: Accounts, pool: asyncpg.Pool
) -> None:
    await person(accounts, ANN, password=PASSWORD)
    await told(accounts, "warm@example.org", "up")  # the hash for nobody is made once

    async def took(email: str) -> float:
        began = perf_counter()
        await told(accounts, email, "wrong password", where=From("198.51.100.9", "x"))
        return perf_counter() - began

    known = min([await took(ANN) for _ in range(3)])
    unknown = min([await took(f"nobody{n}@example.org") for n in range(3)])
    assert 0.5 < known / unknown < 2
    lines = await pool.fetch("select account_id is null as nobodys, count(*) from account_log"
                             " where action = 'sign_in_failed' group by 1")  # fmt: skip
    assert {line["nobodys"]: line["count"] for line in lines} == {False: 3, True: 4}


async def test_guesses_are_slowed_down_and_do_not_lock_out_who_was_here_before(accounts: Accounts, fast: None) -> None:
    await person(accounts, ANN, password=PASSWORD)
    home, away = From("192.0.2.1", "x"), From("198.51.100.1", "x")
    await sign_in.sign_in(accounts, ANN, PASSWORD, None, home)
    codes = [(await told(accounts, ANN, "wrong", where=away)).code for _ in range(8)]
    assert codes[:5] == ["wrong_credentials"] * 5 and codes[-1] == "too_many_requests"
    # also with the right password, from there; not from home
    assert (await told(accounts, ANN, PASSWORD, where=away)).code == "too_many_requests"
    assert await sign_in.sign_in(accounts, ANN, PASSWORD, None, home)


async def begun(accounts: Accounts, email: str = ANN) -> tuple[Any, pyotp.TOTP, list[str]]:
    """Somebody with a second factor: who they are, their app, their codes on paper."""
    actor = await actor_of(accounts, await person(accounts, email, password=PASSWORD))
    shown = await second_factor.begin(accounts, actor)
    app = pyotp.TOTP(shown.secret)
    with refused("wrong_credentials"):
        await second_factor.confirm(accounts, actor, "000000", address="192.0.2.1")
    codes = await second_factor.confirm(accounts, actor, app.at(_now()), address="192.0.2.1")
    return actor, app, codes


def _now() -> float:
    from holdfast.services.identity import now_ms

    return now_ms() / 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Seconds that are added to the time by which codes count."""
    from holdfast.services.identity import now_ms

    ahead = [0.0]
    monkeypatch.setattr(second_factor, "now_ms", lambda: int(now_ms() + ahead[0] * 1000))
    yield ahead


async def test_a_second_factor_is_asked_for_and_each_code_counts_once(
    accounts: Accounts, fast: None, clock: list[float]
) -> None:
    _, app, _ = await begun(accounts)
    assert (await told(accounts, ANN, "wrong", app.at(_now()))).code == "wrong_credentials"
    assert (await told(accounts, ANN, PASSWORD)).code == "second_factor_needed"
    # the one it was confirmed with counts no more, nor does an older one
    assert (await told(accounts, ANN, PASSWORD, app.at(_now()))).data == {"field": "code"}
    clock[0] = 60
    code = app.at(_now() + 60)
    assert await sign_in.sign_in(accounts, ANN, PASSWORD, f"{code[:3]} {code[3:]}", HERE)
    assert (await told(accounts, ANN, PASSWORD, code)).code == "wrong_credentials"
    assert (await told(accounts, ANN, PASSWORD, app.at(_now() + 30))).code == "wrong_credentials"


async def test_one_code_used_twice_at_once_signs_in_once(accounts: Accounts, fast: None, clock: list[float]) -> None:
    _, app, codes = await begun(accounts)
    clock[0] = 60
    for code in (app.at(_now() + 60), codes[0]):
        done = await asyncio.gather(
            *(sign_in.sign_in(accounts, ANN, PASSWORD, code, HERE) for _ in range(4)), return_exceptions=True
        )
        assert sum(not isinstance(one, BaseException) for one in done) == 1, done


async def test_a_recovery_code_stands_in_once(accounts: Accounts, fast: None, pool: asyncpg.Pool) -> None:
    _, _, codes = await begun(accounts)
    assert len(set(codes)) == 10
    assert await sign_in.sign_in(accounts, ANN, PASSWORD, codes[3].upper(), HERE)
    assert (await told(accounts, ANN, PASSWORD, codes[3])).code == "wrong_credentials"
    assert await sign_in.sign_in(accounts, ANN, PASSWORD, codes[4].replace("-", ""), HERE)
    kept = await pool.fetchval("select recovery_hashes from account where email = $1", ANN)
    assert len(kept) == 8 and all(codes[0].encode() not in one for one in kept)


async def test_a_server_without_its_key_says_so_and_takes_codes_on_paper(
    accounts: Accounts, fast: None, clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, app, codes = await begun(accounts)
    clock[0] = 60
    lost = Sealing((), tmp_path / "nothing" / "is" / "here")
    monkeypatch.setattr(accounts, "sealing", lost)
    refusal = await told(accounts, ANN, PASSWORD, app.at(_now() + 60))
    assert refusal.code == "unavailable" and "recovery code" in str(refusal.data["problem"])
    assert str(tmp_path) not in str(refusal.data)
    assert await sign_in.sign_in(accounts, ANN, PASSWORD, codes[0], HERE)
    (tmp_path / "nothing").write_text("no folder")
    other = await actor_of(accounts, await person(accounts, "bob@example.org", password=PASSWORD))
    with refused("unavailable"):
        await second_factor.begin(accounts, other)


async def test_a_second_factor_that_counts_is_not_replaced_by_a_new_one(accounts: Accounts, fast: None) -> None:
    actor, _, _ = await begun(accounts)
    with refused("already_exists"):
        await second_factor.begin(accounts, actor)
    with refused("wrong_state"):
        await second_factor.confirm(accounts, actor, "123456", address="192.0.2.1")
    with refused("wrong_credentials"):
        await second_factor.give_up(accounts, actor, "wrong", address="192.0.2.1")
    await second_factor.give_up(accounts, actor, PASSWORD, address="192.0.2.1")
    with refused("nothing_to_change"):
        await second_factor.give_up(accounts, actor, PASSWORD, address="192.0.2.1")


async def test_a_secret_shown_while_another_is_confirmed_does_not_count_for_it(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = await actor_of(accounts, await person(accounts, ANN))
    app = pyotp.TOTP((await second_factor.begin(accounts, actor)).secret)
    checking: Any = accounts.throttle.check

    async def meanwhile(*arguments: Any) -> None:
        await checking(*arguments)
        await second_factor.begin(accounts, actor)

    monkeypatch.setattr(accounts.throttle, "check", meanwhile)
    with refused("wrong_state"):
        await second_factor.confirm(accounts, actor, app.at(_now()), address="192.0.2.1")


async def test_out_everywhere_is_out_everywhere(accounts: Accounts) -> None:
    account = await person(accounts, ANN)
    made = [await session_of(accounts, account) for _ in range(3)]
    stranger = await session_of(accounts, await person(accounts, "bo@example.org"))
    actors = [await accounts.access.of_session(one.secret) for one in made]
    assert actors[0] is not None and actors[1] is not None
    with refused("unknown_session"):  # of somebody else, by what it is named by
        theirs = await accounts.access.of_session(stranger.secret)
        assert theirs is not None
        (line,) = await sign_in.sessions(accounts, theirs)
        await sign_in.end_session(accounts, actors[0], line.id)
    await sign_in.sign_out(accounts, actors[0])
    assert [await accounts.access.of_session(one.secret) is None for one in made] == [True, False, False]
    assert await sign_in.sign_out_everywhere(accounts, actors[1], here_too=False) == 1
    assert await accounts.access.of_session(made[1].secret) is not None
    assert await sign_in.sign_out_everywhere(accounts, actors[1]) == 1
    assert [await accounts.access.of_session(one.secret) for one in made] == [None] * 3
    assert await accounts.access.of_session(stranger.secret) is not None


async def test_a_link_signs_in_once_and_not_into_a_closed_account(accounts: Accounts, pool: asyncpg.Pool) -> None:
    account = await person(accounts, ANN)
    secret = secret_of(await sign_in.sign_in_link(accounts, account, by=CONSOLE))
    done = await asyncio.gather(
        *(sign_in.sign_in_by_link(accounts, secret, HERE) for _ in range(3)), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in done) == 1
    late = secret_of(await sign_in.sign_in_link(accounts, account, by=CONSOLE))
    await pool.execute("update single_use set expires_at = now() - interval '1 s'")
    with refused("link_used"):
        await sign_in.sign_in_by_link(accounts, late, HERE)
    closed = secret_of(await sign_in.sign_in_link(accounts, account, by=CONSOLE))
    other = secret_of(await reset_account(accounts, ANN, second_factor=False))
    with refused("link_used"):  # a link is for one thing
        await sign_in.sign_in_by_link(accounts, other, HERE)
    await disable(accounts, account, disabled=True, by=CONSOLE)
    with refused("link_used"):
        await sign_in.sign_in_by_link(accounts, closed, HERE)


async def test_what_is_kept_of_credentials_opens_nothing(accounts: Accounts, pool: asyncpg.Pool) -> None:
    account = await person(accounts, ANN, password=PASSWORD)
    made = await session_of(accounts, account)
    link = secret_of(await sign_in.sign_in_link(accounts, account, by=CONSOLE))
    tables = ("session", "single_use", "account", "account_log")
    kept = "".join([str(await pool.fetch(f"select t::text from {table} t")) for table in tables])
    assert all(secret not in kept for secret in (made.secret, link, PASSWORD))
    hashed = await pool.fetchval("select token_hash from session")
    assert await accounts.access.of_session(hashed.hex()) is None
    assert timedelta(seconds=made.life_s) == timedelta(days=30)
