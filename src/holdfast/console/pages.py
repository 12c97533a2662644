"""Pages for people. Jinja2 draws the frame and hands over the first state with its journal position; modules in the
browser go on from there.

Refuses scripts and styles from anywhere but our own files: a page carries data, never code.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from holdfast import __version__
from holdfast.console.assets import STYLES, Assets, asset, favicon, our_assets
from holdfast.console.packs import START, pack_name
from holdfast.console.problems import sentence_of
from holdfast.console.screens import (
    BOARD,
    JOBS,
    STORES,
    WEBHOOKS,
    Place,
    Screen,
    places_for,
    screen_named,
    screens_for,
)
from holdfast.console.viewer import SIGN_IN, Viewer, viewer_of
from holdfast.console.words import LANGUAGES, Words, language_of
from holdfast.domain.actors import rights_in
from holdfast.domain.errors import Refusal
from holdfast.domain.webhooks import ALERTS, TYPES
from holdfast.domain.wire import SiteView
from holdfast.http.context import accounts_of, caller_of, context_of
from holdfast.http.framework import on_error
from holdfast.services.board import Board
from holdfast.services.discretion import nameless_board
from holdfast.services.journal import Epochs
from holdfast.services.people import organisations

SITES_MAX = 500
THEMES = ("auto", "light", "dark")
DENSITIES = ("comfortable", "compact")

Asked = Request[Any, Any, Any]
Named = FromPath[str]
_encode = msgspec.json.Encoder(order="deterministic").encode


class Pages:
    """What pages are drawn with. One per application."""

    def __init__(self, assets: Assets, board: Board) -> None:
        self.assets = assets
        self.board = board
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
        )  # fmt: skip

    def draw(
        self, request: Asked, template: str, *, viewer: Viewer, status: int = 200, data: dict[str, Any],
        **names: Any,
    ) -> Response[bytes]:  # fmt: skip
        """The page of a template. `data` is what its modules get, beside what each page has."""
        words = Words(self.assets, language_of(request))
        look = {
            "theme": _one_of(THEMES, request.cookies.get("theme")),
            "density": _one_of(DENSITIES, request.cookies.get("density")),
            "language": words.language,
        }
        kinds = {site["kind"] for site in data.get("sites", ())}
        page = {
            "viewer": viewer, "look": look, "languages": LANGUAGES, "program": __version__, "sites": [],
            "words": self.assets.address(f"i18n/{words.language}.json"), "module": names.get("module"),
            "places": [{"name": place.name, "icon": place.icon} for place in places_for(viewer, kinds)], **data,
        }  # fmt: skip
        given = {
            "site": None, "sites": [], "screen": None, "screens": [], "module": None, "t": words, "viewer": viewer,
            "look": look, "address": self.assets.address, "assets": self.assets, "styles": self.assets.address(STYLES),
            "modules": [self.assets.address(pack_name(name)) for name in (START, names.get("module")) if name],
            "words": self.assets.address(f"i18n/{words.language}.json"),
            "data": _in_page(page), **names,
        }  # fmt: skip
        body = self._templates.get_template(template).render(given).encode()
        return Response(body, status_code=status, media_type="text/html")


def _one_of(known: tuple[str, ...], given: str | None) -> str:
    return given if given in known else known[0]


def _in_page(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in."""
    return _encode(data).decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def pages_of(request: Asked) -> Pages:
    """The application's pages, made once."""
    state = request.app.state
    if "pages" not in state:
        reads = context_of(request).reads
        state["pages"] = Pages(our_assets(), Board(reads, Epochs(reads)))
    found = state["pages"]
    assert isinstance(found, Pages)
    return found


@get("/", include_in_schema=False, opt={"right": "known"})
async def sites(request: Asked) -> Response[bytes] | Redirect:
    """The sites there are; the one, where there is one."""
    found = await _sites(request)
    if len(found) == 1:
        return Redirect(f"/console/{found[0].slug}", status_code=302)
    return pages_of(request).draw(
        request, "sites.html", viewer=await viewer_of(request), data={"sites": _brief(found)}, sites=found
    )


@get("/components", include_in_schema=False, opt={"right": "known"})
async def components(request: Asked) -> Response[bytes]:
    """Every part of the design system in all its states, for whoever builds screens."""
    viewer = await viewer_of(request)
    return pages_of(request).draw(request, "components.html", viewer=viewer, data={}, module="screens/components.js")


@get("/account", include_in_schema=False, opt={"right": "known"})
async def account(request: Asked) -> Response[bytes]:
    """One's own account: name, password, second factor, sessions, roles."""
    return await _page(request, "account.title", "screens/account.js")


@get("/new", include_in_schema=False, opt={"right": "known"})
async def new_site(request: Asked) -> Response[bytes]:
    """The first minute of a site. Who may make none is told so by the page."""
    return await _page(request, "new.title", "screens/new_site.js")


async def _page(request: Asked, title: str, module: str) -> Response[bytes]:
    """A page that is no site's."""
    data = {"sites": _brief(await _sites(request))}
    viewer = await viewer_of(request)
    return pages_of(request).draw(request, "page.html", viewer=viewer, data=data, module=module, title=title)


@get("/jobs", include_in_schema=False, opt=JOBS.opt)
async def jobs(request: Asked) -> Response[bytes]:
    """Jobs and schedules, which are of no site: all of them, or those of one's organisations."""
    return await _place(request, JOBS)


@get("/stores", include_in_schema=False, opt=STORES.opt)
async def stores(request: Asked) -> Response[bytes]:
    """All stores that somebody may see, on one page."""
    return await _place(request, STORES)


@get("/webhooks", include_in_schema=False, opt=WEBHOOKS.opt)
async def webhooks(request: Asked) -> Response[bytes]:
    """Where organisations are told of what happens."""
    return await _place(request, WEBHOOKS, events=TYPES, alerts=[each for each in TYPES if each in ALERTS])


async def _place(request: Asked, place: Place, **more: Any) -> Response[bytes]:
    viewer, right = await viewer_of(request), place.opt["right"]
    if not place.is_for(viewer):  # where the service decides, the door lets everybody in who is known
        raise Refusal("not_allowed", right=right)
    caller = caller_of(request)
    found = await organisations(accounts_of(request), caller, cursor=None, limit=SITES_MAX)
    theirs = [
        {"id": str(each.id), "name": each.name} for each in found.organisations if right in rights_in(caller, each.id)
    ]
    homes = {
        str(id): str(home) for id, home in (await context_of(request).sites.homes(caller, limit=SITES_MAX)).items()
    }
    sites = _brief(await _sites(request))
    data = {"sites": sites, "place": place.name, "organisations": theirs, "homes": homes, **more}
    return pages_of(request).draw(
        request, "page.html", viewer=viewer, data=data, module=f"screens/{place.module}", title=f"{place.name}.title"
    )


@get("/{site:str}", include_in_schema=False, opt={"right": "read"})
async def site_board(request: Asked, site: Named) -> Response[bytes]:
    return await _screen(request, site, BOARD)


@get("/{site:str}/{screen:str}", include_in_schema=False, opt={"right": "read"})
async def site_screen(request: Asked, site: Named, screen: Named) -> Response[bytes]:
    return await _screen(request, site, screen)


async def _screen(request: Asked, named: str, name: str) -> Response[bytes]:
    context, pages = context_of(request), pages_of(request)
    found = await context.sites.find(named)
    viewer = await viewer_of(request, found)
    view = await context.sites.view(named)
    screen = screen_named(name, view.kind, viewer)
    if screen is None:
        raise NotFoundException
    others = await _sites(request)
    linked = _linked(view, viewer)
    data: dict[str, Any] = {
        "site": view, "sites": _brief(others), "screen": name, "board": None,
        "organisation": str(found.organisation_id) if viewer.may("people") else None,
        "screens": [
            {"name": each.name, "word": each.word or each.name, "icon": each.icon, "address": address}
            for each, address in linked
        ],
    }  # fmt: skip
    if screen.has_board:
        board = await pages.board.read(found, None, None, days=screen.days)
        data["board"] = board if viewer.may("names") else nameless_board(board)
    return pages.draw(
        request, "screen.html", data=data, viewer=viewer, site=view, sites=others, screen=screen,
        screens=linked, module=f"screens/{screen.module}",
    )  # fmt: skip


def _linked(site: SiteView, viewer: Viewer) -> list[tuple[Screen, str]]:
    """The navigation: each screen with its address."""
    here = f"/console/{site.slug}"
    return [(each, here if each.name == BOARD else f"{here}/{each.name}") for each in screens_for(site.kind, viewer)]


async def _sites(request: Asked) -> list[SiteView]:
    return await context_of(request).sites.page(caller_of(request), after_id=0, limit=SITES_MAX)


def _brief(found: list[SiteView]) -> list[dict[str, str | int]]:
    return [
        {"slug": site.slug, "name": site.name, "kind": site.kind, "time_zone": site.time_zone, "id": site.id}
        for site in found
    ]


def on_page_error(request: Asked, error: Exception) -> Response[Any]:
    """A failure as a page, for whoever opened an address; who has to say who they are is asked to."""
    told = on_error(request, error)
    problem = msgspec.json.decode(told.content)
    if problem["status"] == 401 and not caller_of(request).is_known:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect(f"{SIGN_IN}?{urlencode({'next': asked})}", status_code=303)
    pages = pages_of(request)
    told_now = sentence_of(Words(pages.assets, language_of(request)), problem)
    return pages.draw(
        request, "error.html", viewer=Viewer("", ()), status=problem["status"], data={}, problem=problem, told=told_now
    )


CONSOLE_HANDLERS: list[Any] = [
    Router(
        "/console",
        route_handlers=[sites, components, account, new_site, jobs, stores, webhooks, site_board, site_screen],
        exception_handlers={Exception: on_page_error},
    ),
    asset,
    favicon,
]
