"""Who a Socket.IO client is, which site it means, and which rooms it may join. Deny by default.

A browser cannot send a header with a websocket, so the token also comes in the handshake's `auth`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from holdfast.domain.actors import NOBODY, Actor, check
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.auth import Gate
from holdfast.http.errors import EdgeError
from holdfast.services.former_grounds import KIND
from holdfast.services.sites import Sites

TEXT_CHARS_MAX = 320
SITES_TOLD_MAX = 20
SITE, GROUND, ADMIN, STUDENT = "site", "ground", "admin", "student"

_BEARER = "bearer "


async def caller_of(gate: Gate, scope: Any, auth: Mapping[str, Any]) -> Actor:
    """Who connects; somebody unknown may listen to what is public.

    Raises:
        Refusal: `unauthorised` for a token that is not ours.
    """
    headers = dict(scope["headers"])
    token = auth.get("token")
    if isinstance(token, str) and token:
        given = token if token.lower().startswith(_BEARER) else f"Bearer {token}"
        headers[b"authorization"] = given.encode(errors="replace")
    says_who = headers.get(b"authorization", b"").lower().startswith(_BEARER.encode())
    try:
        return await gate.admit({**scope, "method": "POST"}, headers)
    except (Refusal, EdgeError):
        if says_who:
            raise
        return NOBODY


def check_room(caller: Actor, kind: str, site: Site, about: str = "") -> None:
    """Who may listen to what: a site's slots whoever may see what is free there, the admin room whoever may see names,
    a person's room they and whoever may see names.

    Raises:
        Refusal: `unauthorised` for somebody unknown, `not_allowed` or `unknown_site` for anybody else.
    """
    if kind in (SITE, GROUND):
        check(caller, "public", site)
    elif kind != STUDENT or about not in own_rooms(caller):
        check(caller, "names", site)


def own_rooms(caller: Actor) -> frozenset[str]:
    """Whose room somebody signed in may join: under the address that they have proved to be theirs. What they say of
    themselves otherwise, such as a number on a roll, proves nothing."""
    return frozenset() if caller.customer_key is None else frozenset({caller.customer_key[2:].casefold()})


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
