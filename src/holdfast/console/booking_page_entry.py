"""Signing in and up from a booking page: what was chosen is kept, and the form that asked goes on where it was."""

from typing import Any

from litestar import Response, post
from litestar.params import FromPath

from holdfast.console.booking_page_drawing import (
    Asked,
    Visit,
    draw,
    form_of,
    go_to,
    names_of,
    position_of,
    problem_of,
    visit_of,
)
from holdfast.console.booking_page_wish import chosen_of, read_wish
from holdfast.domain.errors import Refusal
from holdfast.http.accounts import where_of, with_cookie
from holdfast.services import sign_in
from holdfast.services import sign_up as services
from holdfast.services.sign_up import SignUp

PROFILE = "profile_"
"""What the names of fields begin with that a site asks for."""

Named = FromPath[str]


@post("/{site:str}/sign-in", include_in_schema=False, opt={"right": "open"})
async def enter(request: Asked, site: Named) -> Response[Any]:
    """Signs in and goes on with what was chosen; asks for the code of the second factor where there is one."""
    visit, form = await visit_of(request, site), await form_of(request)
    try:
        made = await sign_in.sign_in(
            visit.accounts, form.get("email", ""), form.get("password", ""), form.get("code") or None,
            where_of(request),
        )  # fmt: skip
    except Refusal as refusal:
        return await _again(visit, form, "sign_in", refusal)
    return with_cookie(request, go_to(_onwards(visit, form)), made.secret, made.life_s)


@post("/{site:str}/sign-up", include_in_schema=False, opt={"right": "open"})
async def sign_up(request: Asked, site: Named) -> Response[Any]:
    """Sends the link that makes the account; the answer is the same whether there is one or not."""
    visit, form = await visit_of(request, site), await form_of(request)
    wish = SignUp(
        form.get("email", ""), form.get("name", ""), form.get("password", ""), form.get("phone") or None,
        visit.words.language, _profile(form),
    )  # fmt: skip
    try:
        await services.sign_up(visit.accounts, visit.site, wish, address=where_of(request).address)
    except Refusal as refusal:
        return await _again(visit, form, "sign_up", refusal)
    return draw(visit, "booking_sent.html", email=form["email"], onwards=_onwards(visit, form))


@post("/{site:str}/join", include_in_schema=False, opt={"right": "open"})
async def join(request: Asked, site: Named) -> Response[Any]:
    """Makes somebody with an account a customer here, with the profile that the site asks for."""
    visit, form = await visit_of(request, site), await form_of(request)
    try:
        await services.join(visit.accounts, visit.caller, visit.site, _profile(form))
    except Refusal as refusal:
        return await _again(visit, form, "join", refusal)
    return go_to(_onwards(visit, form))


@post("/{site:str}/sign-out", include_in_schema=False, opt={"right": "open"})
async def leave(request: Asked, site: Named) -> Response[Any]:
    visit = await visit_of(request, site, even_off=True)
    await sign_in.sign_out(visit.accounts, visit.caller)
    return with_cookie(request, go_to(visit.home), "", 0)


def _profile(form: dict[str, str]) -> dict[str, Any]:
    return {name.removeprefix(PROFILE): value for name, value in form.items() if name.startswith(PROFILE) and value}


def _onwards(visit: Visit, form: dict[str, str]) -> str:
    """Where the choice goes on; the list of bookings for whoever came from there."""
    if form.get("onwards") == "bookings":
        return f"{visit.home}/bookings"
    wish = read_wish(visit.site, form, today=visit.today)
    if chosen_of(visit.site, wish) is None:
        return visit.home
    return f"{visit.home}/details{wish.query(visit.site.kind, pick=wish.pick)}"


async def _again(visit: Visit, form: dict[str, str], entry: str, refusal: Refusal) -> Response[Any]:
    problem = problem_of(visit.request, refusal)
    wish = read_wish(visit.site, form, today=visit.today)
    position = await position_of(visit)
    # a password is typed anew: it is never sent back
    said = {name: value for name, value in form.items() if name != "password"}
    return draw(
        visit, "booking_details.html", status=int(problem["status"]), wish=wish, position=position,
        chosen_now=chosen_of(visit.site, wish), problem=problem, entry=entry, said=said,
        names=await names_of(visit),
    )  # fmt: skip


ENTRY_HANDLERS: list[Any] = [enter, sign_up, join, leave]
