"""A real nginx in front, as it comes out of the box: it passes a stream on as it is written."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.conftest import TOKEN, LiveServer
from tests.http.test_streams import Stream, book

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CURL = shutil.which("curl")
pytestmark = pytest.mark.skipif(NGINX is None, reason="there is no nginx on this machine")

# As little as makes it run without rights: buffering, HTTP/1.0 to us and all times are its own.
CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {url}; {more} }}
    }}
}}
"""


class Proxy:
    """A running nginx in front of a server."""

    def __init__(self, server: LiveServer, folder: Path, more: str = "") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port, url=server.url, more=more))
        assert NGINX is not None
        command = [NGINX, "-e", "stderr", "-c", str(config), "-p", str(folder)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, self.process.stderr and self.process.stderr.read()
                time.sleep(0.05)
        raise AssertionError("nginx never listened")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def make_proxy(server: LiveServer, tmp_path: Path) -> Iterator[Callable[..., Proxy]]:
    """A function that puts an nginx in front of the server, with more in its location."""
    started: list[Proxy] = []

    def make(more: str = "") -> Proxy:
        started.append(Proxy(server, tmp_path, more))
        return started[-1]

    yield make
    for proxy in started:
        proxy.stop()


@pytest.mark.parametrize("more", ["", 'proxy_http_version 1.1; proxy_set_header Connection "";'])
def test_a_stream_comes_through_as_it_is_written_and_resumes(
    make_proxy: Callable[..., Proxy], client: httpx.Client, cafe: str, more: str
) -> None:
    proxy: Any = make_proxy(more)
    stream = Stream(proxy, f"{cafe}/events")
    stream.until("id: ")
    assert b"text/event-stream" in stream.raw and b"nginx" in stream.raw
    for n in range(3):
        # each one must be there before the next is written: nothing waits for a buffer to be full
        last = int(change(client, cafe, f"name {n}"))
        stream.until(f":{last}\n", within_s=5)
    versions = [event["version"] for _, event in stream.events()]
    assert versions == list(range(versions[0], last + 1))
    position = re.findall(r"id: (\S+)", stream.text)[2]
    stream.close()
    missed = book(client, cafe, "PC4")
    again = Stream(proxy, f"{cafe}/events", Last_Event_ID=position)
    again.until(f":{missed}\n", within_s=5)
    assert [event["version"] for _, event in again.events()] == list(range(int(position.split(":")[1]) + 1, missed + 1))
    again.close()


def change(client: httpx.Client, cafe: str, name: str) -> str:
    """A change of which an event of few bytes tells; its version."""
    return client.patch(f"{cafe}/units/PC1", json={"name": name}).headers["holdfast-version"]


@pytest.mark.skipif(CURL is None, reason="there is no curl on this machine")
def test_curl_shows_events_as_they_come(make_proxy: Callable[..., Proxy], client: httpx.Client, cafe: str) -> None:
    proxy = make_proxy()
    assert CURL is not None
    words = [CURL, "-sN", "-H", f"Authorization: Bearer {TOKEN}", f"{proxy.url}{cafe}/events"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        assert curl.stdout.readline().startswith("retry: ")
        while not curl.stdout.readline().startswith("id: "):
            pass
        version = book(client, cafe)
        told = []
        while not (told and told[-1] == "\n" and f"id: {_epoch(told)}:{version}\n" in told):
            told.append(curl.stdout.readline())
            assert told[-1], "curl ended"
        assert "event: booking.created\n" in told
        curl.kill()


def _epoch(told: list[str]) -> str:
    return next((line.split(": ")[1].split(":")[0] for line in told if line.startswith("id: ")), "")


def test_what_stops_behind_it_ends_the_stream_in_order(make_server_on: Any, database_url: str, tmp_path: Path) -> None:
    server = make_server_on(database_url)
    server.client.post("/api/sites", json={"kind": "cafe", "name": "Corner", "time_zone": "UTC"})
    proxy: Any = Proxy(server, tmp_path)
    try:
        stream = Stream(proxy, "/api/sites/corner/events")
        stream.until("id: ")
        server._loop.call_soon_threadsafe(server._stop.set)
        stream.until("\r\n0\r\n\r\n")
    finally:
        proxy.stop()
