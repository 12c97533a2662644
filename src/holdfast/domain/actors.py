"""Who acts, and what they may: roles, rights, and the one place that decides. Deny by default.

A right is a word of `RIGHTS`, held at a site. Roles are sets of rights, granted for a whole organisation or one of
its sites. Refuses to tell those who may nothing at a site that it exists, unless its booking page is public anyway.
"""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site

RIGHTS: dict[str, str] = {
    # right → what it lets its holder do at a site (the reference page and the scopes of tokens are made of this table)
    "public": "see the site's name and rules, what is free, and that something was taken, without names",
    "own": "book for oneself, see and change one's own bookings",
    "read": "see the board, units, blocks, findings and the journal; without `names` nothing of customers",
    "names": "see whose bookings they are",
    "book": "book for anybody, and act on every booking",
    "condition": "change the condition of units: clean, dirty, inspected, under maintenance, out of service",
    "observe": "report what was seen of units",
    "block": "take units out of use, and give them back",
    "find": "settle findings, and let the site be reconciled",
    "units": "add units and change what they are",
    "settings": "change the site's name, zone, rules and texts",
    "import": "bring in units and bookings from files",
    "sync": "connect, run and stop a store's synchronisation",
    "jobs": "run, pause and change jobs, schedules and webhooks",
    "audit": "read and export the journal and the account log, and export or erase a person",
    "people": "invite people, change their roles, and make tokens",
    "sites": "make new sites in the organisation",
    "organisation": "rename the organisation, and name owners",
    "server": "run the server as a whole: its metrics, its organisations, reconciling all",
}
EVERYTHING = frozenset(RIGHTS)

_VIEWER = frozenset({"public", "own", "read", "names"})
_STAFF = _VIEWER | {"book", "condition", "observe", "block", "find"}
_MANAGER = _STAFF | {"units", "settings", "import", "sync", "jobs", "audit", "people"}
ROLES: dict[str, frozenset[str]] = {
    "owner": _MANAGER | {"sites", "organisation"},
    "manager": _MANAGER,
    "staff": _STAFF,
    "housekeeping": frozenset({"public", "own", "read", "condition"}),
    "viewer": _VIEWER,
    "customer": frozenset({"public", "own"}),
}
"""What each role may, most first."""
TEAM = tuple(role for role in ROLES if role != "customer")

_ABOUT_BOOKINGS = frozenset({"read", "names", "book"})
PUBLIC = frozenset({"public"})
GUEST = frozenset({"public", "own"})
NOTHING: frozenset[str] = frozenset()


class Grant(msgspec.Struct, frozen=True, gc=False):
    """A role in an organisation: at all its sites, or at one."""

    organisation_id: UUID
    site_id: int | None
    role: str


class Actor(msgspec.Struct, frozen=True, gc=False):
    """Who does something. `name` is what the journal says: never a person's name or address, so that a person can be
    forgotten and the journal stays. `scopes` narrow a token to some rights; `booking_id` is the one booking that a
    guest's secret link is for; `is_known` is False for somebody who has not said who they are."""

    name: str
    kind: str
    account_id: UUID | None = None
    grants: tuple[Grant, ...] = ()
    scopes: frozenset[str] | None = None
    booking_id: UUID | None = None
    has_everything: bool = False
    credential: bytes | None = None
    """The hash of the session or token that the actor came with, if with one."""
    customer_key: str | None = None
    """Under what their bookings are kept: by the address that they have proved to be theirs."""

    @property
    def is_known(self) -> bool:
        return self.kind != "nobody"


ADMIN = Actor("admin", "admin", has_everything=True)
LOCAL = Actor("local", "local", has_everything=True)
CONSOLE = Actor("console", "console", has_everything=True)
"""Whoever runs commands where the database is."""
NOBODY = Actor("nobody", "nobody")


def account_name(account_id: UUID) -> str:
    """What the journal calls somebody with an account."""
    return f"account:{account_id}"


def token_name(token_id: UUID) -> str:
    """What the journal calls a program with a token."""
    return f"token:{token_id}"


def guest_of(booking_id: UUID) -> Actor:
    """Whoever has the secret link of a booking."""
    return Actor(f"guest:{booking_id}", "guest", booking_id=booking_id)


def rights_at(actor: Actor, site: Site) -> frozenset[str]:
    """What the actor may at a site, public rights included."""
    if actor.has_everything:
        return EVERYTHING
    held = rights_in(actor, site.organisation_id, site.id)
    if actor.booking_id is not None:
        held |= GUEST  # a secret link outlives the page it was got from
    page = site.settings.booking_page
    if page == "off":
        return held
    held |= GUEST if page == "guests" else PUBLIC
    return held if actor.scopes is None else held & (_reach(actor.scopes) | PUBLIC)


def rights_in(actor: Actor, organisation_id: UUID, site_id: int | None = None) -> frozenset[str]:
    """What the actor was granted in an organisation: at one of its sites, or with None at all of them."""
    if actor.has_everything:
        return EVERYTHING
    held = NOTHING
    for grant in actor.grants:
        if grant.organisation_id == organisation_id and (grant.site_id is None or grant.site_id == site_id):
            held |= ROLES[grant.role]
    return held if actor.scopes is None else held & _reach(actor.scopes)


def _reach(scopes: frozenset[str]) -> frozenset[str]:
    """What a token's scopes let it reach. Bookings stand under the addresses where everybody sees their own: whoever
    may see all of them may ask there, too."""
    return scopes | {"own"} if scopes & _ABOUT_BOOKINGS else scopes


def may(actor: Actor, right: str, site: Site) -> bool:
    return right in rights_at(actor, site)


def check(actor: Actor, right: str, site: Site) -> frozenset[str]:
    """What the actor may at the site, the right included.

    Raises:
        Refusal: `unauthorised` for somebody unknown; `unknown_site` for those who may nothing there, not even know
            that there is such a site; `not_allowed` for all others.
    """
    held = rights_at(actor, site)
    if right in held:
        return held
    if not actor.is_known:
        raise Refusal("unauthorised")
    if not held:
        raise Refusal("unknown_site", site=site.slug)
    raise Refusal("not_allowed", right=right)


def check_in(actor: Actor, right: str, organisation_id: UUID, site_id: int | None = None) -> None:
    """The same for what belongs to an organisation as a whole, or by `site_id` to one of its sites.

    Raises:
        Refusal: `unauthorised`, `unknown_organisation`, `not_allowed`.
    """
    held = rights_in(actor, organisation_id, site_id)
    if right in held:
        return
    if not actor.is_known:
        raise Refusal("unauthorised")
    if not any(grant.organisation_id == organisation_id for grant in actor.grants):
        raise Refusal("unknown_organisation", organisation=str(organisation_id))
    raise Refusal("not_allowed", right=right)


def check_server(actor: Actor) -> None:
    """Raises:
    Refusal: `unauthorised`, `not_allowed` for everybody but those who run the server.
    """
    if not actor.has_everything:
        raise Refusal("not_allowed" if actor.is_known else "unauthorised", right="server")


def check_booking(
    actor: Actor, held: frozenset[str], booking_id: UUID, customer_key: str | None, *, right: str
) -> None:
    """Whether somebody with the rights `held` may look at (`right` = names) or change (`right` = book) a booking. It is
    one's own when it was made for one's proved address, or when one has its secret link.

    Raises:
        Refusal: `unknown_booking`, for what is somebody else's is not there for those who may not see it.
    """
    if right in held:
        return
    is_own = actor.booking_id == booking_id or (customer_key is not None and customer_key == actor.customer_key)
    if "own" not in held or not is_own:
        raise Refusal("unknown_booking", booking=str(booking_id))


def can_grant(actor: Actor, grant: Grant) -> bool:
    """Whether the actor may give or take that role there: only who holds all of its rights, and owners only by those
    who may name owners."""
    held = rights_in(actor, grant.organisation_id, grant.site_id)
    needed = {"people"} | ({"organisation"} if grant.role == "owner" else set())
    return needed <= held and ROLES[grant.role] <= held


def narrowed(scopes: Iterable[str], held: frozenset[str]) -> frozenset[str]:
    """Scopes as a set.

    Raises:
        Refusal: `invalid_request` for a word that is no right, `not_allowed` for rights that the maker does not hold.
    """
    wanted = frozenset(scopes)
    for scope in sorted(wanted - EVERYTHING):
        raise Refusal("invalid_request", field="scopes", given=scope[:40], possible=sorted(RIGHTS))
    for scope in sorted(wanted - held):
        raise Refusal("not_allowed", right=scope)
    return wanted
