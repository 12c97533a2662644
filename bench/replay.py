"""Years of real hotel bookings (or generated ones of their shape) through the desk on a virtual clock, every promise
checked after each simulated day: bookings a second with the checks, and of the desk alone."""

import os
from pathlib import Path

from holdfast.services.hotel_bookings import Stay, generated_stays, read_stays
from holdfast.services.import_files import text_lines
from holdfast.services.replay import replay_into

NAME = "hotel_bookings.csv.gz"


def real_file() -> Path | None:
    """The real file, where it is: in HOLDFAST_SHARED_DATA, else beside the checkout."""
    beside = Path(__file__).parents[1].parent / "shared" / "data"
    path = Path(os.environ.get("HOLDFAST_SHARED_DATA", beside)) / NAME
    return path if path.is_file() else None


def stays_to_replay() -> tuple[str, list[Stay]]:
    """Where they are from, and the stays."""
    path = real_file()
    if path is None:
        return "generated", list(generated_stays(14_938))
    with path.open("rb") as stream:
        return "real", list(read_stays(text_lines(stream)))


async def main(database_url: str) -> dict[str, object]:
    source, stays = stays_to_replay()
    report = await replay_into(database_url, stays)
    if not report.is_sound:
        raise SystemExit(f"promises were broken: {report.mismatches[:5]} {report.unexpected[:5]}")
    return {
        f"{source} bookings": report.figures(),
        "occupancy by month": {f"{house} {month}": round(share, 3) for house, month, _, share in report.months()},
    }
