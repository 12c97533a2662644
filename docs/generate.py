"""Writes the reference pages from the program itself, so that they cannot say anything else than it does.

`python docs/generate.py` writes them, `--check` only compares and fails when one differs. What each page says is made
by a module of `generating`.
"""

import difflib
import sys
from pathlib import Path

from generating import PAGES

FOLDER = Path(__file__).parent / "reference"


def main() -> int:
    checking = "--check" in sys.argv[1:]
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = 0
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        if checking:
            stale += 1
            sys.stdout.writelines(
                difflib.unified_diff(before.splitlines(True), text.splitlines(True), str(path), "now", n=1)
            )
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(FOLDER.parent)}")
    if stale:
        print(f"{stale} reference pages are not what the program says now; run: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
