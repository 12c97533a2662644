"""Messages: every language says all of them, with the same values in them, and nothing asks for one there is not."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.console.assets import FOLDER, Assets
from holdfast.console.problems import sentence_of
from holdfast.console.screens import SCREENS
from holdfast.console.words import LANGUAGES, Words
from holdfast.domain.errors import CODES
from holdfast.http.errors import EDGE_CODES

TEMPLATES = FOLDER.parent / "templates"
ASSETS = Assets()
WORDS = ASSETS.words
ASKED = re.compile(r"""\bt\(\s*["']([a-z0-9_.#-]+)["']\s*[,)]""")
BUILT = re.compile(r"\bt\(`([a-z]+)\.([a-z_]*)\$\{")
BUILT_AREAS = ("act", "actor", "event", "finding", "kind", "problem", "screen", "status")
"""Whose messages are asked for by what the server says."""
FORM = re.compile(r"#(zero|one|two|few|many|other)$")


def keys() -> set[str]:
    return {FORM.sub("", key) for key in WORDS["en"]}


def sources() -> Iterator[tuple[str, str]]:
    for path in [*FOLDER.rglob("*.js"), *TEMPLATES.glob("*.html")]:
        yield path.name, path.read_text()


def test_every_language_has_all_messages_with_the_same_values() -> None:
    assert set(WORDS) == set(LANGUAGES)
    for words in WORDS.values():
        assert {FORM.sub("", key) for key in words} == keys()
        for key, message in words.items():
            assert sorted(set(re.findall(r"\{\w+\}", message))) == sorted(
                set(re.findall(r"\{\w+\}", WORDS["en"][key]))
            ), key


def test_every_message_that_is_asked_for_is_there() -> None:
    missing = [(name, key) for name, text in sources() for key in ASKED.findall(text) if key not in keys()]
    assert missing == []
    for name, text in sources():
        for area, start in BUILT.findall(text):
            assert any(key.startswith(f"{area}.{start}") for key in keys()), (name, area, start)


def test_every_message_is_asked_for() -> None:
    whole = "".join(text for _, text in sources())
    areas = {f"{area}.{start}" for area, start in BUILT.findall(whole)}
    unused = [key for key in keys() if f'"{key}"' not in whole and f"'{key}'" not in whole]
    unused = [key for key in unused if not key.startswith(tuple(areas)) and key.split(".")[0] not in BUILT_AREAS]
    assert unused == []


def test_every_refusal_has_words() -> None:
    assert {f"problem.{code}" for code in (*CODES, *EDGE_CODES)} <= keys()


@pytest.mark.parametrize(("problem", "said"), [
    ({"code": "slot_taken", "detail": "At least one unit …"}, "Diese Zeit ist schon vergeben."),
    ({"code": "wrong_state", "state": "CheckedIn"}, "Das geht nicht mehr: der Stand ist Eingecheckt."),
    ({"code": "invalid_request", "field": "customer.email", "detail": "…"}, "Das ist keine E-Mail-Adresse."),
    ({"code": "invalid_request", "field": "details.team[2].shoe", "detail": "…"}, "Jemand im Team ist doppelt"),
    ({"code": "invalid_settings", "field": "grid_minutes", "expected": "0 to 1440"}, "„Zeitraster“ muss zwischen 0"),
    ({"code": "invalid_request", "field": "hue", "possible": ["red", "blue"]}, "„hue“ muss eines sein von: red, blue."),
    ({"code": "of_a_plugin", "detail": "English."}, "Der Server hat abgelehnt (of_a_plugin)."),
])  # fmt: skip
def test_a_refusal_is_told_in_the_language_of_the_page(problem: dict[str, Any], said: str) -> None:
    assert sentence_of(Words(ASSETS, "de"), problem).startswith(said)


def test_a_page_in_the_servers_language_shows_its_own_sentence_where_that_says_more() -> None:
    told = {"code": "invalid_request", "field": "hue", "detail": "`hue`: expected one of red, blue."}
    assert sentence_of(Words(ASSETS, "en"), told) == told["detail"]
    assert sentence_of(Words(ASSETS, "en"), {**told, "field": "email"}) == "This is not an e-mail address."
    asked = sentence_of(Words(ASSETS, "en"), {**told, "field": "profile.roll"}, label="Roll number")
    assert asked == "“Roll number” is not right."


def test_every_screen_has_a_name() -> None:
    assert {screen.title for screen in SCREENS} <= keys()
