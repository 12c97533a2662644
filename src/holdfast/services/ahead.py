"""Deciding ahead: while one batch is being written, the next is decided on what that one will leave.

Otherwise the database waits while Python decides and Python while the database writes, and one hot site gets half of
what the machine can do. What is decided ahead is a guess until its own transaction has locked the sites and found them
at the version that was guessed from; then nothing can have come between, and it is written as decided. If anything
did, or if the batch before fails, the guess is thrown away and its commands are served as if they had just come.
Only sales are guessed: a refusal is never given from memory.
"""

from collections.abc import Sequence
from datetime import datetime
from time import monotonic

import asyncpg

from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.services.batch import Batch
from holdfast.services.known import Clock, Known
from holdfast.services.loading import nothing_to_load
from holdfast.services.waiting import Waiting
from holdfast.store.changes import write_if
from holdfast.store.connection import Connection


class Overtaken(Exception):
    """A site was not where the guess was made from. Nothing was stored."""


class Ahead(Batch):
    """A batch decided before its sites are locked. `before` are the states that the batch in flight will leave."""

    def __init__(self, before: dict[int, SiteState], known: Known, clock: Clock | None, *, waiting_max: int) -> None:
        super().__init__((), known, clock)
        self.waiting_max = waiting_max
        self._before = before
        self._bases: dict[int, int] = {}

    def take(self, one: Waiting, now: datetime) -> bool:
        """Decides a command right away. False when it must wait for its turn: too many have been decided already, not
        all is known, the clock is due at its site, its key has been seen, or it would be refused."""
        state = self._before.get(one.site_id) or self.known.peek(one.site_id)
        if state is None or len(self.waiting) >= self.waiting_max or (one.site_id, one.key) in self._given:
            return False
        state.now, state.is_warm = max(now, state.now), True
        if state.is_due() or not nothing_to_load(state, one.command):
            return False
        base = state.version
        self.states[one.site_id] = state
        outcome = self._outcome(one)
        if isinstance(outcome, Refusal):
            if one.site_id not in self._bases:
                del self.states[one.site_id]
            return False
        self._bases.setdefault(one.site_id, base)
        one.outcome = outcome
        self.waiting.append(one)
        self.served.append(one)
        return True

    async def run(self, connection: Connection, *, wait_for: Sequence[int] = ()) -> None:
        """Writes what was decided, if all is still as it was guessed: in one statement, which is its own transaction.

        Raises:
            Overtaken: it is not, or a key has been answered before.
            WrittenPast: a claim of the batch met one written past the desk; nothing was stored.
        """
        writing = self.written()
        self.settled()
        self.events += writing.events
        self.committing = True
        try:
            now = await write_if(connection, writing, self._bases, now=self.clock() if self.clock else None)
        except asyncpg.UniqueViolationError:
            raise Overtaken from None
        if now is None:
            raise Overtaken
        self.clock_read = now, monotonic()
        self.known.keep(self.states.values())
