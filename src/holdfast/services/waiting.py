"""A command on its way through the desk, and what it came to."""

from typing import Any

import msgspec

from holdfast.domain.commands import Command
from holdfast.domain.errors import Refusal


class DeskLimits(msgspec.Struct, frozen=True):
    """How much one desk takes on: `waiting_max` commands a lane, `answer_s` until a command is answered whatever
    happens."""

    lanes: int = 2
    batch_max: int = 256
    waiting_max: int = 5000
    answer_s: float = 8.0


class Answer:
    """What a command came to: an HTTP-like status, the JSON body, the journal version it left the site at."""

    __slots__ = ("body", "replayed", "status", "version")

    def __init__(self, status: int, body: bytes, version: int, *, replayed: bool = False) -> None:
        self.status = status
        self.body = body
        self.version = version
        self.replayed = replayed


class Waiting:
    """A command in a lane, with whoever waits for it."""

    __slots__ = (
        "actor",
        "body_hash",
        "command",
        "future",
        "key",
        "outcome",
        "passed_over_at",
        "since",
        "site_id",
        "tries",
    )

    def __init__(
        self, site_id: int, command: Command, actor: str, *, key: str | None, body_hash: bytes, future: Any
    ) -> None:
        self.site_id = site_id
        self.command = command
        self.actor = actor
        self.key = key
        self.body_hash = body_hash
        self.future = future
        self.outcome: Answer | Refusal | None = None
        self.passed_over_at: float | None = None
        self.since = 0.0
        self.tries = 0
