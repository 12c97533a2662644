"""Real hotel bookings relived through the desk: every promise holds on every day, and a broken one is found."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from holdfast.services.hotel_bookings import (
    CANCELLED,
    HotelFileError,
    Stay,
    generated_stays,
    interval_of,
    read_stays,
    rooms_needed,
    steps_of,
)
from holdfast.services.import_files import text_lines
from holdfast.services.replay import Replay, ReplayError
from holdfast.services.replay_checks import check_house

LISBON = ZoneInfo("Europe/Lisbon")
SHARED = Path(os.environ.get("HOLDFAST_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
FILE = SHARED / "hotel_bookings.csv.gz"
ARRIVING_BEFORE = date(2015, 10, 1)


def stays_of_three_months() -> list[Stay]:
    """Every twelfth booking of the first three months of arrivals: the whole is the bench's."""
    if not FILE.is_file():
        return list(generated_stays(1_000))
    with FILE.open("rb") as stream:
        stays = list(read_stays(text_lines(stream)))
    return [stay for stay in stays if stay.arrival < ARRIVING_BEFORE and stay.row % 12 == 0 and stay.lead_days < 150]


async def test_three_months_of_hotel_bookings_keep_every_promise(pool: asyncpg.Pool) -> None:
    stays = stays_of_three_months()
    report = await Replay(pool, stays).run()
    assert report.mismatches == []
    assert report.unexpected == []
    assert report.bookings == len(stays) >= 250
    assert report.days > 90
    counts = report.counts
    assert counts["checked in"] == counts["checked out"] > 0.3 * len(stays) * 0.5
    assert counts["cancelled"] > 0 and counts["changed"] > 0 and counts["moved"] > 0
    told = await pool.fetch("select state, count(*) as n from booking group by state")
    assert {row["state"]: row["n"] for row in told}.keys() <= {"CheckedOut", "Cancelled", "NoShow"}
    assert await pool.fetchval("select count(*) from claim") == 0
    assert sum(night for _, _, night, _ in report.months()) > 0


async def test_generated_stays_are_the_same_each_time_and_can_be_replayed(pool: asyncpg.Pool) -> None:
    stays = list(generated_stays(100))
    assert stays == list(generated_stays(100))
    report = await Replay(pool, stays).run()
    assert report.is_sound and report.bookings == 100


BREAKS = {
    "shown status": "update unit set shown_status = 'DIRTY' where id = (select min(id) from unit where site_id = 1)",
    "journal = booking": "update booking set state = 'Held' where id = (select min(id::text)::uuid from booking)",
    "a live booking has its claim": "delete from claim where holder_id = (select min(id::text)::uuid from booking where live)",  # noqa: E501
    "journal is dense": "delete from journal where site_id = 1 and version = 40",
}


@pytest.mark.parametrize("rule", BREAKS)
async def test_a_promise_broken_past_the_desk_is_found(pool: asyncpg.Pool, rule: str) -> None:
    replay = Replay(pool, list(generated_stays(60)))
    report = await replay.run(until=date(2015, 7, 12))
    assert report.is_sound
    await pool.execute(BREAKS[rule])
    house = next(house for house in replay.houses.values() if house.site.id == 1)
    found = [
        mismatch.rule
        for house in replay.houses.values()
        for mismatch in await check_house(pool, house, replay.now, whole=True)
    ]
    assert rule in found, found
    assert house.rooms


async def test_a_replay_wants_a_database_of_its_own(pool: asyncpg.Pool) -> None:
    with pytest.raises(ReplayError, match="nothing to replay before 2010-01-01"):
        await Replay(pool, list(generated_stays(5))).run(until=date(2010, 1, 1))
    await Replay(pool, list(generated_stays(5))).run()
    with pytest.raises(ReplayError, match="database of its own"):
        await Replay(pool, list(generated_stays(5))).run()


def test_nothing_to_replay_is_said() -> None:
    with pytest.raises(HotelFileError, match="column hotel, lead_time"):
        list(read_stays(["a,b\n", "1,2\n"]))


def test_a_stay_of_no_night_is_day_use_between_check_out_and_check_in() -> None:
    stay = Stay(1, "H", 3, date(2016, 5, 1), 0, "A", "A", 0, "Check-Out", date(2016, 5, 1), 2, {})
    during = interval_of(stay, LISBON)
    assert (during.start, during.end) == (datetime(2016, 5, 1, 10, tzinfo=UTC), datetime(2016, 5, 1, 14, tzinfo=UTC))
    assert [step.what for step in steps_of(stay, LISBON)] == ["book", "arrive", "leave"]


def test_steps_come_in_order_and_a_cancellation_never_before_its_booking() -> None:
    for stay in generated_stays(2_000):
        steps = steps_of(stay, LISBON)
        assert [step.at for step in steps] == sorted(step.at for step in steps)
        assert steps[0].what == "book"
        if stay.outcome == CANCELLED:
            assert steps[-1].what == "cancel" and steps[-1].at >= steps[0].at + timedelta(hours=1)


def test_every_booking_that_stood_at_once_has_a_room_of_its_own() -> None:
    day = date(2016, 5, 1)
    stays = [Stay(row, "H", 30, day, 2, "A", "A", 0, "Check-Out", day + timedelta(2), 2, {}) for row in range(1, 8)]
    assert rooms_needed(stays, LISBON) == {"A": 7}
