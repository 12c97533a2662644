"""The rules by which reconciling and the server's watch find something."""

from generating.text import page, table
from holdfast.domain.findings import RULES
from holdfast.domain.reconcile.discrepancies import BOOKING_RULES, UNIT_RULES


def findings_page() -> str:
    lines = [
        "# Findings",
        "",
        "What reconciling and the server's own watch find. Repairs are made at once and journalled with their reason;",
        "discrepancies are opened while they hold and closed when they do not, and are never overwritten. See",
        "[Truth](../truth.md).",
        "",
    ]
    rows = []
    for rule, sentence in RULES.items():
        judged = rule in UNIT_RULES or rule in BOOKING_RULES
        about = "unit" if rule in UNIT_RULES else "booking" if judged else ""
        rows.append((f"`{rule}`", sentence, f"discrepancy of a {about}" if judged else ""))
    return page([*lines, *table(("rule", "what was found", ""), rows)])
