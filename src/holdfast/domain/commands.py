"""Commands: what may be wished of a site. Values only; `decide` says what follows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from holdfast.domain.blocks import Block
from holdfast.domain.bookings.values import NOBODY, Customer


class Book(msgspec.Struct, frozen=True, gc=False):
    """Take units, or `count` of a category, for [start, end). `end` None is an open-ended walk-in.

    `imported` skips the rules that bind customers (hours, grid, notice, horizon, quota, past) but never the claims;
    `state` is then the state to arrive in. `notes` are what reading its times had to resolve.
    """

    id: UUID
    start: datetime
    end: datetime | None
    units: tuple[str, ...] = ()
    category: str | None = None
    count: int = 1
    customer: Customer = NOBODY
    party: int | None = None
    note: str | None = None
    hold_s: int | None = None
    walk_in: bool = False
    details: dict[str, Any] | None = None
    start_code: str | None = None
    series_id: UUID | None = None
    imported: bool = False
    state: str | None = None
    notes: tuple[str, ...] = ()


class Act(msgspec.Struct, frozen=True, gc=False):
    """Do something with a booking. Which arguments count depends on `act`; see the reference of acts."""

    booking_id: UUID
    act: str
    start: datetime | None = None
    end: datetime | None = None
    minutes: int | None = None
    units: tuple[str, ...] = ()
    reason: str | None = None
    override: bool = False
    code: str | None = None
    other_id: UUID | None = None
    if_version: int | None = None
    notes: tuple[str, ...] = ()
    team: tuple[Any, ...] | None = None


class Together(msgspec.Struct, frozen=True, gc=False):
    """Several commands as one: all or none, or with `skip` those that can be done."""

    commands: "tuple[Book | Act, ...]"
    skip: bool = False


class Check(msgspec.Struct, frozen=True, gc=False):
    """May I? Decided like `command` under the same lock, on the same state, but nothing of it is kept."""

    command: "Book | Act | Together | AddBlock"


class AddBlock(msgspec.Struct, frozen=True, gc=False):
    """Take units out of use for [start, end) without a booking. `allow_conflicts` lists the bookings it hits
    for re-planning instead of refusing; those keep their claims and the block takes the time around them."""

    id: UUID
    units: tuple[str, ...]
    start: datetime
    end: datetime
    kind: str = "maintenance"
    reason: str | None = None
    return_condition: str | None = None
    allow_conflicts: bool = False


class RemoveBlock(msgspec.Struct, frozen=True, gc=False):
    """Give a block's units back before its end; the return condition applies."""

    block_id: UUID
    reason: str | None = None


class SoldElsewhere(msgspec.Struct, frozen=True, gc=False):
    """Time of a unit that a calendar from outside says is taken; `id` follows from the calendar, the event and its
    times, so the same event is the same block. `said` is the event's own words."""

    id: UUID
    start: datetime
    end: datetime
    said: str


class FollowCalendar(msgspec.Struct, frozen=True, gc=False):
    """Let a unit's blocks of one calendar be these, and no others: new ones are made, those that are no longer listed
    give their time back. They are known by the command's actor. With `keeps_unlisted` nothing is given back: the
    calendar was read in part."""

    unit: str
    sold: tuple[SoldElsewhere, ...]
    keeps_unlisted: bool = False


class NewUnit(msgspec.Struct, frozen=True, gc=False):
    code: str
    category: str
    name: str | None = None
    parent: str | None = None
    condition: str | None = None
    attributes: dict[str, Any] = {}


class AddUnits(msgspec.Struct, frozen=True, gc=False):
    """Add units. With `update` existing codes are changed to match, without it they are refused."""

    units: tuple[NewUnit, ...]
    update: bool = False


class ChangeUnit(msgspec.Struct, frozen=True, gc=False):
    """Change what is given of a unit; UNSET leaves as is. `reason` is kept in the journal. `note` is what staff tell
    each other of the unit, kept as its attribute of that name until it is None or empty."""

    code: str
    condition: str | msgspec.UnsetType | None = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    category: str | msgspec.UnsetType = msgspec.UNSET
    parent: str | msgspec.UnsetType | None = msgspec.UNSET
    attributes: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    reason: str | None = None
    if_version: int | None = None
    note: str | msgspec.UnsetType | None = msgspec.UNSET


class ChangeSite(msgspec.Struct, frozen=True, gc=False):
    """Change the name, the zone or some settings (merged over the present ones; None restores a default)."""

    name: str | None = None
    time_zone: str | None = None
    settings: dict[str, Any] | None = None


class OpenFinding(msgspec.Struct, frozen=True, gc=False):
    """Put something recorded that is not as expected before a person; nothing when it stands already."""

    id: UUID
    rule: str
    subject: str
    data: dict[str, Any]


class CloseFinding(msgspec.Struct, frozen=True, gc=False):
    """What was found is no longer so; nothing when no finding of that rule and subject stands."""

    rule: str
    subject: str
    reason: str | None = None


class SettleFinding(msgspec.Struct, frozen=True, gc=False):
    """A person's verdict on an open finding: `resolve` (it is put right) or `dismiss` (leave it alone while it
    lasts)."""

    finding_id: UUID
    verdict: Literal["resolve", "dismiss"]
    reason: str


class Reconcile(msgspec.Struct, frozen=True, gc=False):
    """Look at these suspects and put right what does not follow. `units` are ids; `bookings` and `blocks` ids, also of
    those that only claims know of; `blocks_to_wake` have a wrong alarm; `differing` are bookings whose last journal
    line says otherwise: the version their row had (None: it is gone), and what the difference is; `gone` are findings
    (rule and subject) whose subject is there no more."""

    units: tuple[int, ...] = ()
    bookings: tuple[UUID, ...] = ()
    blocks: tuple[UUID, ...] = ()
    blocks_to_wake: tuple[UUID, ...] = ()
    differing: dict[UUID, tuple[int | None, str]] = {}
    gone: tuple[tuple[str, str], ...] = ()

    def blocks_in(self, blocks: Mapping[UUID, Block]) -> list[Block]:
        """The suspects that are blocks: a holder of claims may be one, whatever its claims say."""
        return [blocks[key] for key in dict.fromkeys((*self.blocks, *self.bookings)) if key in blocks]


class Erase(msgspec.Struct, frozen=True, gc=False):
    """Forget whose these bookings are: those kept under one of `keys`. Live ones go on without a name, where
    `include_live` allows it."""

    bookings: tuple[UUID, ...]
    keys: frozenset[str]
    include_live: bool = False


class Tick(msgspec.Struct, frozen=True, gc=False):
    """The clock's command: make true what time has made true."""


Command = (
    Book
    | Act
    | Together
    | Check
    | AddBlock
    | RemoveBlock
    | FollowCalendar
    | AddUnits
    | ChangeUnit
    | ChangeSite
    | OpenFinding
    | CloseFinding
    | SettleFinding
    | Reconcile
    | Erase
    | Tick
)
