"""Principals for tests over HTTP: people with roles, signed in without the cost of a password, and tokens."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

from holdfast.domain.actors import CONSOLE, Grant
from holdfast.http.auth import PLAIN_COOKIE
from holdfast.services import tokens
from holdfast.services.accounts import Accounts, create
from holdfast.services.people import Place
from holdfast.services.sign_in import From, open_session
from holdfast.store import people

T = TypeVar("T")
HERE = From("127.0.0.1", "tests")


class Principals:
    """Makes principals on a running server (`tests.http.conftest.LiveServer`)."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.made: list[httpx.Client] = []

    @property
    def accounts(self) -> Accounts:
        found: Accounts = self.server.house.accounts
        return found

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.server._loop).result(30)

    def organisation_of(self, site: str) -> UUID:
        return self.run(self.server.house.sites.find(site)).organisation_id

    def other_organisation(self) -> UUID:
        return UUID(self.server.client.post("/api/organisations", json={"name": "Others"}).json()["id"])

    def account(self, email: str | None = None, *, name: str = "Ann Lee") -> UUID:
        return self.run(self._account(email or f"{uuid4().hex[:12]}@example.org", name))

    async def _account(self, email: str, name: str) -> UUID:
        async with self.accounts.changing() as connection:
            return await create(
                self.accounts, connection, email=email, name=name, password_hash=None, by=CONSOLE, is_verified=True
            )

    def grant(self, account_id: UUID, organisation_id: UUID, role: str, site_id: int | None = None) -> None:
        async def work() -> None:
            async with self.accounts.changing(rights=True) as connection:
                await people.grant(connection, account_id, Grant(organisation_id, site_id, role), by="tests")

        self.run(work())

    def signed_in(self, account_id: UUID) -> httpx.Client:
        """A browser of that account: its cookie, and the Origin that browsers send."""
        made = self.run(open_session(self.accounts, account_id, HERE, by="tests"))
        return self._client({"Cookie": f"{PLAIN_COOKIE.decode()}={made.secret}", "Origin": self.server.url})

    def person(
        self, role: str | None, site: str, *, only_there: bool = False, email: str | None = None
    ) -> httpx.Client:
        """Somebody with a role in the site's organisation, or only at the site; None: with none."""
        account_id = self.account(email)
        if role is not None:
            found = self.run(self.server.house.sites.find(site))
            self.grant(account_id, found.organisation_id, role, found.id if only_there else None)
        return self.signed_in(account_id)

    def token(self, site: str, *scopes: str, **more: Any) -> httpx.Client:
        """A program with a token of the site's organisation."""
        place = Place(self.organisation_of(site), None, None)
        made = self.run(
            tokens.make(self.accounts, CONSOLE, place, name="t", scopes=list(scopes), **{"expires_at": None, **more})
        )
        return self._client({"Authorization": f"Bearer {made.token}"})

    def nobody(self) -> httpx.Client:
        return self._client({})

    def _client(self, headers: dict[str, str]) -> httpx.Client:
        client = httpx.Client(base_url=self.server.url, headers=headers, timeout=20)
        self.made.append(client)
        return client

    def close(self) -> None:
        for client in self.made:
            client.close()
