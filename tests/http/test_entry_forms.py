"""Forms of the entry pages as others than browsers might send them, and the first account made from elsewhere."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from holdfast.domain.errors import Refusal
from holdfast.http.forms import FIELDS_MAX, FORM_BYTES_MAX, read_form
from holdfast.services.accounts import set_up_link
from tests.http.conftest import LiveServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_a_form_is_read_as_it_was_typed() -> None:
    assert read_form(b"email=a%40b.de&password=+caf%C3%A9+%26&empty=") == {
        "email": "a@b.de", "password": " caf\u00e9 &", "empty": "",
    }  # fmt: skip
    assert read_form(b"") == {}


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=%ff", b"\xff=1", b"a=%00", b"&".join([b"a=1"] * (FIELDS_MAX + 1))])
def test_what_no_page_would_send_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        read_form(body)
    assert refused.value.code == "invalid_request"


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (FORM, b"email=" + b"a" * FORM_BYTES_MAX, 413),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({**FORM, "Content-Encoding": "gzip"}, b"email=a", 415),
        ({**FORM, "Origin": "https://evil.example"}, b"email=a", 403),
        ({**FORM, "Sec-Fetch-Site": "cross-site"}, b"email=a", 403),
    ],
)
def test_a_form_is_bounded_and_from_our_own_pages(
    make_server: Callable[..., LiveServer], headers: dict[str, str], body: bytes, status: int
) -> None:
    server = make_server()
    assert httpx.post(f"{server.url}/sign-in", headers=headers, content=body).status_code == status


def test_the_first_account_is_made_from_another_machine_by_the_link_alone(
    make_server: Callable[..., LiveServer], tmp_path: Path
) -> None:
    server = make_server(admin_token=None, data=tmp_path)
    assert server.house is not None
    made = asyncio.run_coroutine_threadsafe(set_up_link(server.house.accounts), server._loop).result(30)
    # what comes through a proxy is from elsewhere
    elsewhere = httpx.Client(base_url=server.url, headers={"X-Forwarded-For": "203.0.113.7"}, timeout=20)
    assert elsewhere.get("/api/sites").status_code == 401
    assert elsewhere.get("/set-up").status_code == 200
    body = {"secret": "x" * 43, "email": "ann@example.org", "name": "Ann", "password": "brown horses never whistle"}
    assert elsewhere.post("/api/set-up", json=body).json()["code"] == "link_used"
    answer = elsewhere.post("/api/set-up", json={**body, "secret": made.partition("#")[2]})
    assert answer.is_success, answer.text
    elsewhere.close()
    assert httpx.get(f"{server.url}/api/sites").status_code == 401, "programs of this machine may no longer do it"
