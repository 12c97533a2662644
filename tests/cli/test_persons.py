"""A person at the command line: handed out, forgotten; and what a backup says of the key that is not in it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from click.testing import Result

from tests.cli.test_cli import cli, demo
from tests.markers import stored, where

__all__ = ["cli", "demo"]
EMAIL = "zebulon@example.org"


def test_a_person_is_handed_out_and_forgotten(demo: Callable[..., Result], database_url: str) -> None:
    async def book() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "update booking set customer_name = 'Zebulon', customer_email = $1, customer_key = 'e:' || $1 where id in "
            "(select id from booking where not live order by id limit 1)", EMAIL,
        )  # fmt: skip
        await connection.close()

    asyncio.run(book())
    assert demo("account", "create", EMAIL, "--name", "Zebulon Quokka", "--role", "staff").exit_code == 0
    found = json.loads(demo("account", "export", EMAIL).output)
    assert found["account"]["name"] == "Zebulon Quokka"
    assert sum(len(site["bookings"]) for site in found["sites"]) == 1
    named = demo("account", "erase", EMAIL, "--reason", "Zebulon Quokka asked")
    assert named.exit_code == 1 and "reason" in named.output
    done = demo("account", "erase", EMAIL, "--reason", "asked on a day in May")
    assert done.exit_code == 0 and "1 bookings" in done.output and "the account" in done.output, done.output
    assert where(stored(database_url), "zebulon", "quokka") == {}
    assert "unknown_account" not in demo("account", "erase", EMAIL, "--reason", "asked again").output


def test_a_backup_says_which_key_it_does_not_hold_and_shows_no_secret(
    demo: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str
) -> None:
    password = database_url.split(":")[2].split("@")[0]
    plain = demo("backup", "one.backup", "--data", str(tmp_path))
    assert plain.exit_code == 0 and "secret.key" not in plain.output
    (tmp_path / "secret.key").write_text("a-key-nobody-may-read")
    filed = demo("backup", "two.backup", "--data", str(tmp_path))
    assert "secret.key" in filed.output.replace("\n", "")
    monkeypatch.setenv("HOLDFAST_SECRET_KEY", "k" * 40)
    given = demo("backup", "three.backup", "--data", str(tmp_path))
    assert "HOLDFAST_SECRET_KEY" in given.output
    for said in (plain, filed, given):
        assert password not in said.output and "k" * 40 not in said.output and "nobody-may-read" not in said.output
