"""One field of a cron expression: its text becomes a set of bits. Refuses what cannot be meant, and says what could."""

import difflib
import re
from typing import NoReturn

import msgspec

from holdfast.domain.errors import Refusal

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
PARTS_MAX = 60

_PART = re.compile(r"(?P<low>\*|\?|[a-z0-9]+)(?:-(?P<high>[a-z0-9]+))?(?:/(?P<step>[0-9]{1,4}))?")


class Field(msgspec.Struct, frozen=True):
    """What one of the six fields may hold. `names[0]` means `low`."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, MONTHS)
WEEKDAY = Field("day of week", 0, 7, WEEKDAYS)


def bits(text: str, field: Field) -> int:
    """The values of a field as bits; a weekday 7 counts as 0.

    Raises:
        Refusal: `invalid_schedule`.
    """
    parts = text.split(",")
    if len(parts) > PARTS_MAX:
        refuse(field.name, text, f"has more than {PARTS_MAX} parts")
    found = 0
    for part in parts:
        found |= _part(part, field)
    return found


def value(text: str, field: Field) -> int:
    """One number or name of a field.

    Raises:
        Refusal: `invalid_schedule`.
    """
    if text in field.names:
        return field.names.index(text) + field.low
    if text.isdigit() and len(text) <= 4:
        number = int(text)
        if field.low <= number <= field.high:
            return number
        refuse(field.name, text, f"must lie between {field.low} and {field.high}")
    near = difflib.get_close_matches(text[:9], field.names, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    names = f" or a name such as {field.names[1]}" if field.names else ""
    refuse(field.name, text, f"must be a number from {field.low} to {field.high}{names}{hint}")


def refuse(field: str, given: str, problem: str) -> NoReturn:
    """Raises:
    Refusal: `invalid_schedule`, with the field and what is wrong with it.
    """
    raise Refusal("invalid_schedule", field=field, given=given[:60], problem=problem)


def _part(text: str, field: Field) -> int:
    match = _PART.fullmatch(text)
    if match is None:
        refuse(field.name, text, "cannot be read" if text else "is empty between two commas")
    low, high = _span(match["low"], match["high"], field)
    step = int(match["step"]) if match["step"] is not None else 1
    if match["step"] is not None and match["high"] is None and match["low"] not in "*?":
        high = 6 if field is WEEKDAY else field.high
    if step == 0:
        refuse(field.name, text, "a step of 0 never comes")
    top = 6 if field is WEEKDAY else field.high
    if step > top - field.low + 1:
        refuse(field.name, text, f"a step of {step} is longer than the field; for a fixed distance write @every")
    found = 0
    for number in range(low, high + 1, step):
        found |= 1 << (number % 7 if field is WEEKDAY else number)
    return found


def _span(first: str, last: str | None, field: Field) -> tuple[int, int]:
    if first in "*?":
        if last is not None:
            refuse(field.name, f"{first}-{last}", "a range starts with a value")
        return field.low, 6 if field is WEEKDAY else field.high
    low = value(first, field)
    if last is None:
        return low, low
    high = value(last, field)
    if field is WEEKDAY and high == 0 < low:
        high = 7  # sat-sun: the week may be read as ending with its Sunday
    if high < low:
        joined = f"{first}-{field.high if field is not WEEKDAY else 6},{field.low}-{last}"
        refuse(field.name, f"{first}-{last}", f"runs backwards; write {joined}")
    return low, high
