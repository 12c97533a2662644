"""Draws docs/pictures/board.svg: what `holdfast board demo-cafe` prints, on a demo database of its own.

Run it by hand after the board has changed; the picture shows the instant at which it was drawn.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

FILE = Path(__file__).parent / "pictures" / "board.svg"
SITE = "demo-cafe"
COLUMNS = 96
LONGEST_S = 120
FONTS = "ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace"


def printed(*words: str) -> str:
    """What a command of ours prints on a terminal of that width, colours included."""
    environ = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", *words],
        env=environ, stdout=subprocess.PIPE, text=True, check=True, timeout=LONGEST_S,
    )  # fmt: skip
    return done.stdout


def drawn(text: str) -> str:
    """Terminal output as SVG that asks nothing of the network: in the reader's own fixed-width font."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    console.print(Text.from_ansi(text.rstrip()))
    svg = console.export_svg(title=f"holdfast board {SITE}", unique_id="board")
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", FONTS)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="holdfast-picture-") as folder:
        # the embedded server may run as a lesser user, who must be able to enter
        Path(folder).chmod(0o711)
        data = str(Path(folder) / "data")
        printed("demo", "--no-serve", "--data", data)
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(drawn(printed("board", SITE, "--data", data)), encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
