"""What the desk reads under the lock: rows in, values out. Decides nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import NOBODY, Booking, Customer, Part
from holdfast.domain.errors import Refusal
from holdfast.domain.finding import Finding
from holdfast.domain.local_time import zone
from holdfast.domain.observations import Observation
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site, parse_settings, rules_of
from holdfast.domain.units import Claim, Unit
from holdfast.store import sql
from holdfast.store.connection import Connection

Q = sql.load("desk")
UNITS_MAX = 20_000

_decode_parts = msgspec.json.Decoder(tuple[Part, ...]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode

Keys = list[tuple[int, Any]]


def site_of(row: asyncpg.Record) -> Site:
    """A site ready to decide with.

    Raises:
        Refusal: `invalid_settings` when somebody wrote settings past us that cannot work.
    """
    try:
        raw = _decode_object(row["settings"])
    except msgspec.MsgspecError as error:
        raise Refusal("invalid_settings", field="settings", problem=str(error)) from None
    settings = parse_settings(raw, policy_of(row["kind"]).defaults)
    hours, slots, check_in, check_out, cut_off = rules_of(settings)
    return Site(
        row["id"], row["organisation_id"], row["kind"], row["slug"], row["name"], zone(row["time_zone"]), settings,
        hours, slots, check_in, check_out, cut_off, raw, row["created_at"],
    )  # fmt: skip


def unit_of(row: asyncpg.Record | tuple[Any, ...]) -> Unit:
    _, unit_id, code, name, category, parent_id, condition, shown, since, wakes_at, version, attributes = row
    more = {} if attributes == b"{}" else _decode_object(attributes)
    return Unit(unit_id, code, name, category, parent_id, condition, shown, since, wakes_at, version, more)


def claim_of(row: asyncpg.Record) -> Claim:
    _, unit_id, start, end, kind, holder_id, expires_at, part = row
    return Claim(unit_id, start, end, kind, holder_id, expires_at, part)


def booking_of(row: asyncpg.Record | dict[str, Any]) -> Booking:
    name, email, phone = row["customer_name"], row["customer_email"], row["customer_phone"]
    reference = row["customer_reference"]
    nobody = name is None and email is None and phone is None and reference is None
    return Booking(
        id=row["id"],
        reference=row["reference"],
        state=row["state"],
        live=row["live"],
        category=row["category"],
        unit_ids=tuple(row["unit_ids"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        created_at=row["created_at"],
        version=row["version"],
        parts=_decode_parts(row["parts"]) if row["parts"] is not None else None,
        open_ended=row["open_ended"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        expires_at=row["expires_at"],
        wakes_at=row["wakes_at"],
        customer=NOBODY if nobody else Customer(name, email, phone, reference),
        party=row["party"],
        note=row["note"],
        start_code=row["start_code"],
        series_id=row["series_id"],
        requested_by=row["requested_by"],
        decided_by=row["decided_by"],
        decision_reason=row["decision_reason"],
        details=_decode_object(row["details"]) if row["details"] is not None else None,
    )


def block_of(row: asyncpg.Record) -> Block:
    return Block(
        row["id"], tuple(row["unit_ids"]), row["starts_at"], row["ends_at"], row["kind"], row["reason"],
        row["return_condition"], row["created_by"], row["created_at"], row["version"],
    )  # fmt: skip


async def by_keys(connection: Connection, name: str, keys: Iterable[tuple[int, Any]]) -> list[asyncpg.Record]:
    """The rows of a query that takes (site id, key) pairs; no keys, no question."""
    pairs = list(keys)
    if not pairs:
        return []
    found: list[asyncpg.Record] = await connection.fetch(Q[name], [p[0] for p in pairs], [p[1] for p in pairs])
    return found


async def claims_in_windows(
    connection: Connection, windows: Iterable[tuple[int, int, datetime, datetime]]
) -> list[asyncpg.Record]:
    """The claims that touch (site id, unit id, start, end) windows."""
    rows = list(windows)
    if not rows:
        return []
    columns = [list(column) for column in zip(*rows, strict=True)]
    found: list[asyncpg.Record] = await connection.fetch(Q["claims_in_windows"], *columns)
    return found


def finding_of(row: asyncpg.Record) -> Finding:
    return Finding(
        row["id"], row["rule"], row["subject"], row["state"], row["opened_at"], _decode_object(row["data"]),
        row["stands"], row["closed_at"], row["closed_by"], row["reason"],
    )  # fmt: skip


async def observations(
    connection: Connection, units: Iterable[tuple[int, int]], *, now: datetime, sessions: Iterable[str]
) -> list[Observation]:
    """What was last seen of (site id, unit id) pairs and still counts at `now`; `sessions` are the words that units
    show while somebody is in them."""
    pairs = list(units)
    if not pairs:
        return []
    rows = await connection.fetch(
        Q["observations"], [pair[0] for pair in pairs], [pair[1] for pair in pairs], now, list(sessions)
    )
    return [Observation(*row) for row in rows]


def holder_keys(site_id: int, holders: Iterable[UUID]) -> Keys:
    return [(site_id, holder) for holder in holders]
