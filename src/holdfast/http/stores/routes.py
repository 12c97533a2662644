"""All addresses of stores, for the application to serve."""

from typing import Any

from holdfast.http.stores.connections import CONNECTION_HANDLERS
from holdfast.http.stores.exporting import EXPORT_HANDLERS
from holdfast.http.stores.former import FORMER_STORE_HANDLERS
from holdfast.http.stores.hooks import HOOK_HANDLERS
from holdfast.http.stores.ltv import LTV_HANDLERS
from holdfast.http.stores.rejects import REJECT_HANDLERS
from holdfast.http.stores.syncing import SYNC_HANDLERS
from holdfast.http.stores.verification import VERIFICATION_HANDLERS

STORE_HANDLERS: list[Any] = [
    *CONNECTION_HANDLERS, *SYNC_HANDLERS, *REJECT_HANDLERS, *VERIFICATION_HANDLERS, *LTV_HANDLERS, *EXPORT_HANDLERS,
    *HOOK_HANDLERS, *FORMER_STORE_HANDLERS,
]  # fmt: skip
