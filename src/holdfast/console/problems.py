"""A refusal as a sentence in the words of a page, from its code and facts; the browser's
`core/problems.js` says the same.

Refuses to show the server's own sentences in a page of another language: those are English, and for programs.
"""

import re
from collections.abc import Mapping
from typing import Any

from holdfast.console.words import Words

SERVER_LANGUAGE = "en"
"""In which the server's own sentences are."""
SECONDS_TOLD_MAX = 120
"""A longer wait is told in minutes."""
POSSIBLE_MAX = 12
"""How many possible values are named."""
_ABOUT_A_FIELD = frozenset({"invalid_request", "invalid_time", "invalid_settings"})
_GROUPS = ("profile", "team")
"""Parts of a field's name that say enough when its last part is anything."""
_RANGE = re.compile(r"(-?\d+) to (-?\d+)")
_LEFT_OUT = re.compile(r"\{\w+\}")


def sentence_of(words: Words, problem: Mapping[str, Any], *, label: str | None = None) -> str:
    """What a problem document says to a person; `label` is what the page calls the field that it is about."""
    code, detail = str(problem.get("code", "?")), problem.get("detail")
    if code in _ABOUT_A_FIELD and (field := problem.get("field")):
        return _of_field(words, problem, str(field), label)
    if code in _ABOUT_A_FIELD and problem.get("problem") and words.language == SERVER_LANGUAGE and detail:
        return str(detail)
    if words.knows(f"problem.{code}"):
        facts = {name: value for name, value in problem.items() if isinstance(value, str | int | float)}
        if "state" in facts:
            facts["state"] = _state(words, str(facts["state"]))
        return _LEFT_OUT.sub("", words(f"problem.{code}", **facts))
    if detail and words.language == SERVER_LANGUAGE:
        return str(detail)
    return words("problem.unknown", code=code)


def told_wait(words: Words, wait_s: int) -> str:
    """For how long nothing helps."""
    count, unit = (wait_s, "seconds") if wait_s < SECONDS_TOLD_MAX else (-(-wait_s // 60), "minutes")
    return words("entry.wait", wait=words(f"entry.{unit}#{'one' if count == 1 else 'other'}", n=count))


def _of_field(words: Words, problem: Mapping[str, Any], field: str, label: str | None) -> str:
    *before, last = re.sub(r"\[\d+\]", "", field).split(".")
    if label is None and not (problem["code"] == "invalid_time" and "given" in problem):
        for part in (last, *(part for part in _GROUPS if part in before)):
            if words.knows(f"problem.field_{part}"):
                return words(f"problem.field_{part}")
    if label is None and words.language == SERVER_LANGUAGE and problem.get("detail"):
        return str(problem["detail"])
    called = label or (words(f"setting.{last}") if words.knows(f"setting.{last}") else field)
    possible, bounds = problem.get("possible"), _RANGE.fullmatch(str(problem.get("expected", "")))
    if isinstance(possible, list) and 0 < len(possible) <= POSSIBLE_MAX:
        return words("problem.invalid_field_of", field=called, possible=", ".join(map(str, possible)))
    if bounds is not None:
        return words("problem.invalid_field_range", field=called, low=bounds[1], high=bounds[2])
    return words("problem.invalid_field", field=called)


def _state(words: Words, state: str) -> str:
    key = "status." + re.sub(r"[ -]", "_", state.lower())
    return next((words(each) for each in (key, key.replace("_", "")) if words.knows(each)), state)
