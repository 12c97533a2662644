"""Series of bookings: one request with a rule becomes many bookings, and acts on a series become many acts.

A series is decided as one command, all or none or what can be; it is nothing but its bookings' common id.
"""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from msgspec.structs import replace

from holdfast.domain.commands import Act, Together
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import parse_date, resolve, to_local
from holdfast.domain.sites import Site
from holdfast.services.identity import new_id, new_start_code
from holdfast.services.recurrence import Nights, expand
from holdfast.services.requests import BookingRequest, Reason, book_command, check_line
from holdfast.store import sites as store

SERIES_MAX = 400
SERIES_ACTS = ("cancel", "move", "extend")


class SeriesActRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An act on a series: on the named booking, on it and all after it, or on all that are live."""

    scope: Annotated[str, Meta(pattern="^(this|following|all)$", examples=["following"])]
    booking: UUID | None = None
    minutes: Annotated[int, Meta(ge=-527_040, le=527_040)] | None = None
    """How far to move them on the site's clock, or by how much to extend them."""
    mode: Annotated[str, Meta(pattern="^(all|skip)$", examples=["all", "skip"])] = "all"
    reason: Reason | None = None


def series_command(site: Site, request: BookingRequest) -> tuple[Together, list[str]]:
    """The bookings of a recurring request as one command, and their local dates in the same order.

    Raises:
        Refusal: `invalid_recurrence`, and as `book_command`.
    """
    recurrence = request.recurrence
    assert recurrence is not None
    if request.walk_in:
        raise Refusal("invalid_request", field="walk_in", problem="a walk-in does not recur")
    first = book_command(site, request, id=new_id(), now=datetime.min)
    assert first.end is not None
    begins = to_local(first.start, site.zone).replace(tzinfo=None, fold=0)
    ends = to_local(first.end, site.zone).replace(tzinfo=None, fold=0)
    length: timedelta | Nights = ends - begins
    if request.nights is not None:
        length = Nights(request.nights, site.check_out)
    exclude = {parse_date(day, field="recurrence.exclude") for day in recurrence.exclude}
    found = expand(recurrence.rule, begins, length, site.zone, exclude=exclude)
    series_id = new_id()
    books = [
        replace(
            first, id=new_id(), start=one.interval.start, end=one.interval.end, notes=one.notes,
            start_code=new_start_code(), series_id=series_id,
        )
        for one in found
    ]  # fmt: skip
    return Together(tuple(books), recurrence.mode == "skip"), [one.date.isoformat() for one in found]


async def series_act(pool: asyncpg.Pool, site: Site, series_id: UUID, act: str, request: SeriesActRequest) -> Together:
    """The acts that an act on a series means, on its bookings as they are now; each names its booking's version.

    Raises:
        Refusal: `unknown_act`, `unknown_booking` when nothing live is meant, `invalid_request`.
    """
    if act not in SERIES_ACTS:
        raise Refusal("unknown_act", act=act[:40], possible=list(SERIES_ACTS))
    check_line("reason", request.reason)
    if (request.minutes is None) != (act == "cancel"):
        problem = "is not for a cancellation" if act == "cancel" else "say by how many minutes"
        raise Refusal("invalid_request", field="minutes", problem=problem)
    lines = _meant(await store.live_bookings_of_series(pool, site.id, series_id, SERIES_MAX + 1), series_id, request)
    if act == "move" and (request.minutes or 0) > 0:
        # the last one first, or each would meet the next
        lines = lines[::-1]
    return Together(tuple(_act(site, line, act, request) for line in lines), request.mode == "skip")


def _meant(lines: list[store.SeriesLine], series_id: UUID, request: SeriesActRequest) -> list[store.SeriesLine]:
    if not lines:
        raise Refusal("unknown_booking", series=str(series_id), problem="the series has no live bookings")
    if len(lines) > SERIES_MAX:
        raise Refusal("invalid_request", field="scope", problem=f"the series has more than {SERIES_MAX} live bookings")
    if request.scope == "all":
        return lines
    if request.booking is None:
        raise Refusal("invalid_request", field="booking", problem="say which booking `scope` counts from")
    for index, line in enumerate(lines):
        if line.id == request.booking:
            return lines[index:] if request.scope == "following" else [line]
    raise Refusal("unknown_booking", booking=str(request.booking), series=str(series_id))


def _act(site: Site, line: store.SeriesLine, act: str, request: SeriesActRequest) -> Act:
    if act == "move":
        start, end = _shifted(site, line.starts_at, request), _shifted(site, line.ends_at, request)
        return Act(line.id, act, start, end, reason=request.reason, if_version=line.version)
    return Act(line.id, act, minutes=request.minutes, reason=request.reason, if_version=line.version)


def _shifted(site: Site, instant: datetime, request: SeriesActRequest) -> datetime:
    local = to_local(instant, site.zone).replace(tzinfo=None, fold=0)
    return resolve(local + timedelta(minutes=request.minutes or 0), site.zone).instant
