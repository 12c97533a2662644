"""What a replay came to: counts, nights by month and house, rates, and everything that was not as promised."""

from calendar import monthrange
from collections import Counter
from datetime import date, datetime
from typing import Any

import msgspec

from holdfast.domain.intervals import Interval
from holdfast.domain.opening import nights_between
from holdfast.services.checking import Mismatch
from holdfast.services.replay_checks import House


class Report(msgspec.Struct):
    """`nights` are nights slept, by house and month (YYYY-MM), as the folded journal tells them."""

    rooms: dict[str, int] = {}
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    nights: dict[str, Counter[str]] = {}
    mismatches: list[Mismatch] = []
    unexpected: list[str] = []
    commands: int = 0
    days: int = 0
    checks: int = 0
    took_s: float = 0.0
    desk_s: float = 0.0
    check_s: float = 0.0

    @property
    def is_sound(self) -> bool:
        return not self.mismatches and not self.unexpected

    @property
    def bookings(self) -> int:
        """How many were asked for, sold or refused."""
        return self.counts["booked"] + self.counts["refused"]

    def months(self) -> list[tuple[str, str, int, float]]:
        """House, month, nights sold, and the share of its rooms' nights that were."""
        lines = []
        for house, by_month in self.nights.items():
            for month, sold in sorted(by_month.items()):
                year, number = map(int, month.split("-"))
                lines.append((house, month, sold, sold / (self.rooms[house] * monthrange(year, number)[1])))
        return lines

    def figures(self) -> dict[str, Any]:
        """The numbers for a bench."""
        return {
            "bookings": self.bookings,
            **dict(sorted(self.counts.items())),
            "nights_sold": sum(sum(months.values()) for months in self.nights.values()),
            "commands": self.commands,
            "days": self.days,
            "checks": self.checks,
            "mismatches": len(self.mismatches),
            "unexpected_refusals": len(self.unexpected),
            "took_s": round(self.took_s, 2),
            "desk_s": round(self.desk_s, 2),
            "check_s": round(self.check_s, 2),
            "bookings_per_s": round(self.bookings / self.took_s) if self.took_s else 0,
            "bookings_per_s_desk_only": round(self.bookings / self.desk_s) if self.desk_s else 0,
            "commands_per_s_desk_only": round(self.commands / self.desk_s) if self.desk_s else 0,
        }


def add_nights(report: Report, houses: dict[str, House]) -> None:
    """Counts each night that a guest who checked out had slept, by the date of its evening."""
    for name, house in houses.items():
        months: Counter[str] = Counter()
        for booking in house.fold.bookings.values():
            if booking.state == "CheckedOut" and booking.started_at is not None and booking.ended_at is not None:
                for night in _nights(booking.started_at, booking.ended_at, house):
                    months[f"{night:%Y-%m}"] += 1
        report.nights[name] = months


def _nights(start: datetime, end: datetime, house: House) -> list[date]:
    return nights_between(Interval(start, end), house.site.zone)
