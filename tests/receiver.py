"""A real receiver of webhooks on loopback: it checks signatures as strangers' programs do, and misbehaves when told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from standardwebhooks import Webhook

Received = dict[str, Any]


class Receiver:
    """What came in, in order. `behaviour` is what it does with the next ones: a status, or one of `redirect`, `slow`,
    `huge`, `drip`, `hang up`."""

    def __init__(self) -> None:
        self.port = 0
        self.behaviour: int | str = 204
        self.requests: list[Received] = []
        self.secrets: list[str] = []
        self.headers: list[tuple[str, str]] = []
        self.came = asyncio.Event()
        self.bytes_sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    async def until(self, count: int) -> list[Received]:
        async with asyncio.timeout(20):
            while len(self.requests) < count:
                self.came.clear()
                await self.came.wait()
        return self.requests

    def types(self) -> list[str]:
        return [each["body"]["type"] for each in self.requests]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            line, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            verified = [_verifies(secret, body, headers) for secret in self.secrets]
            self.requests.append({"line": line, "headers": headers, "body": json.loads(body), "verified": verified})
            self.came.set()
            await self._answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        if self.behaviour == "hang up":
            return
        if self.behaviour == "slow":
            await asyncio.sleep(60)
        if self.behaviour == "redirect":
            answer = (
                f"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{self.port}/elsewhere\r\ncontent-length: 0\r\n\r\n"
            )
            writer.write(answer.encode())
        elif self.behaviour in ("huge", "drip"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
            while True:
                chunk = b"x" * (65_536 if self.behaviour == "huge" else 1)
                writer.write(chunk)
                self.bytes_sent += len(chunk)
                await writer.drain()
                await asyncio.sleep(0 if self.behaviour == "huge" else 0.05)
        else:
            more = "".join(f"{name}: {value}\r\n" for name, value in self.headers)
            writer.write(f"HTTP/1.1 {self.behaviour} X\r\n{more}content-length: 2\r\n\r\nno".encode())
        await writer.drain()


def _verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except Exception:
        return False
    return True


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver that listens during the block, with `tls` behind that."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


def answering(*addresses: str) -> Callable[[str, int], Any]:
    """A resolver whose name means each of these in turn, and the last one from then on."""
    left = list(addresses)

    async def resolve(host: str, port: int) -> list[str]:
        return [left.pop(0) if len(left) > 1 else left[0]]

    return resolve
