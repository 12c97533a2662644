"""The documentation says what the program does: generated pages are fresh, nothing is left out, no link is dead."""

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from generating import PAGES as GENERATED
from generating.routes import openapi
from generating.text import Gap, same_names
from holdfast.domain.errors import CODES
from holdfast.domain.policies import kinds, policy_of
from holdfast.domain.policies.base import EVENTS
from holdfast.domain.sites import SiteSettings
from holdfast.http.errors import EDGE_CODES
from holdfast.services.mapping import Mapping
from holdfast.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_HEADING_TEXT = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    prose = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = [_HEADING_TEXT.sub(r"\1", found["text"]) for found in _HEADING.finditer(prose)]
    return {_NOT_IN_ANCHORS.sub("", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_page_is_what_the_program_says_now(name: str):
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == GENERATED[name](), f"{name} is stale; run: make docs"


def test_every_reference_page_is_generated():
    assert {page.name for page in REFERENCE.glob("*.md")} == set(GENERATED)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("settings.md", [line.variable for line in Settings().describe()]),
        ("settings.md", list(SiteSettings.__struct_fields__)),
        ("errors.md", [*CODES, *EDGE_CODES]),
        ("events.md", sorted(set(EVENTS.values()))),
        ("states.md", sorted({act for kind in kinds() for act in policy_of(kind).acts})),
        ("states.md", sorted({state for kind in kinds() for state in policy_of(kind).machine.states})),
        ("states.md", sorted({status for kind in kinds() for status in policy_of(kind).statuses})),
    ],
    ids=["server settings", "site settings", "errors", "events", "acts", "states", "statuses"],
)
def test_nothing_is_missing_in_the_reference(page: str, words: list[str]):
    text = (REFERENCE / page).read_text(encoding="utf-8")
    assert [word for word in words if f"`{word}`" not in text] == []


def test_every_route_is_in_the_reference():
    text = (REFERENCE / "routes.md").read_text(encoding="utf-8")
    found = openapi()["paths"]
    routes = [f"### {method.upper()} {path}\n" for path, item in found.items() for method in item]
    assert routes and [route for route in routes if route not in text] == []


def test_every_command_is_in_the_reference():
    from holdfast.cli import main

    text = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    assert [name for name in main.commands if f"## holdfast {name}\n" not in text] == []


def test_a_name_that_the_tables_do_not_describe_is_an_error():
    with pytest.raises(Gap, match="nobody"):
        same_names({"described"}, {"described", "nobody"}, "settings")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_internal_link_is_dead(page: Path):
    dead = []
    for found in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        target = found["target"]
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.is_file() or (anchor and anchor not in _anchors(file)):
            dead.append(target)
    assert dead == []


def test_every_page_can_be_reached_from_the_index():
    seen: set[Path] = set()
    todo = [DOCS / "index.md", ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        targets = [found["target"] for found in _LINK.finditer(page.read_text(encoding="utf-8"))]
        todo += [(page.parent / each.partition("#")[0]).resolve() for each in targets if "://" not in each]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page.resolve() not in {p.resolve() for p in seen}] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_example_can_be_read(page: Path):
    """Python and TOML as they stand; JSON bodies behind an HTTP request line."""
    for found in _FENCE.finditer(page.read_text(encoding="utf-8")):
        language, text = found["language"], found["text"]
        if language == "python":
            ast.parse(text)
        elif language == "toml":
            tomllib.loads(text)
        elif language == "json":
            json.loads(text)
        elif language == "http":
            for part in re.split(r"^(?:GET|POST|PATCH|DELETE) \S+\n", text, flags=re.MULTILINE):
                if part.strip():
                    json.loads(part)


def test_the_mapping_example_is_a_mapping():
    import msgspec

    text = (DOCS / "guides" / "import.md").read_text(encoding="utf-8")
    (example,) = [found["text"] for found in _FENCE.finditer(text) if found["language"] == "toml"]
    mapping = msgspec.convert(tomllib.loads(example), Mapping)
    assert set(mapping.fields) == {"category", "state", "date", "nights", "note"}


def _bodies() -> list[tuple[str, str, Any]]:
    """Each request body of the guides: page, address, body."""
    found = []
    for page in sorted((DOCS / "guides").glob("*.md")):
        for block in _FENCE.finditer(page.read_text(encoding="utf-8")):
            if block["language"] == "http":
                pieces = re.split(r"^(?:POST|PATCH) (\S+)\n", block["text"], flags=re.MULTILINE)[1:]
                pairs = zip(pieces[::2], pieces[1::2], strict=True)
                found += [(page.name, address, json.loads(body)) for address, body in pairs]
    return found


@pytest.mark.parametrize(("page", "address", "body"), _bodies())
def test_an_example_request_is_one_that_the_server_reads(page: str, address: str, body: Any):
    import msgspec

    from holdfast.domain.sites import parse_settings, rules_of
    from holdfast.services.requests import BookingRequest, SiteChangeRequest, SiteRequest, UnitsRequest

    above, _, last = address.rpartition("/")
    known = {"sites": SiteRequest, "units": UnitsRequest, "bookings": BookingRequest}
    request = msgspec.convert(body, SiteChangeRequest if above == "/api/sites" else known[last])
    if isinstance(request, SiteChangeRequest):
        parse_settings(request.settings or {}, {})
    if isinstance(request, SiteRequest):
        rules_of(parse_settings(request.settings, policy_of(request.kind).defaults))


def test_the_readme_names_what_a_newcomer_types_and_where_the_figures_go():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in text and "make test" in text
    assert text.index("<!-- figures -->") < text.index("<!-- /figures -->")


def test_every_bench_is_in_the_readme():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(
        r"^NOT_BENCHES = (\{.*\})", (ROOT / "bench" / "__main__.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found is not None
    benches = {path.stem for path in (ROOT / "bench").glob("*.py")} - ast.literal_eval(found[1]) - {"__init__"}
    assert [name for name in sorted(benches) if f"python -m bench {name}`" not in text] == []


def test_the_changelog_has_the_present_version():
    from holdfast import __version__

    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_nothing_of_the_machine_it_was_written_on_is_in_the_pages():
    machine = re.compile(r"/work/|/tmp/v/|/root/")
    assert [str(page) for page in PAGES if machine.search(page.read_text(encoding="utf-8"))] == []
