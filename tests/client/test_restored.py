"""An older backup comes back in the place of what was: readers begin anew, however far the site has gone on since."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.client import Holdfast, Replica, Reset
from holdfast.client.replica import Change
from holdfast.store import backup
from tests.client.conftest import QUICK
from tests.client.test_live import WINDOW, free_port, kept, looks, until
from tests.http.conftest import TOKEN, LiveServer


@pytest.mark.parametrize("later", [0, 2, 9])
async def test_a_backup_restored_in_place_resets_readers_to_the_truth(
    database_url: str, make_server_on: Callable[..., LiveServer], bindir: Path, tmp_path: Path, later: int
) -> None:
    port = free_port()
    server = await asyncio.to_thread(make_server_on, database_url, port=port)
    async with Holdfast(f"http://127.0.0.1:{port}", token=TOKEN, patience=QUICK) as house:
        made = await house.post("/api/sites", {"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
        site = house.site(made["slug"])
        units = {"units": [{"code": f"PC{n}", "category": "pc"} for n in (1, 2)]}
        await house.post(f"/api/sites/{site.slug}/units", units)
        file = tmp_path / "older.backup"
        await backup.backup(database_url, file, bindir=bindir)
        async with site.live(**WINDOW) as live:
            told: list[Change | Reset] = []
            keeping = asyncio.create_task(kept(live, told))
            for n in range(4):
                await site.change_unit("PC1", name=f"never was {n}")
            before = (await site.about())["version"]
            await until(lambda: live.version == before)
            epoch = live.position.epoch
            await asyncio.to_thread(server.stop)
            await backup.restore(database_url, file, force=True, bindir=bindir)
            # so many changes of the other history that the reader's version is behind, at, or ahead of the site's again
            server = await _started_with(make_server_on, database_url, port, site.slug, later)
            await until(lambda: any(isinstance(one, Reset) for one in told))
            await site.change_unit("PC1", name="is")
            board: dict[str, Any] = (await site.board(**WINDOW)).data
            assert board["version"] == before - 4 + later + 1
            await until(lambda: live.version == board["version"])
            keeping.cancel()
            await asyncio.wait({keeping})
            assert [one.reason for one in told if isinstance(one, Reset)] == ["other_epoch"]
            assert looks(live) == looks(Replica(board)) and live.position.epoch == board["epoch"] != epoch


async def _started_with(
    make_server_on: Callable[..., LiveServer], database_url: str, port: int, slug: str, changes: int
) -> LiveServer:
    """A server whose site has gone on before anybody comes back to it."""
    elsewhere = await asyncio.to_thread(make_server_on, database_url)
    async with Holdfast(elsewhere.url, token=TOKEN, patience=QUICK) as house:
        for n in range(changes):
            await house.site(slug).change_unit("PC2", name=f"another history {n}")
    return await asyncio.to_thread(make_server_on, database_url, port=port)
