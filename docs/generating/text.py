"""How a page is put together: tables, code, and that what is described and what is there have the same names."""

import json
from collections.abc import Iterable

NOTE = "<!-- Made by docs/generate.py. Do not edit: run `make docs`. -->"


class Gap(Exception):
    """The tables of this file and the program do not name the same things."""


def same_names(described: Iterable[str], known: Iterable[str], what: str) -> None:
    missing, surplus = sorted(set(known) - set(described)), sorted(set(described) - set(known))
    if missing or surplus:
        raise Gap(f"{what}: not described {missing}, described but not there {surplus}")


def page(lines: Iterable[str]) -> str:
    return NOTE + "\n\n" + "\n".join(lines).rstrip() + "\n"


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> list[str]:
    head = list(head)
    lines = [_row(head), _row("---" for _ in head)]
    return lines + [_row(row) for row in rows]


def code(value: object) -> str:
    return f"`{json.dumps(value)}`"


def squeezed(text: str) -> str:
    return " ".join(text.split())


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
