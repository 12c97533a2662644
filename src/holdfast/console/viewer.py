"""Who looks at a page, and what of it they may use. The one place pages learn that from.

Refuses to decide anything: it says what to show; the server decides each request by itself.
"""

from typing import Any

import msgspec

from holdfast.domain.actors import RIGHTS, Actor, rights_in
from holdfast.domain.sites import Site
from holdfast.http.context import accounts_of, caller_of
from holdfast.http.rights import rights_of

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"


class Viewer(msgspec.Struct, frozen=True):
    """What a page shows itself by; `rights` are words of `domain.actors.RIGHTS`."""

    name: str
    rights: tuple[str, ...]
    sign_in: str | None = None
    """The address to go to when a request is answered 401; None where there is nothing to sign in to."""
    sign_out: str | None = None
    """The address to post to."""
    wide: tuple[str, ...] = ()
    """Rights in at least one organisation as a whole: what places ask for, which are of no site."""

    def may(self, right: str) -> bool:
        return right in self.rights


async def viewer_of(request: Any, site: Site | None = None) -> Viewer:
    """Who a page is drawn for, and what they may at its site, or without one in any of their organisations."""
    caller = caller_of(request)
    if not caller.is_known:
        held = rights_of(request, site) if site is not None else frozenset[str]()
        return Viewer("", tuple(sorted(held)), sign_in=SIGN_IN)
    if site is not None:
        held = rights_of(request, site)
    elif caller.has_everything:
        held = frozenset(RIGHTS)
    else:
        held = frozenset().union(*(rights_in(caller, grant.organisation_id, grant.site_id) for grant in caller.grants))
    wide = tuple(sorted(_wide(caller)))
    if caller.account_id is None:
        return Viewer(caller.name, tuple(sorted(held)), wide=wide)
    account = await accounts_of(request).account(caller)
    return Viewer(account.name, tuple(sorted(held)), sign_in=SIGN_IN, sign_out=SIGN_OUT, wide=wide)


def _wide(caller: Actor) -> frozenset[str]:
    if caller.has_everything:
        return frozenset(RIGHTS)
    return frozenset().union(*(rights_in(caller, grant.organisation_id) for grant in caller.grants))
