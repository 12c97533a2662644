"""The process: it says when it is ready, stops in order when asked, and says plainly why it cannot start."""

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from holdfast.app import StartError, listening
from holdfast.settings import Settings

START = (
    "import os, pathlib; from holdfast.app import run; from holdfast.settings import load; "
    "run(load({'port': 0}, os.environ, pathlib.Path('/')))"
)


def test_a_signal_ends_the_process_in_order(database_url: str) -> None:
    environ = {**os.environ, "HOLDFAST_DATABASE_URL": database_url, "PYTHONPATH": os.pathsep.join(sys.path)}
    environ.pop("HOLDFAST_ADMIN_TOKEN", None)
    with subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, env=environ, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert httpx.get(f"{address}/readyz").json() == {"status": "ready"}
        kept = httpx.Client(base_url=address)
        assert kept.get("/api/sites").status_code == 200
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - asked < 5
        with pytest.raises(httpx.TransportError):
            kept.get("/healthz")


def test_a_port_in_use_is_said(unused_tcp_port: int) -> None:
    told = f"Cannot listen on 127.0.0.1:{unused_tcp_port}.*--port"
    with socket.create_server(("127.0.0.1", unused_tcp_port)), pytest.raises(StartError, match=told):
        listening(Settings(port=unused_tcp_port)).__enter__()
