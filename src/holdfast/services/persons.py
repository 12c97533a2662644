"""Forgetting a person in an organisation: everywhere, in bounded steps that can be taken up again at any time.

Their bookings go through the desk, some at a time, so that screens follow; what only quotes them is taken out after.
Nothing is remembered of how far it got: whatever still names the person is found again by the same address, so asking
once more goes on, and asking a third time finds nothing. Refuses to forget whose live bookings are unless told to, to
forget the last owner, and to let anybody forget somebody who may more than they.
"""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from holdfast.domain.actors import Actor, can_grant, check_in
from holdfast.domain.bookings.values import Customer
from holdfast.domain.commands import Erase
from holdfast.domain.errors import Refusal
from holdfast.domain.people import email_of
from holdfast.services.account_log import note
from holdfast.services.accounts import Accounts, check_other_owner
from holdfast.services.desk import Desk
from holdfast.services.requests import check_line
from holdfast.store import access as rights_store
from holdfast.store import accounts as account_store
from holdfast.store import persons as store
from holdfast.store import reads, sites
from holdfast.store.connection import Connection

BOOKINGS_PER_STEP = 50
ANSWERS_PER_STEP = 1_000
SITES_PER_STEP = 100
REASON_CHARS_MAX = 500
NAME_CHARS_MIN = 3
"""A reference of two letters stands in many a reason without meaning anybody."""

_json = msgspec.json.Decoder()
_told = msgspec.json.Decoder(dict[str, int])


class Named(msgspec.Struct, frozen=True):
    """Who is meant: an account, an address, and what else bookings may be kept under where there is no address."""

    email: str | None = None
    account: UUID | None = None
    phone: str | None = None
    reference: str | None = None


class Person(msgspec.Struct, frozen=True):
    """Somebody as an organisation knows them. `keys` are what their bookings are kept under."""

    organisation_id: UUID
    email: str | None
    keys: tuple[str, ...]
    account: account_store.Account | None
    known: store.Known | None


class Erased(msgspec.Struct, frozen=True):
    """How much was taken out. Not `done` in the time there was: ask again, it goes on."""

    done: bool
    bookings: int
    answers: int
    account: bool


async def find(accounts: Accounts, actor: Actor, organisation_id: UUID, named: Named) -> Person:
    """Raises:
    Refusal: `unknown_organisation`, `not_allowed`, `invalid_request` when nobody is named, `unknown_account`.
    """
    check_in(actor, "audit", organisation_id)
    email = email_of(named.email) if named.email is not None else None
    account = None
    if named.account is not None:
        account = await account_store.by_id(accounts.pool, named.account)
    elif email is not None:
        account = await account_store.by_email(accounts.pool, email)
    known = await store.known(accounts.pool, account.id, organisation_id) if account is not None else None
    if known is None:
        account = None  # whom the organisation does not know has no account here
        if named.account is not None:
            raise Refusal("unknown_account", account=str(named.account))
    if account is not None and email not in (None, account.email):
        raise Refusal("invalid_request", field="email", problem="is not the account's address")
    email = account.email if account is not None else email
    whos = (Customer(email=email), Customer(reference=named.reference), Customer(phone=named.phone))
    keys = tuple(key for who in whos if (key := who.key) is not None)
    if not keys:
        raise Refusal("invalid_request", field="email", problem="is missing; say who by `email` or `account`")
    return Person(organisation_id, email, keys, account, known)


class Erasing:
    """One attempt at forgetting one person, within a time; None takes as long as it takes."""

    def __init__(self, accounts: Accounts, desk: Desk, person: Person, *, by: Actor, within_s: float | None) -> None:
        self.accounts = accounts
        self.desk = desk
        self.person = person
        self.by = by
        self.bookings = 0
        self.answers = 0
        self._until = asyncio.get_running_loop().time() + within_s if within_s is not None else None

    async def run(self, reason: str, *, include_live: bool = False, address: str | None = None) -> Erased:
        """Takes out what there is of the person, as far as the time goes.

        Raises:
            Refusal: `has_live_bookings`, `not_allowed`, `last_owner`, `invalid_request` for a reason that is none or
                names the person.
        """
        self._check_reason(reason)
        person = self.person
        async with self.accounts.changing() as connection:
            await self._check_may(connection)
        if not include_live:
            live = await store.live_bookings(self.accounts.pool, person.organisation_id, person.keys)
            if live:
                raise Refusal("has_live_bookings", sites=live)
        after_id = 0
        while True:
            found = await sites.after(
                self.accounts.pool, after_id, SITES_PER_STEP, everywhere=False, organisations=[person.organisation_id]
            )
            for site, _ in found:
                if not (await self._bookings_of(site.id, include_live) and await self._answers_of(site.id)):
                    return Erased(False, self.bookings, self.answers, False)
            if len(found) < SITES_PER_STEP:
                break
            after_id = found[-1][0].id
        await self._rest(reason, address)
        return Erased(True, self.bookings, self.answers, person.account is not None)

    @property
    def _is_over(self) -> bool:
        return self._until is not None and asyncio.get_running_loop().time() >= self._until

    async def _bookings_of(self, site_id: int, include_live: bool) -> bool:
        """Whether all bookings of a site are done."""
        keys, after = frozenset(self.person.keys), reads.FIRST_ID
        while not self._is_over:
            ids = await store.ids_of_bookings(
                self.accounts.pool, site_id, self.person.keys, after=after, limit=BOOKINGS_PER_STEP
            )
            if ids:
                answer = await self.desk.submit(site_id, Erase(tuple(ids), keys, include_live), actor=self.by.name)
                self.bookings += _told.decode(answer.body)["erased"]
                after = ids[-1]
            if len(ids) < BOOKINGS_PER_STEP:
                return True
        return False

    async def _answers_of(self, site_id: int) -> bool:
        """Whether all answers of a site that quote the person are gone. Whoever repeats such a command is told so
        no more: it is decided anew, as it would be a day later."""
        after = ""
        while not self._is_over:
            page = await store.answers_of_site(self.accounts.pool, site_id, after=after, limit=ANSWERS_PER_STEP)
            quoting = [key for key, body in page if self._is_named_in_key(key) or self._is_quoted_in(body)]
            if quoting:
                await store.forget_answers(self.accounts.pool, site_id, quoting)
                self.answers += len(quoting)
            if len(page) < ANSWERS_PER_STEP:
                return True
            after = page[-1][0]
        return False

    def _is_named_in_key(self, key: str) -> bool:
        # a guest's key is told from others' by the address they give
        return self.person.email is not None and key.lower().startswith(f"guest:{self.person.email}:")

    def _is_quoted_in(self, body: bytes) -> bool:
        if b'"customer":' not in body:
            return False
        try:
            return _names(_json.decode(body), frozenset(self.person.keys))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return True  # nobody could read it to them either

    async def _rest(self, reason: str, address: str | None) -> None:
        person = self.person
        async with self.accounts.changing(rights=person.account is not None) as connection:
            is_whole = person.known is not None and person.known.is_whole
            if person.email is not None:
                await store.forget_address(connection, person.email, person.organisation_id, is_whole=is_whole)
            if person.known is not None:
                await self._check_may(connection)
                await store.forget_account(connection, person.known)
            await note(
                connection, self.by, "account_erased", organisation_id=person.organisation_id, address=address,
                account_id=person.account.id if person.account is not None else None,
                bookings=self.bookings, reason=reason,
            )  # fmt: skip

    async def _check_may(self, connection: Connection) -> None:
        known = self.person.known
        if known is None:
            return
        for grant in await rights_store.grants(connection, known.account_id):
            if grant.organisation_id != known.organisation_id or grant.role == "customer":
                continue
            if not can_grant(self.by, grant):
                raise Refusal("not_allowed", problem=f"only who may more than {grant.role} can do this")
            if grant.role == "owner" and grant.site_id is None:
                await check_other_owner(connection, known.organisation_id, known.account_id)

    def _check_reason(self, reason: str) -> None:
        check_line("reason", reason)
        if not reason.strip() or len(reason) > REASON_CHARS_MAX:
            raise Refusal("invalid_request", field="reason", expected=f"1 to {REASON_CHARS_MAX} characters")
        who, account = reason.casefold(), self.person.account
        names = (account.name if account is not None else "", *(key[2:] for key in self.person.keys))
        if any(len(name) >= NAME_CHARS_MIN and name.casefold() in who for name in names):
            raise Refusal("invalid_request", field="reason", problem="names the person; it is kept when they are not")


def _names(told: Any, keys: frozenset[str]) -> bool:
    """Whether a booking of somebody with one of these keys is told of anywhere in it."""
    if isinstance(told, list):
        return any(_names(part, keys) for part in told)
    if not isinstance(told, dict):
        return False
    who = told.get("customer")
    if isinstance(who, dict):
        given = {name: who.get(name) for name in ("email", "phone", "reference")}
        if Customer(**{name: text for name, text in given.items() if isinstance(text, str)}).key in keys:
            return True
    return any(_names(part, keys) for part in told.values())
