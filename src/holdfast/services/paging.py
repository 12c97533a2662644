"""How many rows a page may have: one rule for all lists.

The operator's `page_rows_max` is what everybody gets at most, whatever they ask for.
"""

PAGE_ROWS_MAX = 500
"""Unless the operator says otherwise."""
_ROWS_MAX = 10_000
"""No setting lets one answer be larger."""


def bounded(limit: int, most: int = _ROWS_MAX) -> int:
    """A page's rows: at least one, at most `most`."""
    return max(1, min(limit, most, _ROWS_MAX))
