"""The files that pages are made of, served from memory. Their addresses hold a digest of all of them, so that a browser
may keep each for ever and never mixes modules of two versions.

Refuses every path that is not the name of a file it has read: there is nothing to climb out of.
"""

import gzip
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from holdfast.console.packs import packs_of

FOLDER = Path(__file__).parent / "static"
STATIC = "/static/"
MARK = "v-"
"""A first part of an address that begins so names a version."""
GZIP_BYTES_MIN = 1024
MEDIA = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}
_PACKED = frozenset({".css", ".js", ".json", ".svg", ".webmanifest"})
_KEPT = "public, max-age=31536000, immutable"
_ASKED = "public, no-cache"
STYLES = "ui.css"
"""All style sheets of `ui/` and `screens/` as one file: one request before the first paint."""
CUSTOMER_STYLES = "customer.css"
"""Those that a customer's page needs, and no more."""
ICONS = "ui/icons.svg"
MARK_FILE = "icons/mark.svg"
_SYMBOL = re.compile(r'<symbol id="([^"]+)" viewBox="([^"]+)">(.*?)</symbol>', re.DOTALL)
_FOR_CUSTOMERS = ("_layers", "tokens", "base", "button", "form", "status")


class Asset(msgspec.Struct, frozen=True):
    """A file with what its answer says of it; `packed` is its gzip, where that is smaller."""

    body: bytes
    media: str
    tag: str
    packed: bytes | None


class Assets:
    """All files below a folder, and those that are put together from them."""

    def __init__(self, folder: Path = FOLDER) -> None:
        bodies = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))}
        bodies = {name: body for name, body in bodies.items() if Path(name).suffix in MEDIA}
        styles = [name for name in bodies if name.startswith(("ui/", "screens/")) and name.endswith(".css")]
        bodies[STYLES] = b"\n".join(
            bodies[name] for name in sorted(styles, key=lambda name: (not name.startswith("ui/"), name))
        )
        shared = [f"ui/{name}.css" for name in _FOR_CUSTOMERS]
        own = [name for name in sorted(bodies) if name.startswith("customer/") and name.endswith(".css")]
        bodies[CUSTOMER_STYLES] = b"\n".join(bodies[name] for name in (*shared, *own) if name in bodies)
        self.words = _words(bodies)
        for language, words in self.words.items():
            bodies[f"i18n/{language}.json"] = json.dumps(words, ensure_ascii=False).encode()
        modules = {name: body.decode() for name, body in bodies.items() if name.endswith(".js")}
        bodies |= {name: text.encode() for name, text in packs_of(modules).items()}
        digest = hashlib.sha256(b"".join(name.encode() + b"\0" + bodies[name] for name in sorted(bodies)))
        self.version = MARK + digest.hexdigest()[:12]
        self._found = {name: _asset(name, body) for name, body in bodies.items()}

        self._drawings = {
            name: f'<svg class="icon" viewBox="{box}" aria-hidden="true" focusable="false">{shape}</svg>'
            for name, box, shape in _SYMBOL.findall(bodies.get(ICONS, b"").decode())
        }
        mark = bodies.get(MARK_FILE, b"<svg").decode().strip()
        self.brand = mark.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
        """The mark of the product, to stand in a page."""

    def find(self, name: str) -> Asset | None:
        """The file of that name, such as `core/stream.js`."""
        return self._found.get(name)

    def names(self, folder: str, suffix: str) -> list[str]:
        return [name for name in self._found if name.startswith(folder) and name.endswith(suffix)]

    def drawing(self, name: str) -> str:
        """An icon, to stand in a page: the reference to one in another file would be read and drawn apart."""
        return self._drawings[name]

    def address(self, name: str) -> str:
        """The address under which a browser may keep a file for ever."""
        assert name in self._found, f"there is no file {name!r}"
        return f"{STATIC}{self.version}/{name}"


@cache
def our_assets() -> Assets:
    """The files of this package, read once a process."""
    return Assets()


@get("/static/{path:path}", include_in_schema=False, opt={"right": "open"})
async def asset(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A file, by its versioned address or by its plain one, which is asked about again each time."""
    assets = our_assets()
    name = str(request.scope["path"]).removeprefix(STATIC)
    version, _, rest = name.partition("/")
    if version.startswith(MARK):
        name = rest
    found = assets.find(name)
    if found is None:
        raise NotFoundException
    headers = {
        "cache-control": _KEPT if version == assets.version else _ASKED,
        "etag": found.tag,
        "vary": "accept-encoding",
    }
    if any(one.strip().removeprefix("W/") == found.tag for one in request.headers.get("if-none-match", "").split(",")):
        return Response(b"", status_code=304, headers=headers, media_type=found.media)
    body = found.body
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["content-encoding"] = found.packed, "gzip"
    return Response(body, headers=headers, media_type=found.media)


@get("/favicon.ico", include_in_schema=False, opt={"right": "open"})
async def favicon(request: Request[Any, Any, Any]) -> Response[bytes]:
    """For browsers that ask for it by themselves, on pages that name no icon."""
    found = our_assets().find("icons/icon-32.png")
    assert found is not None
    headers = {"cache-control": "public, max-age=86400", "etag": found.tag}
    return Response(found.body, headers=headers, media_type=found.media)


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    packed = gzip.compress(body, 9, mtime=0) if suffix in _PACKED and len(body) >= GZIP_BYTES_MIN else None
    return Asset(body, MEDIA[suffix], f'"{hashlib.sha256(body).hexdigest()[:16]}"', packed)


def _words(bodies: dict[str, bytes]) -> dict[str, dict[str, str]]:
    """Language → key → message, from `i18n/{language}/{area}.json`; keys begin with their area."""
    words: dict[str, dict[str, str]] = {}
    for name, body in bodies.items():
        if name.startswith("i18n/"):
            _, language, area = name.removesuffix(".json").split("/")
            for key, message in json.loads(body).items():
                assert key.startswith(area + "."), f"{name}: {key!r} does not begin with {area!r}"
                words.setdefault(language, {})[key] = message
    return words
