"""Asking addresses that others have chosen: a request must not reach what only this machine can.

A name is resolved here, each of its addresses is looked at, and the connection goes to one that was looked at, so that
a name cannot mean another address a moment later. The proxies of the environment are not used: they would resolve the
name anew.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

ADDRESSES_MAX = 20
WAYS_MAX = 8
"""Servers that one transport keeps connections to."""
PORTS = {"https": 443, "http": 80}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """The name leads to an address that nothing may be sent to, or to none."""


class Reachable:
    """Which addresses may be asked: public ones, and those of the `allowed` networks."""

    def __init__(self, allowed: Sequence[Network] = (), *, resolve: Resolve | None = None) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve or _resolved

    async def address_of(self, host: str, port: int) -> Address:
        """The first address of a name; every one of them must be one that may be asked.

        Raises:
            AddressRefused: one of them is not, or there is none.
        """
        try:
            found = [ip_address(host)]
        except ValueError:
            try:
                told = await self._resolve(host, port)
            except (OSError, UnicodeError) as error:
                raise AddressRefused(f"the name {host} cannot be resolved: {error}") from None
            found = [ip_address(each.partition("%")[0]) for each in told[:ADDRESSES_MAX]]
        if not found:
            raise AddressRefused(f"the name {host} has no address")
        for each in found:
            if not (is_public(each) or any(each in network for network in self._allowed)):
                raise AddressRefused(f"{host} leads to {each}, which is no public address")
        return found[0]


@cache
def trusted() -> ssl.SSLContext:
    """Whom we trust to say who they are, whatever the environment says. Read at the first use: it takes long."""
    return httpx.create_ssl_context(trust_env=False)


class PinnedTransport(httpx.AsyncBaseTransport):
    """Sends to addresses that were looked at, and keeps to the one of a server for as long as its connections last.
    The certificate is held against the name, although the connection goes to the address.

    Raises:
        AddressRefused: from whatever sends a request by it.
    """

    def __init__(self, reachable: Reachable, trust: ssl.SSLContext, *, kept_alive: int | None = None) -> None:
        self._reachable = reachable
        self._trust = trust
        self._limits = httpx.Limits(max_keepalive_connections=kept_alive)
        self._ways: dict[tuple[str, int], tuple[Address, httpx.AsyncHTTPTransport]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, scheme = request.url.host, request.url.scheme
        if scheme not in PORTS:
            raise httpx.UnsupportedProtocol(f"nothing is asked by {scheme!r}")
        key = host, request.url.port or PORTS[scheme]
        address, transport = await self._way(key)
        request.url = request.url.copy_with(host=str(address))
        request.extensions = {**request.extensions, "sni_hostname": host}
        try:
            return await transport.handle_async_request(request)
        except httpx.ConnectError:
            # the name may lead elsewhere by now
            self._ways.pop(key, None)
            await transport.aclose()
            raise

    async def aclose(self) -> None:
        ways, self._ways = self._ways, {}
        for _, transport in ways.values():
            await transport.aclose()

    async def _way(self, key: tuple[str, int]) -> tuple[Address, httpx.AsyncHTTPTransport]:
        if (known := self._ways.get(key)) is not None:
            return known
        address = await self._reachable.address_of(*key)
        if len(self._ways) >= WAYS_MAX:
            _, oldest = self._ways.pop(next(iter(self._ways)))
            await oldest.aclose()
        # one of its own for each name: connections to one address may not be shared between names
        way = address, httpx.AsyncHTTPTransport(verify=self._trust, limits=self._limits)
        self._ways[key] = way
        return way


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, also when it hides another one within."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if int(address) >> 32 == 0:  # an IPv4 address of old in the lowest bits
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def _resolved(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    return [str(each[4][0]) for each in found]
