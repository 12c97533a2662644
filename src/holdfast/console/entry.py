"""The pages by which people come in: signing in and out, the first owner, invitations, addresses to confirm, forgotten
passwords. Forms work without scripts, but where the secret of a link is needed: it stands behind the # of an address,
which only a script can read.

Refuses to lead anywhere but to a path of our own, and to say whether an address has an account.
"""

import re
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request, Response, Router, get, post
from litestar.response import Redirect

from holdfast.console.pages import on_page_error, pages_of
from holdfast.console.problems import sentence_of, told_wait
from holdfast.console.viewer import SIGN_IN, SIGN_OUT, Viewer
from holdfast.console.words import COOKIE, LANGUAGES, Words, language_of
from holdfast.domain.actors import NOBODY
from holdfast.domain.errors import Refusal
from holdfast.http.accounts import where_of, with_cookie
from holdfast.http.auth import is_loopback
from holdfast.http.context import accounts_of, caller_of, context_of
from holdfast.http.errors import STATUS
from holdfast.http.forms import form_of
from holdfast.services import accounts as services
from holdfast.services import sign_in, sign_in_steps

HOME = "/console"
NEXT_CHARS_MAX = 2_000
LANGUAGE_S = 365 * 24 * 3600
TOLD = ("out", "reset", "role", "customer")
"""What the sign-in page may say of what was just done."""
_OUR_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\\x7f]*")
_KEPT_IN_PATHS = "/?&=%:,;+@~!$'()*[]-._"

Asked = Request[Any, Any, Any]


def local_path(text: str | None) -> str:
    """Where to go on: a path of this server as it may stand in a header, `HOME` for everything else."""
    given = (text or "")[:NEXT_CHARS_MAX]
    if not _OUR_PATH.fullmatch(given) or given.split("?")[0].rstrip("/") in (SIGN_IN, SIGN_OUT):
        return HOME
    return quote(given, safe=_KEPT_IN_PATHS)


@get(SIGN_IN, include_in_schema=False, opt={"right": "open"})
async def sign_in_page(request: Asked) -> Response[Any]:
    """The form; for who is signed in already the way on, and for who follows a link the way in."""
    if not await accounts_of(request).access.has_accounts():
        return Redirect("/set-up", status_code=303)
    told = request.query_params.get("told")
    name = None
    if caller_of(request).account_id is not None:
        name = (await accounts_of(request).account(caller_of(request))).name
    return _draw(request, "sign_in.html", told=told if told in TOLD else None, name=name)


@post(SIGN_IN, include_in_schema=False, opt={"right": "open"})
async def signing_in(request: Asked) -> Response[Any]:
    """Signs in, and leads on; or asks for the code; or says what was wrong and keeps the address."""
    form, accounts = await form_of(request), accounts_of(request)
    email, password, code, step = (form.get(name, "") for name in ("email", "password", "code", "step"))
    try:
        if step:
            taken = sign_in_steps.taken_up(accounts, step)
            email, password = taken.email, taken.password
        made = await sign_in.sign_in(accounts, email, password, code.strip() or None, where_of(request))
    except Refusal as refusal:
        if refusal.code == "second_factor_needed":
            return _draw(request, "sign_in.html", email=email, step=sign_in_steps.kept(accounts, email, password))
        is_over = refusal.code == "link_used"
        words = {"step": "" if is_over else step, "email": email, "is_over": is_over}
        return _draw(request, "sign_in.html", refusal=refusal, **words)
    return with_cookie(request, Redirect(_next(request), status_code=303), made.secret, made.life_s)


@post(SIGN_OUT, include_in_schema=False, opt={"right": "open"})
async def signing_out(request: Asked) -> Response[Any]:
    """Ends the session."""
    await sign_in.sign_out(accounts_of(request), caller_of(request))
    return with_cookie(request, Redirect(f"{SIGN_IN}?told=out", status_code=303), "", 0)


@get(SIGN_OUT, include_in_schema=False, opt={"right": "open"})
async def sign_out_page(request: Asked) -> Redirect:
    """For who opens the address: a page that is only looked at ends nothing."""
    return Redirect(SIGN_IN, status_code=303)


@get("/set-up", include_in_schema=False, opt={"right": "open"})
async def set_up_page(request: Asked) -> Response[Any]:
    """The first owner's form by the link, and where the link is found."""
    is_open = await context_of(request).gate.is_open()
    client = request.scope.get("client")
    return _draw(
        request, "set_up.html", is_set_up=await accounts_of(request).access.has_accounts(),
        is_here=is_open and client is not None and is_loopback(client[0]),
    )  # fmt: skip


@get("/invitation", include_in_schema=False, opt={"right": "open"})
async def invitation_page(request: Asked) -> Response[Any]:
    """To what one is invited, and what is needed to accept."""
    return _draw(request, "invitation.html")


@get("/verify", include_in_schema=False, opt={"right": "open"})
async def verify_page(request: Asked) -> Response[Any]:
    """A button rather than the deed itself: mail scanners open links, too."""
    return _draw(request, "verify.html")


@get("/reset", include_in_schema=False, opt={"right": "open"})
async def reset_page(request: Asked) -> Response[Any]:
    """Asks for the address, or by a link for the new password."""
    return _draw(request, "reset.html", is_sent=request.query_params.get("told") == "sent")


@post("/reset", include_in_schema=False, opt={"right": "open"})
async def asking_reset(request: Asked) -> Response[Any]:
    """Sends a link, if there is such an account; what is said is the same if there is none."""
    email = (await form_of(request)).get("email", "")
    try:
        await services.ask_reset(accounts_of(request), email, by=NOBODY, address=where_of(request).address)
    except Refusal as refusal:
        return _draw(request, "reset.html", refusal=refusal, email=email)
    return Redirect("/reset?told=sent", status_code=303)


ENTRY_HANDLERS: list[Any] = [
    Router(
        "/",
        route_handlers=[
            sign_in_page, signing_in, signing_out, sign_out_page, set_up_page, invitation_page, verify_page, reset_page,
            asking_reset,
        ],
        exception_handlers={Exception: on_page_error},
    )
]  # fmt: skip


def _draw(request: Asked, template: str, *, refusal: Refusal | None = None, **names: Any) -> Response[Any]:
    """An entry page, in the language that its address asks for, which is kept from then on."""
    pages, chosen = pages_of(request), request.query_params.get("language")
    if chosen in LANGUAGES:
        led = Redirect(_address(request, None), status_code=303)
        led.set_cookie(COOKIE, chosen, max_age=LANGUAGE_S, samesite="lax")
        return led
    words = Words(pages.assets, language_of(request))
    given = {
        "email": "", "step": "", "told": None, "name": None, "is_over": False, "is_sent": False,
        "problem": told_of(words, refusal), "next": _next(request), "here": request.url.path,
        "languages": [(code, name, _address(request, code)) for code, name in LANGUAGES.items()],
        "modules": [pages.assets.address(name) for name in pages.assets.names("core/", ".js")],
    }  # fmt: skip
    status = 200 if refusal is None else STATUS.get(refusal.code, 409)
    return pages.draw(
        request, template, viewer=Viewer("", ()), status=status, data={"next": given["next"]}, **{**given, **names}
    )


def told_of(words: Words, refusal: Refusal | None) -> dict[str, Any] | None:
    """What a form says of a refusal: the text, the field it stands at, and for how many seconds nothing helps."""
    if refusal is None:
        return None
    data = refusal.data
    text = sentence_of(words, {**data, "code": refusal.code})
    wait_s = int(data.get("retry_after_s", 0)) if refusal.code == "too_many_requests" else 0
    if wait_s:
        text = told_wait(words, wait_s)
    return {"text": text, "field": data.get("field"), "wait_s": wait_s}


def _address(request: Asked, language: str | None) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name in ("next", "told")]
    query = urlencode([*kept, *([("language", language)] if language is not None else [])])
    return request.url.path + (f"?{query}" if query else "")


def _next(request: Asked) -> str:
    return local_path(request.query_params.get("next"))
