"""A schedule in plain words, for the person who wonders whether it says what was meant."""

from holdfast.domain.cron.expression import Every, Expression, Rules, Schedule
from holdfast.domain.cron.fields import MONTHS

_DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
CLOCKS_MAX = 6
"""With more times of day than this a rule is told by its fields."""
assert len(_MONTH_NAMES) == len(MONTHS)


def explain(schedule: Schedule) -> str:
    """One sentence without a full stop: `at 02:00 on Monday to Friday`."""
    if isinstance(schedule, Every):
        return f"every {_span(schedule.seconds)}, counted from 1970-01-01 00:00 UTC"
    parts = [_clock(schedule), _days(schedule)]
    months = values(schedule.months, 1, 12)
    if len(months) < 12:
        parts.append(f"in {_ranges(months, lambda number: _MONTH_NAMES[number - 1])}")
    return " ".join(part for part in parts if part)


def explain_rules(schedule: Schedule, rules: Rules) -> str:
    """What happens when clocks change, in words."""
    if isinstance(schedule, Every):
        return "changes of clocks do not matter"
    gap, fold = rules.gap, rules.fold
    if gap == "cron":
        gap = "skip" if schedule.is_wild else "after"
    if fold == "cron":
        fold = "both" if schedule.is_wild else "once"
    skipped = "runs right after the gap" if gap == "after" else "does not run"
    twice = "runs the first time only" if fold == "once" else "runs both times"
    return f"a time that clocks skip {skipped}; one that they show twice {twice}"


def values(bits: int, low: int, high: int) -> list[int]:
    return [number for number in range(low, high + 1) if bits >> number & 1]


def _span(seconds: int) -> str:
    parts: list[str] = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}s" if count > 1 else unit if not parts and not seconds else f"1 {unit}")
    return _joined(parts)


def _clock(schedule: Expression) -> str:
    seconds, minutes = values(schedule.seconds, 0, 59), values(schedule.minutes, 0, 59)
    hours = values(schedule.hours, 0, 23)
    if len(hours) * len(minutes) * len(seconds) <= CLOCKS_MAX:
        clocks = [f"{hour:02}:{minute:02}" for hour in hours for minute in minutes]
        if schedule.by_minute or seconds == [0]:
            return f"at {_joined(clocks)}"
        return f"at {_joined([f'{clock}:{second:02}' for clock in clocks for second in seconds])}"
    parts: list[str] = []
    if not schedule.by_minute and seconds != [0]:
        parts.append(_stepped(seconds, 60, "second"))
    if not (parts and len(minutes) == 60):
        parts.append(_stepped(minutes, 60, "minute"))
    if len(hours) < 24:
        step = _step(hours, 24)
        of_hours = f"every {step} hours" if step else f"hours {_ranges(hours, lambda hour: f'{hour:02}')}"
        parts.append(f"of {of_hours}" if minutes != [0] or len(parts) > 1 else f"{of_hours}")
        if parts[-2:-1] == ["at minute 0"]:
            parts[-2:] = [of_hours if step else f"on the hour, {of_hours}"]
    elif minutes == [0] and parts[-1] == "at minute 0":
        parts[-1] = "every hour"
    return " ".join(parts)


def _stepped(numbers: list[int], size: int, unit: str) -> str:
    if len(numbers) == size:
        return f"every {unit}"
    if step := _step(numbers, size):
        return f"every {step} {unit}s"
    return f"at {unit}{'s' if len(numbers) > 1 else ''} {_ranges(numbers, str)}"


def _step(numbers: list[int], size: int) -> int | None:
    """The step of `*/n`, where it divides evenly: any other stumbles at the end, and is told as it is."""
    if len(numbers) < 2 or numbers[0] != 0:
        return None
    step = numbers[1]
    return step if step > 1 and size % step == 0 and numbers == list(range(0, size, step)) else None


def _days(schedule: Expression) -> str:
    days, weekdays = schedule.days, _weekdays(schedule)
    numbers = values(days.days, 1, 31)
    said = [f"day {_ranges(numbers, str)}"] if 0 < len(numbers) < 31 else []
    said += ["the last day" if not before else f"{_day_count(before)} before the last" for before in days.lasts]
    said += [
        f"the weekday up to {_day_count(before)} before the last" if before else "the last weekday (Monday to Friday)"
        for before in days.last_workdays
    ]
    said += [f"the weekday (Monday to Friday) nearest to day {day}" for day in days.nearest]
    of_month = f"on {_joined(said)} of the month" if said else ""
    if of_month and weekdays:
        return f"{of_month} {'if it is' if days.both else 'and on'} {weekdays}"
    return of_month or (f"on {weekdays}" if weekdays else "" if _is_often(schedule) else "every day")


def _weekdays(schedule: Expression) -> str:
    days = schedule.days
    numbers = values(days.weekdays, 0, 6)
    said = []
    if 0 < len(numbers) < 7:
        week = sorted(numbers, key=lambda number: number or 7)  # the week as people tell it starts with Monday
        said.append(_ranges([number or 7 for number in week], lambda number: _DAY_NAMES[number % 7]))
    said += [f"the {_ORDINALS[nth - 1]} {_DAY_NAMES[weekday]} of the month" for weekday, nth in days.nths]
    said += [f"the last {_DAY_NAMES[weekday]} of the month" for weekday in days.last_weekdays]
    return _joined(said)


def _is_often(schedule: Expression) -> bool:
    return schedule.hours == (1 << 24) - 1


def _day_count(count: int) -> str:
    return "the day" if count == 1 else f"{count} days"


def _ranges(numbers: list[int], name: object) -> str:
    """`1, 2, 3, 7` → `1 to 3 and 7`."""
    assert callable(name)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said: list[str] = []
    for run in runs:
        if len(run) > 2:
            said.append(f"{name(run[0])} to {name(run[-1])}")
        else:
            said += [str(name(number)) for number in run]
    return _joined(said)


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
