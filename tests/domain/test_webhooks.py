"""What an endpoint wants, how a message is signed, and when it is tried again."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from generating.events import EVENT_TYPES
from holdfast.domain.errors import Refusal
from holdfast.domain.webhooks import (
    ATTEMPTS_MAX,
    JOURNAL_TYPES,
    TYPES,
    WAITS_S,
    patterns_of,
    signature,
    told_secret,
    types_of,
    wait_s,
)  # fmt: skip


def test_every_type_of_the_journal_can_be_told():
    assert set(JOURNAL_TYPES) == set(EVENT_TYPES)


def test_patterns_stand_for_types():
    assert types_of(["*"]) == frozenset(TYPES)
    assert types_of(["booking.*"]) == {each for each in TYPES if each.startswith("booking.")}
    assert types_of(["finding.opened", "job.*"]) == {"finding.opened", "job.given_up"}
    for wrong in ([], ["booking"], ["booking.*", "x.y"]):
        with pytest.raises(Refusal):
            patterns_of(wrong)


def test_a_strangers_library_verifies_what_we_sign_with_either_secret():
    secrets = [b"n" * 32, b"o" * 32]
    now = int(datetime.now(UTC).timestamp())
    signed = signature(secrets, "msg_1", now, b"{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signed}
    for secret in secrets:
        Webhook(told_secret(secret)).verify(b"{}", headers)
    for stranger in (b"x" * 32,):
        with pytest.raises(Exception, match="[Ss]ignature"):
            Webhook(told_secret(stranger)).verify(b"{}", headers)
    assert base64.b64decode(told_secret(secrets[0]).removeprefix("whsec_")) == secrets[0]


def test_ten_attempts_spread_over_three_days():
    assert ATTEMPTS_MAX == 10 and 2.9 < sum(WAITS_S) / 86_400 < 3.2
    waits = [wait_s(attempt, 0.0) for attempt in range(1, ATTEMPTS_MAX + 1)]
    assert waits[-1] is None and waits[:-1] == list(WAITS_S)
    assert wait_s(1, 1.0) == pytest.approx(5.5)
    assert wait_s(1, 0.0, 120.0) == 120.0 and wait_s(1, 0.0, 10**6) == 3_600.0
