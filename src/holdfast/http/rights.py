"""Rights at the door: what each address asks for stands in its `opt`, and nobody gets past without it.

`right` is a word of `domain.actors.RIGHTS`, asked for at the site that the address names, or `server`; `known` asks for
anybody who says who they are; `open` is for everybody. An address that says nothing of these is nobody's: deny by
default. Where the site stands elsewhere than in the address, or a secret link may stand in for a right, the handler
asks itself (`by` = handler); where it is an organisation's (`by` = service), the service does.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from holdfast.domain.actors import Actor, check, check_server, guest_of, rights_at
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.context import Context, caller_of, context_of

OPEN, KNOWN, SERVER = "open", "known", "server"
BY_HANDLER, BY_SERVICE = "handler", "service"
GUEST_KEY = b"booking-key"


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Lets a request through to its handler, or refuses it.

    Raises:
        Refusal: `unauthorised`, `not_allowed`, `unknown_site`.
    """
    right = handler.opt.get("right")
    if right == OPEN or connection.scope.get("method") == "OPTIONS":
        return
    actor = caller_of(connection)
    named = connection.path_params.get("site")
    if right == SERVER:
        check_server(actor)
    elif right == KNOWN or (right is not None and handler.opt.get("by") == BY_SERVICE):
        if not actor.is_known:
            raise Refusal("unauthorised")
    elif right is not None and handler.opt.get("by") == BY_HANDLER:
        return
    elif right is not None and named is not None:
        await let_in(connection, context_of(connection), str(named), right)
    else:
        raise Refusal("not_allowed")


async def let_in(connection: Any, context: Context, named: str, right: str) -> Site:
    """The site, for somebody who may do this there; what else they may is kept for the handler (`rights_of`).

    Raises:
        Refusal: `unknown_site`, `unauthorised`, `not_allowed`.
    """
    actor = caller_of(connection)
    try:
        site = await context.sites.find(named)
    except Refusal:
        if not actor.is_known:  # whether there is such a site is not for everybody to find out
            raise Refusal("unauthorised") from None
        raise
    if not actor.is_known and (key := _guest_key(connection)) is not None:
        booking = connection.path_params.get("booking")
        booking_id = await context.links.check(site, str(booking), key) if booking is not None else None
        if booking_id is not None:
            actor = connection.scope["user"] = guest_of(booking_id)
    connection.scope["holdfast.rights"] = check(actor, right, site)
    return site


def rights_of(request: Any, site: Site) -> frozenset[str]:
    """What the caller may at the site."""
    held = request.scope.get("holdfast.rights")
    return held if held is not None else rights_at(caller_of(request), site)


def sees_names(scope: Any) -> bool:
    """Whether a refusal may tell this request's caller who holds what."""
    actor: Actor | None = scope.get("user")
    held: frozenset[str] = scope.get("holdfast.rights", frozenset())
    return "names" in held or (actor is not None and actor.has_everything)


def _guest_key(connection: Any) -> str | None:
    given = connection.headers.get(GUEST_KEY.decode()) or connection.query_params.get("booking_key")
    return str(given) if given else None
