"""What stands before every request: who really asks, how often they may, and which pages of other origins."""

from typing import Any

import structlog

from holdfast.http.auth import FORWARDED, SAFE_METHODS
from holdfast.http.cors import Cors
from holdfast.http.errors import Headers, rate_limit
from holdfast.http.proxies import UNKNOWN, Proxies
from holdfast.services.limiter import WINDOW_S, Limiter, Use, place_of

UNLIMITED = frozenset({"admin", "local"})
"""By their names in the journal: whoever has the bootstrap token, and programs of this machine while there is none."""

log = structlog.get_logger("holdfast.http")


class Guards:
    """The guards of one server; without arguments nobody is limited, believed or let in from elsewhere."""

    def __init__(
        self, limiter: Limiter | None = None, proxies: Proxies | None = None, cors: Cors | None = None
    ) -> None:
        self.limiter = limiter
        self.proxies = proxies if proxies is not None else Proxies()
        self.cors = cors if cors is not None else Cors()
        self._has_warned = False

    def count(self, principal: str | None, scope: Any, headers: dict[bytes, bytes], *, acts: bool = True) -> Use | None:
        """Counts a request of a caller by their name in the journal, None for somebody unknown; what it was counted
        by. `acts` False for one that will be refused anyway.

        Raises:
            Refusal: `too_many_requests`.
        """
        if self.limiter is None or principal in UNLIMITED:
            return None
        address = self.address(scope, headers)
        if address is None:
            return None
        if principal is not None:
            return self.limiter.admit(principal, address)
        is_write = acts and scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        return self.limiter.admit(None, address, "anonymous_write" if is_write else "request")

    def address(self, scope: Any, headers: dict[bytes, bytes]) -> str | None:
        """Where a request is from, as it is counted; None for a program on this machine, which nobody limits. What a
        proxy passes on is from elsewhere, wherever the proxy runs."""
        client = scope.get("client")
        if client is None:
            return UNKNOWN
        address: str = client[0]
        if not (address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")):
            return address
        if headers.keys().isdisjoint(FORWARDED):
            return None
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "requests come through a proxy on this machine that trusted_proxies does not name: "
                "all its clients are limited as one"
            )
        return address

    def names(self, principal: str | None, scope: Any, headers: dict[bytes, bytes]) -> tuple[str, ...]:
        """What somebody who stays is counted by: their address, and who they are; nothing for whom nobody limits."""
        address = None if principal in UNLIMITED else self.address(scope, headers)
        if address is None:
            return ()
        place = f"address {place_of(address)}"
        return (place,) if principal is None else (place, f"principal {principal}")

    def standing(self, use: Use) -> Headers:
        """What is left of an allowance, for an answer's headers."""
        assert self.limiter is not None
        left, whole_in_s = self.limiter.standing(use)
        return rate_limit(use.ledger.name, use.ledger.limit, WINDOW_S, left=left, whole_in_s=whole_in_s)
