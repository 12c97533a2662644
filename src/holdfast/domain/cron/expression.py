"""A schedule's text as a value: five or six cron fields, `@every`, `@daily` and its like, and the words of the
replaced system. What can never happen is refused here."""

import re
from typing import Literal

import msgspec

from holdfast.domain.cron.days import Days, parse_days
from holdfast.domain.cron.fields import HOUR, MINUTE, MONTH, SECOND, bits, refuse

Gap = Literal["cron", "after", "skip"]
Fold = Literal["cron", "once", "both"]

CHARS_MAX = 200
EVERY_S_MAX = 366 * 86_400
# Every kind of year there is: seven first weekdays, leap or not.
YEARS_OF_EVERY_KIND = range(2000, 2028)

WORDS = {
    "every_minute": "* * * * *",
    "minutely": "* * * * *",
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
_EVERY_WORD = re.compile(r"every_([0-9]{1,4})_(minutes?|hours?)")
_SPAN = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,8})s)?")
_NO_SUCH = ("@reboot",)


class Rules(msgspec.Struct, frozen=True):
    """What happens to ticks that clocks skip (`gap`: right after it, or not at all) or show twice (`fold`: the first
    time, or both). `cron` is what Debian's cron does: a fixed time runs right after the gap and once in the fold, a
    wildcard in minute or hour follows real time; changes of three hours and more are no change of clocks to it."""

    gap: Gap = "cron"
    fold: Fold = "cron"


class Expression(msgspec.Struct, frozen=True):
    """Six sets of bits; without a seconds field the seconds are 0 and `by_minute` holds."""

    text: str
    seconds: int
    minutes: int
    hours: int
    months: int
    days: Days
    by_minute: bool
    is_wild: bool
    """Whether minute or hour starts with a star."""
    fields: tuple[str, ...]


class Every(msgspec.Struct, frozen=True):
    """A fixed distance, counted from 1970-01-01T00:00Z, so that everybody counts alike."""

    text: str
    seconds: int


Schedule = Expression | Every


def parse(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        Refusal: `invalid_schedule`: it cannot be read, or can never happen.
    """
    given = " ".join(text.split())
    if not given:
        refuse("schedule", text, "is empty; write for example 0 2 * * *")
    if len(given) > CHARS_MAX or not given.isascii():
        refuse("schedule", text, f"must be up to {CHARS_MAX} plain characters")
    said = given.lower().removeprefix("cron:").strip()
    if said.startswith("@every"):
        return Every(given, _every(said.removeprefix("@every").strip()))
    if said in _NO_SUCH:
        refuse("schedule", given, "is no time; jobs to run at a start are enqueued by what starts")
    word = said.removeprefix("@")
    if word in WORDS:
        return _expression(given, WORDS[word].split(" "))
    if match := _EVERY_WORD.fullmatch(word):
        return _every_word(given, int(match[1]), match[2].rstrip("s"))
    fields = said.split(" ")
    if len(fields) not in (5, 6):
        fine = "minute hour day month weekday, or with seconds in front"
        words = ", ".join(f"@{word}" for word in ("hourly", "daily", "weekly"))
        refuse("schedule", given, f"has {len(fields)} fields; expected 5 ({fine}), {words}, or @every 90s")
    return _expression(given, fields)


def _expression(text: str, fields: list[str]) -> Expression:
    by_minute = len(fields) == 5
    second, minute, hour, day, month, weekday = ["0", *fields] if by_minute else fields
    found = Expression(
        text,
        bits(second, SECOND),
        bits(minute, MINUTE),
        bits(hour, HOUR),
        bits(month, MONTH),
        parse_days(day, weekday),
        by_minute,
        minute[0] in "*?" or hour[0] in "*?",
        (second, minute, hour, day, month, weekday),
    )
    if not any(
        found.days.in_month(year, number)
        for year in YEARS_OF_EVERY_KIND
        for number in range(1, 13)
        if found.months >> number & 1
    ):
        refuse("schedule", text, "never happens: no month that it names has such a day")
    return found


def _every_word(text: str, count: int, unit: str) -> Schedule:
    top = 60 if unit == "minute" else 24
    if count and top % count == 0:
        step = f"*/{count}" if count < top else "0"
        fields = [step, "*", "*", "*", "*"] if unit == "minute" else ["0", step, "*", "*", "*"]
        return _expression(text, fields)
    # what does not divide the hour or the day would stumble at its end
    return Every(text, _bounded(text, count * (60 if unit == "minute" else 3600)))


def _every(span: str) -> int:
    match = _SPAN.fullmatch(span)
    if not span or match is None:
        refuse("schedule", f"@every {span}", "expected a distance such as 90s, 15m, 2h or 1h30m")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return _bounded(f"@every {span}", ((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _bounded(text: str, seconds: int) -> int:
    if not 1 <= seconds <= EVERY_S_MAX:
        refuse("schedule", text, "a distance lies between 1 second and 366 days")
    return seconds
