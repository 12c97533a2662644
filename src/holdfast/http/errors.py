"""Refusals in words: the one table from a code to its HTTP status, and the problem document (RFC 9457) it becomes.

Refuses to show what only a log may hold: an unforeseen failure is named as such and nothing more.
"""

from typing import Any

import msgspec

from holdfast.domain.errors import CODES, Refusal

PROBLEM_TYPE = "urn:holdfast:problem:"
PROBLEM_MEDIA = b"application/problem+json"
RETRY_AFTER_S = 2

STATUS: dict[str, int] = {
    "invalid_request": 400,
    "invalid_time": 400,
    "invalid_settings": 400,
    "invalid_recurrence": 400,
    "invalid_cursor": 400,
    "invalid_schedule": 400,
    "invalid_arguments": 400,
    "unauthorised": 401,
    "wrong_credentials": 401,
    "second_factor_needed": 401,
    "bad_signature": 401,
    "not_allowed": 403,
    "sign_up_closed": 403,
    "wrong_code": 403,
    "unknown_site": 404,
    "unknown_unit": 404,
    "unknown_category": 404,
    "unknown_booking": 404,
    "unknown_block": 404,
    "unknown_finding": 404,
    "unknown_job": 404,
    "unknown_schedule": 404,
    "unknown_queue": 404,
    "unknown_function": 404,
    "unknown_store": 404,
    "unknown_connection": 404,
    "unknown_run": 404,
    "unknown_slot": 404,
    "unknown_act": 404,
    "unknown_organisation": 404,
    "unknown_account": 404,
    "unknown_session": 404,
    "unknown_invitation": 404,
    "unknown_token": 404,
    "unknown_webhook": 404,
    "unknown_calendar": 404,
    "unknown_delivery": 404,
    "already_exists": 409,
    "already_queued": 409,
    "slot_taken": 409,
    "quota_reached": 409,
    "not_bookable": 409,
    "not_serviceable": 409,
    "unit_occupied": 409,
    "wrong_day": 409,
    "too_early": 409,
    "wrong_state": 409,
    "nothing_to_change": 409,
    "has_live_bookings": 409,
    "no_connections": 409,
    "too_little_past": 409,
    "would_hit": 409,
    "last_owner": 409,
    "link_used": 410,
    "version_mismatch": 412,
    "weak_password": 422,
    "closed": 422,
    "off_grid": 422,
    "too_short": 422,
    "too_long": 422,
    "too_soon": 422,
    "too_far": 422,
    "in_the_past": 422,
    "hold_not_supported": 422,
    "key_reused": 422,
    "too_many_requests": 429,
    "disk_full": 507,
    "busy": 503,
    "unavailable": 503,
    "outcome_unknown": 503,
}

EDGE_CODES: dict[str, tuple[int, str]] = {
    # what only HTTP can get wrong: code → status and sentence
    "unknown_route": (404, "There is nothing at this address; /api/docs lists what there is."),
    "wrong_method": (405, "This address does not take that method; see the Allow header."),
    "body_incomplete": (408, "The request body did not arrive whole in time; nothing was changed. Send it again."),
    "body_too_large": (413, "The request body is larger than this server takes."),
    "wrong_media": (415, "Send the body as application/json."),
    "wrong_encoding": (415, "Send the body as it is, without Content-Encoding."),
    "malformed_request": (400, "This is not a request in HTTP; nothing was done."),
    "address_too_long": (414, "The address with its query is longer than this server takes."),
    "headers_too_large": (431, "The request's headers are more or larger than this server takes."),
    "foreign_origin": (403, "A page of another origin may not do this, and a Host that is not ours is not served."),
    "internal": (500, "Something failed here that should not have; it is in the server's log."),
}

TITLES: dict[str, str] = {code: code.replace("_", " ").capitalize() for code in (*STATUS, *EDGE_CODES)}

_RETRYING = {
    "too_many_requests": 1,
    "disk_full": 5,
    "busy": 1,
    "unavailable": RETRY_AFTER_S,
    "outcome_unknown": RETRY_AFTER_S,
}
_encode = msgspec.json.Encoder().encode

Headers = list[tuple[bytes, bytes]]


class EdgeError(Exception):
    """What HTTP itself refuses: `code` is one of `EDGE_CODES`."""

    def __init__(self, code: str, /, *, headers: Headers | None = None, **data: Any) -> None:
        super().__init__(code)
        assert code in EDGE_CODES, f"undocumented code {code!r}"
        self.code = code
        self.data = data
        self.headers = headers or []


def problem(error: Refusal | EdgeError, *, staff: bool, instance: str | None = None) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the answer to a refused request; who holds a unit is told to staff only."""
    code, data = error.code, error.data
    if isinstance(error, EdgeError):
        status, sentence = EDGE_CODES[code]
        headers = list(error.headers)
    else:
        # a policy of another package may refuse with a code of its own
        status, sentence = STATUS.get(code, 409), CODES.get(code, TITLES.get(code, code))
        headers = _headers(code, data)
    body: dict[str, Any] = {
        "type": PROBLEM_TYPE + code,
        "title": TITLES.get(code, code),
        "status": status,
        "detail": _detail(sentence, data),
        "code": code,
    }
    if instance is not None:
        body["instance"] = instance
    for name, value in data.items():
        if name not in body and (staff or name != "holders"):
            body[name] = value
    return status, headers, _encode(body)


def _headers(code: str, data: dict[str, Any]) -> Headers:
    if code in _RETRYING:
        wait_s = int(data.get("retry_after_s", _RETRYING[code]))
        headers = [(b"retry-after", b"%d" % wait_s)]
        if "window_s" in data:
            headers += rate_limit(data["counted_by"], data["limit"], data["window_s"], left=0, whole_in_s=wait_s)
        return headers
    if code == "unauthorised":
        return [(b"www-authenticate", b'Bearer realm="holdfast"')]
    return []


def rate_limit(name: str, limit: int, window_s: int, *, left: int, whole_in_s: int) -> Headers:
    """The headers of the IETF's draft-ietf-httpapi-ratelimit-headers: what is allowed, and what is left of it."""
    return [
        (b"ratelimit-policy", f'"{name}";q={limit};w={window_s}'.encode()),
        (b"ratelimit", f'"{name}";r={left};t={whole_in_s}'.encode()),
    ]


def _detail(sentence: str, data: dict[str, Any]) -> str:
    field, what = data.get("field"), data.get("problem")
    if what is None and "expected" in data and field is not None:
        what = f"expected {data['expected']}"
    if what is None and "given" in data and field is not None and isinstance(data.get("possible"), list):
        what = f"expected one of {', '.join(map(str, data['possible']))}"
    if what is None:
        return sentence
    return f"`{field}`: {what}." if field is not None else f"{sentence.rstrip('.')}: {what}."
