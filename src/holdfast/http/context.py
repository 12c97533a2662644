"""What handlers work with: the desk, the sites, the pool for reads, the limits. Made once, by the app."""

from typing import Any

import msgspec

from holdfast.domain.actors import NOBODY, Actor
from holdfast.http.auth import Gate
from holdfast.services.accounts import Accounts
from holdfast.services.booking_links import BookingLinks
from holdfast.services.desk import Desk
from holdfast.services.jobs.reach import reach_of
from holdfast.services.jobs.registry import Registry
from holdfast.services.own import Own
from holdfast.services.paging import PAGE_ROWS_MAX
from holdfast.services.schedules.acts import Schedules
from holdfast.services.sites import Sites

ANSWER_MARGIN_S = 0.5
"""Our own answer leaves this long before the limit that clients are promised."""


class HttpLimits(msgspec.Struct, frozen=True):
    """How much one request may bring or ask for."""

    body_bytes_max: int = 1024 * 1024
    import_bytes_max: int = 64 * 1024 * 1024
    page_rows_max: int = PAGE_ROWS_MAX


class Context(msgspec.Struct, frozen=True):
    """`reads` is the pool for services that read past the desk."""

    limits: HttpLimits
    desk: Desk
    sites: Sites
    reads: Any
    gate: Gate
    links: BookingLinks
    own: Own

    @property
    def answer_s(self) -> float:
        """Seconds within which every request is answered, if only by a 503."""
        return max(self.desk.limits.answer_s - ANSWER_MARGIN_S, 0.1)


def context_of(request: Any) -> Context:
    """The context of a Litestar request (also `request.app.state`: `desk`, `sites`, `reads`, `limits`)."""
    found = request.app.state.context
    assert isinstance(found, Context)
    return found


def caller_of(request: Any) -> Actor:
    """Who a Litestar request is from, as the edge found out."""
    found = request.scope.get("user")
    return found if isinstance(found, Actor) else NOBODY


def accounts_of(request: Any) -> Accounts:
    """People, sessions and tokens, for a Litestar request."""
    found = request.app.state["accounts"]
    assert isinstance(found, Accounts)
    return found


def jobs_pool_of(request: Any) -> Any:
    """The pool that is for jobs alone, for a Litestar request."""
    return request.app.state["jobs"].pool


def registry_of(request: Any) -> Registry:
    """The functions that jobs may call, for a Litestar request."""
    found = request.app.state["jobs"].registry
    assert isinstance(found, Registry)
    return found


def schedules_of(request: Any) -> Schedules:
    """Those schedules that the caller of a Litestar request reaches."""
    found = request.app.state["jobs"].schedules
    assert isinstance(found, Schedules)
    return found.within(reach_of(caller_of(request)))
