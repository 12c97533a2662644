"""Pages of other origins: none may ask anything, but for those that the operator names, and they with a bearer token.

Refuses cookies from them: what a browser sends by itself proves nothing of who wrote the page.
"""

import re
from typing import Any

from holdfast.http.errors import Headers

MAX_AGE_S = 600
_ORIGIN = re.compile(r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")
_ASKED = b"authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id"
_TOLD = b"etag, holdfast-replayed, holdfast-version, location, ratelimit, ratelimit-policy, retry-after"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_VARY = (b"vary", b"Origin")


class Cors:
    """The origins that may ask: exact ones, with commas between."""

    def __init__(self, origins: str | None = None) -> None:
        self.origins = origins_of(origins or "")

    def __bool__(self) -> bool:
        return bool(self.origins)

    def headers(self, asked: dict[bytes, bytes]) -> Headers:
        """What an answer says of who may read it."""
        origin = asked.get(b"origin")
        if origin not in self.origins:
            return [_VARY]
        return [_VARY, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", _TOLD)]

    def preflight(self, scope: Any, asked: dict[bytes, bytes]) -> Headers | None:
        """What a browser is told that asks beforehand; None for any other request."""
        if scope["method"] != "OPTIONS" or b"access-control-request-method" not in asked:
            return None
        if asked.get(b"origin") not in self.origins:
            return None
        return [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _ASKED),
            (b"access-control-max-age", b"%d" % MAX_AGE_S),
        ]


def origins_of(text: str) -> frozenset[bytes]:
    """The origins of a list with commas.

    Raises:
        ValueError: one of them is no origin as browsers send it; the message says which.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    for part in parts:
        if not _ORIGIN.fullmatch(part):
            raise ValueError(f"{part!r} is no origin such as https://app.example.org")
    return frozenset(part.encode() for part in parts)
