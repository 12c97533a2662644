"""The lines of the journal: all types that the domain makes are described here, and no others."""

# ruff: noqa: E501 - the text is prose
import ast
import re
from collections.abc import Mapping
from pathlib import Path

import holdfast
from generating.text import page, same_names, table
from holdfast.domain.policies.base import EVENTS

EVENT_TYPES: Mapping[str, tuple[str, str]] = {
    # type → (what it says, members of `data`)
    "booking.created": (
        "a booking came into being: held, booked, requested, walked in or imported",
        "`booking`, `imported`",
    ),
    "booking.confirmed": ("a hold became a booking", "`booking`"),
    "booking.approved": ("staff approved a request", "`booking`, `reason`"),
    "booking.rejected": ("staff rejected a request", "`booking`, `reason`"),
    "booking.revoked": ("an approval was taken back; the request waits again", "`booking`, `reason`"),
    "booking.started": ("a session started or a guest checked in", "`booking`, `reason`, `override`"),
    "booking.extended": ("the end moved, later or earlier", "`booking`, `from_end`"),
    "booking.moved": (
        "other time or other units: moved, swapped, split, or a split stay changed rooms on its night",
        "`booking`, `from_units`, `from_start`, `from_end`, or `with` and `from_units`, or `at`",
    ),
    "booking.amended": ("who comes along was changed", "`booking`"),
    "booking.completed": ("a session or stay ended, by itself or by somebody", "`booking`, `reason`"),
    "booking.cancelled": ("cancelled", "`booking`, `reason`"),
    "booking.no_show": ("the guest did not come", "`booking`, `reason`, `override`"),
    "booking.expired": ("a hold lapsed, or a request was not decided by its start", "`booking`"),
    "booking.undone": ("a start, a no-show or a rejection was taken back", "`booking`, `reason`"),
    "booking.erased": (
        "whose it was is forgotten, in all that the journal said of it before as well: the lines stay, without "
        "customer, note, details and reasons",
        "`booking`",
    ),
    "unit.created": (
        "a unit was added",
        "`code`, `name`, `category`, `parent`, `condition`, `attributes`, `to` (its first status)",
    ),
    "unit.changed": (
        "name, category, parent or attributes changed",
        "`code`, `name`, `category`, `parent`, `condition`, `attributes`",
    ),
    "unit.condition_changed": (
        "what staff say of it changed",
        "`code`, `from`, `to`, and `reason`, `booking` or `block`",
    ),
    "unit.status_changed": ("the word on the screen changed", "`code`, `from`, `to`, `booking`"),
    "block.created": ("units were taken out of use for a time", "`block`"),
    "block.removed": ("a block was removed, or is over (cause `over`)", "`id`, `units`, `kind`, `reason`"),
    "site.changed": ("name, time zone or settings changed", "`site`"),
    "unit.status_repaired": (
        "a status that did not follow was written anew; `from` is what somebody had written past the desk",
        "`code`, `from`, `to`, `reason`, `booking`",
    ),
    "sync.started": ("a sync run was asked for", "`run`, `operation`, `stages`"),
    "sync.progressed": (
        "a batch of rows came in, with this line in one transaction",
        "`run`, `stage`, `connection`, `done`, `total`, `eta_s`, `changed`, `rejects`",
    ),
    "sync.stage_ended": (
        "a stage of a run ended, and how complete it is (cause: its state)",
        "`run`, `stage`, `connection`, `state`, `n`, `reason`, `done`, `total`",
    ),
    "sync.ended": ("a run ended (cause: its state)", "`run`, `state`, `reason`, `stages`"),
    "orders.changed": ("a shop told of an order by a webhook (cause: its topic)", "`connection`, `order`, `topic`"),
    "connection.changed": (
        "a connection was made, changed or taken out, or a rate was set",
        "`connection`, `name`, `kind`, or `currency`, `into`, `day`, `rate`",
    ),
    "ltv.counted": (
        "lifetime value was brought in line, and up to when its streams were complete",
        "`customers`, `orders_as_of`, `ads_as_of`, `without_customer`, `unconverted`, `differences`",
    ),
    "finding.opened": ("something recorded is not as expected, and somebody's to judge", "`finding`"),
    "finding.closed": ("it is no longer so, or a person settled it (cause: the state)", "`finding`"),
    "finding.repaired": ("something was found and put right in the same change", "`finding`"),
}


def events_page() -> str:
    same_names(EVENT_TYPES, emitted_types(), "journal types")
    lines = [
        "# Journal events",
        "",
        "A line of the journal: `version` (dense per site, from 1), `at` (when it was written), `effective_at` (when it became",
        "true), `type`, `subject` (a booking's, block's or finding's id, a unit's code or a site's slug), `actor`, `cause`, `data`.",
        "A change by the clock that was caught up late has an `effective_at` before its `at`.",
        "",
    ]
    causes: dict[str, list[str]] = {}
    for cause, kind in EVENTS.items():
        causes.setdefault(kind, []).append(cause)
    rows = []
    for kind, (said, members) in EVENT_TYPES.items():
        rows.append((f"`{kind}`", said, ", ".join(f"`{cause}`" for cause in causes.get(kind, ())), members))
    lines += table(("type", "what it says", "causes", "data"), rows)
    lines += ["", "`data.booking` is the booking as clients see it after the change, without its start code."]
    return page(lines)


def emitted_types() -> set[str]:
    """The journal types that the domain's code names; only it makes events."""
    pattern = re.compile(r"(?:booking|unit|block|site|finding|sync|orders|connection|ltv)\.[a-z_]+")
    found = set(EVENTS.values())
    for path in sorted((Path(holdfast.__file__).parent / "domain").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.fullmatch(node.value):
                found.add(node.value)
    return found
