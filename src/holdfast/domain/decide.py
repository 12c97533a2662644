"""The one door into the domain: a command on a site's state becomes changes, or a refusal that changes nothing."""

from holdfast.domain.bookings.acts import act
from holdfast.domain.bookings.book import book
from holdfast.domain.calendars import follow_calendar
from holdfast.domain.change import Change, encode
from holdfast.domain.commands import (
    Act,
    AddBlock,
    AddUnits,
    Book,
    ChangeSite,
    ChangeUnit,
    Check,
    CloseFinding,
    Command,
    Erase,
    FollowCalendar,
    OpenFinding,
    Reconcile,
    RemoveBlock,
    SettleFinding,
    Tick,
    Together,
)
from holdfast.domain.draft import Draft
from holdfast.domain.erasing import erase
from holdfast.domain.errors import Refusal
from holdfast.domain.findings import close_finding, open_finding, settle_finding
from holdfast.domain.reconcile import reconcile
from holdfast.domain.state import SiteState, Undo
from holdfast.domain.statuses import consequences, follow, refill
from holdfast.domain.upkeep import add_block, add_units, change_site, change_unit, remove_block

TOGETHER_MAX = 400


class Decision:
    """The applied changes of a command, in order, and its answer as JSON."""

    __slots__ = ("answer", "changes")

    def __init__(self, changes: list[Change], answer: bytes) -> None:
        self.changes = changes
        self.answer = answer


def decide(state: SiteState, command: Command, actor: str) -> Decision:
    """Decides a command and applies what follows to `state`; on a refusal `state` is as it was.

    The site must have been caught up with the clock before. `Tick` is done by that alone.

    Raises:
        Refusal: as the command's own decision says.
    """
    if type(command) is Together:
        return _together(state, command, actor)
    if type(command) is Check:
        return _check(state, command.command, actor)
    if type(command) is Reconcile:
        changes, report = reconcile(state, command, actor)
        return Decision(changes, encode(report))
    if type(command) is Tick:
        return Decision([], b"{}")
    draft = _draft(state, command, actor)
    state.apply(draft.change)
    return Decision([draft.change, *consequences(state, draft.change, actor, state.now)], draft.change.answer)


def _draft(state: SiteState, command: Command, actor: str) -> Draft:
    match command:
        case Book():
            return book(state, command, actor)
        case Act():
            return act(state, command, actor)
        case AddBlock():
            return add_block(state, command, actor)
        case RemoveBlock():
            return remove_block(state, command, actor)
        case FollowCalendar():
            return follow_calendar(state, command, actor)
        case AddUnits():
            return add_units(state, command, actor)
        case ChangeUnit():
            return change_unit(state, command, actor)
        case ChangeSite():
            return change_site(state, command, actor)
        case OpenFinding():
            return open_finding(state, command, actor)
        case CloseFinding():
            return close_finding(state, command, actor)
        case SettleFinding():
            return settle_finding(state, command, actor)
        case Erase():
            return erase(state, command, actor)
    raise TypeError(f"no decision for {type(command).__name__}")


def _together(state: SiteState, command: Together, actor: str) -> Decision:
    """All or none; with `skip`, each that can be done, and the others' refusals told beside them."""
    changes, _, answer = _parts(state, command, actor)
    # statuses follow once all is in place, so that a taken-back part never shows
    for change in list(changes):
        followed = follow(state, change, actor, state.now)
        if followed is not None:
            state.apply(followed)
            changes.append(followed)
    return Decision(changes, answer)


def _check(state: SiteState, command: Command, actor: str) -> Decision:
    """Decides without keeping: what would be the answer, and `state` is as it was."""
    if type(command) is Together:
        _, undos, answer = _parts(state, command, actor)
        for undo in reversed(undos):
            state.revert(undo)
        return Decision([], answer)
    # a draft that is not applied has changed nothing
    return Decision([], b'{"allowed":true,"would_be":' + _draft(state, command, actor).change.answer + b"}")


def _parts(state: SiteState, command: Together, actor: str) -> tuple[list[Change], list[Undo], bytes]:
    """The applied changes of the parts, what undoes them, and the answer; on a refusal `state` is as it was."""
    if not 1 <= len(command.commands) <= TOGETHER_MAX:
        raise Refusal("invalid_request", field="commands", expected=f"1 to {TOGETHER_MAX}")
    changes: list[Change] = []
    undos: list[Undo] = []
    results: list[bytes] = []
    for index, part in enumerate(command.commands):
        try:
            draft = _draft(state, part, actor)
        except Refusal as refusal:
            if command.skip:
                results.append(_refused(index, refusal))
                continue
            for undo in reversed(undos):
                state.revert(undo)
            raise Refusal(refusal.code, **refusal.data, failed_at=index) from None
        undos.append(state.undo_of(draft.change))
        state.apply(draft.change)
        changes.append(draft.change)
        results.append(draft.change.answer)
        # what a part gives free of a blocked unit goes back to the block before the next part can take it
        refilled = refill(state, draft.change, actor, state.now)
        if refilled is not None:
            undos.append(state.undo_of(refilled))
            state.apply(refilled)
            changes.append(refilled)
    return changes, undos, b'{"results":[' + b",".join(results) + b"]}"


def _refused(index: int, refusal: Refusal) -> bytes:
    return encode({"refused": {"index": index, "code": refusal.code, "data": refusal.data}})
