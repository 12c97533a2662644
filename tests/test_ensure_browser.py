"""The look for a browser: what starts is taken, and without one the tests go on."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import ensure_browser

SCRIPT = Path(ensure_browser.__file__)


def program(folder: Path, name: str, *, exit_code: int = 0) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place where programs are found."""
    monkeypatch.delenv("HOLDFAST_TEST_BROWSER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))
    monkeypatch.setattr(ensure_browser, "APPLICATIONS", ())
    return tmp_path


def test_an_installed_browser_is_taken_and_one_that_does_not_start_is_passed_over(alone: Path) -> None:
    assert ensure_browser.find() is None
    program(alone, "chromium", exit_code=127)
    assert ensure_browser.find() is None
    chrome = program(alone, "google-chrome")
    assert ensure_browser.find() == ensure_browser.ensure() == chrome


def test_one_that_playwright_has_downloaded_is_found(alone: Path) -> None:
    folder = alone / "downloads" / "chromium-1200" / "chrome-linux"
    folder.mkdir(parents=True)
    assert ensure_browser.find() is None
    chrome = program(folder, "chrome")
    assert ensure_browser.find() == chrome


def test_one_that_is_named_is_the_only_one_looked_at(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(alone, "chromium")
    mine = program(alone, "mine")
    monkeypatch.setenv("HOLDFAST_TEST_BROWSER", str(mine))
    assert ensure_browser.find() == mine
    monkeypatch.setenv("HOLDFAST_TEST_BROWSER", "none")
    assert ensure_browser.ensure() is None


def test_without_a_browser_it_says_one_sentence_and_is_no_failure() -> None:
    environ = {"HOLDFAST_TEST_BROWSER": "none", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, SCRIPT], env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ensure_browser.NO_BROWSER and not done.stderr
