"""A real server of calendars on loopback: serves what it is told to, with marks for caches, and misbehaves."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

Event = Iterable[str]


def calendar(*events: Event, more: Iterable[str] = ()) -> bytes:
    """A calendar of events, each given by its lines."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Somebody//Else//EN", *more]
    for event in events:
        lines += ["BEGIN:VEVENT", "DTSTAMP:20260301T000000Z", *event, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def nights(uid: str, first: str, last: str, summary: str = "Reserved") -> Event:
    """An event of days, as channels of rooms have it: `last` is the day of leaving."""
    return [f"UID:{uid}", f"DTSTART;VALUE=DATE:{first}", f"DTEND;VALUE=DATE:{last}", f"SUMMARY:{summary}"]


class CalendarServer:
    """What it serves is `body`; `fault` is a status, or one of `huge`, `slow`, `hang up`, or an address to redirect
    to. `asked` are the heads of the requests."""

    def __init__(self) -> None:
        self.port = 0
        self.body = calendar()
        self.fault: int | str | None = None
        self.has_etag = True
        self.asked: list[dict[str, str]] = []
        self.unchanged = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/room.ics?s=secret"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
            self.asked.append({"line": line, **headers})
            await self._answer(writer, headers)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        etag = f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'
        if self.fault == "hang up":
            return
        if self.fault == "slow":
            await asyncio.sleep(60)
        if self.fault == "huge":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n")
            while True:
                writer.write(b"X-NOTHING:x\r\n" * 5_000)
                await writer.drain()
        if isinstance(self.fault, str):
            writer.write(f"HTTP/1.1 302 Found\r\nlocation: {self.fault}\r\ncontent-length: 0\r\n\r\n".encode())
        elif isinstance(self.fault, int):
            writer.write(f"HTTP/1.1 {self.fault} X\r\ncontent-length: 2\r\n\r\nno".encode())
        elif self.has_etag and headers.get("if-none-match") == etag:
            self.unchanged += 1
            writer.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        else:
            mark = f"etag: {etag}\r\n" if self.has_etag else ""
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/calendar\r\n{mark}content-length: {len(self.body)}\r\n\r\n"
            writer.write(head.encode() + self.body)
        await writer.drain()


@asynccontextmanager
async def serving_calendars() -> AsyncIterator[CalendarServer]:
    """A server that listens during the block."""
    served = CalendarServer()
    server = await asyncio.start_server(served.handle, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
