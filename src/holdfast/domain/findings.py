"""Findings: recorded ≠ expected, with the repair, or with the question for a person (a discrepancy).

A finding stands while what it says is so. It is level-triggered: opened once per rule and subject, closed when it is
no longer so; one that a person dismissed is not opened again while it lasts.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec.structs import replace

from holdfast.domain.change import encode
from holdfast.domain.commands import CloseFinding, OpenFinding, SettleFinding
from holdfast.domain.draft import Draft, as_json
from holdfast.domain.errors import Refusal
from holdfast.domain.finding import REASON_MAX, Finding

if TYPE_CHECKING:
    from holdfast.domain.state import SiteState

VERDICTS = {"resolve": "resolved", "dismiss": "dismissed"}

RULES: dict[str, str] = {
    # rule → what was found, in one sentence (the reference page is made of this table)
    "status_differs": "A unit showed another status than follows; it was written anew.",
    "overdue": "A transition of the clock had been missed; it was caught up with its true instant.",
    "live_differs": "A booking was marked as holding its units, or not, against its state; that was put right.",
    "claim_differs": "A live booking's claims were not those its state and times ask for; they were put right.",
    "claim_without_holder": "A unit was claimed by no live booking and no block; the claim was removed.",
    "block_without_claim": "A block did not hold time that nobody else holds; it took it.",
    "alarm_differs": "The next instant at which something changes by itself was missing or late; it was set anew.",
    "unknown_state": "A booking is in a state that the policy does not know: somebody wrote it past the desk.",
    "booking_without_claim": "A live booking does not hold its unit, and something else does.",
    "two_live_bookings": "Two live bookings want one unit at the same time; only one of them holds it.",
    "two_sessions": "Two bookings say that their people are in one unit now.",
    "journal_differs": "A live booking is not as its last journal line says: somebody wrote it past the desk.",
    "occupied_not_booked": "Somebody was seen in a unit that no session is running in.",
    "still_running": "Somebody was in a unit before its session ended, and is seen in it still.",
    "booked_but_idle": "A session is running in a unit where nobody was seen.",
    "agent_offline": "The unit's agent was seen offline while a session is running.",
    "late_check_out": "A guest is still in the room after the time to leave.",
    "no_arrival": "A guest has not arrived by the time that was to be expected.",
    "unfit_for_arrival": "A unit is out of use for a time in which a booking needs it.",
    "calendar_conflict": "A calendar from outside says that a unit is taken for a time in which it is booked here.",
    "calendar_stale": "A calendar from outside cannot be read, or has not been for too long.",
    "poisoned_booking": "The clock cannot process a booking; it was set aside so that the others go on.",
    "poisoned_unit": "The clock cannot process a unit; it was set aside so that the others go on.",
    "poisoned_block": "The clock cannot process a block; it was set aside so that the others go on.",
    "transition_late": "What the clock is to do at this site is late by more than a minute.",
    "loop_silent": "A loop of the server has not given a sign of life for longer than it may.",
    "repairs_many": "A pass of reconciling repaired more than is to be expected.",
    "sync_drift": "A source has other rows than the store that was synced from it.",
    "sync_unverifiable": "Whether a sync brought all rows cannot be known; the reason says what stands in the way.",
    "sync_rejects": "Rows of a source could not be understood; they are set aside, and can be tried again.",
    "ltv_differs": "Lifetime values kept up to date differed from those counted anew; they were replaced.",
    "disk_low": "There is little space left on a disk.",
}


def open_finding(state: "SiteState", command: OpenFinding, actor: str) -> Draft:
    """Records what was found, unless it stands already; changes nothing else."""
    draft = Draft(state, actor)
    raise_finding(draft, command.rule, command.subject, command.data, finding_id=command.id)
    return draft


def close_finding(state: "SiteState", command: CloseFinding, actor: str) -> Draft:
    """What was found is no longer so; nothing when it does not stand."""
    draft = Draft(state, actor)
    standing = state.findings.get((command.rule, command.subject))
    if standing is not None:
        end_finding(draft, standing, reason=command.reason)
    return draft


def settle_finding(state: "SiteState", command: SettleFinding, actor: str) -> Draft:
    """A person says that it is resolved, or that it is to be left alone while it lasts.

    Raises:
        Refusal: `unknown_finding`, `wrong_state` when it is closed already, `invalid_request` without a reason.
    """
    finding = next((one for one in state.findings.values() if one.id == command.finding_id), None)
    if finding is None:
        raise Refusal("unknown_finding", finding=str(command.finding_id))
    if finding.state != "open":
        raise Refusal("wrong_state", state=finding.state, act=command.verdict, possible=[])
    if not command.reason.strip() or len(command.reason) > REASON_MAX:
        expected = f"1 to {REASON_MAX} characters: who reads it later will want to know"
        raise Refusal("invalid_request", field="reason", expected=expected)
    draft = Draft(state, actor)
    settled = end_finding(
        draft, finding, reason=command.reason, state=VERDICTS[command.verdict], stands=command.verdict == "dismiss"
    )
    draft.change.answer = encode({"finding": settled})
    return draft


def raise_finding(
    draft: Draft, rule: str, subject: str, data: dict[str, Any], *, finding_id: UUID | None = None
) -> Finding | None:
    """Opens a finding on a draft; None when one of that rule and subject stands already."""
    if (rule, subject) in draft.state.findings or any(
        (one.rule, one.subject) == (rule, subject) and one.stands for one in draft.change.findings
    ):
        return None
    finding = Finding(finding_id or _id_of(draft), rule, subject, "open", draft.state.now, as_json(data), stands=True)
    draft.event("finding.opened", subject, rule, encode({"finding": finding}))
    draft.change.findings.append(finding)
    return finding


def end_finding(
    draft: Draft, finding: Finding, *, reason: str | None, state: str = "resolved", stands: bool = False
) -> Finding:
    """Closes a standing finding on a draft. One that was dismissed before only ceases to stand, silently."""
    if finding.state == "dismissed":
        ended = replace(finding, stands=False)
    else:
        ended = replace(
            finding, state=state, stands=stands, closed_at=draft.state.now, closed_by=draft.actor, reason=reason
        )
        draft.event("finding.closed", finding.subject, state, encode({"finding": ended}))
    draft.change.findings.append(ended)
    return ended


def note_repair(draft: Draft, rule: str, subject: str, data: dict[str, Any], *, silent: bool = False) -> Finding:
    """Records something found and repaired in the same change; `silent` where another journal line says it."""
    finding = Finding(
        _id_of(draft), rule, subject, "repaired", draft.state.now, as_json(data),
        closed_at=draft.state.now, closed_by=draft.actor, reason=data.get("reason"),
    )  # fmt: skip
    if not silent:
        draft.event("finding.repaired", subject, rule, encode({"finding": finding}))
    draft.change.findings.append(finding)
    return finding


def _id_of(draft: Draft) -> UUID:
    """An id that no other finding of the site has: the instant, and the place of its journal line in the site."""
    moment = int(draft.state.now.timestamp() * 1000) & (1 << 48) - 1
    number = draft.next_version() << 12 | len(draft.change.findings) & 0xFFF
    return UUID(int=moment << 80 | 8 << 76 | (number >> 62 & 0xFFF) << 64 | 2 << 62 | number & (1 << 62) - 1)
