"""Who really asks is told by trusted proxies alone, and nobody passes for this machine by a header."""

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.http.auth import is_loopback
from holdfast.http.proxies import UNKNOWN, Proxies, address_of, forwarded, forwarded_for, networks_of

TRUSTED = Proxies("127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48")
Given = list[tuple[bytes, bytes]]


def resolved(headers: Given, peer: str = "127.0.0.1", proxies: Proxies = TRUSTED, kind: str = "http") -> Any:
    scope: dict[str, Any] = {"type": kind, "client": (peer, 4711), "scheme": "http", "headers": headers}
    proxies.resolve(scope)
    return scope


def xff(text: str) -> Given:
    return [(b"x-forwarded-for", text.encode("latin-1"))]


@pytest.mark.parametrize(
    ("told", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("198.51.100.1, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("192.0.2.7:1234, 10.1.2.3", "192.0.2.7"),
        ("[2001:db8::7]:80", "2001:db8::7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("10.5.5.5, 10.6.6.6", "10.5.5.5"),
        ("127.0.0.1", UNKNOWN),
        ("127.9.9.9, 10.0.0.1", UNKNOWN),
        ("::1", UNKNOWN),
        ("::ffff:127.0.0.1", UNKNOWN),
        ("0.0.0.0", UNKNOWN),
        ("localhost", UNKNOWN),
        ("192.0.2.7, nonsense", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_rightmost_address_that_is_no_trusted_proxys_counts(told: str, client: str) -> None:
    assert resolved(xff(told))["client"] == (client, 0)


def test_several_lines_of_a_header_are_one_list() -> None:
    assert resolved([*xff("198.51.100.1"), *xff("192.0.2.7")])["client"][0] == "192.0.2.7"


def test_headers_of_anybody_else_are_ignored() -> None:
    told = [*xff("192.0.2.7"), (b"x-forwarded-proto", b"https"), (b"forwarded", b"for=192.0.2.8;proto=https")]
    for peer, proxies in (("198.51.100.1", TRUSTED), ("127.0.0.1", Proxies())):
        scope = resolved(told, peer, proxies)
        assert scope["client"] == (peer, 4711) and scope["scheme"] == "http"
    assert resolved([])["client"] == ("127.0.0.1", 4711)


@pytest.mark.parametrize(
    ("told", "client", "scheme"),
    [
        ("for=192.0.2.7;proto=https;by=10.0.0.1", "192.0.2.7", "https"),
        ('For="[2001:db8::7]:4711"', "2001:db8::7", "http"),
        ("for=127.0.0.1;proto=http, for=192.0.2.7;proto=https, for=10.0.0.2;proto=http", "192.0.2.7", "https"),
        ('for="192.0.2.7:\\80" ; proto=HTTPS , ', "192.0.2.7", "https"),
        ("for=_hidden;proto=https", UNKNOWN, "https"),
        ("for=unknown", UNKNOWN, "http"),
        ("proto=https", UNKNOWN, "https"),
        ("for=192.0.2.7;for=192.0.2.8", UNKNOWN, "http"),
        ('for="192.0.2.7', UNKNOWN, "http"),
        ("for=192.0.2.7 nonsense", UNKNOWN, "http"),
        ("for=192.0.2.7;proto=gopher", "192.0.2.7", "http"),
    ],
)
def test_forwarded_is_read_as_the_standard_writes_it(told: str, client: str, scheme: str) -> None:
    scope = resolved([(b"forwarded", told.encode())])
    assert (scope["client"][0], scope["scheme"]) == (client, scheme)


def test_headers_that_contradict_each_other_prove_nothing() -> None:
    scope = resolved([*xff("192.0.2.7"), (b"forwarded", b"for=192.0.2.8;proto=https"), (b"x-forwarded-proto", b"http")])
    assert (scope["client"][0], scope["scheme"]) == (UNKNOWN, "http")
    agreed = resolved([*xff("192.0.2.7"), (b"forwarded", b"for=192.0.2.7;proto=https")])
    assert (agreed["client"][0], agreed["scheme"]) == ("192.0.2.7", "https")


def test_the_scheme_is_the_nearest_proxys_and_a_websockets_too() -> None:
    told = [(b"x-forwarded-proto", b"http, https")]
    assert resolved(told)["scheme"] == "https" and resolved(told)["client"] == ("127.0.0.1", 4711)
    assert resolved(told, kind="websocket")["scheme"] == "wss"


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        networks_of("10.0.0.0/8, nonsense")
    assert [str(one) for one in networks_of("10.1.2.3/8,::1,")] == ["10.0.0.0/8", "::1/128"]


@given(st.lists(st.tuples(st.sampled_from([b"x-forwarded-for", b"forwarded", b"x-forwarded-proto"]), st.binary())))
def test_whatever_the_headers_say_it_is_an_address_that_is_not_this_machines(headers: Given) -> None:
    scope = resolved(headers)
    client = scope["client"][0]
    assert scope["scheme"] in ("http", "https")
    if client != UNKNOWN and scope["client"] != ("127.0.0.1", 4711):
        assert str(ipaddress.ip_address(client)) == client and not is_loopback(client)


@given(st.lists(st.ip_addresses(), min_size=1), st.integers(0, 65535))
def test_hops_are_read_back_as_they_were_written(addresses: list[Any], port: int) -> None:
    written = ", ".join(map(str, addresses))
    assert [hop for hop, _ in forwarded_for(written)] == [str(one) for one in addresses]
    for address in addresses:
        named = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
        mapped = getattr(address, "ipv4_mapped", None)
        assert address_of(named) == address_of(str(address)) == (mapped or address)
    elements = ", ".join(f'for="[{one}]";proto=https' if one.version == 6 else f"for={one}" for one in addresses)
    assert [address_of(hop) for hop, _ in forwarded(elements)] == [address_of(str(one)) for one in addresses]


@given(st.text(alphabet='for=;,"\\ []:1aproto', max_size=300))
def test_no_text_breaks_the_reading_of_forwarded(text: str) -> None:
    for hop, scheme in forwarded(text):
        assert isinstance(hop, str) and scheme in (None, "http", "https")
