"""A very small HTTP server for shops that are not real: the demo's, and those of the tests. Loopback only."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

import msgspec

HOST = "127.0.0.1"
BODY_BYTES_MAX = 1024 * 1024
HEAD_LINES_MAX = 100

_PHRASES = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


class Asked(msgspec.Struct, frozen=True):
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Told(msgspec.Struct, frozen=True):
    """What to answer, and after how many seconds."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = {}
    after_s: float = 0.0


Answer = Callable[[Asked], Awaitable[Told]]


class DemoServer:
    """Serves `answer` on a free port of this machine during a block; `address` says where."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.address = ""
        self.requests = 0

    async def __aenter__(self) -> "DemoServer":
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.address = f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"
        self._open: set[asyncio.StreamWriter] = set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while (asked := await _read(reader)) is not None:
                self.requests += 1
                told = await self._answer(asked)
                if told.after_s:
                    await asyncio.sleep(told.after_s)
                head = [f"HTTP/1.1 {told.status} {_PHRASES.get(told.status, 'Status')}"]
                headers = {"content-type": "application/json", **told.headers, "content-length": str(len(told.body))}
                head += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + told.body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # whoever asked has left, or does not speak HTTP
        finally:
            self._open.discard(writer)
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    for _ in range(HEAD_LINES_MAX):
        line = await reader.readline()
        if line in (b"\r\n", b""):
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= BODY_BYTES_MAX:
        return None
    parts = urlsplit(target)
    return Asked(method, parts.path, dict(parse_qsl(parts.query)), headers, await reader.readexactly(length))
