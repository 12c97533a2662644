"""The OpenAPI document and a page to browse it: our own script, nothing from elsewhere, works offline."""

from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from holdfast.http.openapi import document

_FOLDER = Path(__file__).parent / "static"
_FILES = {
    "docs.js": "text/javascript",
    "docs.css": "text/css",
}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@get("/openapi.json", operation_id="openapi", summary="This document", tags=["health"], opt={"right": "open"})
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """OpenAPI 3.1."""
    state = request.app.state
    if "openapi_json" not in state:
        state["openapi_json"] = document(request.app)
    return Response(state["openapi_json"], media_type="application/json")


@get("/docs", include_in_schema=False, opt={"right": "open"})
async def page() -> Response[bytes]:
    body = (_FOLDER / "docs.html").read_bytes()
    return Response(body, media_type="text/html", headers={"content-security-policy": _PAGE_POLICY})


@get("/docs/{name:str}", include_in_schema=False, opt={"right": "open"})
async def file(name: FromPath[str]) -> Response[bytes]:
    if name not in _FILES:
        raise NotFoundException
    return Response((_FOLDER / name).read_bytes(), media_type=_FILES[name])


DOCS_HANDLERS: list[Any] = [openapi, page, file]
