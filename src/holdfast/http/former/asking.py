"""What the former addresses have in common: which site is meant, who may, and texts that can be asked with."""

from typing import Any, NoReturn

from litestar import Request

from holdfast.domain.actors import check, rights_at
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.context import Context, caller_of
from holdfast.http.rights import let_in

SITES_TOLD_MAX = 20
TEXT_CHARS_MAX = 320
_PLACES = {"grounds": "sports ground", "cafe": "café", "hotel": "hotel"}

Asked = Request[Any, Any, Any]


async def site_of(context: Context, request: Asked, right: str, kind: str, named: str | None) -> Site:
    """The site that the header X-Site or the query `site` names, else the only one of that kind where the caller may
    anything.

    Raises:
        Refusal: `unknown_site`, `unauthorised`, `not_allowed`; `invalid_request` when it is of another kind, or which
            one is meant cannot be known.
    """
    caller = caller_of(request)
    site = await site_named(context, request, kind, named, right)
    if site is not None:
        return site
    there = [each for each in await context.sites.of_kind(kind) if rights_at(caller, each)]
    if not there and not caller.is_known:
        raise Refusal("unauthorised")
    if len(there) == 1:
        scope: Any = request.scope
        scope["holdfast.rights"] = check(caller, right, there[0])
        return there[0]
    place = _PLACES.get(kind, kind)
    if not there:
        _refuse(f"there is no {place} here yet; make one with POST /api/sites")
    slugs = [each.slug for each in there[:SITES_TOLD_MAX]]
    choice = f": {', '.join(slugs)}{' and others' if len(there) > len(slugs) else ''}" if slugs else ""
    _refuse(f"there are several {place}s here; say which in the header X-Site or the query `site`{choice}")


async def site_named(context: Context, request: Asked, kind: str, named: str | None, right: str) -> Site | None:
    """The site that the request names; None when it names none.

    Raises:
        Refusal: `unknown_site`, `unauthorised`, `not_allowed`, `invalid_request` when it is of another kind.
    """
    given = request.headers.get("x-site") or named
    if not given:
        return None
    site = await let_in(request, context, given.strip(), right)
    if site.kind != kind:
        places = (_PLACES.get(site.kind, site.kind), _PLACES.get(kind, kind))
        _refuse(f"{site.slug} is a {places[0]}, and this address is for a {places[1]}")
    return site


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
