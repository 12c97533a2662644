"""What the pages show is typed into a real server, and answered: the quickstart, the requests of the guides, and the
programs of the guide to jobs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import asyncpg
import pytest
from click.testing import Result

from holdfast.jobs import Options, enqueue
from holdfast.store.codecs import prepare
from holdfast.testing import jobs_on
from tests.cli.test_cli import cli, demo
from tests.docs.test_commands import _SHELL
from tests.docs.test_docs import DOCS
from tests.http.conftest import TOKEN, LiveServer, cafe, client, make_server, make_server_on, server

__all__ = ["cafe", "cli", "client", "demo", "make_server", "make_server_on", "server"]

_PART = re.compile(r"^(POST|PATCH) (\S+)\n(.*?)(?=^(?:POST|PATCH) |\Z)", re.MULTILINE | re.DOTALL)
_HTTP = re.compile(r"^```http\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MORE = """
@job()
async def export(day: str) -> None: ...
@job()
async def report() -> None: ...
"""
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _guide(name: str) -> str:
    return (DOCS / "guides" / name).read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_quickstart_goes_as_it_says(demo: Callable[..., Result], make_server: Callable[..., LiveServer]) -> None:
    told: list[str] = []
    server = make_server()
    for block in _SHELL.findall((DOCS / "quickstart.md").read_text(encoding="utf-8")):
        if block.startswith("curl"):
            command = block.replace("http://127.0.0.1:8765", server.url)
            told += [
                subprocess.run(
                    ["sh", "-c", command], env={"HOLDFAST_TOKEN": TOKEN, "PATH": os.environ["PATH"]}, check=True,
                    capture_output=True, text=True, timeout=20,
                ).stdout
                for _ in range(2 if "Idempotency-Key" in block else 1)
            ]  # fmt: skip
    board, seated, again, refused = told
    assert {unit["code"] for unit in json.loads(board)["units"]} > {"PC01", "PC20"}
    assert "201 Created" in seated and "holdfast-replayed: true" in again.lower()
    assert seated.splitlines()[-1] == again.splitlines()[-1]
    answer = json.loads(refused)
    assert (answer["code"], answer["blocking"][0]["unit"]) == ("slot_taken", "PC20") and answer["alternatives"]


def test_the_requests_of_the_guides_are_answered(server: LiveServer, cafe: str) -> None:
    monday = datetime.now(UTC).date() + timedelta(days=70)
    monday -= timedelta(days=monday.weekday())
    asked = 0
    for name in ("cafe.md", "hotel.md", "grounds.md", "mail.md", "stores.md"):
        for block in _HTTP.findall(_guide(name)):
            for method, address, body in _PART.findall(block):
                path = address if address.startswith("/api") else f"/api{address}"
                wish = json.loads(body.replace("2027-03-08", str(monday)))
                answer = server.client.request(method, path, json=wish)
                assert answer.is_success, (name, address, answer.text)
                asked += 1
    assert asked >= 12


async def test_the_programs_of_the_guide_to_jobs_run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, exactly_once, many, tests = _PYTHON.findall(_guide("jobs.md"))
    shop, module = ModuleType("shop"), ModuleType("shop.jobs")
    monkeypatch.setitem(sys.modules, "shop", shop)
    monkeypatch.setitem(sys.modules, "shop.jobs", module)
    exec(compile(first + exactly_once + _MORE, "jobs.md", "exec"), module.__dict__)
    used: dict[str, Any] = {}
    exec(compile(second + many + tests, "jobs.md", "exec"), used)
    send = module.__dict__["send_welcome"]
    await used["test_somebody_is_welcomed"](database_url, send)
    async with jobs_on(database_url) as stage:
        connection = await asyncpg.connect(database_url)
        try:
            await prepare(connection)
            await connection.execute("create table customer (email text)")
            await used["sign_up"](connection, "ann@example.org")
            await enqueue(connection, send, Options(delay_s=60, tenant="acme"), to="later@example.org")
        finally:
            await connection.close()
        assert [run.outcome for run in await stage.run()] == ["succeeded"]
        await stage.advance(hours=1)
        assert [run.outcome for run in await stage.run()] == ["succeeded"]
        async with stage.pool.acquire() as tx, tx.transaction():
            await used["nightly"](tx, module.__dict__["export"], module.__dict__["report"], ["a", "b"])
        ended = [(run.function, run.outcome) for run in await stage.run()]
        assert sorted(ended) == [("shop.jobs.export", "succeeded")] * 5 + [("shop.jobs.report", "succeeded")] * 2
