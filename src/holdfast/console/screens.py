"""The screens there are: one row each. Navigation, titles and addresses are made from these rows. Places are screens
that are of no site; the account menu and the palette lead to them.

A screen is a module of `static/screens/` that exports `open(page)`; how to write one is in docs/console.md.
"""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from holdfast.console.viewer import Viewer

BOARD = "board"
"""What the bare address of a site opens."""
TAPE_DAYS = 31
"""The longest window of the tape chart, thirty nights, with the day on which the last of them ends."""


class Screen(msgspec.Struct, frozen=True):
    """`name` is the last part of its address and names its words (`screen.{name}`); `module` is under
    `static/screens/`. It is shown at sites of `kinds` (all, when empty) to whoever has `right`."""

    name: str
    icon: str
    module: str
    right: str = "read"
    kinds: tuple[str, ...] = ()
    has_board: bool = False
    """Whether the page brings the site's snapshot, so that it is drawn without a further request."""
    word: str = ""
    """What names its words, where its name does not."""
    days: int | None = None
    """How far that snapshot reaches from today on; None for as far as boards of its kind do."""

    @property
    def title(self) -> str:
        """The key of what it is called."""
        return f"screen.{self.word or self.name}"


BOOKED = ("cafe", "hotel", "grounds")
"""Kinds of site that have units, to be booked."""

SCREENS: tuple[Screen, ...] = (
    # in the order of the navigation; the first of a name that fits the kind of site counts
    Screen(BOARD, "tape", "hotel_board.js", kinds=("hotel",), has_board=True, days=TAPE_DAYS),
    Screen(BOARD, "ball", "grounds.js", kinds=("grounds",), has_board=True),
    Screen(BOARD, "store", "store.js", right="names", kinds=("store",), has_board=True, word="overview"),
    Screen(BOARD, "grid", "board.js", kinds=BOOKED, has_board=True),
    Screen("runs", "refresh", "runs.js", right="names", kinds=("store",), has_board=True),
    Screen("ltv", "chart", "ltv.js", right="names", kinds=("store",), has_board=True),
    Screen("forecast", "sparkle", "forecast.js", right="names", kinds=("store",), has_board=True),
    Screen("customers", "users", "customers.js", right="names", kinds=("store",), has_board=True),
    Screen("rejects", "inbox", "rejects.js", right="names", kinds=("store",), has_board=True),
    Screen("bookings", "calendar", "bookings.js", right="names", kinds=BOOKED, has_board=True),
    Screen("housekeeping", "broom", "housekeeping.js", right="condition", kinds=("hotel",), has_board=True),
    Screen("approvals", "inbox", "approvals.js", right="names", kinds=("grounds",), has_board=True),
    Screen("blocks", "ban", "blocks.js", right="block", kinds=BOOKED, has_board=True),
    Screen("findings", "warning", "findings.js", right="names", has_board=True),
    Screen("presence", "user-check", "presence.js", right="names"),
    Screen("audit", "history", "audit.js", right="audit", has_board=True),
    Screen("people", "users", "people.js", right="people"),
    Screen("settings", "settings", "settings.js", right="settings", has_board=True),
    Screen("health", "heart-pulse", "health.js", right="settings", has_board=True),
)


class Place(msgspec.Struct, frozen=True):
    """A screen of no site, at `/console/{name}`, for whoever holds the right that `opt` names: at a site, or with
    `is_wide` in an organisation as a whole. Its title is `{name}.title`. One of `kinds` is led to only from where there
    are such sites."""

    name: str
    icon: str
    module: str
    opt: dict[str, Any]
    kinds: tuple[str, ...] = ()

    is_wide: bool = True

    def is_for(self, viewer: Viewer) -> bool:
        """Whether somebody may go there."""
        return self.opt["right"] in (viewer.wide if self.is_wide else viewer.rights)


JOBS = Place("jobs", "hourglass", "jobs.js", opt={"right": "jobs", "by": "service"})
WEBHOOKS = Place("webhooks", "hook", "webhooks.js", opt={"right": "jobs", "by": "service"})
STORES = Place(
    "stores", "store", "stores.js", opt={"right": "names", "by": "service"}, kinds=("store",), is_wide=False
)  # fmt: skip
PLACES: tuple[Place, ...] = (STORES, JOBS, WEBHOOKS)


def places_for(viewer: Viewer, kinds: Collection[str]) -> Iterator[Place]:
    """The places that somebody may go to who has sites of these kinds."""
    return (
        place
        for place in PLACES
        if place.is_for(viewer) and (not place.kinds or any(kind in kinds for kind in place.kinds))
    )


def screens_for(kind: str, viewer: Viewer) -> Iterator[Screen]:
    """The screens of a kind of site that its viewer may see, each name once."""
    seen = set()
    for screen in SCREENS:
        if screen.name not in seen and (not screen.kinds or kind in screen.kinds) and viewer.may(screen.right):
            seen.add(screen.name)
            yield screen


def screen_named(name: str, kind: str, viewer: Viewer) -> Screen | None:
    """The screen of that name there, if there is one for this viewer."""
    return next((screen for screen in screens_for(kind, viewer) if screen.name == name), None)
