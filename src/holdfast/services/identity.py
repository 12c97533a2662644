"""Ids that nobody has to hand out: UUIDs of version 7 (RFC 9562), in the order of their making within a process.

The machine's clock is read here for their order only; what time it *is* the database says.
"""

import os
import time
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as DriverUUID

_VERSION = 7 << 76
_VARIANT = 2 << 62
_RANDOM_BITS = 74
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_LOW_MASK = (1 << 62) - 1
_STEP_MASK = (1 << 40) - 1


class _Last:
    ms = 0
    tail = 0


def now_ms() -> int:
    """The machine's milliseconds since 1970, for ids."""
    return time.time_ns() // 1_000_000


def new_id(at_ms: int | None = None) -> UUID:
    """A new id, greater than every one this process made before, also when the machine's clock steps back."""
    at_ms = now_ms() if at_ms is None else at_ms
    last = _Last
    if at_ms > last.ms:
        # the highest bit stays free, so that the steps within a millisecond cannot run over
        last.ms, last.tail = at_ms, int.from_bytes(os.urandom(10), "big") & (_RANDOM_MASK >> 1)
    else:
        last.tail += 1 + (int.from_bytes(os.urandom(5), "big") & _STEP_MASK)
        if last.tail > _RANDOM_MASK:
            last.ms, last.tail = last.ms + 1, int.from_bytes(os.urandom(9), "big")
    tail = last.tail
    number = last.ms << 80 | _VERSION | (tail >> 62) << 64 | _VARIANT | tail & _LOW_MASK
    # the driver's own kind of UUID: the same to everybody, but hashed, written and sent in C
    return DriverUUID(number.to_bytes(16, "big"))


def new_start_code() -> str:
    """Six digits that nobody can guess from others; eight random bytes leave no digit likelier than another."""
    return f"{int.from_bytes(os.urandom(8), 'big') % 1_000_000:06}"
