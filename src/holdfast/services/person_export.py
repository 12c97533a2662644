"""All that is kept of a person in an organisation, as one JSON document, written page by page.

What others did to their bookings is part of it: it is what was recorded of them. What they did as staff with bookings
of others is not theirs to take along.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.sites import Site
from holdfast.services.journal import views_of
from holdfast.services.listing import BookingQuery, booking_page
from holdfast.services.persons import SITES_PER_STEP, Person
from holdfast.store import access as rights_store
from holdfast.store import accounts as account_store
from holdfast.store import persons as store
from holdfast.store import reads, sites

ROWS_PER_STEP = 500
BOOKINGS_PER_STEP = 100

_encode = msgspec.json.Encoder().encode


async def document(pool: asyncpg.Pool, person: Person) -> AsyncIterator[bytes]:
    """The parts of the document, in order."""
    yield b'{"person":' + _encode({"email": person.email, "kept_under": person.keys})
    yield b',"account":' + _encode(await _account(pool, person))
    for name, pages in (("mails", _mails(pool, person)), ("log", _log(pool, person))):
        yield b',"' + name.encode() + b'":['
        async for part in _listed(pages):
            yield part
        yield b"]"
    yield b',"sites":['
    is_first = True
    async for site in _sites(pool, person.organisation_id):
        ids: list[UUID] = []
        yield (b"" if is_first else b",") + b'{"site":' + _encode(site.slug) + b',"bookings":['
        async for part in _listed(_bookings(pool, site, person, ids)):
            yield part
        yield b'],"journal":['
        async for part in _listed(_journal(pool, site, ids)):
            yield part
        yield b"]}"
        is_first = False
    yield b"]}"


async def _listed(pages: AsyncIterator[Iterable[Any]]) -> AsyncIterator[bytes]:
    is_first = True
    async for page in pages:
        items = [_encode(item) for item in page]
        if items:
            yield (b"" if is_first else b",") + b",".join(items)
            is_first = False


async def _account(pool: asyncpg.Pool, person: Person) -> dict[str, Any] | None:
    account, known = person.account, person.known
    if account is None or known is None:
        return None
    grants = await rights_store.grants(pool, account.id)
    slugs = [site.slug async for site in _sites(pool, person.organisation_id)]
    found: dict[str, Any] = {
        "id": account.id, "email": account.email, "name": account.name, "phone": account.phone,
        "language": account.language, "created_at": account.created_at, "verified_at": account.verified_at,
        "disabled_at": account.disabled_at, "signed_in_at": account.signed_in_at,
        "has_second_factor": account.has_second_factor,
        "profile": {slug: account.profile[slug] for slug in slugs if slug in account.profile},
        "roles": [
            {"role": grant.role, "site_id": grant.site_id}
            for grant in grants if grant.organisation_id == person.organisation_id
        ],
    }  # fmt: skip
    if known.is_whole:  # whoever belongs to others as well signs in for them, too: that is not this one's to tell
        found["sessions"] = [
            {name: getattr(line, name) for name in ("created_at", "seen_at", "ends_at", "address", "agent")}
            for line in await account_store.sessions(pool, account.id)
        ]
    return found


async def _mails(pool: asyncpg.Pool, person: Person) -> AsyncIterator[list[store.MailLine]]:
    after = reads.FIRST_ID
    is_whole = person.known is not None and person.known.is_whole
    while person.email is not None:
        page = await store.mails(
            pool, person.email, person.organisation_id, is_whole=is_whole, after=after, limit=ROWS_PER_STEP
        )
        yield page
        if len(page) < ROWS_PER_STEP:
            return
        after = page[-1].id


async def _log(pool: asyncpg.Pool, person: Person) -> AsyncIterator[list[Any]]:
    before = (reads.END, reads.LAST_ID)
    while person.known is not None:
        page = await store.log(pool, person.known, before=before, limit=ROWS_PER_STEP)
        yield page
        if len(page) < ROWS_PER_STEP:
            return
        before = (page[-1].at, page[-1].id)


async def _sites(pool: asyncpg.Pool, organisation_id: UUID) -> AsyncIterator[Site]:
    after_id = 0
    while True:
        found = await sites.after(pool, after_id, SITES_PER_STEP, everywhere=False, organisations=[organisation_id])
        for site, _ in found:
            yield site
        if len(found) < SITES_PER_STEP:
            return
        after_id = found[-1][0].id


async def _bookings(pool: asyncpg.Pool, site: Site, person: Person, ids: list[UUID]) -> AsyncIterator[list[Any]]:
    """Pages of their bookings at a site; notes the ids of all of them."""
    for key in person.keys:
        cursor = None
        while True:
            page = await booking_page(pool, site, BookingQuery(), cursor=cursor, limit=ROWS_PER_STEP, own_key=key)
            ids += [booking.id for booking in page.bookings]
            yield page.bookings
            if page.next is None:
                break
            cursor = page.next


async def _journal(pool: asyncpg.Pool, site: Site, ids: list[UUID]) -> AsyncIterator[list[Any]]:
    for start in range(0, len(ids), BOOKINGS_PER_STEP):
        some, after = ids[start : start + BOOKINGS_PER_STEP], ("", 0)
        while True:
            rows = await store.journal_of_bookings(pool, site.id, some, after=after, limit=ROWS_PER_STEP)
            yield views_of(rows)
            if len(rows) < ROWS_PER_STEP:
                break
            after = (rows[-1]["subject"], rows[-1]["version"])
