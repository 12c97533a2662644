"""Who asks: by a bearer token, by the cookie of a session, or, before there is any account, from this machine.

Nobody is refused here for being unknown: what unknown people may is decided where all rights are. Refuses credentials
that are none, pages of other origins on every unsafe request, and, while whoever is on this machine may do everything,
every Host that is not this machine's: a name of somebody else's that resolves to the loopback address (DNS rebinding)
gets nothing.
"""

import hmac
import ipaddress
from typing import Any

from holdfast.domain.actors import ADMIN, LOCAL, NOBODY, Actor
from holdfast.domain.errors import Refusal
from holdfast.http.errors import EdgeError
from holdfast.services.access import Access
from holdfast.services.outages import UNREACHABLE

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE = b"__Host-holdfast"
PLAIN_COOKIE = b"holdfast"
"""Where the connection is not encrypted, which is for this machine and for trying out: browsers would not keep the
other there."""
_SAME_SITE = frozenset({b"same-origin", b"none"})
_OUR_NAMES = frozenset({b"localhost", b"127.0.0.1", b"[::1]"})
FORWARDED = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"x-forwarded-proto", b"via"}
)
"""What proxies add: a request that has one of these is not from the machine that its connection is from."""


class Gate:
    """Says who callers are. One per process."""

    def __init__(self, admin_token: str | None, access: Access) -> None:
        self._token = admin_token.encode() if admin_token is not None else None
        self._access = access
        self.foreign_origins: frozenset[bytes] = frozenset()
        """Origins whose pages may change something: with a bearer token, which no browser sends by itself."""

    async def is_open(self) -> bool:
        """Whether there is neither a token nor an account yet, so that programs on this machine may do everything, and
        nobody else anything."""
        return self._token is None and not await self._access.has_accounts()

    async def admit(self, scope: Any, headers: dict[bytes, bytes]) -> Actor:
        """Who a request is from; `NOBODY` for somebody who does not say.

        Raises:
            Refusal: `unauthorised` for a token that is none, and from elsewhere while there is no account.
            EdgeError: `foreign_origin`.
        """
        given = headers.get(b"authorization")
        if given is not None:
            self._check_origin(scope, headers)
            return await self._of_bearer(given)
        if (secret := _session_in(scope, headers)) is not None:
            self._check_origin(scope, headers, by_cookie=True)
            actor = self._access.remembered(secret) or await self._access.of_session(secret)
            if actor is not None:
                return actor
        if not await self.is_open():
            self._check_origin(scope, headers)
            return NOBODY
        self._check_host(headers)
        self._check_origin(scope, headers)
        if not _is_here(scope, headers):
            problem = "there is no account yet, so only programs on this machine are served"
            raise Refusal("unauthorised", problem=problem)
        return LOCAL

    async def _of_bearer(self, given: bytes) -> Actor:
        scheme, _, secret = given.partition(b" ")
        secret = secret.strip()
        if scheme.lower() != b"bearer":
            raise Refusal("unauthorised")
        if self._token is not None and hmac.compare_digest(secret, self._token):
            return ADMIN
        text = secret.decode("latin-1")
        actor = self._access.remembered(text) or await self._access.of_token(text)
        if actor is None:
            raise Refusal("unauthorised", problem="this token is not, or no longer, valid")
        return actor

    async def runs_the_server(self, scope: Any, headers: dict[bytes, bytes]) -> bool:
        """Whether a request to what is public is from somebody who may see all of it. While the database is away only
        the token of the settings can tell."""
        try:
            return (await self.admit(scope, headers)).has_everything
        except (Refusal, EdgeError):
            return False
        except UNREACHABLE:
            return False

    def check_public(self, scope: Any, headers: dict[bytes, bytes]) -> None:
        """What a request to what is public must keep to.

        Raises:
            EdgeError: `foreign_origin`.
        """
        self._check_origin(scope, headers)

    def check_socket(self, scope: Any, headers: dict[bytes, bytes]) -> None:
        """The same for what browsers open without asking first; every method of it changes something.

        Raises:
            EdgeError: `foreign_origin`.
        """
        self._check_origin({**scope, "method": "POST"}, headers)

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host", b"")
        if _name_of(host) not in _OUR_NAMES:
            raise EdgeError("foreign_origin", host=host.decode("latin-1")[:100])

    def _check_origin(self, scope: Any, headers: dict[bytes, bytes], *, by_cookie: bool = False) -> None:
        if scope.get("method", "GET") in SAFE_METHODS or self._is_invited(headers):
            return
        host = headers.get(b"host", b"")
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is not None and site not in _SAME_SITE:
            raise EdgeError("foreign_origin", sec_fetch_site=site.decode("latin-1")[:40])
        # behind a proxy that ends TLS the scheme differs and the host does not
        if origin is not None and origin not in (b"http://" + host, b"https://" + host):
            raise EdgeError("foreign_origin", origin=origin.decode("latin-1")[:100])
        # a browser says where a page is from; one that does not, with a cookie, is too old to be trusted with it
        if by_cookie and site is None and origin is None:
            raise EdgeError("foreign_origin", problem="say the Origin with a cookie")

    def _is_invited(self, headers: dict[bytes, bytes]) -> bool:
        if headers.get(b"origin") not in self.foreign_origins or b"cookie" in headers:
            return False
        return headers.get(b"authorization", b"")[:7].lower() == b"bearer "


def session_of(cookies: bytes, *, is_encrypted: bool = False) -> str | None:
    """The secret of a session in a Cookie header. Over an encrypted connection only the cookie counts that no other
    host, and no plain connection, can have set."""
    names = (COOKIE,) if is_encrypted else (COOKIE, PLAIN_COOKIE)
    found: dict[bytes, str] = {}
    for part in cookies.split(b";"):
        name, _, value = part.strip().partition(b"=")
        if name in names and value:
            found.setdefault(name, value.decode("latin-1"))
    return next((found[name] for name in names if name in found), None)


def session_cookie(secret: str, *, is_encrypted: bool, life_s: float) -> bytes:
    """The Set-Cookie header of a session; an empty secret takes it away."""
    name = COOKIE if is_encrypted else PLAIN_COOKIE
    secure = b"; Secure" if is_encrypted else b""
    age = b"%d" % life_s if secret else b"0"
    return name + b"=" + secret.encode() + b"; Path=/; HttpOnly; SameSite=Lax; Max-Age=" + age + secure


def is_loopback(address: str) -> bool:
    """Whether an address or name is this machine's own."""
    if address in ("127.0.0.1", "localhost"):
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _session_in(scope: Any, headers: dict[bytes, bytes]) -> str | None:
    given = headers.get(b"cookie")
    return None if given is None else session_of(given, is_encrypted=scope.get("scheme") in ("https", "wss"))


def _is_here(scope: Any, headers: dict[bytes, bytes]) -> bool:
    """Whether a program on this machine asks; what a proxy passes on comes from there too, and does not count."""
    client = scope.get("client")
    return client is not None and is_loopback(client[0]) and headers.keys().isdisjoint(FORWARDED)


def _name_of(host: bytes) -> bytes:
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0].lower()
