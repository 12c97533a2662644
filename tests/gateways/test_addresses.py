"""A source whose address others have chosen is asked only where that may be asked, and nowhere else by a detour."""

from ipaddress import ip_network

import pytest

from holdfast.gateways.addresses import Reachable
from holdfast.gateways.shops.http import Client, Outside, Rate
from holdfast.gateways.shops.source import SourceError
from tests.receiver import answering, receiving


class Unlimited:
    """A limit that never keeps anybody waiting."""

    async def take(self, name: str, cost: float, *, burst: float, per_s: float) -> float:
        return 0.0

    async def prime(self, name: str, left: float, *, burst: float | None, per_s: float | None) -> None:
        return None

    async def block(self, name: str, wait_s: float) -> None:
        return None


def client(reachable: Reachable) -> Client:
    return Client(Outside(Unlimited(), reachable), Rate("test", 1, 1), headers={"authorization": "Bearer secret"})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "localhost"]
)
async def test_a_source_at_an_address_that_is_not_public_is_not_asked(host: str):
    asking = client(Reachable())
    try:
        with pytest.raises(SourceError, match="its address is not asked") as caught:
            await asking.send("GET", f"http://{host}:9/")
        assert not caught.value.is_passing
    finally:
        await asking.close()


async def test_a_source_is_asked_at_the_address_that_was_looked_at_under_its_own_name():
    async with receiving() as receiver:
        receiver.behaviour = 200
        # the second answer would lead elsewhere, if anybody asked again
        reachable = Reachable([ip_network("127.0.0.1/32")], resolve=answering("127.0.0.1", "127.0.0.2"))
        asking = client(reachable)
        for _ in range(2):
            await asking.send("POST", f"http://shop.example.org:{receiver.port}/a", content=b"{}")
        await asking.close()
        assert [came["headers"]["host"] for came in receiver.requests] == [f"shop.example.org:{receiver.port}"] * 2
        other = client(reachable)
        with pytest.raises(SourceError, match=r"127\.0\.0\.2"):
            await other.send("POST", f"http://shop.example.org:{receiver.port}/a", content=b"{}")
        await other.close()


async def test_a_source_that_sends_us_elsewhere_is_not_followed():
    async with receiving() as receiver:
        receiver.behaviour = "redirect"
        asking = client(Reachable([ip_network("127.0.0.0/8")]))
        with pytest.raises(SourceError, match="not followed"):
            await asking.send("POST", receiver.url, content=b"{}")
        await asking.close()
        assert len(receiver.requests) == 1
