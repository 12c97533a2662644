"""What the pages show can be typed: addresses, commands and flags are there, and each request says who asks and what
it sends."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from generating.routes import openapi
from holdfast.cli import main
from tests.docs.test_docs import DOCS, ROOT

PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "guides").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_SHELL = re.compile(r"^ *```(?:sh|bash)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"```\w*\n.*?```|`[^`\n]+`|^ {4}.*$", re.MULTILINE | re.DOTALL)
_REQUEST = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) ((?:/api)?/[^\s`\"')]+)")
_ADDRESS = re.compile(r"(?<![\w.])(/api/[^\s`\"')]+)")
_COMMAND = re.compile(r"\bholdfast ((?:[a-z]+ ?){1,2})([^`\n]*)")
# a page of its own, an example of somebody else's server, and an address that is told as a set
_NOT_ROUTES = ("/api/docs", "/api/openapi.json", "/holdfast")
_NO_FLAGS_OF_OURS = {"--help"}


def _routes() -> list[tuple[str, re.Pattern[str]]]:
    found = []
    for path, item in openapi()["paths"].items():
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))
        found += [(method.upper(), pattern) for method in item]
    return found


ROUTES = _routes()


def _is_there(method: str | None, address: str) -> bool:
    path = re.sub(r"\{[^}]*\}|\$\w+", "x", address.partition("?")[0]).rstrip(".,;:")
    shapes = [path] if path.startswith("/api") else [path, f"/api{path}"]
    return any(pattern.fullmatch(shape) for verb, pattern in ROUTES if method in (None, verb) for shape in shapes)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_address_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named: list[tuple[str | None, str]] = list(_REQUEST.findall(text))
    for code in _CODE.findall(text):
        named += [(None, address) for address in _ADDRESS.findall(code)]
    told = [each for each in named if "…" not in each[1] and not re.search(r"\{\w+(,|$)", each[1])]
    assert [each for each in told if not each[1].startswith(_NOT_ROUTES) and not _is_there(*each)] == []


def _flags(words: str) -> tuple[str, set[str]] | None:
    """The command that words begin with, and its flags; None when it is none of ours."""
    first, _, second = words.strip().partition(" ")
    command = main.commands.get(first)
    if command is None:
        return None
    if isinstance(command, click.Group) and second in command.commands:
        command = command.commands[second]
    flags = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
    return first, flags | _NO_FLAGS_OF_OURS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_and_flag_that_a_page_shows_is_there(page: Path) -> None:
    wrong = []
    for code in _CODE.findall(page.read_text(encoding="utf-8")):
        for words, rest in _COMMAND.findall(code.replace("\\\n", " ")):
            known = _flags(words)
            shown = re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)
            if known is None and shown:
                wrong.append(words)
            elif known is not None:
                wrong += [f"{known[0]} {flag}" for flag in shown if flag not in known[1]]
    assert wrong == []


def _curls(page: Path) -> Iterator[list[str]]:
    for block in _SHELL.findall(page.read_text(encoding="utf-8")):
        for command in re.split(r"^ *(?=(?:curl|ask) )", block, flags=re.MULTILINE)[1:]:
            # up to the line at which its quotes are closed and nothing goes on
            taken = ""
            for line in command.splitlines(keepends=True):
                taken += line
                try:
                    words = shlex.split(taken, comments=True)
                except ValueError:
                    continue
                if not line.rstrip().endswith("\\"):
                    yield words
                    break


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_request_says_who_asks_and_what_it_sends(page: Path) -> None:
    for words in _curls(page):
        headers = " ".join(words[place + 1] for place, word in enumerate(words) if word == "-H")
        if words[0] == "curl":
            assert "Authorization: Bearer $" in headers, words
        for place, word in enumerate(words):
            if word == "-d":
                json.loads(words[place + 1])
                assert words[0] == "ask" or "Content-Type: application/json" in headers, words


def test_the_pages_have_requests_to_look_at() -> None:
    """The patterns above find what they are for."""
    assert len([words for page in PAGES for words in _curls(page)]) > 15
    assert not _is_there("GET", "/api/sites/x/bord") and _is_there("GET", "/sites/x/board?from=1")
