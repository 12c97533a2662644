"""`account` and `token`: from the machine that the database is on, for everybody it is said of and nobody else."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from holdfast.cli import main
from tests.cli.test_cli import cli as cli

NAME = ("--name", "Ann Smith")
PASSWORD = "seven quiet lanterns drift"


def found(url: str, query: str, *arguments: Any) -> list[Any]:
    async def work() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    return asyncio.run(work())


def test_an_account_is_made_with_a_link_that_signs_in(cli: Callable[..., Result], database_url: str) -> None:
    made = cli("account", "create", "Ann@example.org", *NAME)
    assert made.exit_code == 0, made.output
    assert re.search(r"http://\S+/sign-in#[A-Za-z0-9_-]{43}\b", made.output)
    ((email, role, has_password),) = found(
        database_url, "select email, role, password_hash is not null from account join membership on account_id = id"
    )
    assert (email, role, has_password) == ("ann@example.org", "owner", False)


def test_a_password_is_read_from_standard_input_and_never_from_the_command_line(
    cli: Callable[..., Result], database_url: str
) -> None:
    assert "--password " not in cli("account", "create", "--help").output
    made = CliRunner().invoke(
        main, ["account", "create", "ann@example.org", *NAME, "--password-stdin"], input=PASSWORD + "\n"
    )
    assert made.exit_code == 0 and "#" not in made.output, made.output
    ((hashed,),) = found(database_url, "select password_hash from account")
    assert hashed.startswith("$argon2id$")
    weak = CliRunner().invoke(
        main, ["account", "create", "bo@example.org", *NAME, "--password-stdin"], input="password12\n"
    )
    assert weak.exit_code != 0 and "password" in weak.output
    assert len(found(database_url, "select 1 from account")) == 1


def test_the_last_owner_is_neither_closed_nor_made_less(cli: Callable[..., Result], database_url: str) -> None:
    assert cli("account", "create", "ann@example.org", *NAME).exit_code == 0
    for words in (("disable", "ann@example.org"), ("create", "ann@example.org", *NAME, "--role", "viewer")):
        refused = cli("account", *words)
        assert refused.exit_code != 0 and "owner" in refused.output, refused.output
    assert cli("account", "create", "bo@example.org", *NAME).exit_code == 0
    closed = cli("account", "disable", "ann@example.org")
    assert closed.exit_code == 0 and "no longer" in closed.output
    assert cli("account", "disable", "ann@example.org", "--enable").exit_code == 0
    assert found(database_url, "select 1 from account where disabled_at is not null") == []


def test_a_reset_prints_a_link_and_takes_the_second_factor_only_when_told(
    cli: Callable[..., Result], database_url: str
) -> None:
    cli("account", "create", "ann@example.org", *NAME)
    found(database_url, "update account set totp_secret = '\\x01', totp_since = now() returning 1")
    told = cli("account", "reset", "ann@example.org")
    assert told.exit_code == 0 and re.search(r"/reset#[A-Za-z0-9_-]{43}\b", told.output)
    assert len(found(database_url, "select 1 from account where totp_since is not null")) == 1
    assert cli("account", "reset", "ann@example.org", "--second-factor").exit_code == 0
    assert found(database_url, "select 1 from account where totp_since is not null") == []
    assert len(found(database_url, "select 1 from single_use where purpose = 'reset'")) == 1


@pytest.mark.parametrize("words", [
    ("account", "reset", "nobody@example.org"), ("account", "disable", "nobody@example.org"),
    ("account", "create", "no-address", *NAME), ("account", "create", "a@example.org", *NAME, "--site", "nowhere"),
    ("account", "create", "a@example.org", *NAME, "--organisation", "x"), ("token", "create", "t", "--scopes", "raed"),
    ("token", "create", "t", "--scopes", "server"), ("token", "create", "t", "--scopes", ","),
    ("token", "revoke", "0199d1c2-7a5e-7c3e-8f00-2f6a0c1d9b11"),
])  # fmt: skip
def test_what_cannot_be_is_said_in_one_line(cli: Callable[..., Result], words: tuple[str, ...]) -> None:
    told = cli(*words)
    assert told.exit_code != 0 and "Traceback" not in told.output
    assert told.exception is None or isinstance(told.exception, SystemExit)


def test_a_token_is_printed_once_listed_without_itself_and_revoked(
    cli: Callable[..., Result], database_url: str
) -> None:
    made = cli("token", "create", "lobby screen", "--scopes", "read, names", "--days", "2")
    assert made.exit_code == 0 and re.fullmatch(r"hf_[A-Za-z0-9_-]{43}\n", made.output), made.output
    token = made.output.strip()
    listed = cli("token", "list")
    assert "lobby screen" in listed.output and token not in listed.output
    ((id, kept, days),) = found(
        database_url, "select id, t::text, extract(day from expires_at - created_at) from api_token t"
    )
    assert token not in kept and 1 <= days <= 2
    assert cli("token", "revoke", str(id)).exit_code == 0
    assert len(found(database_url, "select 1 from api_token where revoked_at is not null")) == 1


def test_the_scopes_that_help_names_are_those_that_a_token_can_have(cli: Callable[..., Result]) -> None:
    told = " ".join(cli("token", "create", "--help").output.split())
    scopes = re.search(r"with commas: ([a-z, ]+)\.", told)
    assert scopes is not None
    assert cli("account", "create", "ann@example.org", *NAME).exit_code == 0
    assert cli("token", "create", "all", "--scopes", scopes[1].replace(" ", "")).exit_code == 0
