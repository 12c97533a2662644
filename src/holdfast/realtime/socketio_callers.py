"""Who a Socket.IO client is, which site it means, and which rooms it may join. Deny by default.

A browser cannot send a header with a websocket, so the token also comes in the handshake's `auth`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.auth import Caller, Gate
from holdfast.services.former_grounds import KIND
from holdfast.services.sites import Sites

TEXT_CHARS_MAX = 320
SITES_TOLD_MAX = 20
SITE, GROUND, ADMIN, STUDENT = "site", "ground", "admin", "student"

_BEARER = "bearer "


def caller_of(gate: Gate, scope: Any, auth: Mapping[str, Any]) -> Caller | None:
    """Who connects; None for somebody unknown, who may listen to what is public.

    Raises:
        Refusal: `unauthorised` for a token that is not ours.
    """
    headers = dict(scope["headers"])
    token = auth.get("token")
    if isinstance(token, str) and token:
        given = token if token.lower().startswith(_BEARER) else f"Bearer {token}"
        headers[b"authorization"] = given.encode(errors="replace")
    says_who = headers.get(b"authorization", b"").lower().startswith(_BEARER.encode())
    if gate.is_open and not gate.knows(scope, headers):
        return None
    try:
        return gate.admit(scope, headers)
    except Refusal:
        if says_who:
            raise
        return None


def check_room(caller: Caller | None, kind: str, site: Site) -> None:
    """The one place that says who may listen to what. What is public are the slots of sports grounds; everything else
    is for staff. A customer's own room is for staff, too, until customers can sign in and so prove who they are.

    Raises:
        Refusal: `unauthorised` for somebody unknown, `not_allowed` for anybody else.
    """
    if caller is not None and caller.staff:
        return
    if kind in (SITE, GROUND) and site.kind == KIND:
        return
    raise Refusal("unauthorised" if caller is None else "not_allowed")


async def home_of(sites: Sites, scope: Any, auth: Mapping[str, Any]) -> Site | None:
    """The site that `auth.site`, the query `site` or the header X-Site names, else the only sports ground; None when
    there is none, or are several.

    Raises:
        Refusal: `unknown_site`.
    """
    named = auth.get("site") or _query(scope, "site") or dict(scope["headers"]).get(b"x-site", b"").decode("latin-1")
    if named:
        return await sites.find(text_of(named, "site"))
    there = await sites.of_kind(KIND)
    return there[0] if len(there) == 1 else None


def text_of(given: object, name: str) -> str:
    """What a client names something by: a text or a number.

    Raises:
        Refusal: `invalid_request`.
    """
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or not given.strip() or len(given) > TEXT_CHARS_MAX or not given.isprintable():
        problem = f"must be a text of up to {TEXT_CHARS_MAX} printable characters"
        raise Refusal("invalid_request", field=name, problem=problem)
    return given.strip()


def wish_of(wishes: list[Any], *names: str) -> str | None:
    """What an event names: as its first argument, or in an object there under one of these names; None for nothing.

    Raises:
        Refusal: `invalid_request`.
    """
    given = wishes[0] if wishes else None
    if isinstance(given, dict):
        given = next((given[name] for name in names if given.get(name) is not None), None)
    return None if given is None else text_of(given, names[0])


def _query(scope: Any, name: str) -> str | None:
    found = parse_qs(scope["query_string"].decode("latin-1")).get(name)
    return found[0] if found else None
