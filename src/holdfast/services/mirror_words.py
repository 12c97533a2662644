"""Their words for statuses, states and conditions, and ours: told apart by letters alone, or by what the owner says.

Refuses to guess: a word that is neither ours, nor a common other spelling, nor in the mapping, is not understood.
"""

import difflib
import re
from collections.abc import Iterable, Mapping

from holdfast.domain.policies.base import Policy
from holdfast.domain.units import CONDITIONS

Aliases = Mapping[str, str]

_STATUSES: Mapping[str, Aliases] = {
    "cafe": {
        "free": "Available", "vacant": "Available", "idle": "Available", "inuse": "Active", "occupied": "Active",
        "busy": "Active", "booked": "Reserved", "maintenance": "Under Maintenance", "outofservice": "Under Maintenance",
    },
    "hotel": {
        "free": "AVAILABLE", "vacant": "AVAILABLE", "ready": "AVAILABLE", "booked": "RESERVED", "inhouse": "OCCUPIED",
        "checkedin": "OCCUPIED", "inspected": "CLEAN", "undermaintenance": "MAINTENANCE",
        "outoforder": "OUT_OF_SERVICE",
    },
    "grounds": {
        "free": "Vacant", "available": "Vacant", "requested": "Pending", "reserved": "Booked", "approved": "Booked",
        "occupied": "Booked", "maintenance": "Blocked", "undermaintenance": "Blocked", "closed": "Blocked",
    },
}  # fmt: skip
_STATES: Mapping[str, Aliases] = {
    "cafe": {
        "confirmed": "Booked", "reserved": "Booked", "upcoming": "Booked", "started": "Active", "running": "Active",
        "inprogress": "Active", "ended": "Completed", "finished": "Completed", "canceled": "Cancelled",
    },
    "hotel": {
        "confirmed": "Reserved", "booked": "Reserved", "inhouse": "CheckedIn", "checkin": "CheckedIn",
        "checkout": "CheckedOut", "completed": "CheckedOut", "departed": "CheckedOut", "canceled": "Cancelled",
    },
    "grounds": {
        "requested": "Pending", "confirmed": "Approved", "booked": "Approved", "declined": "Rejected",
        "canceled": "Cancelled",
    },
}  # fmt: skip
_CONDITIONS: Aliases = {"maintenance": "under_maintenance", "outoforder": "out_of_service"}
_NOT_LETTERS = re.compile(r"[\W_]+")


class WordError(Exception):
    """The mapping gives a word a meaning that there is not; the message names those there are."""


class Words:
    """One vocabulary of theirs: what each of its words may stand for, and which word to write."""

    def __init__(
        self, section: str, ours: Iterable[str], aliases: Aliases, given: Mapping[str, str | list[str]]
    ) -> None:
        self._section = section
        self._ours = tuple(ours)
        self._folded: dict[str, tuple[str, ...]] = {folded(word): (word,) for word in self._ours}
        self._folded |= {alias: (word,) for alias, word in aliases.items() if alias not in self._folded}
        self._given = {word: tuple(to) if isinstance(to, list) else (to,) for word, to in given.items()}
        self._known: dict[str, tuple[str, ...]] = {}
        self._seen: dict[str, str] = {}
        for word, meanings in self._given.items():
            if not meanings:
                raise WordError(f"[words.{section}] {word!r}: say at least one of {', '.join(self._ours)}.")
            for meaning in meanings:
                if meaning not in self._ours:
                    raise WordError(f"[words.{section}] {word!r}: {self._no_such(meaning)}")

    def read(self, word: str) -> tuple[str, ...]:
        """Which of our words it may stand for; none when it is not understood."""
        known = self._known.get(word)
        if known is not None:
            return known
        found: tuple[str, ...] = self._given.get(word) or self._folded.get(folded(word), ())
        self._known[word] = found
        for ours in found:
            self._seen.setdefault(ours, word)
        return found

    def write(self, ours: str) -> str | None:
        """Their word for one of ours: the mapping's, or as they wrote it elsewhere, or in their way of writing; None
        when a mapping names their words and has none for it."""
        for word, meanings in self._given.items():
            if ours in meanings:
                return word
        if ours in self._seen or self._given:
            return self._seen.get(ours)
        style = [word for word in self._seen.values() if word.strip()]
        if style and all(word.islower() for word in style):
            return ours.lower()
        if style and not any(word.isupper() for word in style) and ours.isupper():
            return ours.replace("_", " ").title()
        return ours

    def unknown(self, word: str) -> str:
        """The sentence about a word that is not understood."""
        hint = f"a mapping file can say it in [words.{self._section}]"
        return f"{word[:40]!r}, which is not known here; {self._near(word)}; {hint}"

    def _no_such(self, word: str) -> str:
        return f"there is no {word[:40]!r}; {self._near(word)}."

    def _near(self, word: str) -> str:
        near = difflib.get_close_matches(folded(word), self._folded, n=1)
        return f"did you mean {self._folded[near[0]][0]!r}?" if near else f"known are {', '.join(self._ours)}"


def status_words(policy: Policy, given: Mapping[str, str | list[str]]) -> Words:
    """Raises:
    WordError: a meaning is no shown status of the policy.
    """
    return Words("units", policy.statuses, _STATUSES.get(policy.kind, {}), given)


def state_words(policy: Policy, given: Mapping[str, str | list[str]]) -> Words:
    """Raises:
    WordError: a meaning is no state of the policy's bookings, or a word has several.
    """
    for word, meaning in given.items():
        if isinstance(meaning, list):
            raise WordError(f"[words.bookings] {word!r}: a booking is in one state; name one.")
    return Words("bookings", policy.machine.states, _STATES.get(policy.kind, {}), given)


def condition_words(given: Mapping[str, str | list[str]]) -> Words:
    """Raises:
    WordError: a meaning is no condition.
    """
    return Words("conditions", CONDITIONS, _CONDITIONS, given)


def folded(word: str) -> str:
    """A word by its letters and digits alone: `Checked-In`, `CHECKED_IN` and `checkedIn` are one."""
    return _NOT_LETTERS.sub("", word).casefold()
