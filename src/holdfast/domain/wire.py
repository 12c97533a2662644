"""The shapes on the wire and in the journal: one place, so that every client means the same by a word."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from msgspec import field

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import Booking, Customer
from holdfast.domain.sites import Site
from holdfast.domain.units import Unit

if TYPE_CHECKING:
    from holdfast.domain.state import SiteState


class PartView(msgspec.Struct, frozen=True, gc=False):
    unit: str
    start: datetime = field(name="from")
    end: datetime = field(name="to")


class BookingView(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A booking as clients see it. Instants are RFC 3339 in UTC; `units` are codes."""

    id: UUID
    reference: str
    site: str
    units: tuple[str, ...]
    category: str | None
    state: str
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None
    customer: Customer
    version: int
    created_at: datetime
    open_ended: bool = False
    party: int | None = None
    note: str | None = None
    parts: tuple[PartView, ...] | None = None
    series: UUID | None = None
    requested_by: str | None = None
    decided_by: str | None = None
    decision_reason: str | None = None
    details: dict[str, Any] | None = None
    start_code: str | None = None
    notes: tuple[str, ...] = ()


class UnitView(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A unit as clients see it. `booking` is the id of the booking behind the shown status, if one is."""

    code: str
    name: str
    category: str
    parent: str | None
    condition: str | None
    shown_status: str
    shown_since: datetime
    booking: UUID | None
    next_booking_at: datetime | None
    version: int
    attributes: dict[str, Any] = {}


class SiteView(msgspec.Struct, frozen=True):
    """A site as clients see it; `settings` are the effective ones, defaults included."""

    id: int
    slug: str
    kind: str
    name: str
    time_zone: str
    settings: Any
    version: int
    created_at: datetime


class BlockView(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A block as clients see it. `to_replan` are the bookings that stand in it."""

    id: UUID
    units: tuple[str, ...]
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    kind: str
    reason: str | None
    return_condition: str | None
    created_by: str
    created_at: datetime
    version: int
    to_replan: tuple[UUID, ...] = ()


def booking_view(booking: Booking, slug: str, code_of: "dict[int, Unit]") -> BookingView:
    """The wire shape of a booking, without its start code; `code_of` must hold all its units."""
    parts = None
    if booking.parts is not None:
        parts = tuple(PartView(code_of[part.unit_id].code, part.start, part.end) for part in booking.parts)
    return BookingView(
        booking.id,
        booking.reference,
        slug,
        tuple([code_of[unit_id].code for unit_id in booking.unit_ids]),
        booking.category,
        booking.state,
        booking.starts_at,
        booking.ends_at,
        booking.started_at,
        booking.ended_at,
        booking.expires_at,
        booking.customer,
        booking.version,
        booking.created_at,
        booking.open_ended,
        booking.party,
        booking.note,
        parts,
        booking.series_id,
        booking.requested_by,
        booking.decided_by,
        booking.decision_reason,
        booking.details,
    )


def block_view(block: Block, state: "SiteState", to_replan: tuple[UUID, ...] = ()) -> BlockView:
    codes = tuple(state.units[unit_id].code for unit_id in block.unit_ids)
    return BlockView(
        block.id, codes, block.starts_at, block.ends_at, block.kind, block.reason, block.return_condition,
        block.created_by, block.created_at, block.version, to_replan,
    )  # fmt: skip


def site_view(site: Site, version: int) -> SiteView:
    return SiteView(site.id, site.slug, site.kind, site.name, site.time_zone, site.settings, version, site.created_at)
