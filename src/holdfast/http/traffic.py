"""What was asked over HTTP, as plain numbers: by method, route and status, and how long until the answer began.

Routes are our own templates, never what a client wrote, so that there is a bound to how many there are.
"""

from typing import Any

from holdfast.services.metrics import Histogram

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 8.0)
BOOKING = "/api/sites/{site}/bookings"
UNMATCHED = "(none)"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Traffic:
    """The counters of one server."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str, int], int] = {}
        """(method, route, status) → how many."""
        self.seconds: dict[tuple[str, str], Histogram] = {}
        self.under_way = 0

    def answered(self, scope: Any, route: str | None, status: int, took_s: float) -> None:
        """Counts a request whose answer begins now; `route` None takes what the framework found."""
        method = scope["method"]
        if method not in METHODS:
            method = "(other)"
        if route is None:
            route = scope.get("path_template") or UNMATCHED
        key = method, route, status
        self.requests[key] = self.requests.get(key, 0) + 1
        histogram = self.seconds.get((method, route))
        if histogram is None:
            histogram = self.seconds[method, route] = Histogram(SECONDS)
        histogram.observe(took_s)
