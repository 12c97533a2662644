"""From a request to a mailbox: a site that tells, a booking, and the mail; by a mail server and into a folder."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx

from tests.http.conftest import LiveServer
from tests.smtp import mail_server

SITE = {
    "kind": "cafe", "slug": "corner", "name": "Corner", "time_zone": "Europe/Berlin",
    "settings": {"mail_bookings": True, "language": "de"},
}  # fmt: skip


def set_up(client: httpx.Client) -> None:
    assert client.post("/api/sites", json=SITE).status_code == 201
    units = {"units": [{"code": "PC-1", "category": "standard"}]}
    assert client.post("/api/sites/corner/units", json=units).is_success


def book(client: httpx.Client) -> dict[str, Any]:
    start = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    wish = {
        "units": ["PC-1"], "from": start.isoformat(), "to": (start + timedelta(hours=1)).isoformat(),
        "customer": {"name": "Ann Lee", "email": "ann@example.org"},
    }  # fmt: skip
    answer = client.post("/api/sites/corner/bookings", json=wish)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_booking_reaches_its_customers_mailbox(make_server: Callable[..., LiveServer]) -> None:
    async with mail_server() as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}?tls=none"
        server = await asyncio.to_thread(make_server, mail_url=url, mail_from="Corner <corner@example.org>")
        await asyncio.to_thread(set_up, server.client)
        reference = (await asyncio.to_thread(book, server.client))["reference"]
        await mailbox.until(1)
        metrics = (await asyncio.to_thread(server.client.get, "/metrics")).text
    assert 'holdfast_mails_total{outcome="given_up"}' in metrics
    assert mailbox.recipients == ["ann@example.org"]
    assert mailbox.mails[0]["Subject"] == f"Corner: Ihre Buchung {reference}"


def test_without_a_mail_server_mails_go_into_a_folder(make_server: Callable[..., LiveServer], tmp_path: Path) -> None:
    server = make_server(data=tmp_path)
    set_up(server.client)
    reference = book(server.client)["reference"]
    deadline = time.monotonic() + 15
    while not (found := list((tmp_path / "mail").glob("*.eml"))):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (file,) = found
    assert reference in message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]


def test_an_owners_text_is_checked_when_it_is_set(make_server: Callable[..., LiveServer]) -> None:
    client = make_server().client
    set_up(client)
    texts = {"booking_confirmed": {"en": {"body": "Hi {nmae}"}}}
    answer = client.patch("/api/sites/corner", json={"settings": {"mail_texts": texts}})
    assert answer.status_code == 400 and answer.json()["did_you_mean"] == "name", answer.text
    texts["booking_confirmed"]["en"]["body"] = "Hi {name}"
    answer = client.patch("/api/sites/corner", json={"settings": {"mail_texts": texts}})
    assert answer.is_success and answer.json()["settings"]["mail_texts"] == texts
