"""How the replaced systems answer: `{success, message, data}`, failures as `{success: false, message, code}`.

Frontends show `message` to people as it is, so it is a sentence that says what to do. Refuses to know of any handler.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.http.errors import EDGE_CODES, STATUS, EdgeError, Headers, problem
from holdfast.services.refusals import sentence

TAKEN = "This slot was just booked by another student. Please choose another time slot."
BLOCKED = "This slot has just been taken out of use. Please choose another time slot."
MEDIA = b"application/json"

Reply = tuple[int, Headers, bytes]

_ROOTS = ("/bookings", "/api/bookings", "/api/sync-sessions", "/api/test/trigger-sync", "/api/sync/status")
_CRON_ROOTS = ("/api/cron",)
_encode = msgspec.json.Encoder().encode
_SENTENCES = {
    "slot_taken": TAKEN,
    "in_the_past": "This slot has already begun or is over. Please choose another time slot.",
    "too_soon": "This slot starts too soon. Please choose a later time slot.",
    "too_far": "This slot is too far ahead to be asked for yet. Please choose an earlier date.",
    "closed": "The site is closed then. Please choose another time slot.",
    "not_bookable": "This ground is out of use for now. Please choose another ground.",
    "quota_reached": "You have as many bookings as are allowed. Cancel one, or wait until one is over.",
    "unknown_booking": "There is no such booking.",
    "not_allowed": "You are not allowed to do this.",
    "outcome_unknown": "It is not known whether this was done. Look at the bookings before you try again.",
}
_DONE = {"approve": "approved", "reject": "rejected", "revoke": "revoked", "cancel": "cancelled"}


class FormerFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request that was refused: `message` is for people, `code` for programs, `field` what is to be put right."""

    message: str
    code: str
    field: str | None = None
    data: Any = None
    success: bool = msgspec.field(default=False)


def is_former(path: str) -> bool:
    """Whether an address is one that is answered in the former shapes, failures included."""
    return _is_below(path, _ROOTS) or _is_below(path, _CRON_ROOTS)


def teller_at(path: str) -> Callable[..., Reply]:
    """What tells a failure in the shape that an address answers in."""
    if _is_below(path, _CRON_ROOTS):
        return cron_failure
    return failure if _is_below(path, _ROOTS) else problem


def status_of(code: str) -> int:
    """The HTTP status of a refusal: as everywhere, but that the replaced systems said 400 to whatever was asked for
    wrongly."""
    status = STATUS[code] if code in STATUS else EDGE_CODES[code][0] if code in EDGE_CODES else 409
    return 400 if status == 422 and code != "key_reused" else status


def success(status: int, message: str, data: object, headers: Headers | None = None) -> Reply:
    """The answer to what was done or read."""
    return status, headers or [], _encode({"success": True, "message": message, "data": data})


def failure(error: Refusal | EdgeError, *, staff: bool, message: str | None = None, data: object = None) -> Reply:
    """The answer to a refused request; `message` None is the code's own."""
    _, headers, body = problem(error, staff=staff)
    if message is None:
        message = message_of(error) if isinstance(error, Refusal) else str(msgspec.json.decode(body)["detail"])
    told: dict[str, Any] = {"success": False, "message": message, "code": error.code}
    if isinstance(field := error.data.get("field"), str):
        told["field"] = field
    if data is not None:
        told["data"] = data
    return status_of(error.code), headers, _encode(told)


def cron_failure(error: Refusal | EdgeError, *, staff: bool) -> Reply:
    """The answer to a request that was refused, as the replaced cron system gave it."""
    status, headers, body = failure(error, staff=staff)
    told = msgspec.json.decode(body)
    del told["success"]
    return status, headers, _encode({"status": "error", **told})


def message_of(refusal: Refusal) -> str:
    """What was refused, as one sentence for the person at the screen."""
    code, data = refusal.code, refusal.data
    if code == "wrong_state" and data.get("act") in _DONE:
        return f"This booking is {data['state']}, so it cannot be {_DONE[data['act']]}."
    if code == "unknown_slot":
        return f"There is no slot {data.get('given', '')!r} on that day. Choose one of: {', '.join(data['slots'])}."
    if code == "unknown_unit" and "given" in data:
        return f"There is no ground {data['given']!r}. Choose one of: {', '.join(data['possible']) or 'none yet'}."
    if code in _SENTENCES:
        return _SENTENCES[code]
    said = sentence(code, data)
    return said if said.endswith((".", "?", ")")) else said + "."


def _is_below(path: str, roots: tuple[str, ...]) -> bool:
    return any(path == root or path.startswith(root + "/") for root in roots)
