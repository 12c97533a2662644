"""What is left of a worker that did not end by itself: its signal, and what each of its threads was doing.

Its standard error is nobody's while a test captures it; so each worker has a file to write its last words into, and the
run's summary shows them.
"""

import faulthandler
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

FOLDER = "HOLDFAST_TEST_CRASHES"
_words: list[IO[str]] = []
_fallen: list[str] = []


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="holdfast-crashes-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    elif FOLDER in os.environ:
        _words.append((Path(os.environ[FOLDER]) / f"{worker}-{os.getpid()}.txt").open("w"))
        faulthandler.enable(file=_words[0])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    if error is not None:
        code: object = None
        with suppress(Exception):  # what is ours to see only by looking inside
            code = node.gateway._io.popen.wait(5)
        _fallen.append(f"{node.gateway.id} ended with {code}: {error}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _fallen:
        return
    terminalreporter.section("workers that crashed")
    for line in _fallen:
        terminalreporter.line(line)
    for path in sorted(Path(os.environ[FOLDER]).glob("*.txt")):
        if words := path.read_text(errors="replace"):
            terminalreporter.line(f"-- {path.stem}\n{words}")
