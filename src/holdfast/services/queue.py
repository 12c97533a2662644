"""What waits in a lane: commands in their order, and apart from them what waits for the clock.

The clock's ticks, and the commands of sites at which it has not caught up yet, have turns of their own: commands of
other sites need not wait for a backlog. Sites take turns there, so that one long backlog does not hold up the others.
"""

from collections import deque
from collections.abc import Iterable
from time import monotonic

from holdfast.domain.commands import Tick
from holdfast.services.waiting import Waiting

PASSED_OVER_MAX_S = 0.05
"""After being passed over for this long a command waits for its site's lock, so that nobody starves. A tick gives up:
who holds the site catches it up as well as we would."""
REST_S = 1.0
"""After waiting in vain its site is left alone for this long: somebody holds it who may be frozen."""
CLOCK_PATIENCE_S = 0.02
"""How long the clock lets commands go first."""
SITES_MAX = 64
"""How many sites one turn of the clock is for."""
LONG_SITES_MAX = 8
"""How many of them may be such as had more due than they could be given in an earlier turn: few, each with a larger
share. A small share of many costs by the site, and reads past what the shares before it have done."""
TICK_S = 1.0
"""A tick is answered after this long even if its site is still catching up: whoever sent it asks again."""


class Queue:
    """Belongs to one lane. Each command is in at most one place."""

    def __init__(self) -> None:
        self.commands: deque[Waiting] = deque()
        self._clock: dict[int, deque[Waiting]] = {}
        self._clock_count = 0
        self._long: dict[int, None] = {}
        self._clock_turn_at = 0.0
        self._resting: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.commands) + self._clock_count

    def is_for_clock(self, one: Waiting) -> bool:
        """Whether a new command goes where the clock's ticks wait."""
        return type(one.command) is Tick or one.site_id in self._clock

    def put_to_clock(self, one: Waiting) -> None:
        self._clock.setdefault(one.site_id, deque()).append(one)
        self._clock_count += 1

    def is_clocks_turn(self, *, else_idle: bool) -> bool:
        """Whether what waits for the clock goes next; `else_idle` says that nothing else waits."""
        return bool(self._clock) and (else_idle or monotonic() - self._clock_turn_at > CLOCK_PATIENCE_S)

    def take_for_clock(self, commands_max: int) -> list[Waiting]:
        """What the clock's turn is for. Sites with a long backlog take turns among themselves."""
        self._long = {site_id: None for site_id in self._long if site_id in self._clock}
        fresh = [site_id for site_id in self._clock if site_id not in self._long][: SITES_MAX - LONG_SITES_MAX]
        taken: list[Waiting] = []
        for site_id in (*fresh, *list(self._long)[:LONG_SITES_MAX]):
            waiting = self._clock[site_id]
            while waiting and len(taken) < commands_max:
                taken.append(waiting.popleft())
            if not waiting:
                del self._clock[site_id]
        self._clock_count -= len(taken)
        return taken

    def end_clock_turn(self) -> None:
        self._clock_turn_at = monotonic()

    def put_behind(self, behind: Iterable[Waiting], *, answer_s: float) -> tuple[list[Waiting], list[Waiting]]:
        """Puts what waits on for its site's backlog where the clock's ticks wait. Returns the ticks that have done what
        they could for now, and the commands whose time is over."""
        now = monotonic()
        done, over = [], []
        for one in behind:
            # behind the others that wait for their next share
            self._long.pop(one.site_id, None)
            self._long[one.site_id] = None
            if type(one.command) is Tick and now - one.since > TICK_S:
                done.append(one)
            elif now - one.since > answer_s:
                over.append(one)
            else:
                self.put_to_clock(one)
        return done, over

    def put_back(self, passed_over: list[Waiting], *, answer_s: float) -> list[Waiting]:
        """Commands whose site was locked elsewhere come first in the next batch. Returns those whose time is over."""
        now = monotonic()
        over = []
        for one in reversed(passed_over):
            one.outcome = None
            if one.passed_over_at is None:
                one.passed_over_at = now
            is_tick = type(one.command) is Tick
            if now - one.since > answer_s or (is_tick and now - one.passed_over_at > PASSED_OVER_MAX_S):
                over.append(one)
            elif is_tick:
                self.put_to_clock(one)
            else:
                self.commands.appendleft(one)
        return over

    def starved(self, taken: Iterable[Waiting]) -> set[int]:
        """The sites whose commands have been passed over for too long."""
        now = monotonic()
        self._resting = {site_id: until for site_id, until in self._resting.items() if until > now}
        return {
            one.site_id
            for one in taken
            if one.passed_over_at is not None
            and now - one.passed_over_at > PASSED_OVER_MAX_S
            and one.site_id not in self._resting
        }

    def rest(self, taken: Iterable[Waiting]) -> None:
        """A lock was waited for in vain: these sites are not waited for again for a while, only tried in passing."""
        until = monotonic() + REST_S
        for one in taken:
            self._resting[one.site_id] = until
