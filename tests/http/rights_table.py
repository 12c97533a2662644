"""Who gets which answer from which operation: the one table that `test_rights` holds the server to.

A row is an operation of the OpenAPI document: the right it says it asks for, a request that gets past decoding, and a
letter for each of `PRINCIPALS`: `.` let in (whatever the answer is, it is none of these), `1` 401, `3` 403, `4` 404.
The site is a sports ground whose page is for `accounts`; `{booking}` was made by the customer.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PRINCIPALS = (
    "nobody", "customer", "other_customer", "viewer", "housekeeping", "staff", "manager", "owner", "foreign_owner",
    "token_with", "token_without", "revoked_token", "expired_token", "admin",
)  # fmt: skip


class Row(NamedTuple):
    """`fresh` names what is made anew for each request, because being let in uses it up; `absent` is the code by which
    whoever is let in hears that there is nothing of that id; `at_shop` asks at the store."""

    right: str
    expected: str
    body: Any = None
    query: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    fresh: str | None = None
    absent: str | None = None
    at_shop: bool = False


SECRET = "x" * 43
MISMATCH = {"If-Match": '"1"'}
"""Refused behind the rights and before anything is changed."""
CAFE = "?site=corner"
WINDOW = {"after": "2026-03-08T09:00:00Z", "until": "2026-03-08T10:00:00Z"}

# nobody, customer, other customer, viewer, housekeeping, staff, manager, owner, foreign owner,
# token with the right, token with all others, revoked token, expired token, admin
OPEN = ".............."
ANYBODY = "...........11."
EVERYBODY_KNOWN = "1..........11."
SIGNED_IN = "1........33113"
PUBLIC = ANYBODY
READ = "133.....3.311."
NAMES = "133.3...3.311."
BOOK = "13333...3.311."
CONDITION = "1333....3.311."
SETTINGS = "133333..3.311."
PEOPLE = "133333..4.311."
PEOPLE_BY_PEOPLE = "133333..43311."
"""What a token with `people` alone may not: it does not hold the rights that it would give."""
SERVER = "1333333333311."
JOBS = "133333....311."
SHOP = "144.3...4.311."
SHOP_SETTINGS = "144333..4.311."
"""At a site without a page: for who may nothing there, there is none."""

TABLE: dict[str, Row] = {
    # -- everybody ---------------------------------------------------------------------------------------------------
    "healthz": Row("open", OPEN),
    "readyz": Row("open", OPEN),
    "health": Row("open", OPEN),
    "index": Row("open", OPEN),
    "openapi": Row("open", OPEN),
    "metrics": Row("open", "1111111111111."),
    "sign_in": Row("open", ANYBODY, {}),
    "set_up": Row("open", OPEN, {"secret": SECRET, "email": "a@b.example", "name": "A", "password": "x"}),
    "verify": Row("open", ANYBODY, {"secret": SECRET, "password": "x"}),
    "ask_reset": Row("open", ANYBODY, {"email": "a@b.example"}),
    "reset_password": Row("open", ANYBODY, {"secret": SECRET, "password": "x"}),
    "look_at_invitation": Row("open", ANYBODY, {"secret": SECRET}),
    "accept_invitation": Row("open", ANYBODY, {"secret": SECRET}),
    # -- whoever says who they are -----------------------------------------------------------------------------------
    "get_session": Row("known", EVERYBODY_KNOWN),
    "list_roles": Row("known", EVERYBODY_KNOWN),
    "list_organisations": Row("known", EVERYBODY_KNOWN),
    "list_sites": Row("known", EVERYBODY_KNOWN),
    "list_sessions": Row("known", SIGNED_IN),
    "get_account": Row("known", SIGNED_IN),
    "change_account": Row("known", SIGNED_IN, {}),
    "change_password": Row("known", SIGNED_IN, {"new": "short"}),
    "confirm_second_factor": Row("known", SIGNED_IN, {"code": "000000"}),
    "end_second_factor": Row("known", SIGNED_IN, {"password": "x"}),
    "begin_second_factor": Row("known", SIGNED_IN),
    "end_session": Row("known", SIGNED_IN, fresh="session"),
    "sign_out_everywhere": Row("known", SIGNED_IN, fresh="session"),
    "sign_out": Row("open", ANYBODY, fresh="session"),
    # -- a site's page -----------------------------------------------------------------------------------------------
    "get_site": Row("public", PUBLIC),
    "get_availability": Row("public", PUBLIC, query="?date=x"),
    "check": Row("public", PUBLIC, {}),
    "sign_up": Row("public", PUBLIC, {"email": "a@b.example", "name": "A", "password": "x"}),
    "join_site": Row("public", SIGNED_IN, {"profile": {"nothing": "x"}}),
    "former_get_slots": Row("public", PUBLIC, query="?ground=G1&date=x"),
    # -- one's own bookings ------------------------------------------------------------------------------------------
    "create_booking": Row("own", "1.......33311.", {}),
    "list_bookings": Row("own", "1.......33311."),
    "get_booking": Row("own", "1.4.4...34311."),
    "act_on_booking": Row("own", "1.444...34311.", {}, headers=MISMATCH),
    "former_create_booking": Row("own", "1.......33311.", {"ground": "G1", "date": "x", "time": "9-10 AM"}),
    "former_list_bookings": Row("own", "1.......33311."),
    "former_list_my_bookings": Row("own", "1.......33311.", query="?email=a@b.example"),
    "former_get_booking": Row("own", "1.4.4...34311."),
    "former_act_on_booking": Row("own", "1.444...34311.", {}, headers=MISMATCH),
    # -- looking -----------------------------------------------------------------------------------------------------
    "get_board": Row("read", READ),
    "list_units": Row("read", READ),
    "list_blocks": Row("read", READ),
    "get_journal": Row("read", READ),
    "list_observations": Row("read", READ),
    "list_findings": Row("names", NAMES),
    "get_calendar": Row("names", NAMES),
    "get_calendar_link": Row("names", NAMES),
    "stream_events": Row("public", PUBLIC),
    "stream_sites": Row("public", PUBLIC, query="?sites=campus"),
    # -- who is there -----------------------------------------------------------------------------------------------
    "beat": Row("known", "1..........113", {}),
    "set_presence_status": Row("known", SIGNED_IN, {"status": "auto"}),
    "get_presence": Row("known", EVERYBODY_KNOWN, absent="unknown_account"),
    "query_presence": Row("known", EVERYBODY_KNOWN, {"accounts": []}),
    "get_site_presence": Row("names", NAMES),
    "stream_presence": Row("names", NAMES, query="?site=campus"),
    # -- acting ------------------------------------------------------------------------------------------------------
    "act_on_series": Row("book", BOOK, {"booking": "x"}),
    "preview_series": Row("book", BOOK, {}),
    "change_unit": Row("condition", CONDITION, {"condition": None}),
    "record_observations": Row("observe", BOOK, {"observations": []}),
    "create_block": Row("block", BOOK, {"units": ["G1"], "from": "x", "to": "x"}),
    "remove_block": Row("block", BOOK, query="?reason=%01"),
    "reconcile_site": Row("find", BOOK, query="?dry_run=true"),
    "settle_finding": Row("find", BOOK, {}),
    "former_sync_sessions": Row("find", "14433...4.311.", query=CAFE),
    "former_complete_sessions": Row("find", "14433...4.311.", query=CAFE),
    **{
        name: Row("units", SETTINGS, body, absent=absent)
        for name, body, absent in (
            ("list_calendars", None, None), ("add_calendar", {"unit": "G1", "name": "x", "url": "x"}, None),
            ("get_followed_calendar", None, "unknown_calendar"), ("change_calendar", {}, "unknown_calendar"),
            ("fetch_calendar", None, "unknown_calendar"), ("remove_calendar", None, "unknown_calendar"),
        )
    },
    "add_units": Row("units", SETTINGS, {"units": [{"code": "G1", "category": "ground"}]}),
    "change_site": Row("settings", SETTINGS, {}),
    "import_file": Row("import", SETTINGS, query="?site=campus"),
    # -- an organisation ---------------------------------------------------------------------------------------------
    "create_site": Row("sites", "1333333...311.", {"kind": "cafe", "name": "x", "time_zone": "Nowhere"}),
    "rename_organisation": Row("organisation", "1333333.4.311.", {"name": "Holdfast"}),
    "list_people": Row("people", PEOPLE),
    "give_role": Row("people", PEOPLE_BY_PEOPLE, {"role": "viewer"}, fresh="person"),
    "take_role": Row("people", PEOPLE_BY_PEOPLE, fresh="person"),
    "list_invitations": Row("people", PEOPLE),
    "invite": Row("people", PEOPLE_BY_PEOPLE, {"email": "a@b.example", "role": "viewer"}),
    "withdraw_invitation": Row("people", PEOPLE, fresh="invitation"),
    "list_tokens": Row("people", PEOPLE),
    "create_token": Row("people", PEOPLE_BY_PEOPLE, {"name": "x", "scopes": ["people"]}),
    "revoke_token": Row("people", PEOPLE, fresh="token"),
    "get_account_log": Row("audit", PEOPLE),
    # -- what is kept of people ----------------------------------------------------------------------------------------
    "export_account_log": Row("audit", PEOPLE),
    "export_journal": Row("audit", SETTINGS),
    "list_actors": Row("names", NAMES, query="?name=account:x"),
    "export_person": Row("audit", PEOPLE, {"email": "nobody@b.example"}, absent="unknown_person"),
    "erase_person": Row("audit", PEOPLE, {"email": "nobody@b.example", "reason": "x"}, absent="unknown_person"),
    "get_settings": Row("settings", SETTINGS),
    "get_site_health": Row("settings", SETTINGS),
    "get_last_pass": Row("names", NAMES),
    # -- a store -----------------------------------------------------------------------------------------------------
    "list_connections": Row("names", SHOP, at_shop=True),
    "create_connection": Row("settings", SHOP_SETTINGS, {}, at_shop=True),
    "read_connection": Row("names", SHOP, at_shop=True, absent="unknown_connection"),
    "delete_connection": Row("settings", SHOP_SETTINGS, at_shop=True, absent="unknown_connection"),
    "change_connection": Row("settings", SHOP_SETTINGS, {}, at_shop=True, absent="unknown_connection"),
    "list_rates": Row("names", SHOP, at_shop=True),
    "set_rate": Row("settings", SHOP_SETTINGS, {}, at_shop=True),
    "read_sync": Row("names", SHOP, at_shop=True),
    "start_sync": Row("sync", SHOP_SETTINGS, {}, at_shop=True),
    "list_sync_runs": Row("names", SHOP, at_shop=True),
    "read_sync_run": Row("names", SHOP, at_shop=True, absent="unknown_run"),
    "cancel_sync_run": Row("sync", SHOP_SETTINGS, at_shop=True, absent="unknown_run"),
    "upload_rows": Row("sync", SHOP_SETTINGS, at_shop=True, absent="unknown_connection"),
    "read_verification": Row("names", SHOP, at_shop=True),
    "change_verification": Row("settings", SHOP_SETTINGS, {}, at_shop=True),
    "list_rejects": Row("names", SHOP, at_shop=True),
    "export_rejects": Row("names", SHOP, at_shop=True),
    "retry_rejects": Row("sync", SHOP_SETTINGS, at_shop=True),
    "read_cohorts": Row("names", SHOP, at_shop=True),
    "read_ltv_curves": Row("names", SHOP, at_shop=True),
    "read_segments": Row("names", SHOP, at_shop=True),
    "list_customers": Row("names", SHOP, at_shop=True),
    "read_ltv_prediction": Row("names", SHOP, at_shop=True),
    "list_ltv_predictions": Row("names", SHOP, at_shop=True),
    "export_ltv": Row("names", SHOP, query="?table=cohorts", at_shop=True),
    "take_webhook": Row("open", OPEN, {}, at_shop=True, absent="unknown_connection"),
    "former_trigger_sync": Row("sync", SHOP_SETTINGS),
    "former_sync_status": Row("names", SHOP),
    # -- the server --------------------------------------------------------------------------------------------------
    "create_organisation": Row("server", SERVER, {"name": "Others"}),
    "close_account": Row("server", SERVER, fresh="person"),
    "reconcile_all": Row("server", SERVER, query="?dry_run=true"),
    "preview_schedule": Row("jobs", JOBS, query="?schedule=every_5_minutes"),
    **{
        name: Row("jobs", PEOPLE, absent="unknown_webhook")
        for name in (
            "list_webhooks", "get_webhook", "remove_webhook", "test_webhook", "pause_webhook", "resume_webhook",
            "list_deliveries", "redeliver",
        )
    },
    **{
        name: Row("jobs", PEOPLE_BY_PEOPLE, body, absent="unknown_webhook")
        for name, body in (
            ("create_webhook", {"url": "x", "events": []}), ("change_webhook", {}), ("rotate_webhook", None),
            ("get_delivery", None),
        )
    },
    **{
        name: Row("server", SERVER, body, absent=absent)
        for name, body, absent in (
            ("list_queues", None, None), ("pause_queue", None, "unknown_queue"),
            ("resume_queue", None, "unknown_queue"),
            ("list_limits", None, None), ("set_limit", {}, None), ("drop_limit", None, "unknown_queue"),
        )
    },
    **{
        name: Row("jobs", JOBS, body, absent=absent)
        for name, body, absent in (
            ("former_list_cron_jobs", None, None), ("former_create_cron_job", {}, None),
            ("former_get_cron_job", None, "unknown_schedule"), ("former_change_cron_job", {}, "unknown_schedule"),
            ("former_remove_cron_job", None, "unknown_schedule"), ("former_run_cron_jobs", None, None),
            ("list_schedules", None, None), ("create_schedule", {}, None),
            ("backfill_schedule", WINDOW, "unknown_schedule"),
            ("get_schedule", None, "unknown_schedule"), ("remove_schedule", None, "unknown_schedule"),
            ("change_schedule", {}, "unknown_schedule"), ("run_schedule", None, "unknown_schedule"),
            ("list_ticks", None, "unknown_schedule"),
            ("list_jobs", None, None), ("enqueue_job", {"function": "nothing"}, "unknown_function"),
            ("get_job", None, "unknown_job"),
            ("explain_job", None, "unknown_job"), ("list_job_lines", None, "unknown_job"),
            ("cancel_job", None, "unknown_job"), ("start_job", None, "unknown_job"), ("list_runs", None, None),
            ("list_dead_letters", None, None), ("redrive_dead_letters", {}, "unknown_job"),
            ("discard_dead_letters", {}, "unknown_job"),
            ("list_functions", None, None),
        )
    },
}  # fmt: skip
