"""What saying who one is costs a request: the token of the settings, a session's cookie, a token for a program; found
among what is remembered, with the rights at the site, and asked of the database anew. Beside a whole booking over HTTP
with the same credential in the same run: by the clock, and what of it is the server's own processor time."""

import json
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import asyncpg

from bench.ground import desk_on, make_sites, slots
from bench.serving import TOKEN, Client, Served, served
from holdfast.domain.actors import CONSOLE, RIGHTS, Grant, check
from holdfast.http.auth import PLAIN_COOKIE, Gate
from holdfast.services.access import Access
from holdfast.services.accounts import AccountRules, Accounts, create
from holdfast.services.people import Place
from holdfast.services.sealing import Sealing
from holdfast.services.sign_in import From, open_session
from holdfast.services.sites import Sites
from holdfast.services.throttle import Throttle
from holdfast.services.tokens import make
from holdfast.store import people

COUNT = 50_000
ANEW = 2_000
BOOKINGS = 1_500
ROUNDS = 4
SCOPE = {"type": "http", "method": "POST", "scheme": "http", "client": ("127.0.0.1", 4711)}


async def main(database_url: str) -> dict[str, object]:
    async with desk_on(database_url) as (pool, desk):
        (site_id,) = await make_sites(pool, desk, 1, 100)
        organisation_id = await pool.fetchval("select organisation_id from site where id = $1", site_id)
        accounts = Accounts(
            pool, Access(pool, idle_s=3600), Throttle(pool), Sealing((), Path("/nonexistent")), AccountRules()
        )
        session, token = await _credentials(accounts, Place(organisation_id, None, None))
        given = {
            "admin token": {b"authorization": f"Bearer {TOKEN}".encode()},
            "session": {b"cookie": PLAIN_COOKIE + b"=" + session.encode(), b"origin": b"http://127.0.0.1"},
            "API token": {b"authorization": f"Bearer {token}".encode()},
        }
        remembered = await _remembered(pool, accounts.access, site_id, given)
        anew = {
            "session": await _us_each(ANEW, lambda: accounts.access.of_session(session)),
            "API token": await _us_each(ANEW, lambda: accounts.access.of_token(token)),
        }
    async with served(database_url=database_url) as server:
        whole = await _whole(server, site_id, given)
    share = {name: f"{remembered[name] / whole[name]['cpu_us']:.1%}" for name in given}
    return {
        "us_remembered": remembered, "us_asked_anew_at_most_each_5_s": anew, "whole_booking": whole,
        "share_of_the_servers_processor_time": share,
    }  # fmt: skip


async def _credentials(accounts: Accounts, place: Place) -> tuple[str, str]:
    """The secrets of a session of an owner, and of a token with all scopes."""
    async with accounts.changing(rights=True) as connection:
        account_id = await create(
            accounts, connection, email="ann@example.org", name="Ann", password_hash=None, by=CONSOLE
        )
        await people.grant(connection, account_id, Grant(place.organisation_id, None, "owner"), by="bench")
    made = await open_session(accounts, account_id, From("127.0.0.1", "bench"), by="bench")
    scopes = [right for right in RIGHTS if right != "server"]
    token = await make(accounts, CONSOLE, place, name="bench", scopes=scopes, expires_at=None)
    assert token.token is not None
    return made.secret, token.token


async def _remembered(
    pool: asyncpg.Pool, access: Access, site_id: int, given: dict[str, dict[bytes, bytes]]
) -> dict[str, float]:
    gate, site = Gate(TOKEN, access), await Sites(pool).find(str(site_id))
    found = {}
    for name, headers in given.items():
        asked = {b"host": b"127.0.0.1", b"content-type": b"application/json", **headers}

        async def call(asked: dict[bytes, bytes] = asked) -> None:
            check(await gate.admit(SCOPE, asked), "own", site)

        await access.poll()
        found[name] = await _us_each(COUNT, call)
    return found


async def _us_each(count: int, call: Callable[[], Awaitable[object]]) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(count):
            await call()
        best = min(best, time.perf_counter() - began)
    return round(best / count * 1e6, 1)


async def _whole(server: Served, site_id: int, given: dict[str, dict[bytes, bytes]]) -> dict[str, dict[str, float]]:
    """One client that books one after the other, the credentials in turns."""
    client = await Client.open(server.port)
    wanted = slots([site_id], 100, 30)
    took, used = dict.fromkeys(given, 0.0), dict.fromkeys(given, 0.0)
    for number in range(ROUNDS + 1):
        for name, headers in given.items():
            client.credential = "\r\n".join(f"{key.decode()}: {value.decode()}" for key, value in headers.items())
            began, cpu = time.perf_counter(), server.cpu_s()
            for _ in range(BOOKINGS // ROUNDS):
                _, code, start, end = next(wanted)
                status, answer = await client.request("POST", f"/api/sites/{site_id}/bookings", _body(code, start, end))
                assert status == 201, answer
            if number:  # the first round is for warming up
                took[name] += time.perf_counter() - began
                used[name] += server.cpu_s() - cpu
    await client.close()
    count = BOOKINGS // ROUNDS * ROUNDS
    return {name: {"us": round(took[name] / count * 1e6), "cpu_us": round(used[name] / count * 1e6)} for name in given}


def _body(code: str, start: datetime, end: datetime) -> bytes:
    booking = {"unit": code, "from": start.isoformat(), "to": end.isoformat(), "customer": {"name": "Ann Example"}}
    return json.dumps(booking).encode()
