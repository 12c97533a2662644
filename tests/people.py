"""Accounts for tests without HTTP: the services on a database, and what is in a mail that waits there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from argon2 import PasswordHasher

from holdfast.domain.actors import CONSOLE, Actor, Grant, account_name
from holdfast.domain.errors import Refusal
from holdfast.services import passwords
from holdfast.services.access import Access
from holdfast.services.accounts import AccountRules, Accounts, create
from holdfast.services.sealing import Sealing
from holdfast.services.sign_in import From, SignedIn, open_session
from holdfast.services.throttle import Throttle
from holdfast.store import people
from holdfast.store import sites as sites_store

HERE = From("192.0.2.7", "a browser")
PASSWORD = "seven quiet lanterns drift"
KEY = "a key that is for tests and for nothing else"


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashing that costs little, where what it costs is not the point."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    passwords._nobodys_hash.cache_clear()
    yield
    passwords._nobodys_hash.cache_clear()


def accounts_on(pool: asyncpg.Pool, *, folder: Path = Path("/nonexistent"), **rules: float) -> Accounts:
    """The services of one process."""
    access = Access(pool, idle_s=rules.get("session_idle_s", 3600.0))
    return Accounts(pool, access, Throttle(pool), Sealing((KEY,), folder), AccountRules(**rules))


async def organisation(pool: asyncpg.Pool, name: str = "Holdfast") -> UUID:
    """The first organisation, or another one of that name."""
    if name == "Holdfast":
        return await sites_store.first_organisation(pool, name=name)
    made: UUID = await pool.fetchval("insert into organisation (name) values ($1) returning id", name)
    return made


async def site(pool: asyncpg.Pool, organisation_id: UUID, slug: str, **settings: Any) -> int:
    """The id of a new sports ground."""
    made = await sites_store.insert(
        pool, organisation_id, kind="grounds", slug=slug, name=slug.title(), time_zone="UTC", settings=settings
    )
    assert made is not None
    return made[0].id


async def person(
    accounts: Accounts, email: str, *grants: Grant, password: str | None = None, name: str = "Ann Lee"
) -> UUID:
    """The account of somebody with these roles."""
    password_hash = await accounts.passwords.hashed(password) if password is not None else None
    async with accounts.changing(rights=True) as connection:
        account_id = await create(
            accounts, connection, email=email, name=name, password_hash=password_hash, by=CONSOLE, is_verified=True
        )
        for grant in grants:
            await people.grant(connection, account_id, grant, by="tests")
    return account_id


async def actor_of(accounts: Accounts, account_id: UUID) -> Actor:
    """Somebody signed in, with the rights of now."""
    made = await open_session(accounts, account_id, HERE, by="tests")
    actor = await accounts.access.of_session(made.secret)
    assert actor is not None and actor.name == account_name(account_id)
    return actor


async def session_of(accounts: Accounts, account_id: UUID) -> SignedIn:
    return await open_session(accounts, account_id, HERE, by="tests")


def secret_of(link: str) -> str:
    """What stands behind # in a link."""
    return link.partition("#")[2]


async def mailed(pool: asyncpg.Pool, kind: str) -> list[str]:
    """The secrets of the links in the mails of a kind that wait to be sent, the oldest first."""
    rows = await pool.fetch("select data::text from mail where kind = $1 order by id", kind)
    return [match[1] for row in rows if (match := re.search(r"#([A-Za-z0-9_-]{43})", row[0]))]


class refused:
    """The block ends with a refusal of one of these codes."""

    def __init__(self, *codes: str) -> None:
        self.codes = codes
        self.refusal: Refusal | None = None

    def __enter__(self) -> "refused":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if error is None:
            pytest.fail(f"was not refused with {self.codes}")
        if not isinstance(error, Refusal):
            return False
        assert error.code in self.codes, error
        self.refusal = error
        return True
