"""The states of a job as a table, and the outcomes of an attempt."""

from typing import Literal

from holdfast.domain.machine import Machine

Outcome = Literal["succeeded", "failed", "dead", "cancelled", "lost", "stopped"]
DeadReason = Literal["attempts_used", "refused", "quarantined"]

JOBS = Machine(
    {
        "waiting": {"claim": "running", "cancel": "cancelled"},
        "running": {
            "succeed": "succeeded",
            "fail": "waiting",
            "give up": "dead",
            "cancel": "cancelled",
            "lose": "waiting",
            "quarantine": "dead",
            "stop": "waiting",
            "limit": "waiting",
        },
        "dead": {"redrive": "waiting", "discard": "discarded"},
        "succeeded": {},
        "cancelled": {},
        "discarded": {},
    },
    initial=("waiting",),
)

PRIORITIES = ("urgent", "high", "normal", "low")
URGENT, HIGH, NORMAL, LOW = range(4)
LANES = 16
"""Lanes of tenants. Workers take turns over them, so that a flood of one tenant holds up at most its own lane."""
