"""What counting a request costs it: a known caller, somebody unknown by IPv4 and by IPv6, one of 50,000, one who is
refused; beside an empty call. In microseconds, the loop's own cost included in each."""

import time
from collections.abc import Callable

from holdfast.domain.errors import Refusal
from holdfast.http.guards import Guards
from holdfast.services.limiter import KEYS_MAX, Limiter, RequestLimits
from holdfast.store.database import open_pool

COUNT = 200_000
UNREACHED = RequestLimits(principal=1_000_000_000, address=1_000_000_000, anonymous_writes=1_000_000_000)
HEADERS = {b"host": b"localhost", b"authorization": b"Bearer x", b"content-type": b"application/json"}
ANN = "ann"


def scope_of(address: str) -> dict[str, object]:
    return {"type": "http", "method": "POST", "client": (address, 4711)}


def us_each(call: Callable[[int], object]) -> float:
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for number in range(COUNT):
            call(number)
        best = min(best, time.perf_counter() - began)
    return round(best / COUNT * 1e6, 2)


def refused(guards: Guards, scope: dict[str, object]) -> Callable[[int], None]:
    def call(_: int) -> None:
        try:
            guards.count(ANN, scope, HEADERS)
        except Refusal:
            return

    return call


async def main(database_url: str) -> dict[str, object]:
    guards = Guards(Limiter(UNREACHED))
    known, v6 = scope_of("192.0.2.7"), scope_of("2001:db8:1:2::7")
    callers = [f"caller-{number}" for number in range(KEYS_MAX)]
    results = {
        "empty call": us_each(lambda _: None),
        "a known caller": us_each(lambda _: guards.count(ANN, known, HEADERS)),
        "one of 50,000 callers": us_each(lambda number: guards.count(callers[number % KEYS_MAX], known, HEADERS)),
        "unknown, IPv4, two limits": us_each(lambda _: guards.count(None, known, HEADERS)),
        "unknown, IPv6, two limits": us_each(lambda _: guards.count(None, v6, HEADERS)),
        "refused": us_each(refused(Guards(Limiter(RequestLimits(principal=1))), known)),
    }
    return {"us_per_request": results, "sharing": await _sharing(database_url, guards)}


async def _sharing(database_url: str, guards: Guards) -> dict[str, float]:
    """How long it takes to tell 1,000 counts of 50,000 that wait, while the loop of requests goes on."""
    assert guards.limiter is not None
    pool = await open_pool(database_url)
    try:
        took = []
        for _ in range(5):
            began = time.perf_counter()
            await guards.limiter.share(pool)
            took.append((time.perf_counter() - began) * 1000)
        return {"first_ms": round(took[0], 1), "then_ms": round(min(took[1:]), 1)}
    finally:
        await pool.close()
