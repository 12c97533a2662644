"""What must be read to reconcile suspects: they themselves, who claims their units around now, what was seen there."""

from datetime import timedelta

from holdfast.domain.commands import Reconcile
from holdfast.domain.state import SiteState
from holdfast.domain.units import BLOCK_KINDS
from holdfast.services.wanted import Wanted, want_now, want_window

_DAY = timedelta(days=1)


def want_suspects(wanted: Wanted, state: SiteState, part: Reconcile) -> None:
    """Asks for the suspects by name, and for all standing findings."""
    site_id = state.site.id
    wanted.findings.add(site_id)
    wanted.releasing.add(site_id)
    wanted.ids.update(((site_id, unit_id), None) for unit_id in part.units)
    wanted.bookings.update(((site_id, booking_id), None) for booking_id in part.bookings)
    # a claim's holder may be of either kind, whatever the claim says, or not be there at all
    holders = [(site_id, holder_id) for holder_id in (*part.bookings, *part.blocks)]
    wanted.blocks.update(dict.fromkeys(holders))
    wanted.holders.update(dict.fromkeys(holders))


def want_suspect_windows(wanted: Wanted, state: SiteState, part: Reconcile) -> None:
    """Asks for the claims that the suspects' claims and statuses are judged by."""
    for booking in (state.bookings[key] for key in part.bookings if key in state.bookings):
        known = [unit_id for unit_id in booking.unit_ids if unit_id in state.units]
        want_window(wanted, state, known, booking.begins_at, booking.ends_at + _DAY)
    for block in part.blocks_in(state.blocks):
        known = [unit_id for unit_id in block.unit_ids if unit_id in state.units]
        want_window(wanted, state, known, max(state.now, block.starts_at), block.ends_at)
    concerned = concerned_by(state, part)
    want_now(wanted, state, concerned)
    wanted.sessions.update((state.site.id, unit_id) for unit_id in concerned)


def want_what_is_around(wanted: Wanted, state: SiteState, part: Reconcile) -> None:
    """Once the claims are known: asks for the bookings behind those of the suspects, for units only claims named, and
    for what was seen of the suspect units."""
    site_id = state.site.id
    for unit_id, timeline in state.timelines.items():
        if unit_id not in state.units:
            wanted.ids[site_id, unit_id] = None
        for claim in timeline.claims:
            if claim.holder_id not in state.bookings and claim.kind not in BLOCK_KINDS:
                wanted.bookings[site_id, claim.holder_id] = None
    wanted.observed.update(((site_id, unit_id), None) for unit_id in part.units)


def concerned_by(state: SiteState, part: Reconcile) -> list[int]:
    """The known units that the suspects are or are in."""
    concerned = dict.fromkeys(part.units)
    for booking in (state.bookings[key] for key in part.bookings if key in state.bookings):
        concerned.update(dict.fromkeys(booking.unit_ids))
    for block in part.blocks_in(state.blocks):
        concerned.update(dict.fromkeys(block.unit_ids))
    return [unit_id for unit_id in concerned if unit_id in state.units]
