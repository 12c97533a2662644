"""What one desk has done, as plain numbers: counted where it happens, read when somebody looks.

A command costs a few dictionary look-ups here. Names come from our own code only (types of commands and events, codes,
rules): neither sites nor what a client sends become one, so that there is a bound to how many there are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from holdfast.domain.commands import Act
from holdfast.domain.errors import Refusal
from holdfast.domain.policies import kinds, policy_of

if TYPE_CHECKING:
    from holdfast.domain.change import Event
    from holdfast.services.batch import Batch
    from holdfast.services.waiting import Waiting

CLOCK = "clock"
LATENESS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0, 3600.0)
BATCH_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
BATCH_COMMANDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
NAMES_MAX = 200
"""Codes and types of other packages' policies are counted by name too; beyond this many they are `other`."""

_FINDINGS = {"finding.opened": "opened", "finding.closed": "closed", "finding.repaired": "repaired"}


class _Rule(msgspec.Struct, frozen=True):
    rule: str = "unknown"


class _Found(msgspec.Struct):
    finding: _Rule = _Rule()


_read_rule = msgspec.json.Decoder(_Found).decode


class Histogram:
    """How often a value fell below each bound; the last count is of those above all of them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """The counters of one desk. Belongs to the event loop of its desk."""

    def __init__(self) -> None:
        self.commands: dict[tuple[str, str], int] = {}
        """(type or act, `done`, `replayed`, `refused` or `failed`) → how many."""
        self.refusals: dict[str, int] = {}
        self.events: dict[str, int] = {}
        self.findings: dict[tuple[str, str], int] = {}
        """(rule, `opened`, `closed` or `repaired`) → how many."""
        self.lateness_s = Histogram(LATENESS_S)
        self.batch_s = Histogram(BATCH_S)
        self.batch_commands = Histogram(BATCH_COMMANDS)
        self.overtaken = 0
        self._acts = frozenset(act for kind in kinds() for act in policy_of(kind).acts)
        self._types: dict[type, str] = {}

    def served(self, batch: Batch) -> None:
        """Counts the commands of a committed batch, and what it wrote."""
        commands, size = self.commands, 0
        for one in batch.waiting:
            outcome = one.outcome
            if outcome is None:
                continue
            size += 1
            if isinstance(outcome, Refusal):
                self.refused(one, outcome)
            else:
                key = self._name(one), "replayed" if outcome.replayed else "done"
                commands[key] = commands.get(key, 0) + 1
        if size:
            self.batch_commands.observe(size)
        self.heard(batch.events)

    def heard(self, events: Iterable[tuple[int, Event]]) -> None:
        """Counts journal lines, and how late the clock's were."""
        counts = self.events
        for _, event in events:
            kind = event.type
            if kind in counts:
                counts[kind] += 1
            else:
                _count(counts, kind)
            if kind not in _FINDINGS:
                if event.actor == CLOCK:
                    self.lateness_s.observe((event.at - event.effective_at).total_seconds())
            else:
                # a closed one's cause is how it ended, so the rule is read from what it says
                key = _read_rule(event.data).finding.rule[:64], _FINDINGS[kind]
                if key in self.findings or len(self.findings) < NAMES_MAX:
                    self.findings[key] = self.findings.get(key, 0) + 1

    def failed(self, taken: Iterable[Waiting], error: BaseException) -> None:
        """Counts commands that were answered without a batch of theirs having been committed."""
        for one in taken:
            if isinstance(error, Refusal):
                self.refused(one, error)
            else:
                key = self._name(one), "failed"
                self.commands[key] = self.commands.get(key, 0) + 1

    def refused(self, one: Waiting, refusal: Refusal) -> None:
        key = self._name(one), "refused"
        self.commands[key] = self.commands.get(key, 0) + 1
        _count(self.refusals, refusal.code)

    def _name(self, one: Waiting) -> str:
        command = one.command
        if type(command) is Act:
            # an act is what a client wrote until it is found in the policy
            return command.act if command.act in self._acts else "unknown act"
        kind = type(command)
        name = self._types.get(kind)
        if name is None:
            name = self._types[kind] = _in_words(kind.__name__)
        return name


def _count(counts: dict[str, int], name: str) -> None:
    if name not in counts and len(counts) >= NAMES_MAX:
        name = "other"
    counts[name] = counts.get(name, 0) + 1


def _in_words(name: str) -> str:
    """`ChangeUnit` → `change unit`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
