"""Whom the demo lets in: an owner by a link that works once, and programs by a token of a day."""

from datetime import timedelta
from urllib.parse import urlsplit

import msgspec

from holdfast.domain.actors import CONSOLE, ROLES, Grant
from holdfast.services import tokens
from holdfast.services.accounts import Accounts, create
from holdfast.services.people import Place
from holdfast.services.sign_in import sign_in_link
from holdfast.services.sites import FIRST_ORGANISATION
from holdfast.store import accounts as store
from holdfast.store import people, sites

OWNER_EMAIL = "owner@demo.example"
OWNER_NAME = "Demo Owner"
TOKEN_LIFE = timedelta(days=1)


class Entry(msgspec.Struct, frozen=True):
    """The path of the link, behind the server's address, and a token."""

    path: str
    token: str


async def demo_entry(accounts: Accounts) -> Entry:
    """The owner of the demo's organisation, made once, and new ways in for them."""
    organisation_id = await sites.first_organisation(accounts.pool, name=FIRST_ORGANISATION)
    async with accounts.changing(rights=True) as connection:
        found = await store.by_email(connection, OWNER_EMAIL)
        if found is not None:
            account_id = found.id
        else:
            account_id = await create(
                accounts, connection, email=OWNER_EMAIL, name=OWNER_NAME, password_hash=None, by=CONSOLE,
                is_verified=True,
            )  # fmt: skip
        await people.grant(connection, account_id, Grant(organisation_id, None, "owner"), by=CONSOLE.name)
        now = await connection.fetchval("select now()")
    link = await sign_in_link(accounts, account_id, by=CONSOLE)
    made = await tokens.make(
        accounts, CONSOLE, Place(organisation_id, None, None), name="demo", scopes=sorted(ROLES["owner"]),
        expires_at=now + TOKEN_LIFE,
    )  # fmt: skip
    assert made.token is not None
    parts = urlsplit(link)
    return Entry(f"{parts.path}#{parts.fragment}", made.token)
