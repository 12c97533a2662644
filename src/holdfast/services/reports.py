"""What a pass of reconciling came to, as people and programs read it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import field

from holdfast.domain.reconcile import Detail

DETAILS_MAX = 1_000
"""Details a report holds; what is more is counted."""


class Told(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One thing found at a site; the fields are those of `Detail`."""

    site: str
    rule: str
    subject: str
    state: str
    unit: str | None = None
    start: str | None = field(name="from", default=None)
    to: str | None = None
    reason: str | None = None
    reference: str | None = None

    def log(self) -> dict[str, Any]:
        """The fields of a log line."""
        told = msgspec.to_builtins(self)
        return {name: value for name, value in told.items() if name not in ("state", "subject") or self.unit is None}

    def line(self, noun: str = "unit") -> str:
        """For people: Room 102: OCCUPIED → AVAILABLE (No checked-in guest found)."""
        what = f"{noun.capitalize()} {self.unit}" if self.unit is not None else self.reference or self.subject
        change = f"{self.start} → {self.to} " if self.start is not None and self.to is not None else ""
        return f"{what}: {change}({self.reason or self.rule.replace('_', ' ')})"


class Report(msgspec.Struct):
    """`checked` units, `fixed` repairs, their `details`; `discrepancies` are what holds now and is a person's to judge,
    `opened` of them new and `closed` no longer so. `failed` are sites that could not be looked at, with the code why.
    `left_out` counts details beyond those kept."""

    sites: int = 0
    checked: int = 0
    bookings: int = 0
    fixed: int = 0
    opened: int = 0
    closed: int = 0
    details: list[Told] = field(default_factory=list)
    discrepancies: list[Told] = field(default_factory=list)
    left_out: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    took_ms: float = 0.0
    dry_run: bool = False
    at: datetime | None = None

    def add(self, site: str, details: Iterable[Detail]) -> None:
        """Counts what reconciling one site came to."""
        for one in details:
            told = Told(site, one.rule, one.subject, one.state, one.unit, one.start, one.to, one.reason, one.reference)
            if one.state == "repaired":
                self.fixed += 1
                self._keep(self.details, told)
            elif one.state == "closed":
                self.closed += 1
            else:
                self.opened += one.state == "opened"
                self._keep(self.discrepancies, told)

    @property
    def found_any(self) -> bool:
        return bool(self.fixed or self.discrepancies or self.failed or self.left_out)

    def lines(self, *, state: str) -> Iterator[Told]:
        """The kept details in a state."""
        return (told for told in (*self.details, *self.discrepancies) if told.state == state)

    def _keep(self, kept: list[Told], told: Told) -> None:
        if len(kept) < DETAILS_MAX:
            kept.append(told)
        else:
            self.left_out += 1
