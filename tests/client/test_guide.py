"""What the guide on live streams shows is what happens."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from holdfast.client import Holdfast
from holdfast.realtime import hub
from tests.http.conftest import TOKEN, LiveServer

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "live.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


async def test_the_first_program_prints_a_board_and_a_change(server: LiveServer, house: Holdfast, slug: str) -> None:
    program = SNIPPETS[0].replace("http://127.0.0.1:8765", server.url).replace("None, ", f"{TOKEN!r}, ", 1)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-u", "-c", program.replace("demo-cafe", slug), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert (await process.stdout.readline()).decode().startswith("{'PC1': 'Available'")
        await house.site(slug).change_unit("PC1", name="another")
        assert "unit.changed ('PC1',) ()" in (await process.stdout.readline()).decode()
        assert await process.wait() == 0


async def test_the_second_program_follows_several_sites(
    house: Holdfast, slug: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await house.post("/api/sites", {"kind": "cafe", "slug": "other", "name": "Other", "time_zone": "UTC"})
    names: dict[str, object] = {}
    exec(compile(SNIPPETS[1], "live.md", "exec"), names)
    watch = names["watch"]
    assert callable(watch)
    watching = asyncio.create_task(watch(house, [slug, "other"]))
    said = ""
    async with asyncio.timeout(20):
        for number in count():
            # the board may be taken after the change: then the next one is told
            await house.site(slug).change_unit("PC1", name=f"name {number}")
            said += capsys.readouterr().out
            if re.search(rf"{slug} \d+ \('PC1',\) 0\n", said):
                break
            await asyncio.sleep(0.05)
    watching.cancel()
    await asyncio.wait({watching})


async def test_the_third_program_books(house: Holdfast, slug: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = SNIPPETS[2].replace("demo-cafe", slug).replace("PC05", "PC1")
    names: dict[str, object] = {}
    exec(compile(program, "live.md", "exec"), names)
    book = names["book"]
    assert callable(book)
    await book(house)
    await book(house)
    assert "slot_taken" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_curl_shows_what_the_guide_shows(server: LiveServer, slug: str) -> None:
    address = f"{server.url}/api/sites/{slug}/events?after=0"
    words = ["curl", "-sN", "--max-time", "1", "-H", f"Authorization: Bearer {TOKEN}", address]
    told = (await asyncio.to_thread(subprocess.run, words, capture_output=True, check=False)).stdout.decode()
    pattern = r"retry: \d+\n\nid: \w+:0\n\nid: \w+:1\nevent: unit.created\ndata: {.*}\n\n"
    assert re.match(pattern, told), told[:300]


def test_the_guide_tells_every_reason_and_bound() -> None:
    source = Path(hub.__file__).read_text(encoding="utf-8")
    reasons = set(re.findall(r'return "(\w+)"|_reset\(reader, "(\w+)"\)|reader\.reset\("(\w+)"', source))
    named = {name for found in reasons for name in found if name}
    assert {"other_epoch", "trimmed"} <= named
    assert [name for name in sorted(named) if f"`{name}`" not in GUIDE] == []
    assert f"{hub.BACKLOG_MAX:,}" in GUIDE and f"{hub.HEARTBEAT_S:.0f} s" in GUIDE
