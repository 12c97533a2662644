"""How a read, and a run of several, ends. "Succeeded" is no end: it is complete, or is not, or why nobody knows.

`verified`: the source has as many rows as the store, after the read. `drift`: it has others, and how many.
`unverifiable`: it cannot be known, and why. `rejects`: complete, with rows set aside. The rest did not come to an end.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from holdfast.domain.machine import Machine

_ENDINGS = {
    "matched": "verified", "differed": "drift", "doubted": "unverifiable", "set_aside": "rejects",
    "stopped": "cancelled", "broke": "failed", "gave_up": "paused", "counted": "done", "left_out": "left_out",
}  # fmt: skip
STAGE = Machine(
    {"waiting": {"began": "running", **_ENDINGS}, "running": dict(_ENDINGS), **{end: {} for end in _ENDINGS.values()}},
    initial=("waiting",),
)
"""A stage of a run. `done` is lifetime value's own end: what it counted is only as complete as its streams."""

_CAUSES = {end: cause for cause, end in _ENDINGS.items()}
_WORST_FIRST = ("failed", "paused", "cancelled", "drift", "unverifiable", "rejects", "verified", "done", "left_out")


def ended(state: str, verdict: "Verdict") -> str:
    """The state of a stage behind a verdict.

    Raises:
        Refusal: `wrong_state` when it has ended already.
    """
    return STAGE.after(state, _CAUSES[verdict.state])


class Control(msgspec.Struct, frozen=True):
    """What one side says of a window as a whole: how many rows, or how much spend by currency. None: it cannot say."""

    count: int | None = None
    amounts: tuple[tuple[str, Decimal], ...] | None = None


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a stage ended; `n` rows differ or are set aside."""

    state: str
    n: int = 0
    reason: str | None = None


def judge(
    theirs: Control, ours: Control, *, rejects: int = 0, held_before: int = 0, warnings: Sequence[str] = (),
    differences: int = 0,
) -> Verdict:  # fmt: skip
    """The verdict on a window that was read to its end. `differences` were found by comparing row by row, and put
    right; `held_before` rows the store knew of before the read."""
    if differences:
        return Verdict("drift", differences, "rows differed and were put right")
    if theirs.count is not None and ours.count is not None:
        off = abs(theirs.count - ours.count)
        if off:
            return Verdict("drift", off, f"the source has {theirs.count} rows, the store {ours.count}")
    elif theirs.amounts is not None and ours.amounts is not None:
        off = _differing(theirs.amounts, ours.amounts)
        if off:
            return Verdict("drift", off, "the source's total is not the sum of its days")
    else:
        return Verdict("unverifiable", rejects, "the source does not say how many rows it has")
    if warnings:
        return Verdict("unverifiable", rejects, "; ".join(warnings))
    if theirs.count == 0 and held_before:
        return Verdict("unverifiable", held_before, "the source says that it has no rows where it had some")
    if rejects:
        return Verdict("rejects", rejects, "rows that could not be read are set aside")
    return Verdict("verified")


def overall(states: Iterable[str]) -> str:
    """How a run ended whose stages ended so: as the worst of them; a run in which all were left out is verified."""
    found = set(states)
    worst = next((state for state in _WORST_FIRST if state in found), "verified")
    return "verified" if worst in ("done", "left_out") else worst


def _differing(theirs: tuple[tuple[str, Decimal], ...], ours: tuple[tuple[str, Decimal], ...]) -> int:
    named, known = dict(theirs), dict(ours)
    return sum(named.get(currency, Decimal(0)) != known.get(currency, Decimal(0)) for currency in {*named, *known})
