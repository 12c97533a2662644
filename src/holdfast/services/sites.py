"""Sites: made, found by slug or id, listed. What changes a site goes through the desk, not through here.

Found sites are kept for a few seconds, so that resolving local times costs no question per request; the desk
decides with the site as it is under the lock.
"""

import asyncio
import re
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import ADMIN, Actor, check_in, rights_at, rights_in
from holdfast.domain.change import Event
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site, parse_settings, rules_of
from holdfast.domain.wire import SiteView, site_view
from holdfast.services.outages import UNREACHABLE
from holdfast.services.paging import bounded
from holdfast.services.requests import SiteRequest
from holdfast.services.site_settings import SettingsView, settings_view
from holdfast.store import sites as store

KEPT_S = 5.0
KEPT_MAX = 20_000
OF_KIND_MAX = 100
FIRST_ORGANISATION = "Holdfast"
PUBLIC_SETTINGS = frozenset({
    # what somebody who books must know; nothing of how the house is run
    "grid_minutes", "slots", "hours", "length_min_minutes", "length_max_minutes", "notice_minutes", "horizon_days",
    "quota_per_person", "hold_s_max", "check_in", "check_out", "booking_page", "sign_up", "sign_up_domains",
    "profile_fields", "team_max", "language",
})  # fmt: skip

RESERVED = frozenset({"account", "components", "new"})
"""Slugs that pages beside the sites' are addressed by."""

_ID = re.compile(r"[0-9]{1,18}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NOT_IN_SLUGS = re.compile(r"[^a-z0-9]+")


class Sites:
    """The sites as requests name them. `heard` may be given to a desk, so that its own changes show at once."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._kept: dict[str, tuple[float, Site]] = {}
        self._names: dict[int, set[str]] = {}
        self._kinds: dict[str, tuple[float, list[Site]]] = {}

    async def find(self, named: str) -> Site:
        """The site of that slug or id, as it was at most a few seconds ago.

        Raises:
            Refusal: `unknown_site`.
        """
        now = asyncio.get_running_loop().time()
        kept = self._kept.get(named)
        if kept is not None and kept[0] > now:
            return kept[1]
        site, _ = await self._read(named)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
            self._names.clear()
        self._kept[named] = (now + KEPT_S, site)
        self._names.setdefault(site.id, set()).add(named)
        return site

    async def of_kind(self, kind: str) -> list[Site]:
        """The first `OF_KIND_MAX` sites of a kind, as they were at most a few seconds ago."""
        now = asyncio.get_running_loop().time()
        kept = self._kinds.get(kind)
        if kept is None or kept[0] <= now:
            kept = self._kinds[kind] = (now + KEPT_S, await store.of_kind(self._pool, kind, OF_KIND_MAX))
        return kept[1]

    async def view(self, named: str, *, whole: bool = True) -> SiteView:
        """The site as clients see it, read now; not `whole`: with the settings that customers book by.

        Raises:
            Refusal: `unknown_site`.
        """
        view = site_view(*await self._read(named))
        return view if whole else _public(view)

    async def settings(self, named: str) -> tuple[SettingsView, int]:
        """All about the settings of a site, and its version, read now.

        Raises:
            Refusal: `unknown_site`.
        """
        site, version = await self._read(named)
        return settings_view(site), version

    async def page(self, actor: Actor, *, after_id: int, limit: int) -> list[SiteView]:
        """Up to `limit` sites where the actor has a role, in the order of their making, from behind an
        id on; the whole of their settings is for those who may read there."""
        views = [(site, site_view(site, version)) for site, version in await self._after(actor, after_id, limit)]
        return [view if "read" in rights_at(actor, site) else _public(view) for site, view in views]

    async def homes(self, actor: Actor, *, limit: int) -> dict[int, UUID]:
        """Of which organisation each of the first `limit` sites is where the actor has a role."""
        return {site.id: site.organisation_id for site, _ in await self._after(actor, 0, limit)}

    async def _after(self, actor: Actor, after_id: int, limit: int) -> list[tuple[Site, int]]:
        organisations = [grant.organisation_id for grant in actor.grants if grant.site_id is None]
        ids = [grant.site_id for grant in actor.grants if grant.site_id is not None]
        return await store.after(
            self._pool, after_id, bounded(limit),
            everywhere=actor.has_everything, organisations=organisations, ids=ids,
        )  # fmt: skip

    async def create(
        self, request: SiteRequest, *, organisation_id: UUID | None = None, actor: Actor = ADMIN
    ) -> SiteView:
        """Makes a site in an organisation: the one that is named, the only one where the actor may make some, or the
        first there is.

        Raises:
            Refusal: `already_exists` for its slug, `invalid_settings`, `invalid_request`, `not_allowed`,
                `unknown_organisation`.
        """
        organisation_id = _organisation_for(actor, organisation_id or request.organisation)
        settings: dict[str, Any] = {name: value for name, value in request.settings.items() if value is not None}
        rules_of(parse_settings(settings, policy_of(request.kind).defaults))
        time_zone = zone(request.time_zone).key
        slug = _slug(request)
        if organisation_id is None:
            organisation_id = await store.first_organisation(self._pool, name=FIRST_ORGANISATION)
        made = await store.insert(
            self._pool, organisation_id,
            kind=request.kind, slug=slug, name=request.name, time_zone=time_zone, settings=settings,
        )  # fmt: skip
        if made is None:
            raise Refusal("already_exists", field="slug", given=slug)
        self._kinds.clear()
        return site_view(*made)

    async def is_reachable(self, timeout_s: float) -> bool:
        """Whether the database answers within that time."""
        try:
            async with asyncio.timeout(timeout_s):
                await store.of_kind(self._pool, "", 1)
        except UNREACHABLE:
            return False
        return True

    def forget(self, site_id: int) -> None:
        """Lets the next question about a site read it anew."""
        self._kinds.clear()
        for named in self._names.pop(site_id, ()):
            self._kept.pop(named, None)

    def heard(self, events: list[tuple[int, Event]]) -> None:
        """Forgets the sites that these events changed."""
        for site_id, event in events:
            if event.type == "site.changed":
                self.forget(site_id)

    async def _read(self, named: str) -> store.Found:
        found = None
        if _ID.fullmatch(named):
            found = await store.by_id(self._pool, int(named))
        elif _SLUG.fullmatch(named):
            found = await store.by_slug(self._pool, named)
        if found is None:
            raise Refusal("unknown_site", site=named[:64])
        return found


def _public(view: SiteView) -> SiteView:
    """A site as those see it who only book there."""
    told = {name: value for name, value in msgspec.to_builtins(view.settings).items() if name in PUBLIC_SETTINGS}
    return msgspec.structs.replace(view, settings=told)


def _organisation_for(actor: Actor, named: UUID | None) -> UUID | None:
    if named is not None:
        check_in(actor, "sites", named)
        return named
    if actor.has_everything:
        return None
    where = {grant.organisation_id for grant in actor.grants}
    able = [each for each in sorted(where) if "sites" in rights_in(actor, each)]
    if not able:
        raise Refusal("not_allowed", right="sites")
    if len(able) > 1:
        raise Refusal("invalid_request", field="organisation", problem="is missing; say which of yours it belongs to")
    return able[0]


def _slug(request: SiteRequest) -> str:
    slug = request.slug
    if slug is None:
        slug = _NOT_IN_SLUGS.sub("-", request.name.lower()).strip("-")[:63].strip("-")
        if not slug or _ID.fullmatch(slug) or slug in RESERVED:
            slug = f"{request.kind}-{slug}".strip("-")
    if not _SLUG.fullmatch(slug) or slug.isdigit() or slug in RESERVED:
        expected = "small letters, digits and hyphens, not digits alone, 1 to 63 of them, such as main-street"
        raise Refusal("invalid_request", field="slug", given=slug[:64], expected=expected)
    return slug
