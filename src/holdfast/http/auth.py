"""Who asks: a bearer token, or, while no token is set, a program on this machine. Deny by default.

Refuses pages of other origins on every unsafe request, and without a token every Host that is not this machine's:
a name of somebody else's that resolves to the loopback address (DNS rebinding) gets nothing.
"""

import hmac
import ipaddress
from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.http.errors import EdgeError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE = frozenset({b"same-origin", b"none"})
_OUR_NAMES = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
FORWARDED = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"x-forwarded-proto", b"via"}
)
"""What proxies add: a request that has one of these is not from the machine that its connection is from."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who a request is from. `actor` is what the journal says; `staff` may see who holds what."""

    actor: str
    staff: bool


ADMIN = Caller("admin", True)
LOCAL = Caller("local", True)


class Gate:
    """Lets callers in, or says why not. One per process; other ways to be known are added here."""

    def __init__(self, admin_token: str | None) -> None:
        self._token = admin_token.encode() if admin_token is not None else None
        self.foreign_origins: frozenset[bytes] = frozenset()
        """Origins whose pages may change something: with a bearer token, which no browser sends by itself."""

    @property
    def is_open(self) -> bool:
        """Whether no token is set and callers of this machine are let in."""
        return self._token is None

    def admit(self, scope: Any, headers: dict[bytes, bytes]) -> Caller:
        """The caller of a request to what is not public.

        Raises:
            Refusal: `unauthorised`.
            EdgeError: `foreign_origin`.
        """
        self.check_origin(scope, headers)
        if self._token is None:
            client = scope.get("client")
            if client is None or not is_loopback(client[0]) or not headers.keys().isdisjoint(FORWARDED):
                problem = "no HOLDFAST_ADMIN_TOKEN is set, so only programs on this machine are served"
                raise Refusal("unauthorised", problem=problem)
            return LOCAL
        if not self._has_token(headers):
            raise Refusal("unauthorised")
        return ADMIN

    def _has_token(self, headers: dict[bytes, bytes]) -> bool:
        assert self._token is not None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self._token)

    def knows(self, scope: Any, headers: dict[bytes, bytes]) -> bool:
        """Whether a request to what is public is from somebody who may see more: by the token, or, while none is set,
        from this machine. What a proxy passes on comes from this machine too, so that with a token only it counts.
        """
        if self._token is not None:
            return self._has_token(headers)
        client = scope.get("client")
        if client is None or not is_loopback(client[0]) or not headers.keys().isdisjoint(FORWARDED):
            return False
        return _name_of(headers.get(b"host", b"")) in _OUR_NAMES

    def check_origin(self, scope: Any, headers: dict[bytes, bytes]) -> None:
        """Raises:
        EdgeError: `foreign_origin`.
        """
        host = headers.get(b"host", b"")
        if self._token is None and _name_of(host) not in _OUR_NAMES:
            raise EdgeError("foreign_origin", host=host.decode("latin-1")[:100])
        if scope.get("method", "GET") in SAFE_METHODS:
            return
        if self._is_invited(headers):
            return
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in _SAME_SITE:
            raise EdgeError("foreign_origin", sec_fetch_site=site.decode("latin-1")[:40])
        origin = headers.get(b"origin")
        # behind a proxy that ends TLS the scheme differs and the host does not
        if origin is not None and origin not in (b"http://" + host, b"https://" + host):
            raise EdgeError("foreign_origin", origin=origin.decode("latin-1")[:100])

    def _is_invited(self, headers: dict[bytes, bytes]) -> bool:
        if headers.get(b"origin") not in self.foreign_origins or b"cookie" in headers:
            return False
        return headers.get(b"authorization", b"")[:7].lower() == b"bearer "


def is_loopback(address: str) -> bool:
    """Whether an address or name is this machine's own."""
    if address in ("127.0.0.1", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _name_of(host: bytes) -> bytes:
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0].lower()
