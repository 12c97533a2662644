"""One log line for each act: what a person, the clock or a repair changed, at which site, to what, how long it took.

The desk hands over a batch as it is; the lines are made of it in the writer's thread. They name sites, units,
references and ids; never a customer, a note, or a reason in somebody's own words.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from time import monotonic
from typing import Any

import msgspec

from holdfast.domain.change import Event
from holdfast.domain.commands import Act, Book, Check, Reconcile, Tick
from holdfast.domain.errors import Refusal
from holdfast.services.batch import Batch
from holdfast.services.identity import now_ms
from holdfast.services.logs import Line, Sink, timestamp
from holdfast.services.waiting import Answer, Waiting

CLOCK = "clock"
ACTS_PER_S = 1_000
"""With `log_acts = auto` so many acts a second get a line each; of more there is one line a second with counts."""
UNITS_MAX = 20

_STATUS = "unit.status_changed"
_OWN = ("booking.", "block.", "finding.")
_ALWAYS = ("finding.", "unit.status_repaired", "site.changed")
_OURS_TO_MEND = frozenset({"busy", "unavailable", "outcome_unknown", "disk_full"})


class _Booking(msgspec.Struct):
    reference: str = ""
    state: str = ""
    units: tuple[str, ...] = ()


class _Block(msgspec.Struct):
    units: tuple[str, ...] = ()
    kind: str = ""


class _Finding(msgspec.Struct):
    rule: str = ""
    subject: str = ""


class _Data(msgspec.Struct):
    """As much of an event's data as a line says."""

    booking: _Booking | str | None = None
    block: _Block | str | None = None
    finding: _Finding | None = None
    code: str | None = None
    start: Any = msgspec.field(default=None, name="from")
    end: Any = msgspec.field(default=None, name="to")
    reason: str | None = None
    kind: str | None = None
    units: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(_Data)


class Told(msgspec.Struct, frozen=True, gc=False):
    """What a line needs of a batch."""

    waiting: Sequence[Waiting]
    events: Sequence[tuple[int, Event]]
    slugs: dict[int, str]
    answered_at: float
    wall_ms: int


class ActsLog:
    """Listens to a desk. `every` gives each act its line, however many there are."""

    def __init__(self, sink: Sink, *, every: bool = False) -> None:
        self._sink = sink
        self._every = every
        self._second = 0.0
        self._count = 0
        self._left_out: dict[str, int] = {}

    def served(self, batch: Batch) -> None:
        """Tells of the acts of a committed batch."""
        refused = sum(isinstance(one.outcome, Refusal) for one in batch.waiting)
        if not batch.events and not refused:
            return
        slugs = {site_id: state.site.slug for site_id, state in batch.states.items()}
        told = Told(batch.waiting, batch.events, slugs, monotonic(), now_ms())
        # an act is one or two lines of the journal; a mass of the clock's comes with a single command
        count = max(len(batch.waiting), len(batch.events) // 2)
        if self._has_room(count, told.answered_at):
            self._sink.writer.put(partial(self._lines, told), count)
            return
        for _, event in batch.events:
            self._left_out[event.type] = self._left_out.get(event.type, 0) + 1
        if refused:
            self._left_out["refused"] = self._left_out.get("refused", 0) + refused
        rare = [(site_id, event) for site_id, event in batch.events if event.type.startswith(_ALWAYS)]
        if rare:
            self._sink.writer.put(
                partial(self._lines, Told((), rare, slugs, told.answered_at, told.wall_ms)), len(rare)
            )

    def failed(self, taken: Iterable[Waiting], error: BaseException) -> None:
        """Tells of commands that no batch answered."""
        refused = list(taken)
        at = monotonic()
        if not isinstance(error, Refusal):
            error = Refusal("unavailable")
        if self._has_room(len(refused), at):
            self._sink.writer.put(partial(self._failed, refused, error, at, now_ms()), len(refused))
        else:
            self._left_out[error.code] = self._left_out.get(error.code, 0) + len(refused)

    def _has_room(self, count: int, at: float) -> bool:
        if self._every:
            return True
        if at - self._second >= 1.0:
            self._second, self._count = at, 0
        self._count += count
        if self._count <= ACTS_PER_S or self._count == count:
            return True
        if not self._left_out:
            asyncio.get_running_loop().call_later(1.0, self._tell_left_out)
        return False

    def _tell_left_out(self) -> None:
        left_out, self._left_out = self._left_out, {}
        line = {"event": "acts without a line each", "level": "info", "timestamp": timestamp(now_ms() / 1000)}
        self._sink.writer.put(self._sink.render({**line, "counts": left_out, "each_up_to_per_s": ACTS_PER_S}))

    # -- in the writer's thread ------------------------------------------------------------------------------------

    def _lines(self, told: Told) -> list[str]:
        return [self._sink.render(line) for line in lines_of(told)]

    def _failed(self, refused: Iterable[Waiting], error: Refusal, at: float, wall_ms: int) -> list[str]:
        head = {"timestamp": timestamp(wall_ms / 1000)}
        return [self._sink.render({**refusal_line(one, error, str(one.site_id), at), **head}) for one in refused]


def lines_of(told: Told) -> Iterator[Line]:
    """The lines of a batch: its changes in the order of the journal, then its refusals."""
    at = timestamp(told.wall_ms / 1000)
    commands = _by_site(told.waiting)
    ticks = {one.site_id: one for one in told.waiting if type(one.command) is Tick}
    changes = list(_changes(told, commands, ticks))
    caught_up: dict[str, list[Line]] = {}
    for line in changes:
        line["level"], line["timestamp"] = "info", at
        yield line
        if line["actor"] == CLOCK:
            caught_up.setdefault(line["site"], []).append(line)
    for site, lines in caught_up.items():
        if len(lines) > 1:
            yield {**_summary(site, lines), "level": "info", "timestamp": at}
    for one in told.waiting:
        if isinstance(one.outcome, Refusal):
            site = told.slugs.get(one.site_id, str(one.site_id))
            yield {**refusal_line(one, one.outcome, site, told.answered_at), "timestamp": at}


def refusal_line(one: Waiting, refusal: Refusal, site: str, at: float) -> Line:
    """A command that was refused, by its code."""
    command = one.command.command if isinstance(one.command, Check) else one.command
    line: Line = {"event": "refused", "code": refusal.code, "site": site, "actor": person(one.actor)}
    if isinstance(command, Act):
        line |= {"act": command.act[:40], "subject": str(command.booking_id)}
    else:
        line["act"] = type(command).__name__
        if isinstance(command, Book):
            line["units"] = list(command.units[:UNITS_MAX])
    line["took_ms"] = round((at - one.since) * 1000, 1)
    line["level"] = "warning" if refusal.code in _OURS_TO_MEND else "info"
    return line


def person(actor: str) -> str:
    """The actor as a log may name it: an e-mail address becomes a word that is the same each time."""
    if "@" not in actor:
        return actor
    return "person-" + hashlib.sha256(actor.encode()).hexdigest()[:10]


def _by_site(waiting: Sequence[Waiting]) -> dict[int, list[Waiting]]:
    """The commands that changed something, by site, the last first."""
    found: dict[int, list[Waiting]] = {}
    for one in reversed(waiting):
        if isinstance(one.outcome, Answer) and not one.outcome.replayed and type(one.command) is not Tick:
            found.setdefault(one.site_id, []).append(one)
    return found


def _changes(told: Told, commands: dict[int, list[Waiting]], ticks: dict[int, Waiting]) -> Iterator[Line]:
    """A line for each event that stands for an act; those that follow from it are told with it."""
    open_lines: dict[int, tuple[object, Line]] = {}
    for site_id, event in told.events:
        one: Waiting | None = ticks.get(site_id)
        if event.actor != CLOCK:
            mine = commands.get(site_id, [])
            while mine and isinstance(mine[-1].outcome, Answer) and mine[-1].outcome.version < event.version:
                mine.pop()
            one = mine[-1] if mine else None
        if one is not None and type(one.command) is Reconcile:
            continue  # whoever asked for it tells of it
        owner: object = event.effective_at if event.actor == CLOCK else one
        before = open_lines.get(site_id)
        if before is not None and before[0] == owner and not _is_own(event):
            _add(before[1], event)
            continue
        if before is not None:
            yield before[1]
        line = _line(event, told.slugs.get(site_id, str(site_id)))
        if one is not None:
            line["took_ms"] = round((told.answered_at - one.since) * 1000, 1)
        open_lines[site_id] = owner, line
    for _, line in open_lines.values():
        yield line


def _read(data: bytes) -> _Data:
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        # another package's policy says things of its own
        return _Data()


def _is_own(event: Event) -> bool:
    return event.type.startswith(_OWN) or event.type == "unit.status_repaired"


def _line(event: Event, site: str) -> Line:
    data = _read(event.data)
    line: Line = {"event": event.type, "site": site, "actor": person(event.actor), "cause": event.cause}
    if isinstance(data.booking, _Booking):
        line |= {"subject": data.booking.reference, "state": data.booking.state, "booking": event.subject}
        line["units"] = list(data.booking.units[:UNITS_MAX])
    elif isinstance(data.block, _Block) or event.type.startswith("block."):
        block = data.block if isinstance(data.block, _Block) else _Block(data.units, data.kind or "")
        line |= {"subject": event.subject, "kind": block.kind, "units": list(block.units[:UNITS_MAX])}
    elif data.finding is not None:
        line |= {"subject": data.finding.subject, "rule": data.finding.rule}
    else:
        line["subject"] = event.subject
        if event.type in (_STATUS, "unit.status_repaired", "unit.condition_changed"):
            line |= {"from": data.start, "to": data.end}
        if event.type == "unit.status_repaired":
            line["reason"] = data.reason  # our own words
    line["version"] = event.version
    if event.actor == CLOCK:
        line["late_ms"] = round((event.at - event.effective_at).total_seconds() * 1000, 1)
    return line


def _add(line: Line, event: Event) -> None:
    """Tells of an event with the act that it follows from."""
    line["version"] = event.version
    if event.type == _STATUS:
        data = _read(event.data)
        line.setdefault("statuses", [])
        if len(line["statuses"]) < UNITS_MAX:
            line["statuses"].append(f"{data.code}: {data.start} → {data.end}")
        return
    also = line.setdefault("also", {})
    also[event.type] = also.get(event.type, 0) + 1


def _summary(site: str, lines: Sequence[Line]) -> Line:
    by_type: dict[str, int] = {}
    for line in lines:
        by_type[line["event"]] = by_type.get(line["event"], 0) + 1
    late_ms = max(line["late_ms"] for line in lines)
    summary: Line = {"event": "caught up", "site": site, "actor": CLOCK, "found": len(lines), "done": by_type}
    return {**summary, "late_ms_max": late_ms, "took_ms": lines[-1].get("took_ms")}
