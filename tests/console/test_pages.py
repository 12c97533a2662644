"""Pages as they leave the server: who gets them, what they may load, and that data in them stays data."""

import gzip
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from holdfast.console.assets import Assets
from tests.http.conftest import LiveServer
from tests.principals import Principals

BROWSER = {"Accept": "text/html,application/xhtml+xml"}
EVIL = '</script><script>alert("1")</script>&<b>'


class Elements(HTMLParser):
    """All start tags of a page with their attributes, and the text of its data block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def data_of(page: httpx.Response) -> Any:
    block = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page.text, re.DOTALL)
    assert block is not None
    return json.loads(block[1])


def test_the_bare_address_leads_browsers_to_the_console(client: httpx.Client, server: LiveServer) -> None:
    assert client.get("/", headers=BROWSER).headers["location"] == "/set-up"
    people = Principals(server)
    others = people.other_organisation()  # first: once there is an account nobody may without one
    people.grant(people.account(), others, "owner")
    assert client.get("/", headers=BROWSER).headers["location"] == "/console"
    assert client.get("/").headers["location"] == "/api/docs"


def test_the_only_site_is_opened_at_once(client: httpx.Client) -> None:
    assert client.get("/console").status_code == 200
    made = {"kind": "cafe", "name": "Only", "time_zone": "UTC", "slug": "only"}
    assert client.post("/api/sites", json=made).status_code == 201
    led = client.get("/console")
    assert (led.status_code, led.headers["location"]) == (302, "/console/only")


def test_a_board_page_carries_its_snapshot_with_the_position(client: httpx.Client, cafe: str) -> None:
    board = client.get(f"/api/sites/{cafe}/board").json()
    data = data_of(client.get(f"/console/{cafe}"))
    assert data["board"]["version"] == board["version"]
    assert data["board"]["epoch"] == board["epoch"]
    assert [unit["code"] for unit in data["board"]["units"]] == [unit["code"] for unit in board["units"]]
    assert "book" in data["viewer"]["rights"]


@pytest.mark.parametrize("path", ["/console", "/console/corner", "/console/components", "/console/nowhere"])
def test_a_page_holds_no_script_and_no_style_of_its_own(client: httpx.Client, cafe: str, path: str) -> None:
    page = client.get(path)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    for tag, attributes in Elements(page.text).found:
        assert tag != "style"
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "script":
            assert attributes.get("src", "").startswith("/static/") or attributes["type"] == "application/json"  # type: ignore[union-attr]
        for name in ("src", "href"):
            assert (attributes.get(name) or "/").startswith(("/", "#"))


def test_data_in_a_page_cannot_become_markup(client: httpx.Client) -> None:
    made = {"kind": "cafe", "name": EVIL, "time_zone": "UTC", "slug": "evil"}
    assert client.post("/api/sites", json=made).status_code == 201
    page = client.get("/console/evil")
    assert (
        "alert" not in re.sub(r"&lt;.*?&gt;|\\u003c.*?\\u003e", "", page.text.replace(EVIL, ""))
        or EVIL not in page.text
    )
    assert EVIL not in page.text
    assert data_of(page)["site"]["name"] == EVIL
    assert [tag for tag, _ in Elements(page.text).found].count("script") == 2


def test_what_there_is_not_is_a_page_too(client: httpx.Client, cafe: str) -> None:
    for path in ("/console/nowhere", f"/console/{cafe}/nothing"):
        page = client.get(path)
        assert page.status_code == 404
        assert page.headers["content-type"].startswith("text/html")
        assert "There is nothing here" in page.text


def test_pages_are_for_callers_whom_the_gate_lets_in(make_server: Callable[..., LiveServer]) -> None:
    server = make_server()
    led = httpx.get(f"{server.url}/console?x=1")
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Fconsole%3Fx%3D1")
    assert httpx.get(f"{server.url}/static/ui.css").status_code == 200
    assert server.client.get("/console").status_code == 200


def test_a_page_speaks_the_viewers_language(client: httpx.Client, cafe: str) -> None:
    german = client.get(f"/console/{cafe}", headers={"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de"' in german.text
    assert "Übersicht" in german.text
    chosen = client.get(f"/console/{cafe}", headers={"Accept-Language": "de", "Cookie": "language=en; theme=dark"})
    assert '<html lang="en" data-theme="dark"' in chosen.text
    odd = client.get(f"/console/{cafe}", headers={"Cookie": 'language=xx; theme="><b>; density=9'})
    assert '<html lang="en" data-theme="auto" data-density="comfortable"' in odd.text


def test_files_may_be_kept_for_ever_by_their_versioned_address(client: httpx.Client) -> None:
    version = Assets().version
    kept = client.get(f"/static/{version}/core/stream.js")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"] == "text/javascript; charset=utf-8"
    for address in ("/static/core/stream.js", "/static/v-000000000000/core/stream.js"):
        asked = client.get(address)
        assert asked.headers["cache-control"] == "public, no-cache"
        assert asked.content == kept.content
        again = client.get(address, headers={"If-None-Match": asked.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_files_are_sent_packed_to_whoever_unpacks(client: httpx.Client, server: LiveServer) -> None:
    plain = client.get("/static/ui.css", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with httpx.stream("GET", f"{server.url}/static/ui.css", headers={"Accept-Encoding": "gzip"}) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "accept-encoding"
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content


@pytest.mark.parametrize(
    "path",
    [
        "../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "core/../../pages.py", "v-1/../../templates/frame.html",
        "/etc/passwd", "core", "core/", "", "core/nothing.js", "i18n/en/board.json%00.js",
    ],
)  # fmt: skip
def test_nothing_but_our_files_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


def test_icons_and_the_manifest_are_there(client: httpx.Client) -> None:
    manifest = client.get("/static/icons/app.webmanifest")
    assert manifest.headers["content-type"] == "application/manifest+json"
    for icon in manifest.json()["icons"]:
        assert client.get(f"/static/icons/{icon['src']}").headers["content-type"] == icon["type"]
    assert client.get("/favicon.ico").headers["content-type"] == "image/png"
