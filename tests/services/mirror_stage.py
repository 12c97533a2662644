"""Files of rooms and bookings for tests of the mirror, and what was found in them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from holdfast.services.mirror import Report, look
from holdfast.services.mirror_mapping import MirrorMapping

NOW = "2027-03-10T12:00:00Z"
Look = Callable[..., Report]


@pytest.fixture
def look_at(tmp_path: Path) -> Look:
    """Looks at rooms and bookings as a hotel's own files have them."""

    def run(
        rooms: Any, bookings: Any, mapping: MirrorMapping | None = None, *, fix: bool = False, at: str | None = NOW
    ) -> Report:
        (tmp_path / "rooms.json").write_text(json.dumps(rooms, indent=2))
        (tmp_path / "bookings.json").write_text(json.dumps(bookings))
        used = mapping or MirrorMapping()
        used = replace(
            used, units=replace(used.units, file="rooms.json"), bookings=replace(used.bookings, file="bookings.json"),
            folder=tmp_path,
        )  # fmt: skip
        return asyncio.run(look(used, {}, at=at, fix=fix))

    return run


def room(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {"id": f"r{number}", "roomNumber": number, "status": status, **more}


def booking(
    name: str, number: int, status: str, check_in: Any = "2027-03-09", check_out: Any = "2027-03-12"
) -> dict[str, Any]:
    return {"id": name, "roomId": f"r{number}", "status": status, "checkIn": check_in, "checkOut": check_out}


def told(report: Report) -> list[tuple[str, str, str, str]]:
    return [(each.unit, each.from_, each.to, each.reason) for each in report.details]


def rules_found(report: Report) -> list[str]:
    return [each.rule for each in report.discrepancies]
