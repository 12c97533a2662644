"""Behind a proxy: who really asks, and whether by TLS, as the proxies that the operator trusts say.

Headers of anybody else are ignored. The rightmost address that is not a trusted proxy's counts: what stands left of it
anybody may have written. An address that a header tells is never this machine's own, whatever it says, and where
headers contradict each other, or cannot be read, the client is `unknown`: the header that a proxy does not know it
passes on as a client sent it.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

UNKNOWN = "unknown"
HOPS_MAX = 32
_TRUSTED_KNOWN_MAX = 1_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_FOR, _PROTO, _BOTH = b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"
_SCHEMES = {"http": ("http", "ws"), "https": ("https", "wss")}
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of RFC 7230
_PAIR = re.compile(rf'[ \t]*({_TOKEN})=("(?:[^"\\]|\\.)*"|[^",; \t]*)[ \t]*(;|,|$)')
_EMPTY = re.compile(r"[ \t]*,[ \t]*|[ \t]+$")
_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\w+)?|([0-9.]+)(?::\w+)?")

Hop = tuple[str, str | None]
"""Whom a proxy was asked by, and by which scheme, None where it does not say."""


class Proxies:
    """The proxies that are believed: addresses and networks, with commas between."""

    def __init__(self, trusted: str | None = None) -> None:
        self._networks = networks_of(trusted or "")
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def resolve(self, scope: Any) -> None:
        """Puts who really asks into the scope of a request or websocket that comes from a trusted proxy."""
        peer = scope.get("client")
        if peer is None or not self._trusts_peer(peer[0]):
            return
        told = [(name, value) for name, value in scope["headers"] if name in (_FOR, _PROTO, _BOTH)]
        if not told:
            return
        client, scheme = self._told(told)
        if client is not None:
            scope["client"] = (client, 0)
        if scheme is not None:
            scope["scheme"] = _SCHEMES[scheme][scope["type"] == "websocket"]

    def _told(self, headers: list[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
        """The client and the scheme; a client of None where nothing is said of it."""
        said = [
            self._client(read(_joined(headers, name)))
            for name, read in ((_FOR, forwarded_for), (_BOTH, forwarded))
            if any(one == name for one, _ in headers)
        ]
        client = said[0][0] if said else None
        if len(said) == 2 and said[0][0] != said[1][0]:
            client = UNKNOWN
        schemes = {scheme for _, scheme in said if scheme is not None}
        if protos := [part.strip().lower() for part in _joined(headers, _PROTO).split(",") if part.strip()]:
            schemes.add(protos[-1])
        scheme = schemes.pop() if len(schemes) == 1 else None
        return client, scheme if scheme in _SCHEMES else None

    def _client(self, hops: list[Hop]) -> Hop:
        """The rightmost that is not a trusted proxy; when all are, the leftmost."""
        found: Hop = (UNKNOWN, None)
        for hop, scheme in reversed(hops[-HOPS_MAX:]):
            address = address_of(hop)
            if address is None or address.is_loopback or address.is_unspecified:
                return UNKNOWN, scheme
            found = str(address), scheme
            if not self._trusts(address):
                break
        return found

    def _trusts_peer(self, peer: str) -> bool:
        found = self._known.get(peer)
        if found is None:
            if len(self._known) >= _TRUSTED_KNOWN_MAX:
                self._known.clear()
            address = address_of(peer)
            found = self._known[peer] = address is not None and self._trusts(address)
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def networks_of(text: str) -> list[Network]:
    """The addresses and networks of a list with commas.

    Raises:
        ValueError: one of them is none; the message says which.
    """
    return [ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()]


def forwarded_for(text: str) -> list[Hop]:
    """The hops of X-Forwarded-For, the nearest last."""
    return [(part.strip(), None) for part in text.split(",") if part.strip()]


def forwarded(text: str) -> list[Hop]:
    """The hops of Forwarded (RFC 7239), the nearest last; one of nobody when it cannot be read."""
    hops: list[Hop] = []
    for element in _elements(text):
        if element is None:
            return [(UNKNOWN, None)]
        proto = element.get("proto", "").lower()
        hops.append((element.get("for", UNKNOWN), proto if proto in _SCHEMES else None))
    return hops


def address_of(text: str) -> Address | None:
    """The address that a hop is named by, maybe in brackets and with a port; None for any other name."""
    match = _WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((match[1] or match[2]) if match is not None else text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _elements(text: str) -> Iterator[dict[str, str] | None]:
    """The elements of Forwarded by name of their pairs; None, and no more, from where it is malformed."""
    place, element, is_inside = 0, dict[str, str](), False
    while place < len(text):
        if not is_inside and (empty := _EMPTY.match(text, place)):
            place = empty.end()
            continue
        pair = _PAIR.match(text, place)
        if pair is None or pair[1].lower() in element:
            yield None
            return
        element[pair[1].lower()] = _unquoted(pair[2])
        place, is_inside = pair.end(), pair[3] == ";"
        if not is_inside:
            yield element
            element = {}
    if is_inside:
        yield element


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _joined(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return ",".join(value.decode("latin-1") for one, value in headers if one == name)
