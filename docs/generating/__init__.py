"""The reference pages, made from the program itself, so that they cannot say anything else than it does.

A module makes one page. What a reader needs beside the code's own words (what an act wants, what a setting means)
stands in tables there; a name that is missing in them, or in them but not in the code, is an error.
"""

from collections.abc import Callable, Mapping

from generating.cli import cli_page
from generating.errors import errors_page
from generating.events import events_page
from generating.findings import findings_page
from generating.rights import rights_page
from generating.routes import routes_page
from generating.settings import settings_page
from generating.states import states_page

PAGES: Mapping[str, Callable[[], str]] = {
    "rights.md": rights_page,
    "findings.md": findings_page,
    "settings.md": settings_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "states.md": states_page,
    "cli.md": cli_page,
    "routes.md": routes_page,
}
