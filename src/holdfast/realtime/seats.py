"""How many streams are one caller's, or from one address, so that nobody takes the room of all others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from holdfast.domain.errors import Refusal
from holdfast.http.guards import Guards

RETRY_S = 30


class Seats:
    """The streams and Socket.IO connections of one process, by the names that they are counted by."""

    def __init__(self, guards: Guards, each_max: int) -> None:
        self._guards = guards
        self._each_max = each_max
        self._taken: dict[str, int] = {}

    def names_of(self, principal: str | None, scope: Any) -> tuple[str, ...]:
        """What a listener is counted by: address and caller; by nothing who is not limited at all."""
        return self._guards.names(principal, scope, dict(scope["headers"]))

    def check(self, names: Sequence[str]) -> None:
        """Raises:
        Refusal: `too_many_requests` when one of the names has all it may.
        """
        if any(self._taken.get(name, 0) >= self._each_max for name in names):
            raise Refusal(
                "too_many_requests", counted_by="streams", limit=self._each_max, retry_after_s=RETRY_S,
                problem="too many streams of this caller or address are open",
            )  # fmt: skip

    def take(self, names: Sequence[str]) -> None:
        """Counts one more; `leave` with the same names ends it."""
        for name in names:
            self._taken[name] = self._taken.get(name, 0) + 1

    def leave(self, names: Sequence[str]) -> None:
        for name in names:
            left = self._taken.pop(name, 1) - 1
            if left:
                self._taken[name] = left

    @contextmanager
    def taken(self, names: Sequence[str]) -> Iterator[None]:
        """Counts one more during the block."""
        self.take(names)
        try:
            yield
        finally:
            self.leave(names)
