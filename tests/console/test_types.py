"""The browser's modules, checked by TypeScript as strictly as it can: their types stand in their comments."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from holdfast.console.assets import FOLDER

OPTIONS = {
    "allowJs": True, "checkJs": True, "noEmit": True, "strict": True, "target": "es2023", "module": "esnext",
    "moduleResolution": "bundler", "lib": ["es2023", "dom", "dom.iterable"], "types": [],
}  # fmt: skip
LINES_MAX = 400


def test_the_modules_types_hold(tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npx") is None:
        pytest.skip("node and npx are not on this machine")
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "include": [f"{FOLDER}/**/*.js"]}))
    command = ["npx", "--yes", "--package", "typescript@5", "--", "tsc", "--project", str(tmp_path)]
    try:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer in time")
    if done.returncode != 0 and "error TS" not in done.stdout:
        pytest.skip(f"TypeScript cannot be had: {done.stderr[-300:]}")
    assert done.stdout == ""


def test_a_module_is_short_and_says_what_it_is_for() -> None:
    for path in FOLDER.rglob("*.js"):
        text = path.read_text()
        assert text.startswith("/**"), path.name
        assert text.count("\n") <= LINES_MAX, path.name


def test_nothing_turns_data_into_markup_or_styles() -> None:
    for path in FOLDER.rglob("*.js"):
        # html.js parses the fixed text of templates, and that alone
        banned = ["outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", 'setAttribute("style"']
        if path.name != "html.js":
            banned.append("innerHTML")
        assert not [word for word in banned if word in path.read_text()], path.name
