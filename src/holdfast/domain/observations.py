"""Observations: what agents and staff saw of a unit, as against what is booked. The last one wins, old ones expire."""

from datetime import datetime

import msgspec

SEEN: dict[str, str] = {
    # what was seen → what it is about; per unit and kind the last observation counts
    "occupied": "occupancy",
    "vacant": "occupancy",
    "online": "agent",
    "offline": "agent",
}


class Observation(msgspec.Struct, frozen=True, gc=False):
    """What was seen of a unit at `seen_at`, and without a break since `since`; it counts until `expires_at`.

    `session_ended_at` is when the unit last stopped showing a session, None when it never did.
    """

    unit_id: int
    seen: str
    since: datetime
    seen_at: datetime
    expires_at: datetime
    session_ended_at: datetime | None = None
