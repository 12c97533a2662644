"""One desk transaction: for all commands that wait, of whatever sites, lock, catch up, load, decide, write, commit."""

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic

import asyncpg

from holdfast.domain.change import Event
from holdfast.domain.commands import AddBlock, Book, Reconcile
from holdfast.domain.decide import decide
from holdfast.domain.errors import Refusal
from holdfast.domain.state import SiteState
from holdfast.services.alternatives import offer_alternatives
from holdfast.services.catching_up import catch_up_sites
from holdfast.services.known import Clock, Known
from holdfast.services.loading import load
from holdfast.services.waiting import Answer, Waiting
from holdfast.store import desk as store
from holdfast.store.changes import AnswerRow, SiteRow, Writing, write
from holdfast.store.connection import Connection

DUE_BESIDE_COMMANDS = 64
"""How many due rows a batch of commands catches up: about as much work as a batch of bookings."""


class Batch:
    """The commands that one transaction serves, and what it made of them. `passed_over` and `behind` are for another
    batch."""

    def __init__(self, waiting: Sequence[Waiting], known: Known, clock: Clock | None) -> None:
        self.waiting = list(waiting)
        for one in self.waiting:
            # what a batch before this one came to was not stored: it must not be told by one that passes the site over
            one.outcome = None
        self.known = known
        self.clock = clock
        self.due_max = DUE_BESIDE_COMMANDS
        """How many due rows it takes of all its sites together."""
        self.passed_over: list[Waiting] = []
        self.behind: list[Waiting] = []
        """Commands, and ticks, of sites at which more was due than this batch took."""
        self.served: list[Waiting] = []
        self.states: dict[int, SiteState] = {}
        self.events: list[tuple[int, Event]] = []
        self.committing = False
        self.settled: Callable[[], None] = lambda: None
        """Called once all is decided and only writing is left."""
        self.clock_read: tuple[datetime, float] | None = None
        """What the clock said when the sites were locked, and this process's own clock then, in seconds."""
        self._writing = Writing()
        self._given: dict[tuple[int, str], AnswerRow] = {}
        self._caught_up: set[int] = set()

    async def run(self, connection: Connection, *, wait_for: Sequence[int] = ()) -> None:
        """Serves the batch in one transaction; afterwards every served command has an outcome.

        Raises:
            WrittenPast: a claim of the batch met one written past the desk; nothing was stored.
        """
        transaction = connection.transaction()
        await transaction.start()
        try:
            await self._fill(connection, wait_for)
        except Exception:
            # a cancelled batch leaves its connection to the lane, which ends it: a rollback might wait for ever too
            if not connection.is_closed():
                await transaction.rollback()
            raise
        self.committing = True
        await transaction.commit()
        self.known.keep(self.states.values())

    async def _fill(self, connection: Connection, wait_for: Sequence[int]) -> None:
        await self._lock(connection, wait_for)
        await self._catch_up(connection)
        await self._answers(connection)
        await self._decide(connection, self.served)
        if any(isinstance(one.outcome, Refusal) for one in self.served):
            await self._store(connection)
            if doubted := self._doubted():
                await self._decide(connection, doubted)
                await self._store(connection)
            await offer_alternatives(connection, self.states, self.served)
        await self._store(connection, is_last=True)

    def note_clock(self, rows: Sequence[asyncpg.Record]) -> None:
        if rows:
            self.clock_read = self.clock_says(rows[0]), monotonic()

    def clock_says(self, row: asyncpg.Record) -> datetime:
        now: datetime = self.clock() if self.clock is not None else row["now"]
        return now

    async def _lock(self, connection: Connection, wait_for: Sequence[int]) -> None:
        wanted = {one.site_id for one in self.waiting}
        rows: list[asyncpg.Record] = []
        if wait_for:
            # waits come first and in order, while nothing is held yet: so two processes cannot wait for each other
            rows += await connection.fetch(store.Q["wait_for_sites"], sorted(wait_for))
        if rest := wanted.difference(wait_for):
            rows += await connection.fetch(store.Q["lock_sites"], sorted(rest))
        self.note_clock(rows)
        sites = await self.known.sites_of(connection, rows)
        unworkable: dict[int, Refusal] = {}
        for row in rows:
            site = sites[row["id"]]
            if isinstance(site, Refusal):
                unworkable[row["id"]] = site
                continue
            now = max(self.clock_says(row), row["journal_at"])
            wakes_at = row["wakes_at"]
            if wakes_at is not None and wakes_at.tzinfo is None:
                # infinite: somebody wrote it past the desk, and a look puts it right
                wakes_at = now
            self.states[site.id] = self.known.state_of(site, row["version"], now=now, wakes_at=wakes_at)
        for one in self.waiting:
            if one.site_id in self.states:
                self.served.append(one)
            elif one.site_id in unworkable:
                one.outcome = unworkable[one.site_id]
            elif one.site_id in wait_for:
                one.outcome = Refusal("unknown_site", site=str(one.site_id))
            else:
                self.passed_over.append(one)

    async def _catch_up(self, connection: Connection) -> None:
        """Makes true at the locked sites what time has made true, as much of it as one transaction takes. Commands of
        sites with more of it wait: they are decided after all that came before them."""
        self._caught_up.update(site_id for site_id, state in self.states.items() if state.is_due())
        behind = await catch_up_sites(connection, self.states, self._writing, rows_max=self.due_max)
        # what follows is loaded from the tables, so the tables must say it first
        await self._store(connection)
        if behind:
            self.behind = [one for one in self.served if one.site_id in behind]
            self.served = [one for one in self.served if one.site_id not in behind]

    async def _answers(self, connection: Connection) -> None:
        keys = {(one.site_id, one.key): None for one in self.served if one.key is not None}
        for row in await store.by_keys(connection, "answers", keys):
            self._given[row["site_id"], row["key"]] = AnswerRow(
                row["site_id"], row["key"], row["body_hash"], row["status"], row["body"], row["version"], None
            )

    async def _decide(self, connection: Connection, waiting: Sequence[Waiting]) -> None:
        """Loads for these commands and decides each in turn on what the ones before left."""
        fresh = [one for one in waiting if (one.site_id, one.key) not in self._given]
        await load(connection, self.states, [(self.states[one.site_id], one.command) for one in fresh])
        for one in waiting:
            one.outcome = self._outcome(one)

    def _outcome(self, one: Waiting) -> Answer | Refusal:
        given = self._given.get((one.site_id, one.key)) if one.key is not None else None
        if given is not None:
            if given.body_hash != one.body_hash:
                return Refusal("key_reused", key=one.key)
            return Answer(given.status, given.body, given.version, replayed=True)
        state = self.states[one.site_id]
        try:
            decision = decide(state, one.command, one.actor)
        except Refusal as refusal:
            return refusal
        self._writing.add(one.site_id, decision.changes)
        if type(one.command) is Reconcile:
            # the site's own alarm may be what was wrong
            self._caught_up.add(one.site_id)
        status = 201 if isinstance(one.command, Book | AddBlock) else 200
        answer = Answer(status, decision.answer, state.version)
        if one.key is not None:
            row = AnswerRow(one.site_id, one.key, one.body_hash, status, answer.body, answer.version, state.now)
            self._given[one.site_id, one.key] = row
            self._writing.answers.append(row)
        return answer

    def _doubted(self) -> list[Waiting]:
        """Commands refused by what was known before the lock. Somebody may have freed a unit past the desk: nobody is
        refused from memory, so these are decided again on what the tables say."""
        doubted = [one for one in self.served if isinstance(one.outcome, Refusal) and self.states[one.site_id].is_warm]
        for site_id in {one.site_id for one in doubted}:
            self.states[site_id].forget()
        return doubted

    async def _store(self, connection: Connection, *, is_last: bool = False) -> None:
        """Writes what is decided so far, so that the tables say what the states say."""
        writing = self.written()
        if is_last:
            # all rows are made: from here on the states may move ahead of what is written
            self.settled()
        if writing.sites or writing.answers:
            self.events += writing.events
            await write(connection, writing, recount=self._caught_up)
            for row in writing.sites:
                if row.id in self._caught_up:
                    self.states[row.id].wakes_at = row.wakes_at
            # read anew once: from here on whatever is decided lowers it
            self._caught_up = set()

    def written(self) -> Writing:
        """What is decided and not yet stored, with where its sites then stand."""
        writing, self._writing = self._writing, Writing()
        changed = {site_id for site_id, _ in writing.events} | {site_id for site_id, _ in writing.units}
        changed |= {site_id for site_id, _ in writing.findings} | self._caught_up
        writing.sites = [
            SiteRow(site_id, state.version, state.now, state.wakes_at)
            for site_id, state in self.states.items()
            if site_id in changed
        ]
        return writing
