"""Takes the pictures of docs/pictures from a running demo: started on a data folder of its own, and seen by a browser.

Run it by hand after a screen has changed; names choose some of them. A further picture is one more row of `PICTURES`.
Windows, zoom and colours are fixed; what goes on in the demo is of the moment, so two runs are alike, not equal.
"""

import argparse
import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from playwright.async_api import Browser, BrowserContext, async_playwright

ROOT = Path(__file__).parents[1]
FOLDER = Path(__file__).parent / "pictures"
BYTES_MAX = 150 * 1024
START_S = 120.0
STOP_S = 30.0
LINK = re.compile(r"(http://\S+)/sign-in#(\S+)")

DESK, PHONE = (1280, 800), (390, 844)


@dataclass(frozen=True)
class Picture:
    """`path` is opened in a window of `size`; `click` is a selector to press first, `wait` one to wait for."""

    name: str
    path: str
    size: tuple[int, int] = DESK
    scheme: str = "light"
    wait: str = "main h1"
    click: str | None = None
    within_s: float = 30.0
    """How long what is waited for may take: the demo's store reads its shop first."""


PICTURES = (
    Picture("board-cafe", "/console/demo-cafe", wait=".tile"),
    Picture("board-cafe-dark", "/console/demo-cafe", scheme="dark", wait=".tile"),
    Picture("phone", "/console/demo-cafe", size=PHONE, wait=".tile"),
    Picture("store-run", "/console/demo-store/runs", (1280, 640), wait=".stage.is-running strong", within_s=120.0),
    Picture("store-value", "/console/demo-store/ltv", (1280, 700), wait=".curve svg.chart-svg", within_s=300.0),
    Picture(
        "store-forecast", "/console/demo-store/forecast", (1280, 700), wait="[data-curve='trial'] svg", within_s=300.0
    ),
    Picture("store", "/console/demo-store", wait=".source [data-fresh='fresh']", within_s=300.0),
    Picture("store-customers", "/console/demo-store/customers", wait=".segment-card"),
    Picture("store-phone", "/console/demo-store/ltv", size=PHONE, scheme="dark", wait=".heat-cell"),
)


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """A demo that runs during the block: its address, and a secret to sign in with once."""
    with tempfile.TemporaryDirectory(prefix="holdfast-pictures-") as folder:
        # the embedded server may run as a lesser user, who must be able to enter
        Path(folder).chmod(0o711)
        command = [sys.executable, "-m", "holdfast", "demo", "--data", f"{folder}/data", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            watch = Timer(START_S, process.kill)
            watch.start()
            assert process.stdout is not None
            found = next((match for line in process.stdout if (match := LINK.search(line))), None)
            watch.cancel()
            try:
                if found is None:
                    raise SystemExit("the demo did not start")
                yield found[1], found[2]
            finally:
                process.terminate()
                try:
                    process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()


async def taken(context: BrowserContext, address: str, picture: Picture, folder: Path) -> Path:
    """The file of one picture."""
    page = await context.new_page()
    width, height = picture.size
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme="dark" if picture.scheme == "dark" else "light", reduced_motion="reduce")
    await page.goto(address + picture.path)
    await page.wait_for_selector("html[data-ready]")
    if picture.click is not None:
        await page.locator(picture.click).first.click()
    await page.locator(picture.wait).first.wait_for(timeout=picture.within_s * 1000)
    file = folder / f"{picture.name}.png"
    await page.screenshot(path=file, scale="css", animations="disabled")
    await page.close()
    return file


async def signed_in(browser: Browser, address: str, secret: str) -> BrowserContext:
    context = await browser.new_context(locale="en-GB", timezone_id="Europe/Berlin")
    answer = await context.request.post(f"{address}/api/session", data={"secret": secret})
    if not answer.ok:
        raise SystemExit(f"the demo did not let us in: {await answer.text()}")
    return context


async def take(names: set[str], folder: Path) -> None:
    # found as the tests find it
    from tests.browser import ARGUMENTS, program

    executable = program()
    if executable is None:
        raise SystemExit("there is no browser on this machine")
    folder.mkdir(parents=True, exist_ok=True)
    with demo() as (address, secret):
        async with async_playwright() as playwright:
            arguments = [one for one in ARGUMENTS if "port" not in one]
            browser = await playwright.chromium.launch(executable_path=executable, args=arguments)
            context = await signed_in(browser, address, secret)
            for picture in PICTURES:
                if not names or picture.name in names:
                    file = await taken(context, address, picture, folder)
                    size = file.stat().st_size
                    print(f"wrote {file} ({size // 1024} KB)")
                    if size > BYTES_MAX:
                        raise SystemExit(f"{file.name} is larger than {BYTES_MAX // 1024} KB")
            await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these pictures")
    parser.add_argument("--to", type=Path, default=FOLDER, help="another folder")
    given = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    asyncio.run(take(set(given.names), given.to))


if __name__ == "__main__":
    main()
