"""What handlers work with: the desk, the sites, the pool for reads, the limits. Made once, by the app."""

from typing import Any

import msgspec

from holdfast.domain.actors import NOBODY, Actor
from holdfast.http.auth import Gate
from holdfast.services.booking_links import BookingLinks
from holdfast.services.desk import Desk
from holdfast.services.own import Own
from holdfast.services.paging import PAGE_ROWS_MAX
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
