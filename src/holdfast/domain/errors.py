"""Refusals: the only way a decision says no. Prose is made at the edge; here is a code and the facts."""

from typing import Any

CODES: dict[str, str] = {
    # code → what it means, in one sentence a user can act on (the reference page is made of this table)
    "invalid_request": "The request cannot be read as it is; `data` says which part.",
    "invalid_time": "A date or time is not in the expected form or out of bounds.",
    "invalid_settings": "A setting of the site has a value that cannot work.",
    "invalid_recurrence": "The recurrence rule is malformed, endless, too long or matches nothing.",
    "invalid_cursor": "The cursor was not made by this list; start again without one.",
    "invalid_schedule": "The schedule cannot be read, or can never happen; `problem` says why.",
    "invalid_arguments": "The job's arguments are not those that its function takes; `data` says which.",
    "unknown_site": "There is no site with that slug or id.",
    "unknown_unit": "A named unit does not exist at this site.",
    "unknown_category": "No unit of this site has that category.",
    "unknown_booking": "There is no booking with that id at this site.",
    "unknown_block": "There is no block with that id at this site.",
    "unknown_finding": "There is no open finding with that id at this site.",
    "unknown_job": "There is no job with that id in that state.",
    "unknown_schedule": "There is no schedule with that name or id.",
    "unknown_queue": "There is no queue of that name.",
    "unknown_function": "No function of that name is registered; only registered ones run.",
    "unknown_store": "The site is no store.",
    "unknown_connection": "The store has no connection with that id.",
    "unknown_run": "The store has no sync run with that id.",
    "unknown_slot": "The site has no slot of that name on that day.",
    "unknown_act": "The policy of this site does not know that act.",
    "already_exists": "Something with that code or slug exists already.",
    "already_queued": "A job of which there may be one only is waiting or running already; `job` is its id.",
    "slot_taken": "At least one unit is taken for that time; `blocking` and `alternatives` say more.",
    "closed": "The site is not open for the whole of that time.",
    "off_grid": "Start and end must lie on the site's time grid or slots.",
    "too_short": "The booking is shorter than the site allows.",
    "too_long": "The booking is longer than the site allows.",
    "too_soon": "The site asks for more notice before a start.",
    "too_far": "The start lies beyond the site's booking horizon.",
    "in_the_past": "That time has already passed.",
    "quota_reached": "This person already has as many live bookings as the site allows.",
    "not_bookable": "The unit cannot be booked in its present condition.",
    "not_serviceable": "The unit's condition does not allow this now.",
    "unit_occupied": "Somebody is in this unit now; check them out or end the session first.",
    "wrong_day": "The booking does not start today; repeat with an override and its reason.",
    "too_early": "The booking has not started yet; repeat with an override and its reason.",
    "wrong_code": "The start code is missing or does not match; staff may override with a reason.",
    "wrong_state": "Its state does not allow that act.",
    "nothing_to_change": "The command would change nothing.",
    "hold_not_supported": "Bookings of this kind of site start as requests and cannot be held.",
    "version_mismatch": "The object has moved on since the version you named; read it again.",
    "no_connections": "The store has no connection that could be synced; make one first.",
    "too_little_past": "There is too little past to foretell anything; `data` says how much, and how much it takes.",
    "bad_signature": "The webhook's signature does not match; check the connection's webhook secret.",
    "key_reused": "The idempotency key was used with another request body.",
    "has_live_bookings": "This person has live bookings; cancel them first, or pass `include_live`.",
    "would_hit": "The block would hit live bookings; list them for re-planning or pass `allow_conflicts`.",
    "not_allowed": "You may not do that here; `right` names what it takes.",
    "unauthorised": "Say who you are: sign in, or send a valid bearer token.",
    "wrong_credentials": "The address, the password or the code is not right.",
    "second_factor_needed": "This account has a second factor: send its code as well.",
    "weak_password": "The password is too short, too long or too easy to guess.",
    "link_used": "This link does not work, or not any more; ask for a new one.",
    "sign_up_closed": "Customers do not make accounts here, or not with an address of that domain.",
    "last_owner": "An organisation needs an owner; name another one first.",
    "unknown_organisation": "There is no organisation with that id, or you do not belong to it.",
    "unknown_account": "There is no account with that id in this organisation.",
    "unknown_session": "You have no session with that id.",
    "unknown_invitation": "There is no open invitation with that id in this organisation.",
    "unknown_token": "There is no token with that id in this organisation.",
    "unknown_webhook": "There is no endpoint for webhooks with that id in this organisation.",
    "unknown_calendar": "The site follows no calendar of that name or id.",
    "unknown_delivery": "That endpoint has no delivery with that id, or it was let go of after a month.",
    "too_many_requests": "More was asked than one caller may in a short time; retry after the given seconds.",
    "disk_full": "The disk of the database is full: nothing was changed, reads go on. Retry after the given seconds.",
    "busy": "The server has more work queued than it accepts; retry after the given seconds.",
    "unavailable": "The database cannot be reached right now; nothing was changed.",
    "outcome_unknown": "The connection broke while committing; repeat with the same idempotency key to learn more.",
}


class Refusal(Exception):
    """A decision that says no: `code` is one of `CODES`, `data` holds JSON-ready facts; nothing was changed."""

    def __init__(self, code: str, /, **data: Any) -> None:
        super().__init__(code)
        assert code in CODES, f"undocumented refusal code {code!r}"
        self.code = code
        self.data = data

    def __repr__(self) -> str:
        return f"Refusal({self.code!r}, {self.data!r})"
