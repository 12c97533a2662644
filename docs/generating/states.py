"""The states of bookings by kind of site, what the clock makes of them, and the acts."""

# ruff: noqa: E501 - the text is prose
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from generating.text import page, same_names, table
from holdfast.domain.bookings.values import Booking
from holdfast.domain.local_time import zone
from holdfast.domain.policies import kinds, place_kinds, policy_of
from holdfast.domain.policies.base import EVENTS, Policy
from holdfast.domain.sites import Site, parse_settings, rules_of

ACTS: Mapping[str, tuple[str, str]] = {
    # act → (what it takes in the body, what it does and asks)
    "confirm": ("", "Turns a hold into a booking. An expired hold cannot be confirmed."),
    "start": (
        "`code`, or `override` with `reason`",
        "Starts the session now. An early start claims the time from now on, if it is free.",
    ),
    "check-in": (
        "`code`, or `override` with `reason`",
        "Lets the guest in: nobody else in the room, room in service, on the day of arrival or with an override.",
    ),
    "end": ("`reason`", "Ends the session now and frees its units, buffer included."),
    "check-out": (
        "`reason`",
        "Ends the stay now, frees its rooms and leaves them dirty, unless they are out of service.",
    ),
    "extend": (
        "`to` or `minutes` (negative shortens)",
        "One change of the end: it succeeds, or names what is in the way. A running one is not bound by grid, length and notice.",
    ),
    "move": (
        "`from`, `to`, `unit` or `units`; or `slot` and `date`; or `date` and `nights`",
        "Other time, other units, or both. A running one keeps its start, and is in the other unit from now on.",
    ),
    "swap": ("`other` (a booking's id)", "Two bookings exchange their units in one change; each keeps its time."),
    "split": ("`at`, `unit`", "From an instant inside the stay on, the rest is spent in another unit."),
    "amend": ("`team`", "Other people come along, where the site lets bookings name a team. Until it is over."),
    "cancel": ("`reason`", "Frees its units. Their status goes back only as far as no other booking holds them."),
    "no-show": ("`reason`, `override`", "The guest did not come. Not before the start, unless overridden."),
    "approve": ("`reason`", "The request becomes a booking. Its slot was held for it since it was made."),
    "reject": ("`reason` (required)", "The request ends and its slot is free. The customer reads the reason."),
    "revoke": ("`reason`", "Takes an approval back; the request waits for a decision again. Not after the start."),
    "undo": (
        "`reason`",
        "Takes a start, a no-show or a rejection back, while the units are still free and the clock would not call it again.",
    ),
}

CLOCK: Mapping[tuple[str, str, str], str] = {
    # (kind, state, cause) → when
    ("cafe", "Held", "expired"): "at `expires_at`",
    ("cafe", "Booked", "no_show"): "`no_show_grace_minutes` after its start, at its end at the latest",
    ("cafe", "Booked", "started"): "at its start, where the site sets `auto_start`",
    ("cafe", "Active", "ended"): "at its end",
    ("hotel", "Held", "expired"): "at `expires_at`",
    ("hotel", "Reserved", "no_show"): "at the `cut_off` of the morning after arrival, at its end at the latest",
    ("grounds", "Pending", "expired"): "at its start",
    ("grounds", "Approved", "ended"): "at its end",
}

KIND_TITLES = {"cafe": "Café", "hotel": "Hotel", "grounds": "Sports grounds"}


def states_page() -> str:
    acts = {act for kind in kinds() for act in policy_of(kind).acts}
    same_names(ACTS, acts, "acts")
    lines = ["# States and acts", "", "One table per kind of site, in code; nothing else can change a state.", ""]
    for kind in place_kinds():
        lines += _policy(policy_of(kind))
    lines += ["## Acts", "", "`POST /api/sites/{site}/bookings/{booking}/{act}`.", ""]
    rows = []
    for act, (takes, does) in ACTS.items():
        at = ", ".join(kind for kind in kinds() if act in policy_of(kind).acts)
        rows.append((f"`{act}`", at, takes, does))
    lines += table(("act", "kinds", "takes", "does"), rows)
    return page(lines)


def _policy(policy: Policy) -> list[str]:
    machine = policy.machine
    lines = [f"## {KIND_TITLES[policy.kind]} (`{policy.kind}`)", "", "```mermaid", machine.diagram(), "```", ""]
    rows = []
    for state in machine.states:
        claim = policy.claim_kinds.get(state)
        by_clock = [
            f"{cause} → {machine.after(state, cause)}: {CLOCK[policy.kind, state, cause]}"
            for cause in clock_causes(policy, state)
        ]
        rows.append((f"`{state}`", f"`{claim}`" if claim else "none", "; ".join(by_clock) or "nothing"))
    lines += table(("state", "claim it holds", "what the clock does"), rows)
    if policy.overstays:
        lines += [
            "",
            "A guest who has not left is still there: a stay past its end shows as occupied until somebody checks it out.",
        ]
    if "split" in policy.acts:
        lines += [
            "",
            "A split stay that is under way leaves a part at its end (cause `moved`); the part's room is left dirty.",
        ]
    lines += ["", "Shown statuses: " + ", ".join(f"`{status}`" for status in policy.statuses) + ".", ""]
    rows = []
    for act, cause in policy.acts.items():
        steps = [f"{state} → {row[cause]}" for state, row in machine.table.items() if cause in row]
        rows.append((f"`{act}`", f"`{cause}`", "; ".join(steps), f"`{EVENTS[cause]}`"))
    return [*lines, *table(("act", "cause", "from → to", "event"), rows), ""]


def clock_causes(policy: Policy, state: str) -> list[str]:
    """What the clock may do to a booking in a state, asked of the policy itself."""
    found = []
    for auto_start in (False, True):
        due = policy.clock(_booking(state), _site(policy, {"auto_start": auto_start}))
        if due is not None and due[1] not in found:
            found.append(due[1])
    known = {cause for kind, of, cause in CLOCK if (kind, of) == (policy.kind, state)}
    same_names(known, found, f"what the clock does to {policy.kind} {state}")
    return found


def _booking(state: str) -> Booking:
    start = datetime(2027, 3, 8, 12, tzinfo=UTC)
    return Booking(
        UUID(int=1), "ABC", state, True, None, (1,), start, start + timedelta(hours=4), start, 1,
        expires_at=start - timedelta(minutes=5) if state == "Held" else None,
    )  # fmt: skip


def _site(policy: Policy, given: Mapping[str, Any]) -> Site:
    settings = parse_settings(given, policy.defaults)
    made = datetime(2027, 1, 1, tzinfo=UTC)
    return Site(
        1,
        UUID(int=1),
        policy.kind,
        "site",
        "Site",
        zone("Europe/Berlin"),
        settings,
        *rules_of(settings),
        dict(given),
        made,
    )
