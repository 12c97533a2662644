"""Named queries: SQL stays SQL, in `store/<noun>.sql`, and is called by its name.

The format is a `-- name: lock_sites` line, one `-- Sentence.` line, then the query up to the next name.
Refuses duplicates, queries without a sentence, and text before the first name; never builds SQL.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_FOLDER = Path(__file__).parent
_NAME_LINE = re.compile(r"--\s*name:\s*(?P<name>.*?)\s*$")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class SqlFileError(Exception):
    """A file of named queries does not keep the format; the message names file, line and rule."""


@cache
def load(noun: str) -> Mapping[str, str]:
    """Return the queries of `store/<noun>.sql` by name, in the file's order; read once per process.

    Raises:
        SqlFileError: the file is missing or does not keep the format.
    """
    path = _FOLDER / f"{noun}.sql"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SqlFileError(f"There is no {path.name} in the store; named queries live in store/<noun>.sql.") from None
    return parse(text, path.name)


def parse(text: str, file_name: str) -> Mapping[str, str]:
    """Return the named queries of a text.

    Raises:
        SqlFileError: a name is doubled or malformed, or a sentence, a query or the first name is missing.
    """
    queries: dict[str, str] = {}
    name: str | None = None
    started = 0
    lines: list[str] = []
    for number, line in enumerate([*text.splitlines(), "-- name: end"], start=1):
        match = _NAME_LINE.fullmatch(line)
        if match is None:
            lines.append(line)
            continue
        if name is None:
            if any(before.strip() and not before.startswith("--") for before in lines):
                raise SqlFileError(f"{file_name}: SQL stands before the first `-- name:` line.")
        else:
            queries[name] = _query(lines, f"{file_name}:{started} ({name})")
        name, started, lines = match["name"], number, []
        if number > len(text.splitlines()):
            break
        if not _NAME.fullmatch(name):
            raise SqlFileError(f"{file_name}:{number}: {name!r} is not a name in lower case.")
        if name in queries:
            raise SqlFileError(f"{file_name}:{number}: the name {name} is there twice.")
    return MappingProxyType(queries)


def _query(lines: list[str], place: str) -> str:
    body = [line for line in lines if line.strip()]
    if not body or not body[0].lstrip().startswith("--"):
        raise SqlFileError(f"{place}: a `-- Sentence.` line must follow the name.")
    query = "\n".join(lines[lines.index(body[0]) + 1 :]).strip().removesuffix(";").rstrip()
    if not any(line.strip() and not line.lstrip().startswith("--") for line in query.splitlines()):
        raise SqlFileError(f"{place}: the query is missing.")
    return query
