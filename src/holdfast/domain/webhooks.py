"""What an endpoint is told, how it is signed, and when it is tried again.

Signatures are those of Standard Webhooks (standardwebhooks.com, 1.0.0): HMAC-SHA256 over `id.timestamp.body`, with the
bytes behind `whsec_`. While a secret is changed there are two signatures.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from holdfast.domain.errors import Refusal

GIVEN_UP, TEST = "job.given_up", "webhook.test"
JOURNAL_TYPES = (
    "booking.created", "booking.confirmed", "booking.approved", "booking.rejected", "booking.revoked",
    "booking.started", "booking.extended", "booking.moved", "booking.completed", "booking.cancelled",
    "booking.no_show", "booking.expired", "booking.undone", "booking.amended",
    "unit.created", "unit.changed", "unit.condition_changed",
    "unit.status_changed", "unit.status_repaired", "block.created", "block.removed", "site.changed", "finding.opened",
    "finding.closed", "finding.repaired", "booking.erased", "sync.started", "sync.progressed", "sync.stage_ended",
    "sync.ended", "orders.changed", "connection.changed", "ltv.counted",
)  # fmt: skip
TYPES = (*JOURNAL_TYPES, GIVEN_UP)
GROUPS = tuple(dict.fromkeys(f"{each.partition('.')[0]}.*" for each in TYPES))
PATTERNS = ("*", *GROUPS, *TYPES)
SECRET_PREFIX = "whsec_"  # noqa: S105 what secrets begin with, not one
SECRET_BYTES = 32
BY_MAIL = "mailto:"
"""What an address begins with to which alerts go by mail."""
ALERTS = ("finding.*", "finding.opened", "finding.closed", "finding.repaired", GIVEN_UP)
"""What may be told by mail: what somebody should look at, and not every change."""
WAITS_S = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 64_800.0, 79_200.0)
"""Between attempts: ten of them in three days."""
ATTEMPTS_MAX = len(WAITS_S) + 1
RETRY_AFTER_S_MAX = 3_600.0


def patterns_of(given: Sequence[str]) -> list[str]:
    """The events that an endpoint wants, as types, groups such as `booking.*`, or `*`.

    Raises:
        Refusal: `invalid_request` for something that there is not, or for nothing.
    """
    for each in given:
        if each not in PATTERNS:
            raise Refusal("invalid_request", field="events", given=each[:60], possible=[*PATTERNS])
    if not given:
        raise Refusal("invalid_request", field="events", problem="name at least one, or `*` for all")
    return list(dict.fromkeys(given))


def alerts_of(given: Sequence[str]) -> list[str]:
    """The events that an address for mail wants.

    Raises:
        Refusal: as `patterns_of`; for what is no alert, too: a mailbox is none for every change.
    """
    for each in given:
        if each not in ALERTS:
            raise Refusal("invalid_request", field="events", given=each[:60], possible=[*ALERTS])
    return patterns_of(given)


def types_of(patterns: Iterable[str]) -> frozenset[str]:
    """All types that the patterns stand for."""
    wanted = set(patterns)
    return frozenset(each for each in TYPES if wanted & {"*", each, f"{each.partition('.')[0]}.*"})


def told_secret(secret: bytes) -> str:
    """A secret as its receiver is given it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret that counts."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def wait_s(attempt: int, chance: float, retry_after_s: float | None = None) -> float | None:
    """How long after that attempt (from 1 on) the next one comes, up to a tenth later by `chance`; longer if the
    receiver asks for it, within an hour. None: there is no other."""
    if attempt >= ATTEMPTS_MAX:
        return None
    wait = WAITS_S[attempt - 1] * (1 + chance / 10)
    return max(wait, min(retry_after_s or 0.0, RETRY_AFTER_S_MAX))
