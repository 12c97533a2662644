"""Messages: every language says all of them, with the same values in them, and nothing asks for one there is not."""

import re
from collections.abc import Iterator

from holdfast.console.assets import FOLDER, Assets
from holdfast.console.screens import SCREENS
from holdfast.console.words import LANGUAGES

TEMPLATES = FOLDER.parent / "templates"
WORDS = Assets().words
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


def test_every_screen_has_a_name() -> None:
    assert {screen.title for screen in SCREENS} <= keys()
