"""All addresses of replaced systems, for the application to serve."""

from typing import Any

from holdfast.http.former.cron import FORMER_CRON_HANDLERS
from holdfast.http.former.grounds import FORMER_GROUNDS_HANDLERS
from holdfast.http.former.sessions import FORMER_SESSIONS_HANDLERS

FORMER_HANDLERS: list[Any] = [*FORMER_GROUNDS_HANDLERS, *FORMER_SESSIONS_HANDLERS, *FORMER_CRON_HANDLERS]
