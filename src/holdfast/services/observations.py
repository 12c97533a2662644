"""Observations: what agents and staff saw, in bulk. They change nothing that is booked; what does not fit is a finding.

The last one wins: agents send when they can, late and twice, and clocks of machines differ.
"""

from datetime import datetime

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import parse_instant
from holdfast.domain.observations import SEEN
from holdfast.domain.sites import Site
from holdfast.services import cursors
from holdfast.services.paging import bounded
from holdfast.services.requests import check_line
from holdfast.store import observations as store

ITEMS_MAX = 5_000
FOR_S_MAX = 7 * 24 * 3600


class ObservationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What was `seen` of a unit: occupied or vacant, online or offline. `at` is when (default: now), `for_s` for how
    many seconds that counts if nothing else is seen (default: the site's `observation_minutes`)."""

    unit: str
    seen: str
    at: str | None = None
    for_s: int | None = None


class ObservationsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Up to 5,000 observations at once."""

    observations: list[ObservationRequest]


class Recorded(msgspec.Struct, frozen=True):
    """How many were taken; how many were passed over, because something later had been seen or they no longer count;
    and the codes of units there are not."""

    recorded: int
    passed_over: int
    unknown: list[str]


class ObservationView(msgspec.Struct, frozen=True):
    """What was last seen of a unit. `since` is when it was first seen like that without a break."""

    unit: str
    kind: str
    seen: str
    since: datetime
    seen_at: datetime
    expires_at: datetime
    seen_by: str


class ObservationPage(msgspec.Struct, frozen=True):
    site: str
    observations: list[ObservationView]
    next: str | None


async def record(
    pool: asyncpg.Pool, site: Site, request: ObservationsRequest, *, actor: str, now: datetime | None = None
) -> Recorded:
    """Records what was seen; a malformed line refuses all, a unit there is not is told beside the others.

    Raises:
        Refusal: `invalid_request`, `invalid_time`; nothing was recorded.
    """
    if not 1 <= len(request.observations) <= ITEMS_MAX:
        raise Refusal("invalid_request", field="observations", expected=f"1 to {ITEMS_MAX}")
    latest: dict[tuple[str, str], store.Seen] = {}
    for index, item in enumerate(request.observations):
        seen = _read(site, item, index)
        before = latest.get(seen[:2])
        # of two that do not say when, the later in the list is the later
        if before is None or seen[3] is None or (before[3] is not None and before[3] <= seen[3]):
            latest[seen[:2]] = seen
    rows = await store.record(pool, site.id, list(latest.values()), by=actor, now=now)
    unknown = sorted({row["code"] for row in rows if not row["exists"]})
    taken = sum(row["taken"] for row in rows)
    missing = set(unknown)
    known = sum(item.unit not in missing for item in request.observations)
    return Recorded(taken, known - taken, unknown)


async def observation_page(
    pool: asyncpg.Pool, site: Site, *, cursor: str | None, limit: int, now: datetime | None = None
) -> ObservationPage:
    """What still counts, of so many units by code.

    Raises:
        Refusal: `invalid_cursor`.
    """
    position = cursors.read(cursors.AtCode, cursor, "observations")
    limit = bounded(limit)
    kinds = len(set(SEEN.values()))
    after = position.code if position is not None else ""
    rows = await store.page(pool, site.id, now=now, after=after, limit=limit * kinds + 1)
    codes = list(dict.fromkeys(row["code"] for row in rows))[:limit]
    views = [ObservationView(*row) for row in rows if row["code"] in set(codes)]
    more = len(views) < len(rows)
    return ObservationPage(site.slug, views, cursors.write(cursors.AtCode("observations", codes[-1])) if more else None)


def _read(site: Site, item: ObservationRequest, index: int) -> store.Seen:
    field = f"observations[{index}]"
    check_line(f"{field}.unit", item.unit)
    kind = SEEN.get(item.seen)
    if kind is None:
        raise Refusal("invalid_request", field=f"{field}.seen", given=item.seen[:40], possible=list(SEEN))
    for_s = item.for_s if item.for_s is not None else site.settings.observation_minutes * 60
    if not 1 <= for_s <= FOR_S_MAX:
        raise Refusal("invalid_request", field=f"{field}.for_s", given=for_s, expected=f"1 to {FOR_S_MAX}")
    at = parse_instant(item.at, site.zone, field=f"{field}.at").instant if item.at is not None else None
    return item.unit, kind, item.seen, at, float(for_s)
