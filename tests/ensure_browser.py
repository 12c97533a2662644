"""Makes sure of a browser for the tests of pages: finds an installed one, else installs one.

`HOLDFAST_TEST_BROWSER` names a program, or `none` for no look and no installation. Never fails: where no browser can be
had it prints one sentence, and the tests that need one skip for that reason.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
APPLICATIONS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
DOWNLOADED = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium_headless_shell-*/chrome-*/*headless*shell",
)
START_TIMEOUT_S = 20.0
INSTALL_TIMEOUT_S = 300.0
NO_BROWSER = (
    "No browser: install chromium or google-chrome, or name one in HOLDFAST_TEST_BROWSER; tests of pages are skipped."
)


def find() -> Path | None:
    """Return the first browser that starts; None when there is none."""
    return next((program for program in _candidates() if _starts(program)), None)


def ensure() -> Path | None:
    """Return the browser that is there, or that could be installed; None when none could."""
    if found := find():
        return found
    if os.environ.get("HOLDFAST_TEST_BROWSER"):
        return None
    for commands in _installations():
        if all([_done(*command) for command in commands]) and (found := find()):
            return found
    return None


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("HOLDFAST_TEST_BROWSER"):
        if program := shutil.which(named):
            yield Path(program)
        return
    for name in NAMES:
        if program := shutil.which(name):
            yield Path(program)
    yield from APPLICATIONS
    for pattern in DOWNLOADED:
        yield from sorted(_downloads().glob(pattern), reverse=True)


def _downloads() -> Path:
    if named := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        return Path(named)
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "ms-playwright"


def _starts(program: Path) -> bool:
    # It may be there and lack a library, or be a stub that only says how to install it.
    return os.access(program, os.X_OK) and _done(str(program), "--version", timeout_s=START_TIMEOUT_S)


def _installations() -> Iterator[tuple[tuple[str, ...], ...]]:
    if _is_debian() and os.geteuid() == 0:
        install = ("apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium")
        yield (install,)
        # A fresh container has no lists of packages.
        yield (("apt-get", "update", "-q"), install)
    playwright = Path(sys.executable).with_name("playwright")
    if playwright.is_file():
        yield ((str(playwright), "install", "chromium"),)


def _is_debian() -> bool:
    # Ubuntu's package of that name is a stub.
    try:
        return "ID=debian" in Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return False


def _done(*command: str, timeout_s: float = INSTALL_TIMEOUT_S) -> bool:
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environ, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    if ensure() is None:
        print(NO_BROWSER)
