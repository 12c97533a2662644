"""The promises of architecture.md as one check of a whole database: by SQL and the oracle, not by the code under test.

`check_promises` is for every test that has driven a desk: after it returns, no claim overlaps, live bookings and their
claims are each other's, statuses are what they must be, alarms are never late, and the journal alone tells the same.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import asyncpg

from tests import oracle
from tests.oracle import House, Row

Clock = Callable[[], datetime]

_CLAIMS = """
select unit_id, holder_id, kind, lower(during) as start, upper(during) as end, expires_at, part
from claim where site_id = $1"""
_SELF_JOIN = """
select a.unit_id, a.holder_id, a.during, b.holder_id, b.during from claim a join claim b
    on a.site_id = b.site_id and a.unit_id = b.unit_id
    and (a.holder_id, a.part) < (b.holder_id, b.part) and a.during && b.during
where a.site_id = $1"""


async def check_promises(
    pool: asyncpg.Pool, clock: Clock | None = None, *, site_id: int | None = None, past_the_desk: bool = False
) -> None:
    """Fails with a line for each promise broken at any site (or at one). Statuses are judged only where the clock has
    nothing left to do. `past_the_desk` weakens what a raw writer of claims may break: bookings without their claim,
    claims without a booking, the statuses that follow from them, and the alarms of bookings that were set aside for it.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        now = clock() if clock is not None else await connection.fetchval("select clock_timestamp()")
        sites = await connection.fetch("select * from site where $1::bigint is null or id = $1 order by id", site_id)
        broken: list[str] = []
        for site in sites:
            look = await Look.at(connection, site, now)
            broken += [f"{site['slug']}: {line}" for line in look.judge(past_the_desk=past_the_desk)]
    assert not broken, "\n".join(broken[:20])


class Look:
    """All rows of one site, and what is wrong with them."""

    def __init__(self, site: Row, now: datetime) -> None:
        self.site = site
        self.now = max(now, site["journal_at"])
        self.house = House(site["kind"], site["time_zone"], json.loads(site["settings"]))
        self.wrong: list[str] = []
        self.units: dict[int, Row] = {}
        self.claims: list[Row] = []
        self.bookings: dict[str, dict[str, Any]] = {}
        self.blocks: dict[str, Row] = {}
        self.journal: list[Row] = []
        self.set_aside: set[str] = set()
        """Bookings that the clock could not process, and that a person has been told of."""

    @classmethod
    async def at(cls, connection: asyncpg.Connection, site: Row, now: datetime) -> "Look":
        look = cls(site, now)
        site_id = site["id"]
        look.units = {r["id"]: r for r in await connection.fetch("select * from unit where site_id = $1", site_id)}
        look.claims = await connection.fetch(_CLAIMS, site_id)
        for row in await connection.fetch("select * from booking where site_id = $1", site_id):
            look.bookings[str(row["id"])] = dict(row, parts=_parts(row["parts"]))
        for row in await connection.fetch("select * from block where site_id = $1", site_id):
            look.blocks[str(row["id"])] = row
        set_aside = "select subject from finding where site_id = $1 and stands and rule = 'poisoned_booking'"
        look.set_aside = {row["subject"] for row in await connection.fetch(set_aside, site_id)}
        look.journal = await connection.fetch("select * from journal where site_id = $1 order by version", site_id)
        # a fresh table has no statistics, and then the planner compares each claim with each
        await connection.execute("set local enable_hashjoin = off; set local enable_mergejoin = off")
        for row in await connection.fetch(_SELF_JOIN, site_id):
            look.wrong.append(f"overlap: {tuple(row)}")
        return look

    def judge(self, *, past_the_desk: bool) -> list[str]:
        self._overlaps()
        if not past_the_desk:
            self._claims_and_bookings()
            self._blocks()
        self._alarms(past_the_desk)
        if not past_the_desk:
            self._statuses()
        self._journal()
        return self.wrong

    def _note(self, promise: str, *what: object) -> None:
        self.wrong.append(f"{promise}: {' '.join(map(str, what))}")

    # -- never twice -------------------------------------------------------------------------------------------

    def _overlaps(self) -> None:
        """Again without the database's range type: sorted neighbours."""
        for claims in self._by_unit().values():
            for before, after in pairwise(claims):
                if before["end"] > after["start"]:
                    self._note("overlapping claims", dict(before), dict(after))

    def _by_unit(self) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = {unit_id: [] for unit_id in self.units}
        for claim in sorted(self.claims, key=lambda c: c["start"]):
            found.setdefault(claim["unit_id"], []).append(claim)
        return found

    def _claims_and_bookings(self) -> None:
        recorded: dict[str, set[tuple[Any, ...]]] = {}
        for c in self.claims:
            if c["kind"] in ("hold", "booking", "session"):
                claim = (c["unit_id"], c["start"], c["end"], c["kind"], c["expires_at"])
                recorded.setdefault(str(c["holder_id"]), set()).add(claim)
        for booking_id, booking in self.bookings.items():
            expected, found = oracle.claims_of(self.house, booking), recorded.pop(booking_id, set())
            if found != expected:
                self._note(f"claims of {booking['state']} booking {booking_id}", found, "expected", expected)
            if booking["live"] != (booking["state"] in oracle.HOLDS[self.house.kind]):
                self._note("live", booking_id, booking["state"], booking["live"])
        for holder_id, found in recorded.items():
            self._note("claims of nobody", holder_id, found)

    def _blocks(self) -> None:
        for claim in self.claims:
            if claim["kind"] in oracle.BLOCKS:
                block = self.blocks.get(str(claim["holder_id"]))
                if block is None or claim["kind"] != block["kind"] or claim["unit_id"] not in block["unit_ids"]:
                    self._note("a block's claim without its block", dict(claim))
                elif claim["start"] < block["starts_at"] or claim["end"] > block["ends_at"]:
                    self._note("a block's claim beyond the block", dict(claim), dict(block))
        by_unit = self._by_unit()
        for block in self.blocks.values():
            for unit_id in block["unit_ids"]:
                gap = self._first_gap(by_unit[unit_id], max(block["starts_at"], self.now), block["ends_at"])
                if gap is not None:
                    self._note("a block leaves time to nobody", block["id"], "unit", unit_id, gap)

    def _first_gap(self, claims: Iterable[Row], start: datetime, end: datetime) -> datetime | None:
        for claim in claims:
            if claim["start"] <= start < claim["end"]:
                start = claim["end"]
        return start if start < end else None

    # -- never stale, and alarms never late ----------------------------------------------------------------------

    def is_due(self) -> bool:
        return self.site["wakes_at"] is not None and self.site["wakes_at"] <= self.now

    def _alarms(self, past_the_desk: bool) -> None:
        rows = (*self.bookings.values(), *self.units.values(), *self.blocks.values())
        soonest = min((row["wakes_at"] for row in rows if row["wakes_at"] is not None), default=None)
        if soonest is not None and (self.site["wakes_at"] is None or self.site["wakes_at"] > soonest):
            self._note("the site's alarm is late", self.site["wakes_at"], "needed", soonest)
        own: dict[str, datetime] = {key: block["wakes_at"] for key, block in self.blocks.items()}
        for booking_id, booking in self.bookings.items():
            due = oracle.due(self.house, booking)
            if past_the_desk and booking_id in self.set_aside:
                continue  # somebody else's claim stands where its own must be: that is a person's to judge
            if due is not None:
                own[booking_id] = due[0]
                if booking["wakes_at"] is None or booking["wakes_at"] > max(due[0], self.now):
                    self._note("a booking's alarm is late", booking["id"], booking["wakes_at"], "needed", due)
            if due is not None and due[0] <= self.now and not self.is_due():
                self._note("the clock is behind", booking["id"], booking["state"], due, "now", self.now)
        if past_the_desk or self.is_due():
            return
        by_unit = self._by_unit()
        for unit in self.units.values():
            changes = oracle.next_change(self.house, unit["condition"], by_unit[unit["id"]], self.now)
            # what a booking or block on it does by its own alarm needs none of the unit's
            holders = {str(claim["holder_id"]) for claim in by_unit[unit["id"]]}
            alarms = [unit["wakes_at"], *(own.get(holder) for holder in holders)]
            alarm = min((at for at in alarms if at is not None), default=None)
            if changes is not None and (alarm is None or alarm > changes):
                self._note("a unit's alarm is late", unit["code"], unit["wakes_at"], "needed", changes)

    def _statuses(self) -> None:
        if self.is_due():
            return
        by_unit = self._by_unit()
        for unit in self.units.values():
            word = oracle.shown(self.house, unit["condition"], by_unit[unit["id"]], self.now)
            if word != unit["shown_status"]:
                self._note("shown status", unit["code"], unit["shown_status"], "expected", word, "at", self.now)

    # -- never missed ----------------------------------------------------------------------------------------------

    def _journal(self) -> None:
        versions = [line["version"] for line in self.journal]
        if versions != list(range(1, self.site["version"] + 1)):
            self._note("journal", versions[-3:], "of", len(versions), "site at", self.site["version"])
        at = None
        for line in self.journal:
            if at is not None and line["at"] < at:
                self._note("journal runs backwards", line["version"])
            if line["effective_at"] > line["at"]:
                self._note("true before it was written", line["version"], line["effective_at"], line["at"])
            at = line["at"]
        if self.journal and self.site["journal_at"] < self.journal[-1]["at"]:
            self._note("journal_at", self.site["journal_at"], "last line", self.journal[-1]["at"])
        Fold(self).compare()


class Fold:
    """The site as its journal alone tells it."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.bookings: dict[str, dict[str, Any]] = {}
        self.units: dict[str, dict[str, Any]] = {}
        self.blocks: set[str] = set()
        for line in look.journal:
            self._take(line["type"], line["cause"], json.loads(line["data"]), line)

    def _take(self, kind: str, cause: str, data: Mapping[str, Any], line: Row) -> None:
        note = self.look._note
        if kind.startswith("booking."):
            told = data["booking"]
            before = self.bookings.get(told["id"])
            self._check_step(before["state"] if before else None, cause, told, line["version"])
            self.bookings[told["id"]] = told
        elif kind == "unit.created":
            self.units[data["code"]] = {"word": data["to"], "since": line["effective_at"], "as": data["condition"]}
        elif kind in ("unit.status_changed", "unit.status_repaired"):
            unit = self.units[data["code"]]
            # a repair is of a word that somebody wrote past the journal
            if (kind == "unit.status_changed" and unit["word"] != data["from"]) or data["from"] == data["to"]:
                note("a status that does not follow", line["version"], unit["word"], data["from"], data["to"])
            unit |= {"word": data["to"], "since": line["effective_at"]}
        elif kind == "unit.condition_changed":
            if self.units[data["code"]]["as"] != data["from"]:
                note("a condition that does not follow", line["version"], data)
            self.units[data["code"]]["as"] = data["to"]
        elif kind == "block.created":
            self.blocks.add(data["block"]["id"])
        elif kind == "block.removed":
            if data["id"] not in self.blocks:
                note("a block removed that was not there", line["version"])
            self.blocks.discard(data["id"])

    def _check_step(self, before: str | None, cause: str, told: Mapping[str, Any], version: int) -> None:
        table, kind = oracle.TABLES[self.look.house.kind], self.look.house.kind
        if before is None:
            if cause != "created" or told["state"] not in oracle.BORN[kind]:
                imported = cause == "created" and told["state"] in table
                if not imported:
                    self.look._note("born wrong", version, cause, told["state"])
        elif cause == "erased":
            if told["state"] != before or told["customer"]:
                self.look._note("forgetting whose it was changed more, or not that", version, before, told["state"])
        elif table[before].get(cause) != told["state"]:
            self.look._note("a step that no table has", version, before, cause, told["state"])
        if told["version"] != version:
            self.look._note("a booking's version", version, told["version"])

    def compare(self) -> None:
        note, look = self.look._note, self.look
        if set(self.bookings) != set(look.bookings):
            note("bookings of journal and table", set(self.bookings) ^ set(look.bookings))
        for booking_id in set(self.bookings) & set(look.bookings):
            mine, row = self.bookings[booking_id], look.bookings[booking_id]
            for name, told, recorded in _fields(mine, row, look.units):
                if told != recorded:
                    note("journal and booking differ", booking_id, name, told, recorded)
        if set(self.units) != {unit["code"] for unit in look.units.values()}:
            note("units of journal and table", sorted(self.units))
        for unit in look.units.values():
            told = {"word": unit["shown_status"], "since": unit["shown_since"], "as": unit["condition"]}
            if self.units.get(unit["code"]) != told:
                note("journal and unit differ", unit["code"], self.units.get(unit["code"]), told)
        if self.blocks != set(look.blocks):
            note("blocks of journal and table", self.blocks ^ set(look.blocks))


def _fields(told: Mapping[str, Any], row: Row, units: Mapping[int, Row]) -> Iterable[tuple[str, Any, Any]]:
    yield "units", told["units"], [units[unit_id]["code"] for unit_id in row["unit_ids"]]
    for name in ("reference", "state", "version", "category"):
        yield name, told[name], row[name]
    for name in ("party", "note", "decided_by", "decision_reason", "requested_by"):
        yield name, told.get(name), row[name]
    yield "open_ended", told.get("open_ended", False), row["open_ended"]
    names = {"from": "starts_at", "to": "ends_at"}
    for name in ("from", "to", "started_at", "ended_at", "expires_at", "created_at"):
        yield name, _instant(told[name]), row[names.get(name, name)]
    parts = told.get("parts")
    yield (
        "parts",
        [(p["unit"], _instant(p["from"]), _instant(p["to"])) for p in parts] if parts is not None else None,
        [(units[p["unit_id"]]["code"], p["start"], p["end"]) for p in row["parts"]]
        if row["parts"] is not None
        else None,
    )


def _parts(given: bytes | str | None) -> list[dict[str, Any]] | None:
    if given is None:
        return None
    return [
        {**part, "start": _instant(part["start"]), "end": _instant(part["end"]), "left": part.get("left", False)}
        for part in json.loads(given)
    ]


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
