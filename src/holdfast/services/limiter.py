"""How often one caller, or one address, may ask within a minute. Counted in memory, where it costs a request about a
microsecond, and shared about once a second among the processes of one database, so that together they keep the limit.

A window of a minute slides: what was asked in the minute before counts by as much of it as still lies within the last
sixty seconds. Without the database each process keeps the limit by itself. Refuses to keep more keys than it has room
for: whoever comes later is counted with their neighbours. What must be exact is the throttle's.
"""

import heapq
import math
import socket
from hashlib import blake2b
from time import monotonic
from typing import Literal

import asyncpg
import msgspec

from holdfast.domain.errors import Refusal
from holdfast.services.identity import now_ms
from holdfast.store import limiter as store

WINDOW_S = 60
KEYS_MAX = 50_000
"""Callers, and addresses, that one process counts one by one within a window."""
NEIGHBOURHOODS_MAX = 5_000
"""Beyond them: /16 of IPv4 and /32 of IPv6. Whoever comes after these is counted as one."""
SHARED_MAX = 1_000
"""Counts told to the other processes at a time; the largest go first."""
DIGEST_BYTES = 16
REST = "(others)"

Kind = Literal["request", "anonymous_write"]
"""`anonymous_write`: an unsafe request of somebody unknown, which is counted twice: as that, and as a request."""

_MAPPED = bytes(10) + b"\xff\xff"


class RequestLimits(msgspec.Struct, frozen=True):
    """Requests within a minute; 0 for no limit."""

    principal: int = 6000
    address: int = 3000
    anonymous_writes: int = 30


class Use:
    """How often one key was counted in one window: here, elsewhere, and in the window before."""

    __slots__ = ("before", "digest", "ledger", "others", "own", "sent", "window")

    def __init__(self, ledger: "Ledger", digest: bytes, window: int, before: int) -> None:
        self.ledger = ledger
        self.digest = digest
        self.window = window
        self.before = before
        self.own = self.sent = self.others = 0


class Ledger:
    """The uses of one kind of key in this window and the one before."""

    def __init__(self, name: str, limit: int) -> None:
        self.name = name
        self.limit = limit
        self.uses: dict[str, Use] = {}
        self.last: dict[str, Use] = {}

    def turn(self, *, keeps: bool) -> None:
        self.last = self.uses if keeps else {}
        self.uses = {}

    def open(self, key: str, address: str, window: int) -> Use:
        """The use that a key new in this window is counted by."""
        if len(self.uses) >= KEYS_MAX:
            key = neighbourhood_of(address) if len(self.uses) < KEYS_MAX + NEIGHBOURHOODS_MAX else REST
            if (shared := self.uses.get(key)) is not None:
                return shared
        last = self.last.get(key)
        before = last.own + last.others if last is not None else 0
        digest = blake2b(f"{self.name} {key}".encode(errors="replace"), digest_size=DIGEST_BYTES).digest()
        use = self.uses[key] = Use(self, digest, window, before)
        return use


class Limiter:
    """Counts, and refuses what is too much. One per process; `share` is called by a loop, about once a second."""

    def __init__(self, limits: RequestLimits | None = None) -> None:
        limits = limits if limits is not None else RequestLimits()
        self._principals = Ledger("principal", limits.principal)
        self._addresses = Ledger("address", limits.address)
        self._writes = Ledger("anonymous-writes", limits.anonymous_writes)
        self._offset_s = now_ms() / 1000 - monotonic()
        self._window = 0
        self._turns_at = 0.0
        self._forgot = 0
        self._unsent: list[Use] = []

    def admit(self, principal: str | None, address: str, kind: Kind = "request") -> Use | None:
        """Counts a request of a caller, or, `principal` None, of somebody unknown at an address; what it was counted
        by, None when there is no limit. Somebody known is not counted by address: many may sit behind one.

        Raises:
            Refusal: `too_many_requests`; then it is not counted.
        """
        now = monotonic()
        if now >= self._turns_at:
            self._turn(now)
        if principal is not None:
            return self._count(self._principals, principal, address, now) if self._principals.limit else None
        place = place_of(address)
        written = None
        if kind == "anonymous_write" and self._writes.limit:
            written = self._count(self._writes, place, address, now)
        asked = self._count(self._addresses, place, address, now) if self._addresses.limit else None
        return written or asked

    def standing(self, use: Use) -> tuple[int, int]:
        """How many requests of this use are left now, and in how many seconds all of them are again."""
        left_s = self._turns_at - monotonic()
        weighed = use.own + use.others + use.before * min(max(left_s / WINDOW_S, 0.0), 1.0)
        return max(int(use.ledger.limit - weighed), 0), max(math.ceil(left_s), 1) + WINDOW_S

    async def share(self, pool: asyncpg.Pool) -> None:
        """Tells the other processes what was counted here since the last time, and learns what was counted there."""
        waiting = [use for use in self._unsent if use.window >= self._window - 1]
        telling = heapq.nlargest(SHARED_MAX, waiting, key=lambda use: use.own - use.sent)
        if telling:
            # whatever becomes of them: they are not told yet
            self._unsent = waiting
            told = {(use.window, use.digest): (use, use.own) for use in telling}
            rows = await store.share(pool, [(*key, own - use.sent) for key, (use, own) in told.items()])
            for row in rows:
                use, own = told[row["period"], row["key"]]
                use.sent = own
                use.others = max(row["used"] - own, 0)
                use.before = max(use.before, row["before"])
            self._unsent = [use for use in self._unsent if use.own > use.sent]
            self._set_clock(rows[0]["now_s"])
        if self._forgot < self._window:
            await store.forget(pool, before=self._window - 1)
            self._forgot = self._window

    def _count(self, ledger: Ledger, key: str, address: str, now: float) -> Use:
        use = ledger.uses.get(key)
        if use is None:
            use = ledger.open(key, address, self._window)
        # cheap and on the safe side; only who may be over the limit is weighed
        if use.own + use.others + use.before >= ledger.limit:
            self._weigh(use, now)
        if use.own == use.sent:
            self._unsent.append(use)
        use.own += 1
        return use

    def _weigh(self, use: Use, now: float) -> None:
        limit, spent = use.ledger.limit, use.own + use.others
        left_s = self._turns_at - now
        if spent + use.before * left_s / WINDOW_S < limit:
            return
        if spent < limit:
            # until so much of the window before lies behind that one more has room
            wait_s = left_s - WINDOW_S * (limit - spent) / use.before
        else:
            wait_s = left_s + WINDOW_S * (1 - limit / (spent + 1))
        raise Refusal(
            "too_many_requests", counted_by=use.ledger.name, limit=limit, window_s=WINDOW_S,
            retry_after_s=max(math.ceil(wait_s), 1),
        )  # fmt: skip

    def _turn(self, now: float) -> None:
        window = int((now + self._offset_s) // WINDOW_S)
        for ledger in (self._principals, self._addresses, self._writes):
            ledger.turn(keeps=window == self._window + 1)
        self._window = window
        self._turns_at = (window + 1) * WINDOW_S - self._offset_s

    def _set_clock(self, now_s: float) -> None:
        """The windows are the database's: the machine's clock was only a first guess."""
        now = monotonic()
        self._offset_s = now_s - now
        if int(now_s // WINDOW_S) == self._window:
            self._turns_at = (self._window + 1) * WINDOW_S - self._offset_s


def place_of(address: str) -> str:
    """What an address is counted as: an IPv4 address as itself, also where it is written as IPv6, an IPv6 address as
    its /64, of which one household has all."""
    if ":" not in address:
        return address
    packed = _packed(address)
    if packed is None:
        return address[:64]
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed[:8] + bytes(8)) + "/64"


def neighbourhood_of(address: str) -> str:
    """What an address is counted as when there are too many to count: its /16, or the /32 of an IPv6 address."""
    place = place_of(address)
    if ":" not in place:
        return ".".join(place.split(".")[:2]) + ".0.0/16"
    packed = _packed(place.removesuffix("/64"))
    return REST if packed is None else socket.inet_ntop(socket.AF_INET6, packed[:4] + bytes(12)) + "/32"


def _packed(address: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return None
