"""Adds to refusals what was free under the lock: one look for all the wishes of a batch that met a taken slot."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from holdfast.domain.bookings.alternatives import alternatives, span_around
from holdfast.domain.commands import Act, Book
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.services.loading import each, load_claims, load_units, want_category
from holdfast.services.waiting import Waiting
from holdfast.services.wanted import Wanted, want_window
from holdfast.store.connection import Connection

Wish = tuple[int, tuple[str, ...], str, datetime, datetime]
WISHES_MAX = 16
"""How many different wishes of one batch are looked into; further losers are told only what is in the way."""
CATEGORY_UNITS_MAX = 60


async def offer_alternatives(connection: Connection, states: dict[int, SiteState], served: Iterable[Waiting]) -> None:
    """Completes the `slot_taken` refusals of a batch while its sites are still locked and its changes are written."""
    wishes: dict[Wish, list[Refusal]] = {}
    for one in served:
        refusal = one.outcome
        if isinstance(refusal, Refusal) and refusal.code == "slot_taken":
            refusal.data.setdefault("alternatives", [])
            wish = _wish_of(states[one.site_id], one, refusal)
            if wish is not None and (wish in wishes or len(wishes) < WISHES_MAX):
                wishes.setdefault(wish, []).append(refusal)
    if not wishes:
        return
    await _load(connection, states, wishes)
    for wish, refusals in wishes.items():
        offers = _offers(states[wish[0]], wish)
        for refusal in refusals:
            refusal.data["alternatives"] = offers


def _wish_of(state: SiteState, one: Waiting, refusal: Refusal) -> Wish | None:
    parts = list(each(one.command))
    part = parts[refusal.data.get("failed_at", 0)]
    if isinstance(part, Book):
        start = state.now if part.walk_in else part.start
        category = part.category or _category(state, part.units)
        end = part.end or start + timedelta(hours=1)
        return (one.site_id, part.units, category, start, end)
    if isinstance(part, Act) and (booking := state.bookings.get(part.booking_id)) is not None:
        units = part.units or tuple(state.units[unit_id].code for unit_id in booking.unit_ids)
        start = part.start or booking.starts_at
        end = part.end or start + (booking.ends_at - booking.starts_at)
        if part.minutes is not None:
            end = booking.ends_at + timedelta(minutes=part.minutes)
        return (one.site_id, units, _category(state, units), start, end) if start < end else None
    return None


def _category(state: SiteState, codes: tuple[str, ...]) -> str:
    return next((state.units[state.codes[code]].category for code in codes if code in state.codes), "")


async def _load(connection: Connection, states: dict[int, SiteState], wishes: Iterable[Wish]) -> None:
    wanted = Wanted()
    for site_id, _, category, _, _ in wishes:
        want_category(wanted, states[site_id], category)
    await load_units(connection, states, wanted)
    wanted = Wanted()
    for site_id, codes, category, start, end in wishes:
        state = states[site_id]
        span = span_around(state, start, end)
        named = [state.codes[code] for code in codes if code in state.codes]
        want_window(wanted, state, named, *span)
        want_window(wanted, state, state.categories.get(category, [])[:CATEGORY_UNITS_MAX], *span)
    await load_claims(connection, states, wanted)


def _offers(state: SiteState, wish: Wish) -> list[dict[str, Any]]:
    _, codes, category, start, end = wish
    in_category = [state.units[unit_id] for unit_id in state.categories.get(category, [])[:CATEGORY_UNITS_MAX]]
    named = [unit for unit in in_category if unit.code in codes] or in_category[:3]
    others = sorted((unit for unit in in_category if unit.code not in codes), key=lambda unit: unit.code)
    return alternatives(state, named, others if codes else (), start=start, end=end)
