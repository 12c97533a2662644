"""What the former addresses have in common: which site is meant, who may, and texts that can be asked with."""

from typing import Any, NoReturn

from litestar import Request

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.auth import Caller
from holdfast.http.context import Context

SITES_TOLD_MAX = 20
TEXT_CHARS_MAX = 320
_PLACES = {"grounds": "sports ground", "cafe": "café", "hotel": "hotel"}

Asked = Request[Any, Any, Any]


async def site_of(context: Context, request: Asked, caller: Caller, kind: str, named: str | None) -> Site:
    """The site that the header X-Site or the query `site` names, else the only one of that kind.

    Raises:
        Refusal: `unknown_site`; `invalid_request` when it is of another kind, or which one is meant cannot be known.
    """
    site = await site_named(context, request, kind, named)
    if site is not None:
        return site
    there = await context.sites.of_kind(kind)
    if len(there) == 1:
        return there[0]
    place = _PLACES.get(kind, kind)
    if not there:
        _refuse(f"there is no {place} here yet; make one with POST /api/sites")
    slugs = [each.slug for each in there[:SITES_TOLD_MAX]] if caller.staff else []
    choice = f": {', '.join(slugs)}{' and others' if len(there) > len(slugs) else ''}" if slugs else ""
    _refuse(f"there are several {place}s here; say which in the header X-Site or the query `site`{choice}")


async def site_named(context: Context, request: Asked, kind: str, named: str | None) -> Site | None:
    """The site that the request names; None when it names none.

    Raises:
        Refusal: `unknown_site`, `invalid_request` when it is of another kind.
    """
    given = request.headers.get("x-site") or named
    if not given:
        return None
    site = await context.sites.find(given.strip())
    if site.kind != kind:
        places = (_PLACES.get(site.kind, site.kind), _PLACES.get(kind, kind))
        _refuse(f"{site.slug} is a {places[0]}, and this address is for a {places[1]}")
    return site


def staff_only(caller: Caller) -> None:
    """Raises:
    Refusal: `not_allowed`. What customers may see and do of their own is for their sign-in to say.
    """
    if not caller.staff:
        raise Refusal("not_allowed")


def text_of(given: str | None, name: str) -> str | None:
    """A query's text; None for none.

    Raises:
        Refusal: `invalid_request` when it is long or holds what no database text may.
    """
    if not given:
        return None
    if len(given) > TEXT_CHARS_MAX or not given.isprintable():
        raise Refusal("invalid_request", field=name, problem=f"must be up to {TEXT_CHARS_MAX} printable characters")
    return given


def needed(given: str | None, name: str, hint: str) -> str:
    """A query's text that must be there.

    Raises:
        Refusal: `invalid_request`, with the hint.
    """
    text = text_of(given, name)
    if text is None:
        raise Refusal("invalid_request", field=name, problem=f"is missing; {hint}")
    return text


def _refuse(problem: str) -> NoReturn:
    raise Refusal("invalid_request", field="X-Site", problem=problem)
