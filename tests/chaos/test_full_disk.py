"""A disk that fills up, for real, on a small tmpfs: commands are refused before PostgreSQL panics, reads go on, and all
resumes by itself once there is room. Skipped where nothing may be mounted."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.settings import Settings
from tests.http.conftest import TOKEN, LiveServer

SIZE_MB = 500
MIB = 1024 * 1024
DAY = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-disk-"))
    folder.chmod(0o711)
    options = f"size={SIZE_MB}m,mode=0711"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "holdfast", folder], capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("a tmpfs may not be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


def served_on(folder: Path, **settings: Any) -> LiveServer:
    server = LiveServer(Settings(admin_token=TOKEN, port=0, data=folder / "data", **settings))
    server.start()
    return server


def fill(folder: Path, *, leave_mb: float) -> Path:
    """A file that takes all room but so much."""
    disk = os.statvfs(folder)
    path = folder / "filler"
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(disk.f_bavail * disk.f_frsize - int(leave_mb * MIB), 1))
    return path


class Booker:
    """Books one slot after another; remembers what was acknowledged."""

    def __init__(self, server: LiveServer) -> None:
        self.client = server.client
        made = self.client.post(
            "/api/sites",
            json={"kind": "cafe", "slug": "c", "name": "C", "time_zone": "UTC", "settings": {"horizon_days": 0}},
        )
        assert made.status_code == 201
        assert self.client.post("/api/sites/c/units", json={"units": [{"code": "PC", "category": "pc"}]}).is_success
        self.number = 0
        self.made: list[str] = []

    def book(self, note: str = "") -> httpx.Response:
        start = DAY + timedelta(minutes=30 * self.number)
        self.number += 1
        body = {
            "unit": "PC",
            "from": start.isoformat(),
            "to": (start + timedelta(minutes=30)).isoformat(),
            "note": note,
        }
        answer = self.client.post("/api/sites/c/bookings", json=body)
        if answer.status_code == 201:
            self.made.append(answer.json()["id"])
        return answer

    def until(self, status: int, within_s: float, note: str = "") -> float:
        began = time.monotonic()
        while (answer := self.book(note)).status_code != status:
            assert answer.status_code in (201, 503, 507), answer.text
            assert time.monotonic() - began < within_s, answer.text
        return time.monotonic() - began

    def all_there(self) -> bool:
        return all(self.client.get(f"/api/sites/c/bookings/{made}").status_code == 200 for made in self.made)


def test_the_brake_stops_commands_before_the_disk_is_full_and_lets_them_go_again(small_disk: Path) -> None:
    server = served_on(small_disk, disk_free_min_mb=60, disk_stop_mb=40)
    try:
        booker = Booker(server)
        assert booker.book().status_code == 201
        filler = fill(small_disk, leave_mb=30)
        booker.until(507, 8)
        refused = booker.book()
        assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
        assert int(refused.headers["retry-after"]) > 0
        assert booker.client.get("/api/sites/c/board").status_code == 200
        health = booker.client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "DEGRADED")
        assert health.json()["disk"]["commands_refused"] and health.json()["disk"]["low"]
        assert "holdfast_commands_refused_for_disk 1.0" in booker.client.get("/metrics").text
        filler.unlink()
        assert booker.until(201, 8) < 3
        assert booker.all_there()
    finally:
        server.stop()


def test_a_disk_that_is_full_all_the_same_loses_nothing_and_is_come_back_from(small_disk: Path) -> None:
    """Without the brake: PostgreSQL itself meets the end of the disk."""
    server = served_on(small_disk, disk_free_min_mb=0, disk_stop_mb=0)
    try:
        booker = Booker(server)
        assert booker.book().status_code == 201
        ballast = small_disk / "data" / "ballast"
        assert ballast.exists()
        filler = fill(small_disk, leave_mb=0.5)
        booker.until(507, 120, "x" * 990)
        assert not ballast.exists(), "its room was given to the server"
        assert booker.client.get("/api/sites/c/board").status_code == 200
        filler.unlink()
        assert booker.until(201, 10) < 5
        assert booker.all_there()
    finally:
        server.stop()
