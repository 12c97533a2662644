"""A real browser for tests that need one, started once a run: import `browser_address`, `browser` and `page`.

It is found on the machine, else where Playwright keeps its own; without one these tests are skipped and say so.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright
from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
)  # fmt: skip
START_S = 30.0


def program() -> str | None:
    """The browser's program; None when there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    def ask() -> str:
        with sync_playwright() as playwright:
            return playwright.chromium.executable_path

    # in a thread, because there may be a running loop here
    with ThreadPoolExecutor(1) as executor:
        path = executor.submit(ask).result()
    return path if Path(path).is_file() else None


@contextmanager
def launched(executable: str) -> Iterator[str]:
    """A running browser during the block: the address to connect to, from any loop."""
    folder = tempfile.mkdtemp(prefix="holdfast-browser-")
    process = subprocess.Popen(
        [executable, *ARGUMENTS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    watch = threading.Timer(START_S, process.kill)
    watch.start()
    try:
        told = next((line for line in process.stderr if "DevTools listening on " in line), "")
        watch.cancel()
        assert told, f"{executable} did not start"
        # whatever it says later goes nowhere, so that it never waits for somebody to read it
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield told.rsplit(" ", 1)[1].strip()
    finally:
        watch.cancel()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def browser_address() -> Iterator[str]:
    """The one browser of the run."""
    executable = program()
    if executable is None:
        pytest.skip(f"There is no browser on this machine: none of {', '.join(NAMES)}, nor one of Playwright's own.")
    with launched(executable) as address:
        yield address


@pytest.fixture
async def browser(browser_address: str) -> AsyncIterator[Browser]:
    """The browser, in this test's loop; what the test opens in it is closed with it."""
    async with async_playwright() as playwright:
        connected = await playwright.chromium.connect_over_cdp(browser_address)
        yield connected
        for context in connected.contexts[1:]:
            await context.close()
        await connected.close()


@pytest.fixture
async def page(browser: Browser) -> Page:
    """A page that remembers nothing of other tests."""
    context = await browser.new_context()
    return await context.new_page()
