"""What customers are told by mail of their bookings, read from the journal: each line once, whatever crashes.

The position of a site moves in the same transaction that puts its mails into the queue. Being heard by a desk only
makes it soon; the guarantee is the question which sites have moved on. Nothing is told of what was imported, walked in,
held, or is over. A guest's mail leads to the booking by its secret link.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from holdfast.domain.bookings.values import Customer
from holdfast.domain.errors import Refusal
from holdfast.domain.mail import KINDS, LANGUAGES, address_of
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.services.booking_links import BookingLinks
from holdfast.services.mail import enqueue
from holdfast.store import mail as store
from holdfast.store import reads
from holdfast.store.connection import Connection

LINES_MAX = 500
SITES_MAX = 500
PASSED_MAX = 10_000
NEWS = timedelta(days=7)
"""What happened longer ago is not told any more."""

log = structlog.get_logger("holdfast.mail")

_KINDS = {
    "booking.created": "",
    "booking.confirmed": "booking_confirmed",
    "booking.approved": "booking_approved",
    "booking.rejected": "booking_rejected",
    "booking.revoked": "booking_revoked",
    "booking.extended": "booking_moved",
    "booking.moved": "booking_moved",
    "booking.cancelled": "booking_cancelled",
    "booking.undone": "booking_revoked",
}
TOLD = frozenset(_KINDS)
"""The types of events that may yield a mail."""

_TYPES = (*_KINDS, "site.changed")
_STATUS = {"hold": "TENTATIVE", None: "CANCELLED"}


class _Told(msgspec.Struct, frozen=True):
    """What the journal says of a booking, as far as a mail needs it."""

    id: UUID
    reference: str
    units: tuple[str, ...]
    state: str
    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    customer: Customer
    version: int
    started_at: datetime | None = None
    details: dict[str, Any] | None = None
    requested_by: str | None = None


class _Line(msgspec.Struct, frozen=True):
    booking: _Told
    reason: str | None = None
    imported: bool = False
    from_units: tuple[str, ...] | None = None
    from_start: datetime | None = None
    from_end: datetime | None = None


class _Setting(msgspec.Struct, frozen=True):
    mail_bookings: bool = False


class _SiteThen(msgspec.Struct, frozen=True):
    settings: _Setting


class _SiteLine(msgspec.Struct, frozen=True):
    site: _SiteThen


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_site = msgspec.json.Decoder(_SiteLine).decode


class BookingMails:
    """Tells of the sites that have moved on, from a pool. Any number of processes may do so."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._links = BookingLinks(pool)

    async def tell(self, among: Sequence[int] | None = None, *, beat: Callable[[], None] = lambda: None) -> bool:
        """Puts the mails of each site's next lines into the queue, of those named or of all; True when there are more
        lines. A site that cannot be read is passed over. `beat` is called after each site."""
        # else each site whose units alone are busy would cost a transaction of its own, at each look
        await store.pass_over(self._pool, _TYPES, among=among, limit=PASSED_MAX)
        after, more = 0, False
        while True:
            site_ids = await store.sites_to_tell(self._pool, after=after, among=among, limit=SITES_MAX)
            for site_id in site_ids:
                try:
                    more = await self.tell_of(site_id) or more
                except (Refusal, msgspec.MsgspecError) as error:
                    log.warning("a site cannot tell by mail", site=site_id, error=str(error))
                beat()
            if len(site_ids) < SITES_MAX:
                return more
            after = site_ids[-1]

    async def tell_of(self, site_id: int) -> bool:
        """Puts the mails of a site's next lines into the queue; True when there are more lines. Somebody else who is
        telling of it is left alone."""
        # beforehand: whoever holds a connection must not wait for a second one
        await self._links.prepare()
        async with self._pool.acquire() as connection, connection.transaction():
            found = await reads.site(connection, site_id)
            if found is None:
                return False
            site, standing = found
            position = await store.locked_position(connection, site_id, site.slug)
            if position is None or position >= standing.version:
                return False
            until = min(position + LINES_MAX, standing.version)
            rows = await reads.journal(
                connection,
                site_id,
                after=position,
                until=until,
                limit=LINES_MAX,
                wanted=reads.LineFilter(_TYPES),
            )
            tells = True
            for row in rows:
                if row["type"] == "site.changed":
                    tells = _decode_site(row["data"]).site.settings.mail_bookings
                elif tells:
                    await self._tell_line(connection, site, row, now=standing.now)
            if tells:
                await store.move_position(connection, site_id, until)
            else:
                # where it began anew, if it did, is found like the first beginning
                await store.end_position(connection, site_id)
            return until < standing.version

    async def _tell_line(self, connection: Connection, site: Site, row: asyncpg.Record, *, now: datetime) -> None:
        try:
            line = _decode_line(row["data"])
        except msgspec.MsgspecError as error:
            # written past the desk; the lines behind it must not wait for ever
            log.warning("a journal line cannot be read", site=site.id, version=row["version"], error=str(error))
            return
        booking = line.booking
        kind = kind_of(site, row["type"], line)
        if kind is None or booking.end <= now or row["at"] < now - NEWS or not booking.customer.email:
            return
        try:
            recipient = address_of(booking.customer.email)
        except Refusal:
            return
        facts = _facts(kind, site, line, page=await self._page(site, booking))
        await enqueue(
            connection, kind=kind, recipient=recipient, language=_language(site, booking), site_id=site.id,
            data=facts, dedupe_key=f"journal:{site.id}:{row['version']}",
        )  # fmt: skip

    async def _page(self, site: Site, booking: _Told) -> str | None:
        """Where a guest finds their booking; others do behind their sign-in."""
        if not (booking.requested_by or "").startswith("guest:"):
            return None
        return f"/s/{site.slug}/booking/{booking.id}#{await self._links.key(site, booking.id)}"


def kind_of(site: Site, event: str, line: _Line) -> str | None:
    """Which mail an event yields, or None."""
    booking, policy = line.booking, policy_of(site.kind)
    holds = policy.claim_kinds.get(booking.state)
    if event == "booking.created":
        if line.imported or booking.started_at is not None or booking.state == policy.held_state:
            return None
        return {"hold": "booking_received", "booking": "booking_confirmed"}.get(holds or "")
    if event == "booking.undone":
        return _KINDS[event] if holds == "hold" else None
    if event == "booking.extended":
        return _KINDS[event] if booking.started_at is None else None
    if event == "booking.moved":
        return _KINDS[event] if line.from_units is not None and booking.started_at is None else None
    return _KINDS[event]


def _facts(kind: str, site: Site, line: _Line, *, page: str | None) -> dict[str, Any]:
    booking = line.booking
    holds = policy_of(site.kind).claim_kinds.get(booking.state)
    units = ", ".join(booking.units)
    facts = {
        "site": site.name,
        "time_zone": site.time_zone,
        "booking_id": str(booking.id),
        "version": booking.version,
        "status": _STATUS.get(holds, "CONFIRMED"),
        "reference": booking.reference,
        "units": units,
        "start": booking.start.isoformat(),
        "end": booking.end.isoformat(),
        "name": booking.customer.name,
        "page": page,
        "reason": line.reason,
        "start_before": (line.from_start or booking.start).isoformat(),
        "end_before": (line.from_end or booking.end).isoformat(),
        "units_before": units if line.from_units is None else ", ".join(line.from_units),
    }
    return {name: facts[name] for name in KINDS[kind].facts}


def _language(site: Site, booking: _Told) -> str:
    wanted = (booking.details or {}).get("language")
    return wanted if wanted in LANGUAGES else site.settings.language
