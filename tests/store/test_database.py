"""The pool: carries its limits, waits no longer than told, and says what is wrong."""

import asyncio
import socket
import time

import asyncpg
import pytest

from holdfast.store import database
from holdfast.store.database import ConnectionLimits, DatabaseUnavailable


async def test_every_connection_carries_its_limits(empty_database_url: str) -> None:
    limits = ConnectionLimits(statement_timeout_s=7, lock_timeout_s=1.5, idle_in_transaction_timeout_s=9)
    pool = await database.open_pool(empty_database_url, limits)
    wanted = {
        "statement_timeout": "7s",
        "lock_timeout": "1500ms",
        "idle_in_transaction_session_timeout": "9s",
        "client_connection_check_interval": "5s",
        "TimeZone": "UTC",
        "jit": "off",
        "application_name": "holdfast",
    }
    try:
        assert {name: await pool.fetchval(f"show {name}") for name in wanted} == wanted
    finally:
        await pool.close()


async def test_a_statement_that_takes_too_long_is_ended(empty_database_url: str) -> None:
    pool = await database.open_pool(empty_database_url, ConnectionLimits(statement_timeout_s=0.1))
    try:
        with pytest.raises(asyncpg.QueryCanceledError):
            await pool.fetchval("select pg_sleep(30)")
    finally:
        await pool.close()


async def test_nobody_there_is_said_within_the_time_allowed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match=rf"No database answered at 127\.0\.0\.1:{port}/shop within 0\.3 s"):
        await database.open_pool(
            f"postgresql://a:secret@127.0.0.1:{port}/shop", ConnectionLimits(connect_timeout_s=0.3)
        )
    assert time.monotonic() - started < 2


async def test_a_server_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://a:secret@127.0.0.1:{silent.getsockname()[1]}/shop?sslmode=disable"
        with pytest.raises(DatabaseUnavailable) as caught:
            await asyncio.wait_for(database.open_pool(url, ConnectionLimits(connect_timeout_s=0.3)), 5)
    assert "secret" not in str(caught.value)


async def test_a_wrong_password_is_said_at_once(empty_database_url: str) -> None:
    head, _, tail = empty_database_url.partition("@")
    url = f"{head[: head.rindex(':')]}:wrong@{tail}"
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="refused the user or password"):
        await database.open_pool(url)
    assert time.monotonic() - started < 2


async def test_a_missing_database_is_named(empty_database_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not exist"):
        await database.open_pool(empty_database_url.replace("/test_", "/absent_"))


async def test_a_url_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot be used"):
        await database.open_pool("mysql://localhost/shop")


@pytest.mark.parametrize("major", [9, 12, 14])
def test_an_old_server_is_refused(major: int) -> None:
    with pytest.raises(DatabaseUnavailable, match=f"PostgreSQL {major}.2; Holdfast needs 15 or newer"):
        database.check_version(major, 2)


async def test_a_pool_of_a_migrated_database_answers(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval("select count(*) from schema_migration") >= 0
