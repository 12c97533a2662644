"""`secrets rotate`: whatever was sealed is opened by the new key alone, and the old one is let go of."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import Result

from holdfast.domain.actors import CONSOLE
from holdfast.services.calendar_feeds import CalendarFeeds, CalendarRequest
from holdfast.services.sealing import KEY_FILE, Sealing
from holdfast.services.sites import Sites
from holdfast.services.vault import KEYS_MAX, add_key
from holdfast.services.webhooks import WebhookRequest, WebhookRules, Webhooks
from holdfast.store import connections
from holdfast.store import webhooks as store
from tests.cli.test_cli import cli as cli
from tests.services.job_stage import jobs_pool

ADDRESS = "https://calendars.example.org/1.ics?s=secret"


class Kept:
    """What is sealed in this test's database: an endpoint's secrets and a calendar's address, and who opens them."""

    def __init__(self, url: str, sealing: Sealing) -> None:
        self.url, self.sealing = url, sealing
        self.webhook: UUID

    async def make(self) -> None:
        async with jobs_pool(self.url, 2) as pool:
            organisation = await pool.fetchval("select id from organisation limit 1")
            webhooks = Webhooks(pool, self.sealing, WebhookRules())
            request = WebhookRequest(url="https://hooks.example.org", events=["*"])
            self.webhook = (await webhooks.make(CONSOLE, organisation, request, None)).id
            await webhooks.rotate(CONSOLE, organisation, self.webhook)
            wanted = CalendarRequest(unit="101", name="Airbnb", url=ADDRESS)
            await CalendarFeeds(pool, self.sealing).add(CONSOLE, await Sites(pool).find("demo-hotel"), wanted)

    async def opened(self, sealing: Sealing) -> tuple[list[bytes], str]:
        async with jobs_pool(self.url, 2) as pool:
            row = await store.one(pool, self.webhook)
            assert row is not None
            feeds = CalendarFeeds(pool, sealing)
            feed = await feeds.find(await Sites(pool).find("demo-hotel"), "Airbnb")
            return Webhooks(pool, sealing, WebhookRules()).secrets_of(row), feeds.url_of(feed)


@pytest.fixture
def kept(cli: Callable[..., Result], database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("HOLDFAST_DATA", str(tmp_path))
    assert cli("demo", "--no-serve").exit_code == 0
    made = Kept(database_url, Sealing((), tmp_path))
    asyncio.run(made.make())
    return made


def run(work: Any) -> Any:
    return asyncio.run(work)


def test_webhooks_and_calendars_are_sealed_with_the_new_key(
    cli: Callable[..., Result], kept: Kept, tmp_path: Path
) -> None:
    before = run(kept.opened(kept.sealing))
    assert len(before[0]) == 2 and before[1] == ADDRESS
    old = (tmp_path / KEY_FILE).read_text()
    told = cli("secrets", "rotate")
    assert told.exit_code == 0 and "1 older keys are dropped" in told.output, told.output
    assert old not in (tmp_path / KEY_FILE).read_text()
    assert run(kept.opened(Sealing((), tmp_path))) == before
    # a server that runs on reads the new key when it meets it
    assert run(kept.opened(kept.sealing)) == before


def test_a_secret_that_no_key_opens_keeps_nobody_from_a_new_key(
    cli: Callable[..., Result], kept: Kept, tmp_path: Path
) -> None:
    (tmp_path / KEY_FILE).unlink()
    told = cli("secrets", "rotate")
    assert told.exit_code == 0, told.output
    assert "0 secrets are encrypted" in " ".join(told.output.split())


def test_only_one_at_a_time_changes_the_key(cli: Callable[..., Result], kept: Kept, tmp_path: Path) -> None:
    before = (tmp_path / KEY_FILE).read_text()

    async def beside_another() -> Result:
        async with jobs_pool(kept.url, 1) as pool, pool.acquire() as connection:
            assert await connections.rotates_alone(connection)
            return await asyncio.to_thread(cli, "secrets", "rotate")

    told = run(beside_another())
    assert told.exit_code == 1 and "Another process is changing the key" in told.output
    assert (tmp_path / KEY_FILE).read_text() == before
    assert cli("secrets", "rotate").exit_code == 0


def test_a_full_key_file_is_told(cli: Callable[..., Result], kept: Kept, tmp_path: Path) -> None:
    for _ in range(KEYS_MAX - 1):
        add_key(tmp_path)
    before = run(kept.opened(kept.sealing))
    told = cli("secrets", "rotate")
    assert told.exit_code == 1 and "16 keys already" in told.output and "bug" not in told.output
    assert run(kept.opened(Sealing((), tmp_path))) == before
