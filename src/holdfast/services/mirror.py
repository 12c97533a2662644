"""The mirror: somebody else's shown statuses held against what their own bookings imply, and written where they lie.

Nothing is imported and no database of ours is needed. What is written is one status field per unit, in one step, and
only where the row is still as it was read; bookings are never written.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import parse_instant, zone
from holdfast.domain.mirror import Discrepancy, Judgement, Rules, judge, rules_for, spoken_unit
from holdfast.gateways.outside import Rewrite
from holdfast.services.mirror_mapping import MappingError, MirrorMapping, check_policy
from holdfast.services.mirror_rows import BookingReader, NotUnderstood, Understood, UnitReader
from holdfast.services.mirror_sources import opened
from holdfast.services.mirror_times import Times
from holdfast.services.mirror_words import WordError


class Detail(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A unit whose status lies, in their words."""

    unit: str
    from_: str
    to: str
    reason: str


class Report(msgspec.Struct, frozen=True):
    """What a look came to. `checked` are the units judged; `fixed` those whose status was written."""

    checked: int
    fixed: int
    details: list[Detail]
    discrepancies: list[Discrepancy]
    not_understood: list[NotUnderstood]
    took_ms: int
    dry_run: bool
    bookings: int
    at: datetime
    policy: str
    noun: str
    assumed: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left for anybody to do."""
        return len(self.details) == self.fixed and not self.discrepancies and not self.not_understood


async def look(mapping: MirrorMapping, environ: Mapping[str, str], *, at: str | None, fix: bool) -> Report:
    """Reads, judges, and with `fix` writes; `at` is the instant to judge at, None the source's own present.

    Raises:
        MappingError: the mapping, a flag or a word of it cannot be used; nothing was changed.
        OutsideError: the rows cannot be read or written; nothing was changed.
    """
    began = time.perf_counter()
    check_policy(mapping)
    async with opened(mapping, environ, writing=fix) as source:
        now = await source.now() if at is None else _instant(at, mapping.time_zone)
        rules = rules_for(mapping.kind, mapping.time_zone, mapping.settings(), now)
        times = Times(rules, zone(mapping.bookings.time_zone or mapping.time_zone), mapping.bookings.time_format)
        understood = Understood()
        try:
            units, bookings = UnitReader(rules, mapping), BookingReader(rules, mapping, times)
        except WordError as error:
            raise MappingError(str(error)) from None
        await units.read(source, understood)
        await bookings.read(source, understood)
        judgement = judge(
            rules, understood.units, understood.bookings,
            undecided=understood.undecided, over_is_recorded=understood.over_is_recorded,
        )  # fmt: skip
        wishes, details, nameless = _wishes(rules, units, understood, judgement)
        moved = await source.rewrite(mapping.units, understood.key_field, wishes) if fix and wishes else []
        took_ms = round((time.perf_counter() - began) * 1000)
    return Report(
        checked=len(understood.units) - len(understood.undecided),
        fixed=len(wishes) - len(moved) if fix else 0,
        details=details,
        discrepancies=[
            *nameless, *_moved(rules, wishes, details, moved), *judgement.discrepancies,
            *understood.discrepancies, *_undecided(rules, understood),
        ],
        not_understood=understood.not_understood,
        took_ms=took_ms,
        dry_run=not fix,
        bookings=understood.bookings_read,
        at=rules.now,
        policy=mapping.kind,
        noun=rules.policy.noun,
        assumed=_assumed(rules, mapping, understood, judgement),
    )  # fmt: skip


def _instant(at: str, time_zone: str) -> datetime:
    try:
        return parse_instant(at, zone(time_zone)).instant
    except Refusal as refusal:
        raise MappingError(f"--at {at[:40]!r} is not {refusal.data['expected']}.") from None


def _wishes(
    rules: Rules, units: UnitReader, understood: Understood, judgement: Judgement
) -> tuple[list[Rewrite], list[Detail], list[Discrepancy]]:
    """What is to be written, what is told of it, and the lies for whose truth they have no word."""
    wishes, details, nameless = [], [], []
    for lie in judgement.lies:
        code, row = understood.units[lie.unit].code, understood.rows[lie.unit]
        word = units.words.write(lie.expected)
        if word is None:
            what = (
                f"{spoken_unit(rules, code)} shows {row.before} and should show {lie.expected} ({lie.reason}), "
                "for which [words.units] has no word"
            )
            nameless.append(Discrepancy("no_word", code, (), what))
            continue
        details.append(Detail(code, str(row.before), word, lie.reason))
        wishes.append(Rewrite(row.number, row.key, row.field, row.before, word))
    return wishes, details, nameless


def _moved(rules: Rules, wishes: list[Rewrite], details: list[Detail], moved: list[Rewrite]) -> Iterator[Discrepancy]:
    codes = {wish.number: detail.unit for wish, detail in zip(wishes, details, strict=True)}
    for wish in moved:
        code = codes[wish.number]
        what = f"{spoken_unit(rules, code)} was changed by somebody else meanwhile, and was left alone"
        yield Discrepancy("moved", code, (), what)


def _undecided(rules: Rules, understood: Understood) -> list[Discrepancy]:
    """The units that were not judged though their own rows were understood."""
    found = []
    for number in sorted(understood.undecided):
        unit = understood.units[number]
        if unit.means:
            shows = understood.rows[number].before
            what = f"{spoken_unit(rules, unit.code)} shows {shows}, and was not judged: its bookings are not all clear"
            found.append(Discrepancy("not_judged", unit.code, (), what))
    return found


def _assumed(rules: Rules, mapping: MirrorMapping, understood: Understood, judgement: Judgement) -> list[str]:
    """What the owner did not say and was taken to be so, as sentences."""
    noun, settings = rules.policy.noun, rules.site.settings
    said = [] if "kind" in mapping.policy else [f"The policy is {mapping.kind}"]
    if "time_zone" not in mapping.policy:
        said.append(f"the time zone is {mapping.time_zone}")
    if "look_ahead" not in mapping.policy:
        meant = {"any": "any future reservation counts", "today": "reservations of today count"}
        ahead = settings.look_ahead
        told = meant.get(ahead, ahead) if isinstance(ahead, str) else f"{ahead} minutes before a start"
        said.append(f"the look-ahead is {ahead} ({told})")
    sentences = ["; ".join(said) + "."] if said else []
    if understood.midnights:
        hours = f"{settings.check_in} to {settings.check_out}"
        sentences.append(f"{understood.midnights} bookings have midnights for both ends: read as dates, {hours}.")
    if judgement.left:
        words = Counter(str(understood.rows[number].before) for number in judgement.left)
        listed = ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
        sentences.append(f"Left as they are, though reserved: {listed}; nothing else records that of the {noun}s.")
    return [sentence[0].upper() + sentence[1:] for sentence in sentences]
