"""The codes of refusals and of what only HTTP can get wrong."""

# ruff: noqa: E501 - the text is prose
from generating.text import page, same_names, table
from holdfast.domain import errors
from holdfast.http.errors import EDGE_CODES, STATUS


def errors_page() -> str:
    lines = [
        "# Errors",
        "",
        "Every error is an RFC 9457 problem (`application/problem+json`): `type`, `title`, `status`, `detail`, `code`, and the",
        "facts of the refusal as further members. A refused request has changed nothing, with one exception:",
        "`outcome_unknown`, see [integrating](../guides/integrate.md#when-the-outcome-is-unknown).",
        "",
        "## Refusals",
        "",
    ]
    same_names(STATUS, errors.CODES, "statuses of errors")
    lines += table(
        ("code", "HTTP", "meaning"), ((f"`{name}`", STATUS[name], said) for name, said in errors.CODES.items())
    )
    lines += ["", "## What only HTTP can get wrong", ""]
    lines += table(
        ("code", "HTTP", "meaning"), ((f"`{name}`", status, said) for name, (status, said) in EDGE_CODES.items())
    )
    lines += [
        "",
        "## Members that tell more",
        "",
        "- `slot_taken`: `blocking` (unit, from, to of what is in the way, up to 20), `alternatives` (unit, from, to that were",
        "  free while the site was locked, up to 6), for staff also `holders` (ids).",
        "- `would_hit`: `blocking` and, for staff, `holders`.",
        "- `wrong_state`: `state`, `cause`, `possible`.",
        "- `invalid_request`, `invalid_time`, `invalid_settings`: `field`, and `problem` or `expected`; `did_you_mean` for an unknown name.",
        "- `version_mismatch`: `expected`, `version`.",
        "- `quota_reached`: `quota`, `live`.",
        "- `has_live_bookings`: `sites` (how many, by slug), or `site` and `bookings` (up to 20 ids).",
        "- 503 and 507: the header `Retry-After` in seconds.",
    ]
    return page(lines)
