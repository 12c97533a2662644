"""The page on which customers book at a site: what is free, who asks, a look at it all, and done. Each step is a page
that works without scripts; with them the same pages come in place.

Decides nothing: the desk is asked beforehand and again when it counts, and what it refuses keeps what was typed.
"""

import secrets
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, Router, get, post
from litestar.params import FromPath

from holdfast.console.booking_page_drawing import (
    LANGUAGE_COOKIE,
    Asked,
    Visit,
    draw,
    form_of,
    given_by,
    go_to,
    names_of,
    on_customer_error,
    position_of,
    problem_of,
    visit_of,
)
from holdfast.console.booking_page_entry import ENTRY_HANDLERS
from holdfast.console.booking_page_offer import offer_of
from holdfast.console.booking_page_own import OWN_HANDLERS, key_cookie
from holdfast.console.booking_page_wish import Chosen, Wish, chosen_of, instead, read_wish, with_customer
from holdfast.console.words import LANGUAGES
from holdfast.domain.actors import guest_of
from holdfast.domain.errors import Refusal
from holdfast.domain.policies import policy_of
from holdfast.http.calls import book, check
from holdfast.http.errors import EdgeError
from holdfast.services.identity import new_id
from holdfast.services.requests import book_command

HOLD_S = 600
"""How long a customer may hold something while they make up their mind, at most."""
KEY_BYTES = 18

Named = FromPath[str]
_FIELDS_OF_STEP = ("unknown_slot", "unknown_unit", "unknown_category", "off_grid", "in_the_past", "slot_taken",
                   "closed", "not_bookable", "too_soon", "too_far", "too_short", "too_long")  # fmt: skip
"""Refusals that ask for another choice; all others are put right where they are shown."""


class _Made(msgspec.Struct):
    id: UUID


_made = msgspec.json.Decoder(_Made).decode


@get("/{site:str}", include_in_schema=False, opt={"right": "open"})
async def offer(request: Asked, site: Named) -> Response[Any]:
    """What is free, and the first choice."""
    language = request.query_params.get("language")
    if language in LANGUAGES:
        return go_to(f"/s/{site}", cookies=[LANGUAGE_COOKIE.format(language)])
    visit = await visit_of(request, site)
    return await _offer(visit, read_wish(visit.site, given_by(request), today=visit.today))


@post("/{site:str}", include_in_schema=False, opt={"right": "open"})
async def offer_again(request: Asked, site: Named) -> Response[Any]:
    """The same for somebody who has typed something already: it comes along."""
    visit = await visit_of(request, site)
    return await _offer(visit, read_wish(visit.site, await form_of(request), today=visit.today))


async def _offer(
    visit: Visit, wish: Wish, *, status: int = 200, problem: dict[str, Any] | None = None
) -> Response[Any]:
    position = await position_of(visit)
    found = await offer_of(visit.context.reads, visit.site, wish, now=visit.now)
    free = [
        (each, msgspec.structs.replace(instead(visit.site, wish, each), typed=wish.typed))
        for each in (problem or {}).get("alternatives", ())
    ]
    return draw(
        visit, "booking_offer.html", status=status, wish=found.wish, position=position, offer=found, problem=problem,
        alternatives=free, moving=None, names=await names_of(visit),
    )  # fmt: skip


@get("/{site:str}/details", include_in_schema=False, opt={"right": "open"})
async def details(request: Asked, site: Named) -> Response[Any]:
    """Who asks: what is typed, or first who one is."""
    visit = await visit_of(request, site)
    return await _details(visit, read_wish(visit.site, given_by(request), today=visit.today))


@post("/{site:str}/details", include_in_schema=False, opt={"right": "open"})
async def details_again(request: Asked, site: Named) -> Response[Any]:
    visit = await visit_of(request, site)
    return await _details(visit, read_wish(visit.site, await form_of(request), today=visit.today))


async def _details(
    visit: Visit, wish: Wish, *, status: int = 200, problem: dict[str, Any] | None = None
) -> Response[Any]:
    chosen = chosen_of(visit.site, wish)
    if chosen is None:
        return await _offer(visit, wish)
    position = await position_of(visit)
    if problem is None:
        problem = await _in_the_way(visit, chosen.request)
    return draw(
        visit, "booking_details.html", status=status, wish=wish, position=position, chosen_now=chosen, problem=problem,
        entry="", said={}, names=await names_of(visit),
    )  # fmt: skip


@post("/{site:str}/review", include_in_schema=False, opt={"right": "open"})
async def review(request: Asked, site: Named) -> Response[Any]:
    """All of it once more, with the desk's word on whether it would be taken."""
    visit = await visit_of(request, site)
    return await _review(visit, read_wish(visit.site, await form_of(request), today=visit.today))


async def _review(visit: Visit, wish: Wish) -> Response[Any]:
    chosen = chosen_of(visit.site, wish)
    if chosen is None or visit.booking_as not in ("staff", "account", "guest"):
        return await _details(visit, wish)
    position = await position_of(visit)
    problem = await _in_the_way(visit, _request(visit, chosen, wish), whole=True)
    if problem is not None:
        return await _refused(visit, wish, problem)
    policy = policy_of(visit.site.kind)
    hold_s = min(HOLD_S, visit.site.settings.hold_s_max) if policy.held_state is not None else 0
    return draw(
        visit, "booking_review.html", wish=wish, position=position, chosen_now=chosen, hold_minutes=hold_s // 60,
        names=await names_of(visit), key=secrets.token_urlsafe(KEY_BYTES),
        needs_approval=policy.claim_kinds[policy.booked_state] == "hold",
    )  # fmt: skip


@post("/{site:str}/confirm", include_in_schema=False, opt={"right": "open"})
async def confirm(request: Asked, site: Named) -> Response[Any]:
    """Books, once however often the form is sent: its key is the booking's."""
    visit = await visit_of(request, site)
    form = await form_of(request)
    wish = read_wish(visit.site, form, today=visit.today)
    chosen = chosen_of(visit.site, wish)
    if chosen is None or visit.booking_as not in ("staff", "account", "guest"):
        return await _details(visit, wish)
    holds = policy_of(visit.site.kind).held_state is not None and form.get("hold") == "yes"
    hold_s = min(HOLD_S, visit.site.settings.hold_s_max) if holds else None
    headers = {b"idempotency-key": form.get("key", "").encode()} if form.get("key") else {}
    try:
        asked = _request(visit, chosen, wish, hold_s=hold_s)
        _, more, body = await book(visit.context, visit.caller, visit.site, asked, held=visit.held, headers=headers)
    except (Refusal, EdgeError) as refusal:
        if refusal.code == "key_reused":  # something was changed behind the review: it is looked at once more
            return await _review(visit, wish)
        return await _refused(visit, wish, problem_of(request, refusal))
    made, key = _made(body).id, dict(more).get(b"booking-key")
    cookies = [key_cookie(visit, made, key.decode())] if key is not None else None
    return go_to(f"{visit.home}/booking/{made}?done={'held' if hold_s else 'yes'}", cookies=cookies)


async def _refused(visit: Visit, wish: Wish, problem: dict[str, Any]) -> Response[Any]:
    """Back to where it can be put right, with all that was chosen and typed."""
    status = int(problem["status"])
    if problem["code"] in _FIELDS_OF_STEP:
        return await _offer(visit, msgspec.structs.replace(wish, pick=""), status=status, problem=problem)
    return await _details(visit, wish, status=status, problem=problem)


def _request(visit: Visit, chosen: Chosen, wish: Wish, *, hold_s: int | None = None) -> Any:
    has_team = visit.site.settings.team_max > 0
    return with_customer(chosen.request, wish, language=visit.words.language, hold_s=hold_s, has_team=has_team)


async def _in_the_way(visit: Visit, asked: Any, *, whole: bool = False) -> dict[str, Any] | None:
    """What the desk would refuse it with now; None when it would be taken. `whole` with who asks, too."""
    try:
        if whole and "book" not in visit.held:
            asking = visit.caller if visit.caller.is_known else guest_of(new_id())
            asked = await visit.context.own.request(asking, visit.site, asked)
        command = book_command(visit.site, asked, id=new_id(), now=visit.now)
        status, _, body = await check(visit.context, visit.caller, visit.site, command)
    except Refusal as refusal:
        return problem_of(visit.request, refusal)
    told: dict[str, Any] = msgspec.json.decode(body)
    return None if told.get("allowed", status == 200) else {"status": 409, **told}


BOOKING_PAGE_HANDLERS: list[Any] = [
    Router(
        "/s",
        route_handlers=[
            offer, offer_again, details, details_again, review, confirm, *OWN_HANDLERS, *ENTRY_HANDLERS,
        ],
        exception_handlers={Exception: on_customer_error},
    ),
]  # fmt: skip
