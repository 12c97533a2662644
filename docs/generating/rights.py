"""The rights, the roles that hold them, and what the account log tells."""

# ruff: noqa: E501 - the text is prose
from generating.text import page, table
from holdfast.domain.actors import RIGHTS, ROLES
from holdfast.services.account_log import ACTIONS


def rights_page() -> str:
    lines = [
        "# Rights",
        "",
        "A right is held at a site: by a role in the site's organisation, by a role at the site alone, or by the scopes of",
        "a token. Whatever an address asks for stands with it under [routes](routes.md): a right; `known`: anybody who",
        "says who they are; `server`: who has the token of the settings; `open`: everybody. Guests and customers see",
        "`public` and `own` where the site's `booking_page` lets them.",
        "",
    ]
    lines += table(("right", "lets its holder"), [(f"`{right}`", meaning) for right, meaning in RIGHTS.items()])
    lines += ["", "## Roles", ""]
    rows = [(f"`{right}`", *("yes" if right in rights else "" for rights in ROLES.values())) for right in RIGHTS]
    lines += table(("right", *ROLES), rows)
    lines += ["", "## The account log", ""]
    lines += table(("action", "what has happened"), [(f"`{action}`", what) for action, what in ACTIONS.items()])
    return page(lines)
