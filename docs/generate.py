"""Writes the reference pages from the program itself, so that they cannot say anything else than it does.

`python docs/generate.py` writes them, `--check` only compares and fails when one differs. What a reader needs beside
the code's own words (what an act wants, what a setting means) stands in the tables below; a name that is missing
there, or there but not in the code, is an error.
"""

# ruff: noqa: E501 - the tables are prose
import ast
import difflib
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import holdfast
from holdfast.domain import errors
from holdfast.domain.actors import RIGHTS, ROLES
from holdfast.domain.bookings.values import Booking
from holdfast.domain.findings import RULES
from holdfast.domain.local_time import zone
from holdfast.domain.policies import kinds, place_kinds, policy_of
from holdfast.domain.policies.base import EVENTS, Policy
from holdfast.domain.reconcile.discrepancies import BOOKING_RULES, UNIT_RULES
from holdfast.domain.sites import LIMITS, Site, SiteSettings, parse_settings, rules_of
from holdfast.http.errors import EDGE_CODES, STATUS
from holdfast.services.account_log import ACTIONS
from holdfast.settings import Settings

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Made by docs/generate.py. Do not edit: run `make docs`. -->"
PLATFORM_FOLDER = "the platform's data folder"
HELP_COLUMNS = 96

SITE_SETTINGS: Mapping[str, tuple[str, str]] = {
    # name → (unit, meaning)
    "grid_minutes": (
        "min",
        "bookings start and end on whole multiples of this on the local clock; 0 allows any minute",
    ),
    "slots": ("rule", "fixed slots of a day: equal ones in a row, or a list of named ones; null for none"),
    "hours": ("rule", "opening hours by weekday, exceptions by date; empty means always open"),
    "look_ahead": (
        "min, or word",
        "how long before a start its unit shows as reserved; hotels also take `today` and `any`",
    ),
    "no_show_grace_minutes": ("min", "café: how long after its start a booking waits for its guest"),
    "auto_start": ("yes/no", "café: bookings start by themselves at their start; then there are no no-shows"),
    "start_code": (
        "yes/no",
        "bookings get a six-digit code, told once in the answer, that `start` and `check-in` ask for",
    ),
    "buffer_minutes": ("min", "clean-up time kept free behind each booking; it goes when the booking's claim goes"),
    "length_min_minutes": ("min", "shortest booking; 0 for no limit"),
    "length_max_minutes": ("min", "longest booking; 0 for no limit but 366 days"),
    "notice_minutes": ("min", "how long before its start a booking must be made; walk-ins are not bound"),
    "horizon_days": ("days", "how far ahead a booking may start; 0 means ten years"),
    "quota_per_person": (
        "bookings",
        "most live bookings of one customer (by e-mail, else reference, else phone); 0 for no limit",
    ),
    "walk_in_hours_max": ("h", "how long an open-ended walk-in claims its unit when no other claim comes before"),
    "hold_s_max": ("s", "longest hold"),
    "check_in": ("HH:MM", "hotel: local hour at which a stay given by dates begins"),
    "check_out": ("HH:MM", "hotel: local hour at which a stay given by dates ends"),
    "cut_off": ("HH:MM", "hotel: when its day changes; arrivals not there by the next one are no-shows"),
    "show_clean": ("yes/no", "hotel: clean and inspected rooms show CLEAN instead of AVAILABLE"),
    "late_check_out_minutes": ("min", "hotel: how long after the time to leave a guest who is there is a discrepancy"),
    "late_arrival_minutes": (
        "min",
        "hotel: how long after the time of arrival a guest who is not there is a discrepancy; 0 for never",
    ),
    "observation_minutes": ("min", "how long what agents and staff saw counts when they do not say"),
    "currency": ("code", "store: what lifetime value is counted in; orders in another currency need a rate"),
    "auto_end_idle_minutes": (
        "min",
        "café: a session ends by itself after nobody was seen in its only unit for so long; 0 leaves that to people",
    ),
    "language": ("word", "en or de: the language of mails to those whose own nobody knows"),
    "booking_page": (
        "word",
        "who may see what is free and book by themselves: `off` nobody, `accounts` people with an account, `guests` "
        "everybody",
    ),
    "sign_up": ("yes/no", "whether customers may make accounts of their own"),
    "sign_up_domains": ("domains", "mail domains whose people may sign up; none means all"),
    "profile_fields": (
        "list",
        "what is asked of customers: `name`, `label`, `required`, `is_reference`, `choices`, `chars_max`",
    ),
    "team_max": (
        "people",
        "how many people `details.team` may name beside the booker; 0 keeps whatever is sent of them as it came",
    ),
    "mail_bookings": ("yes/no", "whether customers are told by mail what becomes of their bookings"),
    "mail_texts": ("texts", "the owner's own words in mails, by kind and language; see the guide on mail"),
}

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


class Gap(Exception):
    """The tables of this file and the program do not name the same things."""


def settings_page() -> str:
    lines = ["# Settings", "", "## Of the server", ""]
    lines += [
        "Weakest first: default, TOML file (`holdfast.toml` in the working folder, or the file that `--config` or",
        "`HOLDFAST_CONFIG` names), `HOLDFAST_…` variable, flag. An unknown name is an error that names the nearest known",
        "one. `holdfast settings` prints each value with its source; secrets are hidden.",
        "",
    ]
    rows = []
    for line in Settings().describe():
        default = PLATFORM_FOLDER if line.name == "data" else line.value
        rows.append(
            (
                f"`{line.name}`",
                f"`{line.variable}`",
                f"`{default}`" if line.name != "data" else default,
                line.unit,
                line.meaning,
            )
        )
    lines += table(("setting", "variable", "default", "unit", "meaning"), rows)
    lines += [
        "",
        "The data folder is `/var/lib/holdfast` for root (PostgreSQL refuses to run as root, and its own user could not enter",
        "root's home), `$XDG_DATA_HOME/holdfast` where that is set, else `~/.local/share/holdfast`, on macOS",
        "`~/Library/Application Support/holdfast`.",
        "",
        "## Of a site",
        "",
        "Set with `POST /api/sites` and `PATCH /api/sites/{site}`; a value of null goes back to the default. All of them have",
        "defaults, some by kind of site. Times are on the site's own clock.",
        "",
    ]
    same_names(SITE_SETTINGS, SiteSettings.__struct_fields__, "site settings")
    by_kind = {kind: parse_settings({}, policy_of(kind).defaults) for kind in kinds()}
    rows = []
    for name, (unit, meaning) in SITE_SETTINGS.items():
        bounds = "{} to {}".format(*LIMITS[name]) if name in LIMITS else ""
        rows.append((f"`{name}`", *(code(getattr(found, name)) for found in by_kind.values()), bounds, unit, meaning))
    lines += table(("setting", *by_kind, "bounds", "unit", "meaning"), rows)
    lines += [
        "",
        '`hours` is written as `{"mon": [["10:00", "23:00"]], "sat": [["10:00", "02:00"]], "2027-12-25": []}`. A span',
        "that ends before it starts runs into the next date; a date replaces its weekday; weekdays left out are closed.",
        "",
        '`slots` is written as `{"first": "08:00", "minutes": 60, "count": 11}` or as',
        '`[{"name": "Morning", "from": "08:00", "to": "12:00"}]`.',
    ]
    return page(lines)


def errors_page() -> str:
    lines = [
        "# Errors",
        "",
        "Every error is an RFC 9457 problem (`application/problem+json`): `type`, `title`, `status`, `detail`, `code`, and the",
        "facts of the refusal as further members. A refused request has changed nothing, with one exception:",
        "`outcome_unknown`, see [integrating](../guides/integrate.md#when-the-outcome-is-unknown).",
        "",
        "## Refusals",
        "",
    ]
    same_names(STATUS, errors.CODES, "statuses of errors")
    lines += table(
        ("code", "HTTP", "meaning"), ((f"`{name}`", STATUS[name], said) for name, said in errors.CODES.items())
    )
    lines += ["", "## What only HTTP can get wrong", ""]
    lines += table(
        ("code", "HTTP", "meaning"), ((f"`{name}`", status, said) for name, (status, said) in EDGE_CODES.items())
    )
    lines += [
        "",
        "## Members that tell more",
        "",
        "- `slot_taken`: `blocking` (unit, from, to of what is in the way, up to 20), `alternatives` (unit, from, to that were",
        "  free while the site was locked, up to 6), for staff also `holders` (ids).",
        "- `would_hit`: `blocking` and, for staff, `holders`.",
        "- `wrong_state`: `state`, `cause`, `possible`.",
        "- `invalid_request`, `invalid_time`, `invalid_settings`: `field`, and `problem` or `expected`; `did_you_mean` for an unknown name.",
        "- `version_mismatch`: `expected`, `version`.",
        "- `quota_reached`: `quota`, `live`.",
        "- `has_live_bookings`: `sites` (how many, by slug), or `site` and `bookings` (up to 20 ids).",
        "- 503 and 507: the header `Retry-After` in seconds.",
    ]
    return page(lines)


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


def routes_page() -> str:
    found = openapi()
    schemas: dict[str, Any] = found["components"]["schemas"]
    lines = [
        "# HTTP routes",
        "",
        "The server's own document is at `/api/openapi.json`, a page to browse it at `/api/docs`. Errors common to all:",
        "400 `invalid_request`, 401 `unauthorised`, 403 `foreign_origin`, 503 `unavailable`; see [errors](errors.md).",
        "",
    ]
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in found["paths"].items():
        for method, operation in item.items():
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append((method.upper(), path, operation))
    bodies: dict[str, None] = {}
    for tag in sorted(by_tag):
        lines += [f"## {tag}", ""]
        for method, path, operation in sorted(by_tag[tag], key=lambda one: (one[1], one[0])):
            lines += _operation(method, path, operation, bodies)
    if bodies:
        lines += ["## Request bodies", ""]
        seen: list[str] = list(bodies)
        for name in seen:
            lines += _schema(name, schemas, seen)
    return page(lines)


def openapi() -> dict[str, Any]:
    """The document of the application as it is served, without starting anything."""
    import asyncio

    from holdfast import app
    from holdfast.http.openapi import document
    from holdfast.realtime.hub import Hub
    from holdfast.services.access import Access
    from holdfast.services.accounts import Accounts
    from holdfast.services.desk import Desk
    from holdfast.services.doorbell import Doorbell
    from holdfast.services.journal import Epochs
    from holdfast.services.reconcile import Reconciler
    from holdfast.services.sites import Sites
    from holdfast.services.stores import Stores

    nowhere: Any = None
    desk = Desk(nowhere)
    house = app.House(
        settings=Settings(), database_url="", desk_pool=nowhere, reads=nowhere, desk=desk, sites=Sites(nowhere),
        stores=Stores(nowhere, desk, nowhere),
        reconciler=Reconciler(nowhere, desk), hub=Hub(nowhere, Epochs(nowhere)), doorbell=Doorbell(),
        stopping=asyncio.Event(), jobs=nowhere, webhooks=nowhere, calendars=nowhere, presence=nowhere, presence_changes=nowhere,
        accounts=Accounts(nowhere, Access(nowhere, idle_s=1.0), nowhere, nowhere, nowhere),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(document(app.application(house).inner))
    return found


def _operation(method: str, path: str, operation: dict[str, Any], bodies: dict[str, None]) -> list[str]:
    lines = [
        f"### {method} {path}",
        "",
        f"**{operation.get('summary', '').rstrip('.?')}.** {squeezed(operation.get('description', ''))}",
        "",
    ]
    if "x-right" in operation:
        lines += [f"Asks for: `{operation['x-right']}`.", ""]
    parameters = [p for p in operation.get("parameters", ()) if p["in"] != "path"]
    if parameters:
        said = (f"`{p['name']}` ({p['in']})" for p in parameters)
        lines += ["Takes: " + ", ".join(said) + ".", ""]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in body:
        name = body["$ref"].rsplit("/", 1)[-1]
        bodies[name] = None
        lines += [f"Body: [{name}](#{name.lower()}).", ""]
    codes: dict[str, None] = {}
    for response in operation.get("responses", {}).values():
        codes.update(dict.fromkeys(re.findall(r"^`([a-z_]+)`:", response.get("description", ""), re.MULTILINE)))
    own = [
        name
        for name in codes
        if name not in ("invalid_request", "unauthorised", "foreign_origin", "unavailable", "unknown_route")
    ]
    if own:
        lines += ["Refusals: " + ", ".join(f"`{name}`" for name in sorted(own)) + ".", ""]
    return lines


def _schema(name: str, schemas: dict[str, Any], seen: list[str]) -> list[str]:
    schema = schemas[name]
    required = set(schema.get("required", ()))
    rows = []
    for member, of in schema.get("properties", {}).items():
        for other in re.findall(r"#/components/schemas/(\w+)", json.dumps(of)):
            if other not in seen:
                seen.append(other)
        said = squeezed(
            of.get("description", "")
            or next((o.get("description", "") for o in of.get("anyOf", ()) if "description" in o), "")
        )
        rows.append((f"`{member}`", type_of(of), "required" if member in required else "", said))
    return [
        f"### {name}",
        "",
        squeezed(schema.get("description", "")),
        "",
        *table(("member", "type", "", "meaning"), rows),
        "",
    ]


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_of(each) for each in schema["anyOf"] if each.get("type") != "null"))
    if schema.get("type") == "array":
        inner = schema.get("items")
        return f"list of {type_of(inner)}" if isinstance(inner, dict) and inner else "list"
    names = {"string": "text", "integer": "whole number", "boolean": "yes/no", "object": "object", "number": "number"}
    return {"uuid": "id", "date-time": "instant"}.get(
        schema.get("format", ""), names.get(schema.get("type", ""), "any")
    )


def cli_page() -> str:
    import click

    from holdfast.cli import main

    lines = [
        "# Command line",
        "",
        "Exit codes: 0 done, 1 not done or something was found, 2 the command was not understood, 130 interrupted.",
        "",
    ]
    groups: list[tuple[str, click.Command]] = [("holdfast", main)]
    for path, command in groups:
        context = click.Context(
            command,
            info_name=path,
            terminal_width=HELP_COLUMNS,
            max_content_width=HELP_COLUMNS,
            help_option_names=main.context_settings["help_option_names"],
        )
        said = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        lines += [f"## {path}", "", "```text", said, "```", ""]
        if isinstance(command, click.Group):
            groups += [(f"{path} {name}", sub) for name, sub in command.commands.items() if not sub.hidden]
    return page(lines)


def findings_page() -> str:
    lines = [
        "# Findings",
        "",
        "What reconciling and the server's own watch find. Repairs are made at once and journalled with their reason;",
        "discrepancies are opened while they hold and closed when they do not, and are never overwritten. See",
        "[Truth](../truth.md).",
        "",
    ]
    rows = []
    for rule, sentence in RULES.items():
        judged = rule in UNIT_RULES or rule in BOOKING_RULES
        about = "unit" if rule in UNIT_RULES else "booking" if judged else ""
        rows.append((f"`{rule}`", sentence, f"discrepancy of a {about}" if judged else ""))
    return page([*lines, *table(("rule", "what was found", ""), rows)])


def rights_page() -> str:
    lines = [
        "# Rights",
        "",
        "A right is held at a site: by a role in the site's organisation, by a role at the site alone, or by the scopes of",
        "a token. Whatever an address asks for stands with it under [routes](routes.md): a right; `known`: anybody who",
        "says who they are; `server`: who has the token of the settings; `open`: everybody. Guests and customers see",
        "`public` and `own` where the site's `booking_page` lets them.",
        "",
    ]
    lines += table(("right", "lets its holder"), [(f"`{right}`", meaning) for right, meaning in RIGHTS.items()])
    lines += ["", "## Roles", ""]
    rows = [(f"`{right}`", *("yes" if right in rights else "" for rights in ROLES.values())) for right in RIGHTS]
    lines += table(("right", *ROLES), rows)
    lines += ["", "## The account log", ""]
    lines += table(("action", "what has happened"), [(f"`{action}`", what) for action, what in ACTIONS.items()])
    return page(lines)


PAGES: Mapping[str, Callable[[], str]] = {
    "rights.md": rights_page,
    "findings.md": findings_page,
    "settings.md": settings_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "states.md": states_page,
    "cli.md": cli_page,
    "routes.md": routes_page,
}


def emitted_types() -> set[str]:
    """The journal types that the domain's code names; only it makes events."""
    pattern = re.compile(r"(?:booking|unit|block|site|finding|sync|orders|connection|ltv)\.[a-z_]+")
    found = set(EVENTS.values())
    for path in sorted((Path(holdfast.__file__).parent / "domain").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.fullmatch(node.value):
                found.add(node.value)
    return found


def same_names(described: Iterable[str], known: Iterable[str], what: str) -> None:
    missing, surplus = sorted(set(known) - set(described)), sorted(set(described) - set(known))
    if missing or surplus:
        raise Gap(f"{what}: not described {missing}, described but not there {surplus}")


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> list[str]:
    head = list(head)
    lines = [_row(head), _row("---" for _ in head)]
    return lines + [_row(row) for row in rows]


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def code(value: object) -> str:
    return f"`{json.dumps(value)}`"


def squeezed(text: str) -> str:
    return " ".join(text.split())


def page(lines: Iterable[str]) -> str:
    return NOTE + "\n\n" + "\n".join(lines).rstrip() + "\n"


def main() -> int:
    checking = "--check" in sys.argv[1:]
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = 0
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        if checking:
            stale += 1
            sys.stdout.writelines(
                difflib.unified_diff(before.splitlines(True), text.splitlines(True), str(path), "now", n=1)
            )
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(FOLDER.parent)}")
    if stale:
        print(f"{stale} reference pages are not what the program says now; run: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
