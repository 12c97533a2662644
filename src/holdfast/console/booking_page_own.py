"""One's own bookings: the list, one of them with what became of it, giving it up, moving it, its calendar entry.

The secret of a guest's link never stands in an address that a log would keep: it comes behind # and goes, by a form,
into a cookie of that booking alone.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from holdfast.console.booking_page_drawing import (
    Asked,
    Visit,
    draw,
    form_of,
    given_by,
    go_to,
    names_of,
    position_of,
    problem_of,
    visit_of,
)
from holdfast.console.booking_page_offer import offer_of
from holdfast.console.booking_page_wish import Wish, chosen_of, read_wish
from holdfast.domain.actors import guest_of
from holdfast.domain.errors import Refusal
from holdfast.domain.policies import policy_of
from holdfast.domain.team import MEMBER, team_from, text_of
from holdfast.domain.wire import BookingView
from holdfast.http.calls import submit
from holdfast.services.availability import Asked as Question
from holdfast.services.availability import free_times
from holdfast.services.calendars import Calendars
from holdfast.services.discretion import own_detail
from holdfast.services.free_stays import free_stays
from holdfast.services.listing import BookingDetail, BookingQuery, booking_detail, booking_page
from holdfast.services.own import own_acts
from holdfast.services.requests import ActRequest, act_command

KEY_COOKIE = "booking_key"
KEY_LIFE_S = 180 * 24 * 3600
BOOKINGS_MAX = 200
PAST = timedelta(days=90)
"""How far back the list goes."""
HERE = frozenset({"cancel", "move", "confirm", "amend"})
"""The acts that this page offers."""

Named = FromPath[str]


def key_cookie(visit: Visit, booking_id: UUID, key: str) -> str:
    """The cookie by which a guest's browser shows one booking, and no script and no other page reads it."""
    secure = "; Secure" if visit.request.scope["scheme"] == "https" else ""
    path = f"{visit.home}/booking/{booking_id}"
    return f"{KEY_COOKIE}={key}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={KEY_LIFE_S}{secure}"


@get("/{site:str}/bookings", include_in_schema=False, opt={"right": "open"})
async def bookings(request: Asked, site: Named) -> Response[Any] | Redirect:
    """All of one's own, what is to come first; whoever is not signed in is asked to."""
    visit = await visit_of(request, site, even_off=True)
    position = await position_of(visit)
    key = visit.caller.customer_key
    if visit.account is None or key is None:
        return draw(
            visit, "booking_details.html", wish=read_wish(visit.site, {}, today=visit.today), chosen_now=None,
            entry="bookings", said={"onwards": "bookings"},
        )  # fmt: skip
    now, reads = visit.now.isoformat(), visit.context.reads
    ahead = await booking_page(reads, visit.site, BookingQuery(start=now), cursor=None, limit=BOOKINGS_MAX, own_key=key)
    before = BookingQuery(start=(visit.now - PAST).isoformat(), end=now)
    gone = await booking_page(reads, visit.site, before, cursor=None, limit=BOOKINGS_MAX, own_key=key)
    coming = [one for one in ahead.bookings if _is_live(visit, one)]
    known = {one.id for one in coming}
    past = [one for one in {one.id: one for one in (*gone.bookings, *ahead.bookings)}.values() if one.id not in known]
    past.sort(key=lambda one: one.start, reverse=True)
    return draw(visit, "booking_list.html", position=position, coming=coming, past=past, names=await names_of(visit))


@get("/{site:str}/booking/{booking:str}", include_in_schema=False, opt={"right": "open"})
async def one(request: Asked, site: Named, booking: Named) -> Response[Any]:
    visit = await visit_of(request, site, even_off=True)
    found = await _found(visit, booking)
    if found is None:
        return draw(visit, "booking_key.html", booking=booking, is_wrong=False)
    return await _one(found)


@post("/{site:str}/booking/{booking:str}", include_in_schema=False, opt={"right": "open"})
async def unlock(request: Asked, site: Named, booking: Named) -> Response[Any]:
    """Takes the secret of the link, and goes on with the booking."""
    visit = await visit_of(request, site, even_off=True)
    key = (await form_of(request)).get("booking_key", "")
    booking_id = await visit.context.links.check(visit.site, booking, key)
    if booking_id is None:
        return draw(visit, "booking_key.html", status=403, booking=booking, is_wrong=True)
    return go_to(f"{visit.home}/booking/{booking_id}", cookies=[key_cookie(visit, booking_id, key)])


@get("/{site:str}/booking/{booking:str}/booking.ics", include_in_schema=False, opt={"right": "open"})
async def entry(request: Asked, site: Named, booking: Named) -> Response[bytes]:
    """The booking for a calendar."""
    visit = await visit_of(request, site, even_off=True)
    found = await _found(visit, booking)
    if found is None:
        raise NotFoundException
    body = await Calendars(visit.context.reads).read_one(visit.site, found.view.id)
    name = f'attachment; filename="{found.view.reference}.ics"'
    return Response(body, media_type="text/calendar", headers={"content-disposition": name})


@post("/{site:str}/booking/{booking:str}/cancel", include_in_schema=False, opt={"right": "open"})
async def cancel(request: Asked, site: Named, booking: Named) -> Response[Any]:
    return await _act(request, site, booking, "cancel")


@post("/{site:str}/booking/{booking:str}/confirm", include_in_schema=False, opt={"right": "open"})
async def confirm_held(request: Asked, site: Named, booking: Named) -> Response[Any]:
    """Turns what is held into a booking."""
    return await _act(request, site, booking, "confirm")


@post("/{site:str}/booking/{booking:str}/amend", include_in_schema=False, opt={"right": "open"})
async def amend(request: Asked, site: Named, booking: Named) -> Response[Any]:
    """Other people come along."""
    return await _act(request, site, booking, "amend")


@get("/{site:str}/booking/{booking:str}/move", include_in_schema=False, opt={"right": "open"})
async def where_to(request: Asked, site: Named, booking: Named) -> Response[Any]:
    """What is free instead."""
    visit = await visit_of(request, site, even_off=True)
    found = await _found(visit, booking)
    if found is None or "move" not in found.may:
        return go_to(f"{visit.home}/booking/{booking}")
    return await _where_to(found, read_wish(visit.site, _as_it_is(found) | given_by(request), today=visit.today))


@post("/{site:str}/booking/{booking:str}/move", include_in_schema=False, opt={"right": "open"})
async def move(request: Asked, site: Named, booking: Named) -> Response[Any]:
    return await _act(request, site, booking, "move")


class _Found(msgspec.Struct, frozen=True):
    """A booking that is the visitor's own; `key` is the secret of its link, for a guest."""

    visit: Visit
    detail: BookingDetail
    key: str | None

    @property
    def view(self) -> BookingView:
        return self.detail.booking

    @property
    def may(self) -> list[str]:
        over = self.view.end <= self.visit.now
        return [act for act in self.detail.may if act in HERE and not (over or self.view.started_at)]

    @property
    def path(self) -> str:
        return f"{self.visit.home}/booking/{self.view.id}"


async def _found(visit: Visit, booking: str) -> _Found | None:
    """The booking, if it is the visitor's; else nothing of whether it is there at all."""
    key = visit.request.cookies.get(KEY_COOKIE)
    caller, held = visit.caller, visit.held
    try:
        booking_id = UUID(booking)
        if key is not None and await visit.context.links.check(visit.site, booking, key) == booking_id:
            caller = guest_of(booking_id)
            held = frozenset({"public", "own"})
        else:
            key = None
        await visit.context.own.check(caller, held, visit.site, booking_id, right="names")
        detail = await booking_detail(visit.context.reads, visit.site, booking_id)
    except (ValueError, Refusal):
        return None
    visit = msgspec.structs.replace(visit, caller=caller, held=held)
    return _Found(visit, own_detail(detail, caller.name, own_acts(visit.site, detail.booking.state)), key)


async def _one(found: _Found, *, status: int = 200, problem: dict[str, Any] | None = None) -> Response[Any]:
    visit, view = found.visit, found.view
    position = await position_of(visit)
    link = f"{visit.accounts.public_url.rstrip('/')}{found.path}#{found.key}" if found.key is not None else None
    return draw(
        visit, "booking_one.html", status=status, position=position, booking=view, detail=found.detail,
        may=found.may, path=found.path, link=link, problem=problem, done=visit.request.query_params.get("done"),
        is_live=_is_live(visit, view), waits=_waits(visit, view), reason=_reason(found.detail),
        names=await names_of(visit), team=text_of((view.details or {}).get(MEMBER)),
    )  # fmt: skip


def _is_live(visit: Visit, view: BookingView) -> bool:
    return policy_of(visit.site.kind).holds_claim(view.state)


def _waits(visit: Visit, view: BookingView) -> bool:
    """Whether staff have yet to decide on it."""
    policy = policy_of(visit.site.kind)
    return view.state == policy.booked_state and policy.claim_kinds.get(view.state) == "hold"


def _reason(detail: BookingDetail) -> str | None:
    """Why it is as it is: what was said with the last change."""
    return detail.history[-1].reason if detail.history else None


def _as_it_is(found: _Found) -> dict[str, str]:
    """The wish that a booking is the answer to."""
    view, zone = found.view, found.visit.site.zone
    length = int((view.end - view.start).total_seconds() // 60)
    nights = max(1, (view.end.astimezone(zone).date() - view.start.astimezone(zone).date()).days)
    return {
        "date": view.start.astimezone(zone).date().isoformat(), "length": str(length), "nights": str(nights),
        "place": f"c:{view.category}" if view.category else f"u:{view.units[0]}" if view.units else "",
    }  # fmt: skip


async def _where_to(
    found: _Found, wish: Wish, *, status: int = 200, problem: dict[str, Any] | None = None
) -> Response[Any]:
    visit = found.visit
    position = await position_of(visit)
    offer = await offer_of(visit.context.reads, visit.site, wish, now=visit.now)
    return draw(
        visit, "booking_offer.html", status=status, wish=offer.wish, position=position, offer=offer, problem=problem,
        alternatives=[], moving=found, names=await names_of(visit),
    )  # fmt: skip


async def _act(request: Asked, named: str, booking: str, act: str) -> Response[Any]:
    visit = await visit_of(request, named, even_off=True)
    form = await form_of(request)
    found = await _found(visit, booking)
    if found is None:
        raise NotFoundException
    visit, site = found.visit, found.visit.site
    wish = read_wish(site, form, today=visit.today)
    body = ActRequest()
    if act == "move":
        if chosen_of(site, wish) is None:
            return await _where_to(found, wish)
        body = await _move_of(found, wish)
    if act == "amend":
        body = ActRequest(team=tuple(team_from(form.get("team", ""))))
    try:
        await visit.context.own.check_act(visit.caller, visit.held, site, found.view.id, act=act, wish=body)
        command = act_command(site, body, booking_id=found.view.id, act=act, if_version=None)
        headers = {b"idempotency-key": form["key"].encode()} if form.get("key") else {}
        await submit(
            visit.context, visit.caller, site, command, headers=headers, said=("act", found.view.id, act, body)
        )
    except Refusal as refusal:
        problem = problem_of(request, refusal)
        if act == "move":
            return await _where_to(found, wish, status=int(problem["status"]), problem=problem)
        again = await _found(visit, booking)
        return await _one(again or found, status=int(problem["status"]), problem=problem)
    return go_to(f"{found.path}?done={act}")


async def _move_of(found: _Found, wish: Wish) -> ActRequest:
    """The act that a choice comes to: another unit, another time, or both."""
    site, view = found.visit.site, found.view
    chosen = chosen_of(site, wish)
    assert chosen is not None
    unit = chosen.request.unit or await _any_of(found, chosen.request.category, chosen.start, chosen.end)
    changes: dict[str, Any] = {}
    if unit is not None and (unit,) != view.units:
        changes["unit"] = unit
    if (chosen.start, chosen.end) != (view.start, view.end):
        changes |= {"start": chosen.start.isoformat(), "end": chosen.end.isoformat()}
    return ActRequest(**changes)


async def _any_of(found: _Found, category: str | None, start: datetime, end: datetime) -> str | None:
    """A free unit of a kind then, if the present one is not of it or not free; None keeps it."""
    reads, site = found.visit.context.reads, found.visit.site
    asked = Question(start=start.isoformat(), end=end.isoformat(), category=category, limit=500)
    if policy_of(site.kind).overstays:
        free = {unit.code for unit in (await free_stays(reads, site, asked)).units}
    else:
        length = int((end - start).total_seconds() // 60)
        free = {
            unit.code for unit in (await free_times(reads, site, msgspec.structs.replace(asked, length=length))).units
        }
    own = found.view.units[0] if found.view.units else None
    return None if own in free or not free else min(free)


OWN_HANDLERS: list[Any] = [bookings, one, unlock, entry, cancel, confirm_held, amend, where_to, move]
