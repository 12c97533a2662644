"""Over changes of clocks: sessions end and nights pass at the right instant. Expectations are worked out by hand from
the rules in words, not by a library:

- New York: UTC-5, from the second Sunday of March to the first of November UTC-4; changes at 2:00 by the old clock.
- Kolkata: UTC+5:30, no changes.
- Lord Howe: UTC+10:30, from the first Sunday of October to the first of April UTC+11; changes at 2:00 by the old clock.
- Cairo: UTC+2, from the last Friday of April, 0:00, to the last Thursday of October, 24:00, UTC+3.
"""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from holdfast.domain.local_time import parse_instant
from holdfast.domain.local_time import zone as zone_of
from tests.stage import staged

NEW_YORK, KOLKATA, LORD_HOWE, CAIRO = "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"

SESSIONS = [
    # zone, from and to by the clock on the wall, the same in UTC
    (NEW_YORK, "2026-03-08 01:30", "2026-03-08 03:30", "2026-03-08 06:30", "2026-03-08 07:30"),
    (NEW_YORK, "2026-11-01 00:30", "2026-11-01 03:00", "2026-11-01 04:30", "2026-11-01 08:00"),
    (NEW_YORK, "2027-03-14 01:30", "2027-03-14 03:30", "2027-03-14 06:30", "2027-03-14 07:30"),
    (NEW_YORK, "2027-11-07 00:30", "2027-11-07 03:00", "2027-11-07 04:30", "2027-11-07 08:00"),
    (KOLKATA, "2026-03-08 01:30", "2026-03-08 03:30", "2026-03-07 20:00", "2026-03-07 22:00"),
    (KOLKATA, "2027-11-07 00:30", "2027-11-07 03:00", "2027-11-06 19:00", "2027-11-06 21:30"),
    (LORD_HOWE, "2026-04-05 01:00", "2026-04-05 03:00", "2026-04-04 14:00", "2026-04-04 16:30"),
    (LORD_HOWE, "2026-10-04 01:00", "2026-10-04 03:00", "2026-10-03 14:30", "2026-10-03 16:00"),
    (LORD_HOWE, "2027-04-04 01:00", "2027-04-04 03:00", "2027-04-03 14:00", "2027-04-03 16:30"),
    (LORD_HOWE, "2027-10-03 01:00", "2027-10-03 03:00", "2027-10-02 14:30", "2027-10-02 16:00"),
    (CAIRO, "2026-04-23 23:00", "2026-04-24 02:00", "2026-04-23 21:00", "2026-04-23 23:00"),
    (CAIRO, "2026-10-29 22:00", "2026-10-30 01:00", "2026-10-29 19:00", "2026-10-29 23:00"),
    (CAIRO, "2027-04-29 23:00", "2027-04-30 02:00", "2027-04-29 21:00", "2027-04-29 23:00"),
    (CAIRO, "2027-10-28 22:00", "2027-10-29 01:00", "2027-10-28 19:00", "2027-10-28 23:00"),
]

NIGHTS = [
    # zone, date of arrival; in UTC: when it comes into view (6:00 that morning), and the cut-off of the next (6:00)
    (NEW_YORK, "2026-03-07", "2026-03-07 11:00", "2026-03-08 10:00"),
    (NEW_YORK, "2026-10-31", "2026-10-31 10:00", "2026-11-01 11:00"),
    (NEW_YORK, "2027-03-13", "2027-03-13 11:00", "2027-03-14 10:00"),
    (NEW_YORK, "2027-11-06", "2027-11-06 10:00", "2027-11-07 11:00"),
    (KOLKATA, "2026-03-07", "2026-03-07 00:30", "2026-03-08 00:30"),
    (KOLKATA, "2027-10-28", "2027-10-28 00:30", "2027-10-29 00:30"),
    (LORD_HOWE, "2026-04-04", "2026-04-03 19:00", "2026-04-04 19:30"),
    (LORD_HOWE, "2026-10-03", "2026-10-02 19:30", "2026-10-03 19:00"),
    (LORD_HOWE, "2027-04-03", "2027-04-02 19:00", "2027-04-03 19:30"),
    (LORD_HOWE, "2027-10-02", "2027-10-01 19:30", "2027-10-02 19:00"),
    (CAIRO, "2026-04-23", "2026-04-23 04:00", "2026-04-24 03:00"),
    (CAIRO, "2026-10-29", "2026-10-29 03:00", "2026-10-30 04:00"),
    (CAIRO, "2027-04-29", "2027-04-29 04:00", "2027-04-30 03:00"),
    (CAIRO, "2027-10-28", "2027-10-28 03:00", "2027-10-29 04:00"),
]

SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str) -> datetime:
    """As a client says it: by the site's clock, without an offset."""
    return parse_instant(text.replace(" ", "T") + ":00", zone_of(zone)).instant


@pytest.mark.parametrize(("zone", "start", "end", "starts_at", "ends_at"), SESSIONS)
async def test_a_session_over_a_change_of_clocks_ends_when_the_wall_says_so(
    pool: asyncpg.Pool, zone: str, start: str, end: str, starts_at: str, ends_at: str
):
    begins, over = utc(starts_at), utc(ends_at)
    async with staged(pool, "cafe", ["PC-1"], zone=zone, start=begins - timedelta(hours=3)) as stage:
        booking = await stage.book("PC-1", local(start, zone), local(end, zone))
        await stage.tick(begins - timedelta(minutes=30) - SECOND)
        assert await stage.status("PC-1") == "Available"
        await stage.tick(begins - timedelta(minutes=30))
        assert await stage.status("PC-1") == "Reserved"
        stage.clock.set(begins)
        await stage.act(booking, "start")
        await stage.tick(over - SECOND)
        assert (await stage.state(booking), await stage.status("PC-1")) == ("Active", "Active")
        await stage.tick(over + timedelta(hours=2))
        at = await pool.fetchval(
            "select effective_at from journal where subject = $1 and type = 'booking.completed'", str(booking)
        )
        assert at == over


@pytest.mark.parametrize(("zone", "date", "seen_from", "missed_at"), NIGHTS)
async def test_a_night_over_a_change_of_clocks_is_one_night(
    pool: asyncpg.Pool, zone: str, date: str, seen_from: str, missed_at: str
):
    seen, missed = utc(seen_from), utc(missed_at)
    async with staged(pool, "hotel", ["101"], zone=zone, start=seen - timedelta(days=1)) as stage:
        morning = (datetime.fromisoformat(date) + timedelta(days=1)).date().isoformat()
        stay = await stage.book("101", local(f"{date} 15:00", zone), local(f"{morning} 11:00", zone))
        await stage.tick(seen - SECOND)
        assert await stage.status("101") == "AVAILABLE"
        await stage.tick(seen)
        assert await stage.status("101") == "RESERVED"
        await stage.tick(missed - SECOND)
        assert await stage.state(stay) == "Reserved"
        await stage.tick(missed + timedelta(hours=3))
        at = await pool.fetchval(
            "select effective_at from journal where subject = $1 and type = 'booking.no_show'", str(stay)
        )
        assert at == missed
        assert await stage.status("101") == "AVAILABLE"
