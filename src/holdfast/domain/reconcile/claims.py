"""Who holds what: live bookings have their claims, claims have their live booking or block, blocks have their time."""

from datetime import datetime

from msgspec.structs import replace

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.claiming import BUFFER_MAX, claims_for, without_buffer
from holdfast.domain.bookings.values import Booking
from holdfast.domain.reconcile.going import Going
from holdfast.domain.statuses import block_pieces
from holdfast.domain.units import BLOCK_KINDS, CALENDAR, Claim

NOBODY = "There is no such booking or block"
NOT_HELD = "It did not hold the time that nobody else holds"


def put_claims_right(going: Going) -> None:
    """Gives each live suspect the claims its state and times ask for, where nobody else holds them."""
    policy = going.state.policy
    for booking_id in [booking.id for booking in going.sound_bookings()]:
        booking = going.state.bookings[booking_id]
        expected = claims_for(booking, policy.claim_kinds[booking.state], going.state) if booking.live else []
        wanted = {without_buffer(claim): claim for claim in expected}
        kept, wrong = set(), []
        for claim in going.held_by(booking_id):
            known = without_buffer(claim)
            if known in wanted and _bare_end(booking, claim) <= claim.end <= _bare_end(booking, claim) + BUFFER_MAX:
                kept.add(known)
            else:
                wrong.append(claim)
        missing = [claim for known, claim in wanted.items() if known not in kept]
        if wrong or missing:
            _exchange(going, booking, wrong, missing)


def _exchange(going: Going, booking: Booking, wrong: list[Claim], missing: list[Claim]) -> None:
    """Exchanges claims all at once or not at all: as long as others are in the way of what the row asks for, a booking
    keeps what it holds. A guest who is in a room must not lose it to a row that somebody wrote."""
    restored: list[Claim] = []
    for claim in missing:
        bare = replace(claim, end=_bare_end(booking, claim))
        if not _rivals(going, claim):
            restored.append(claim)
        elif not (rivals := _rivals(going, bare)):
            # the buffer behind it is somebody else's by now
            restored.append(bare)
        else:
            _note_conflict(going, booking, bare, rivals)
    if len(restored) < len(missing) and wrong:
        return
    draft = going.draft()
    draft.release(wrong)
    draft.claim(restored)
    if wrong or restored:
        codes = list(dict.fromkeys(going.code(claim.unit_id) for claim in (*restored, *wrong)))
        told = {"units": codes, "reason": _reason(booking, wrong, restored), "reference": booking.reference}
        going.repaired(draft, "claim_differs", str(booking.id), told)
    going.apply(draft)


def _rivals(going: Going, claim: Claim) -> list[Claim]:
    return going.state.taken(claim.unit_id, claim.start, claim.end, besides=claim.holder_id)


def _reason(booking: Booking, wrong: list[Claim], restored: list[Claim]) -> str:
    if restored and wrong:
        return f"Its claim was another than a booking that is {booking.state} has"
    return "Its claim was missing" if restored else f"A booking that is {booking.state} does not hold that"


def _note_conflict(going: Going, booking: Booking, claim: Claim, in_the_way: list[Claim]) -> None:
    """Who comes first under the constraint has it; which of them is right is somebody's to judge."""
    other = in_the_way[0]
    rival = going.state.bookings.get(other.holder_id)
    rule = "booking_without_claim" if other.kind in BLOCK_KINDS or rival is None else "two_live_bookings"
    held_by = going.reference(other.holder_id) or ("a block" if other.kind in BLOCK_KINDS else str(other.holder_id))
    going.holds[rule, str(booking.id)] = {
        "unit": going.code(claim.unit_id), "from": claim.start, "to": claim.end, "reference": booking.reference,
        "held_by": held_by, "reason": f"{going.code(claim.unit_id)} is held by {held_by} for that time",
        "acts": ["move", "cancel"],
    }  # fmt: skip


def remove_strangers(going: Going) -> None:
    """Removes claims whose holder is no booking and no block: nobody could ever give them back."""
    draft = going.draft()
    for holder_id in (*going.command.bookings, *going.command.blocks):
        if holder_id in going.state.bookings or holder_id in going.state.blocks:
            continue
        if strange := [claim for claim in going.held_by(holder_id) if claim.kind != CALENDAR]:
            draft.release(strange)
            codes = list(dict.fromkeys(going.code(claim.unit_id) for claim in strange))
            told = {"units": codes, "from": strange[0].start, "to": strange[0].end, "reason": NOBODY}
            going.repaired(draft, "claim_without_holder", str(holder_id), told)
    going.apply(draft)


def fill_blocks(going: Going) -> None:
    """Gives each suspect block all of its time that nobody else holds, and takes from it what is not its own."""
    state = going.state
    for block in going.command.blocks_in(state.blocks):
        if any(unit_id not in state.units for unit_id in block.unit_ids):
            continue
        draft = going.draft()
        strange = [claim for claim in going.held_by(block.id) if not _is_part_of(block, claim)]
        draft.release(strange)
        going.apply(draft)
        draft = going.draft()
        since = max(block.starts_at, state.now)
        for unit_id in block.unit_ids:
            draft.claim(block_pieces(state, block, unit_id, after=since, before=block.ends_at))
        if draft.change.claims_added or strange:
            codes = list(dict.fromkeys(going.code(claim.unit_id) for claim in (*draft.change.claims_added, *strange)))
            going.repaired(draft, "block_without_claim", str(block.id), {"units": codes, "reason": NOT_HELD})
        going.apply(draft)


def _is_part_of(block: Block, claim: Claim) -> bool:
    return (
        claim.kind == block.kind
        and claim.expires_at is None
        and claim.unit_id in block.unit_ids
        and block.starts_at <= claim.start
        and claim.end <= block.ends_at
    )


def _bare_end(booking: Booking, claim: Claim) -> datetime:
    """Where a claim of a booking ends without its buffer."""
    return next(part.end for index, part in enumerate(booking.stretches()) if index == claim.part)
