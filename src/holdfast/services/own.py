"""What customers may do by themselves: book in their own name, see and change what is theirs, and nothing else.

An account's name and address are taken from the account, whatever the request says; a guest says them. Refuses what
only staff may ask for: walk-ins, series, overrides.
"""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Actor, check_booking
from holdfast.domain.errors import Refusal
from holdfast.domain.people import email_of, name_of, phone_of
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.services.requests import ActRequest, BookingRequest, CustomerRequest
from holdfast.store import accounts
from holdfast.store import reads as store

ACTS = frozenset({"cancel", "move", "extend", "confirm", "amend"})
"""What a customer may do with a booking of theirs, where its state and the site's rules allow it."""

_BY_STAFF = frozenset({"move", "extend"})


def own_acts(site: Site, state: str) -> frozenset[str]:
    """What a customer may do with a booking in this state. Where staff approve requests, what they have approved is
    not changed into something they have not."""
    policy = policy_of(site.kind)
    needs_approval = policy.claim_kinds.get(policy.booked_state) == "hold"
    return ACTS - _BY_STAFF if needs_approval and state != policy.booked_state else ACTS


class Own:
    """Reads whose something is, from a pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def request(self, actor: Actor, site: Site, wish: BookingRequest) -> BookingRequest:
        """The same wish in the asker's own name.

        Raises:
            Refusal: `not_allowed` where customers do not book by themselves, or for what only staff may;
                `invalid_request` for what a guest must say; `unauthorised`.
        """
        if site.settings.booking_page == "off":
            raise Refusal("not_allowed", right="book", problem="customers do not book by themselves here")
        if wish.walk_in or wish.recurrence is not None:
            raise Refusal("not_allowed", right="book", field="walk_in" if wish.walk_in else "recurrence",
                          problem="is for staff")  # fmt: skip
        given = wish.customer or CustomerRequest()
        if actor.booking_id is not None:
            if site.settings.booking_page != "guests":
                raise Refusal("unauthorised")
            customer = msgspec.structs.replace(
                given, name=name_of(given.name or "", "customer.name"),
                email=email_of(given.email or "", "customer.email"), phone=phone_of(given.phone, "customer.phone"),
            )  # fmt: skip
        else:
            account, profile = await self._profile(actor, site)
            customer = _customer(account, profile, site, given)
            wish = msgspec.structs.replace(wish, details=_by_profile(wish.details, profile, site))
        return msgspec.structs.replace(wish, customer=customer)

    async def _profile(self, actor: Actor, site: Site) -> tuple[accounts.Account, dict[str, Any]]:
        account = await accounts.by_id(self._pool, actor.account_id) if actor.account_id is not None else None
        if account is None:
            raise Refusal("not_allowed", right="book")
        profile = account.profile.get(site.slug, {})
        missing = [each for each in site.settings.profile_fields if each.required and not profile.get(each.name)]
        if missing:
            raise Refusal("invalid_request", field=f"profile.{missing[0].name}",
                          problem=f"is missing: complete your profile here first ({missing[0].label})")  # fmt: skip
        return account, profile

    async def check(self, actor: Actor, held: frozenset[str], site: Site, booking_id: UUID, *, right: str) -> None:
        """Whether the actor may see a booking (`right` = names), or change it (`right` = book).

        Raises:
            Refusal: `unknown_booking` for what is not there or somebody else's.
        """
        if right in held:
            return
        key = None
        if actor.booking_id != booking_id:
            async with self._pool.acquire() as connection:
                found = await store.bookings_by_id(connection, site.id, [booking_id])
            key = found[0].customer.key if found else None
        check_booking(actor, held, booking_id, key, right=right)

    async def check_act(
        self, actor: Actor, held: frozenset[str], site: Site, booking_id: UUID, *, act: str, wish: ActRequest
    ) -> None:
        """Whether the actor may do this with a booking.

        Raises:
            Refusal: `unknown_booking`; `not_allowed` for acts of staff, and for overriding a rule; `wrong_state` for
                changing what staff have approved.
        """
        await self.check(actor, held, site, booking_id, right="book")
        if "book" in held:
            return
        if act not in ACTS or wish.override:
            raise Refusal("not_allowed", right="book")
        if act in _BY_STAFF:
            async with self._pool.acquire() as connection:
                found = await store.bookings_by_id(connection, site.id, [booking_id])
            if found and act not in (possible := own_acts(site, found[0].state)):
                raise Refusal("wrong_state", state=found[0].state, act=act, possible=sorted(possible))


def _customer(
    account: accounts.Account, profile: dict[str, Any], site: Site, given: CustomerRequest
) -> CustomerRequest:
    named = next((each.name for each in site.settings.profile_fields if each.is_reference), None)
    reference = profile.get(named) if named is not None else given.reference
    phone = phone_of(given.phone, "customer.phone") or account.phone
    return CustomerRequest(account.name, account.email, phone, reference)


def _by_profile(details: dict[str, Any] | None, profile: dict[str, Any], site: Site) -> dict[str, Any] | None:
    """The details, with what the profile knows as the profile says it: nobody books as somebody of another branch.
    Frontends write `roll_number` also as `rollNumber`."""
    if not details:
        return details
    known = {}
    for each in site.settings.profile_fields:
        head, *rest = each.name.split("_")
        known[each.name] = known[head + "".join(part.capitalize() for part in rest)] = profile.get(each.name)
    told = {name: known.get(name, value) for name, value in details.items()}
    return {name: value for name, value in told.items() if name not in known or value is not None}
