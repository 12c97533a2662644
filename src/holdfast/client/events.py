"""What a stream tells: journal lines, and the one thing that is not a line, that it must begin anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.client.errors import Broken

TYPES = (
    "booking.created", "booking.confirmed", "booking.approved", "booking.rejected", "booking.revoked",
    "booking.started", "booking.extended", "booking.moved", "booking.completed", "booking.cancelled",
    "booking.no_show", "booking.expired", "booking.undone", "booking.amended", "booking.erased",
    "unit.created", "unit.changed", "unit.condition_changed", "unit.status_changed", "unit.status_repaired",
    "block.created", "block.removed", "site.changed", "finding.opened", "finding.closed", "finding.repaired",
)  # fmt: skip
"""The types of events there are, for those that want only some."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a site's journal. `epoch` names the line of history that versions count in; None when not said."""

    epoch: str | None
    version: int

    def __str__(self) -> str:
        return str(self.version) if self.epoch is None else f"{self.epoch}:{self.version}"

    @classmethod
    def of(cls, text: str) -> "Position":
        """Raises:
        Broken: it is neither `version` nor `epoch:version`.
        """
        epoch, _, version = text.rpartition(":")
        return cls(epoch or None, _version(version, text))


@dataclass(frozen=True, slots=True)
class Places:
    """A place in the journals of several sites at once: in each the version, by the site's id."""

    epoch: str | None
    versions: Mapping[int, int]

    def __str__(self) -> str:
        told = ",".join(f"{site}.{version}" for site, version in sorted(self.versions.items()))
        return told if self.epoch is None else f"{self.epoch}:{told}"

    @classmethod
    def of(cls, text: str, *, only: int | None = None) -> "Places":
        """Of `epoch:site.version,site.version`; where there is one site only, by this id, the server leaves it out.

        Raises:
            Broken: it is not.
        """
        epoch, _, rest = text.rpartition(":")
        if only is not None and "." not in rest:
            return cls(epoch or None, {only: _version(rest, text)})
        versions: dict[int, int] = {}
        for part in rest.split(","):
            site, _, version = part.partition(".")
            versions[_version(site, text)] = _version(version, text)
        return cls(epoch or None, versions)


@dataclass(frozen=True, slots=True)
class Event:
    """One journal line. `at` is when it was written, `effective_at` when it became true; `prev` is the position of the
    event sent before it on a filtered stream."""

    site: str
    position: Position
    type: str
    subject: str
    at: datetime
    effective_at: datetime
    actor: str
    cause: str
    data: dict[str, Any]
    prev: str | None = None

    @property
    def version(self) -> int:
        return self.position.version


@dataclass(frozen=True, slots=True)
class Reset:
    """What lies before `position` cannot be told: whoever keeps a copy takes a new snapshot."""

    reason: str
    position: Position | Places


def event_of(position: Position, told: dict[str, Any]) -> Event:
    """Raises:
    Broken: it is no journal line, or not the one that its position says.
    """
    try:
        event = Event(
            told["site"], position, told["type"], told["subject"], datetime.fromisoformat(told["at"]),
            datetime.fromisoformat(told["effective_at"]), told["actor"], told["cause"], told["data"], told.get("prev"),
        )  # fmt: skip
        version = told["version"]
    except (KeyError, TypeError, ValueError) as error:
        raise Broken(f"{position} holds no journal line: {error!r}") from None
    if version != position.version or not isinstance(event.data, dict):
        raise Broken(f"{position} holds line {version}")
    return event


def _version(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise Broken(f"{text[:80]!r} is no position")
    return int(digits)
