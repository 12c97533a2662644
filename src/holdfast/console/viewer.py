"""Who looks at a page, and what of it they may use. The one place pages learn that from.

Refuses to decide anything: it says what to show; the server decides each request by itself.
"""

from typing import Any

import msgspec

RIGHTS = (
    "read",  # see the site at all
    "names",  # who holds what
    "book",  # make bookings and act on them
    "condition",  # say what a unit is like: clean, under maintenance
    "block",  # take units out of use for a time
    "units",  # add units and change them
    "settings",  # change the site
    "find",  # settle findings
    "import",  # bring bookings in from files
    "people",  # see and change who may do what
    "audit",  # read the journal
)


class Viewer(msgspec.Struct, frozen=True):
    """What a page shows itself by; `rights` are words of `RIGHTS`."""

    name: str
    rights: tuple[str, ...]
    sign_in: str | None = None
    """The address to go to when a request is answered 401; None where there is nothing to sign in to."""
    sign_out: str | None = None
    """The address to post to."""

    def may(self, right: str) -> bool:
        return right in self.rights


def viewer_of(request: Any) -> Viewer:
    """Who a page is drawn for. Whoever the gate lets in today has all rights."""
    caller = request.scope.get("user")
    return Viewer(caller.actor, RIGHTS) if caller is not None else Viewer("", ())
