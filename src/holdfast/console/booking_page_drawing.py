"""How a booking page is drawn, and for whom: whole, so that it works before any script does and without any.

Refuses what the console's own pages may do beyond it: a customer's page knows of nobody but its customer.
"""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from holdfast.console.assets import CUSTOMER_STYLES, Assets, our_assets
from holdfast.console.booking_page_wish import Wish, instant_in
from holdfast.console.problems import sentence_of, told_wait
from holdfast.console.words import LANGUAGES, Words, language_of
from holdfast.domain.actors import Actor, rights_at
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import local_date
from holdfast.domain.people import check_sign_up
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site
from holdfast.http.bodies import check_encoding
from holdfast.http.context import Context, accounts_of, caller_of, context_of
from holdfast.http.errors import EdgeError
from holdfast.http.framework import on_error
from holdfast.services.accounts import Accounts, AccountView
from holdfast.services.accounts import view as account_view
from holdfast.services.identity import now_ms
from holdfast.services.journal import Epochs
from holdfast.services.listing import bookable_units

FORM_BYTES_MAX = 64 * 1024
FORM_FIELDS_MAX = 60
FORM = b"application/x-www-form-urlencoded"
MODULES = ("customer/start.js", "customer/swap.js", "customer/follow.js", "core/stream.js", "core/replica.js")
LANGUAGE_COOKIE = "language={}; Path=/; Max-Age=31536000; SameSite=Lax"

_IN_ADDRESSES = "/?&=%~:+"

Asked = Request[Any, Any, Any]


class Visit(msgspec.Struct, frozen=True):
    """A request to a site's booking page: who asks, and how they book there. `booking_as` is one of `staff` (for
    anybody), `account`, `guest`, or what is missing first: `sign_in`, `join`, or `closed` where neither helps."""

    request: Asked
    context: Context
    site: Site
    caller: Actor
    held: frozenset[str]
    words: Words
    now: datetime
    account: AccountView | None
    booking_as: str

    @property
    def home(self) -> str:
        return f"/s/{self.site.slug}"

    @property
    def today(self) -> date:
        return local_date(self.now, self.site.zone)

    @property
    def accounts(self) -> Accounts:
        return accounts_of(self.request)


async def visit_of(request: Asked, named: str, *, even_off: bool = False) -> Visit:
    """The visit to a site's booking page; `even_off` for those who were let in by a secret link.

    Raises:
        NotFoundException: there is no such page.
    """
    context = context_of(request)
    try:
        site = await context.sites.find(named)
    except Refusal:
        raise NotFoundException from None
    if site.settings.booking_page == "off" and not even_off:
        raise NotFoundException
    caller = caller_of(request)
    held = rights_at(caller, site)
    account = None
    if caller.account_id is not None:
        account = account_view(await accounts_of(request).account(caller))
    now = datetime.fromtimestamp(now_ms() / 1000, UTC)
    words = Words(our_assets(), language_of(request))
    return Visit(request, context, site, caller, held, words, now, account, _booking_as(site, caller, held, account))


def _booking_as(site: Site, caller: Actor, held: frozenset[str], account: AccountView | None) -> str:
    if "book" in held:
        return "staff"
    if account is None:
        return "guest" if site.settings.booking_page == "guests" else "closed" if caller.is_known else "sign_in"
    profile = account.profile.get(site.slug, {})
    if "own" in held and all(profile.get(each.name) for each in site.settings.profile_fields if each.required):
        return "account"
    try:
        check_sign_up(site.settings, account.email)
    except Refusal:
        return "closed"
    return "join"


class _Said(dict[str, Any]):
    """What was said, and nothing of what was not."""

    def __missing__(self, name: str) -> str:
        return ""


class _Drawing(msgspec.Struct, frozen=True):
    assets: Assets
    templates: Environment
    epochs: Epochs


def _drawing(request: Asked) -> _Drawing:
    state = request.app.state
    if "booking_pages" not in state:
        templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip
        templates.filters["instant"] = instant_in
        state["booking_pages"] = _Drawing(our_assets(), templates, Epochs(context_of(request).reads))
    found = state["booking_pages"]
    assert isinstance(found, _Drawing)
    return found


async def names_of(visit: Visit) -> dict[str, str]:
    """What people call the units: code → name."""
    return {unit.code: unit.name or unit.code for unit in await bookable_units(visit.context.reads, visit.site)}


async def position_of(visit: Visit) -> str:
    """Where the site's journal stands; asked before what is shown is read, so that nothing falls between the two."""
    view = await visit.context.sites.view(str(visit.site.id), whole=False)
    return f"{await _drawing(visit.request).epochs.current()}:{view.version}"


def draw(
    visit: Visit, template: str, *, status: int = 200, wish: Wish | None = None, position: str = "", **names: Any
) -> Response[bytes]:
    """A page of the site."""
    drawing = _drawing(visit.request)
    theme = visit.request.cookies.get("theme")
    kind = "hotel" if policy_of(visit.site.kind).overstays else "grounds" if visit.site.slots is not None else "cafe"
    given = {
        "t": visit.words, "site": visit.site, "home": visit.home, "account": visit.account, "kind": kind,
        "booking_as": visit.booking_as, "wish": wish, "today": visit.today, "now": visit.now, "position": position,
        "zone": visit.site.zone, "theme": theme if theme in ("light", "dark") else "auto",
        "address": drawing.assets.address, "assets": drawing.assets, "styles": drawing.assets.address(CUSTOMER_STYLES),
        "modules": [drawing.assets.address(name) for name in MODULES], "languages": LANGUAGES,
        "chosen": wish.chosen(kind) if wish is not None else {}, "typed": _Said(wish.typed if wish is not None else ()),
        "problem": None, "names": {}, "told": _teller(visit.words, visit.site), **names,
    }  # fmt: skip
    for name in ("problem", "said"):
        if given.get(name) is not None:
            given[name] = _Said(given[name])
    body = drawing.templates.get_template(template).render(given).encode()
    headers = {"vary": "accept-encoding, accept-language, cookie"}
    # packed where no secret stands beside what the address says: sizes would tell of it
    if wish is not None and status == 200 and visit.request.method == "GET" and "gzip" in _encodings(visit.request):
        body, headers["content-encoding"] = gzip.compress(body, 6, mtime=0), "gzip"
    return Response(body, status_code=status, headers=headers, media_type="text/html")


def _teller(words: Words, site: Site | None = None) -> Callable[[dict[str, Any]], str]:
    """What says a problem in a template; a question of the site's own is called as the site calls it."""
    labels = {f"profile.{each.name}": each.label for each in site.settings.profile_fields} if site is not None else {}
    return lambda problem: sentence_of(words, problem, label=labels.get(str(problem.get("field"))))


def _encodings(request: Asked) -> str:
    return request.headers.get("accept-encoding", "")


def go_to(path: str, *, cookies: list[str] | None = None) -> Response[Any]:
    """Leads a browser on after a form was sent, so that sending it again by accident does nothing."""
    led = Response(b"", status_code=303, headers={"location": quote(path, safe=_IN_ADDRESSES)}, media_type="text/html")
    if cookies:
        led.headers["set-cookie"] = cookies[0]
    return led


async def form_of(request: Asked) -> dict[str, str]:
    """The fields of a form, the first of each name, without spaces at their ends.

    Raises:
        EdgeError: it is too large or no form.
        Refusal: `invalid_request` for what is no text.
    """
    headers = dict(request.scope["headers"])
    check_encoding(headers.get(b"content-encoding"))
    if headers.get(b"content-type", FORM).split(b";")[0].strip().lower() != FORM:
        raise EdgeError("wrong_media", expected=FORM.decode())
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise EdgeError("body_too_large", bytes_max=FORM_BYTES_MAX)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refusal("invalid_request", problem="the form cannot be read") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if "\0" not in value:
            found.setdefault(name, value.replace("\r\n", "\n").strip())
    return found


def given_by(request: Asked) -> dict[str, str]:
    """What an address says."""
    return {name: value for name, value in reversed(list(request.query_params.multi_items())) if "\0" not in value}


def problem_of(request: Asked, refusal: Refusal | EdgeError) -> dict[str, Any]:
    """A refusal as its document, for a page to show."""
    told: dict[str, Any] = msgspec.json.decode(on_error(request, refusal).content)
    return told


def on_customer_error(request: Asked, error: Exception) -> Response[Any]:
    """A failure as a page; who has to say who they are is asked to."""
    problem = msgspec.json.decode(on_error(request, error).content)
    words = Words(our_assets(), language_of(request))
    drawing = _drawing(request)
    if problem["status"] == 401 and not caller_of(request).is_known:
        return Redirect(f"/sign-in?{urlencode({'next': request.url.path})}", status_code=303)
    given = _of_no_site(drawing.assets, words, problem)
    body = drawing.templates.get_template("booking_error.html").render(given).encode()
    return Response(body, status_code=problem["status"], media_type="text/html")


def _of_no_site(assets: Assets, words: Words, problem: dict[str, Any]) -> dict[str, Any]:
    """What a page that tells a problem is drawn with, where it is not known at which site."""
    return {
        "t": words, "site": None, "home": "", "account": None, "theme": "auto", "address": assets.address,
        "assets": assets,
        "styles": assets.address(CUSTOMER_STYLES), "modules": [], "problem": problem, "languages": {},
        "position": "", "wish": None, "names": {}, "told": _teller(words),
    }  # fmt: skip


def page_of(app: Any) -> Callable[[Any, bytes], bytes]:
    """What draws a refusal that no handler has come to hear of (too often, too late, from elsewhere), from the scope of
    its request and its problem document."""

    def drawn(scope: Any, document: bytes) -> bytes:
        seen: Any = {**scope, "state": {}, "litestar_app": app, "app": app}
        request: Asked = Request(seen)
        drawing, problem = _drawing(request), msgspec.json.decode(document)
        words = Words(drawing.assets, language_of(request))
        wait_s = int(problem.get("retry_after_s", 0))
        given = {
            **_of_no_site(drawing.assets, words, problem), "is_form": scope["method"] == "POST",
            "again": quote(scope["path"], safe=_IN_ADDRESSES) + _query(scope),
            "wait": told_wait(words, wait_s) if problem["code"] == "too_many_requests" and wait_s else "",
        }  # fmt: skip
        return drawing.templates.get_template("refused.html").render(given).encode()

    return drawn


def _query(scope: Any) -> str:
    query: bytes = scope["query_string"]
    return f"?{query.decode('latin-1')}" if query else ""
