"""A server and its sites, as a program speaks to them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx

from holdfast.client.asking import Again, Answer, Asking, Patience, Question
from holdfast.client.events import Places, Position
from holdfast.client.keeping import Snapshot
from holdfast.client.live import Live, LiveSites
from holdfast.client.stream import SitesStream, Stream

_WORDS = {"start": "from", "end": "to"}
"""Words of Python's for words that it keeps for itself."""


class Holdfast:
    """One server, with a token if it asks for one. Use it as an asynchronous context."""

    def __init__(
        self, url: str, *, token: str | None = None, patience: Patience | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:  # fmt: skip
        self.url = url.rstrip("/").removesuffix("/api")
        if httpx.URL(self.url).scheme not in ("http", "https"):
            raise ValueError(f"{url!r} is no address that begins with http:// or https://")
        self.patience = patience or Patience()
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=self.patience.attempt_s, limits=limits, transport=transport
        )
        self._asking = Asking(self._http, self.patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def site(self, slug: str) -> "Site":
        return Site(self, slug)

    def events(
        self, sites: Sequence[str], *, after: Places | str | None = None, types: Sequence[str] = ()
    ) -> SitesStream:
        """The events of several sites on one line, behind a position, or from now on; only some types."""
        places = Places.of(after) if isinstance(after, str) else after
        return SitesStream(self._http, places, lambda: self._ids(sites), types=types, patience=self.patience)

    def live(
        self, sites: Sequence[str], *, start: datetime | str | None = None, end: datetime | str | None = None,
        types: Sequence[str] = (),
    ) -> LiveSites:  # fmt: skip
        """Several sites kept current on one line, once it is entered."""

        def listen(places: Places) -> SitesStream:
            return self.events(sites, after=places, types=types)

        snapshots = {slug: self.site(slug).snapshot(start, end) for slug in sites}
        is_windowed = start is not None or end is not None
        return LiveSites(snapshots, lambda: self._ids(sites), listen, types=types, is_windowed=is_windowed)

    async def _ids(self, sites: Sequence[str]) -> dict[str, int]:
        """The ids of sites by name."""
        found = [await self.site(slug).about() for slug in sites]
        return {one["slug"]: one["id"] for one in found}

    async def get(self, path: str, **params: str) -> Answer:
        """Raises:
        Refused, NoAnswer, Broken: see there.
        """
        return await self._asking.ask(Question("GET", path, params=params))

    async def post(self, path: str, body: Any, *, key: str | None = None) -> Answer:
        """Sends a command with a key of its own, unless one is given, and repeats it until its outcome is known."""
        return await self.ask(Question("POST", path, body=body, key=key or new_key()))

    async def ask(self, question: Question) -> Answer:
        return await self._asking.ask(question)

    def stream(
        self, path: str, position: Position | None, *, types: Sequence[str] = (), unit: str | None = None
    ) -> Stream:
        return Stream(self._http, path, position, types=types, unit=unit, patience=self.patience)


class Site:
    """One site. Commands take the fields of the API by name (`start` and `end` for `from` and `to`; instants with an
    offset, or text as the API reads it), send a key of their own unless given one, and return the answer.

    Raises, each of them:
        Refused: it was not done. NoAnswer: it may have been; send it again with the same key.
    """

    def __init__(self, house: Holdfast, slug: str) -> None:
        self.house = house
        self.slug = slug
        self._path = f"/api/sites/{quote(slug, safe='')}"

    async def about(self) -> Answer:
        return await self.house.get(self._path)

    async def board(self, start: datetime | str | None = None, end: datetime | str | None = None) -> Answer:
        """Units, bookings and blocks at exactly `version`."""
        return await self.house.get(f"{self._path}/board", **_window(start, end))

    def events(
        self, *, after: Position | str | int | None = None, types: Sequence[str] = (), unit: str | None = None
    ) -> Stream:
        """The events behind a position, or from now on; only some types, or about one unit."""
        position = Position.of(str(after)) if after is not None else None
        return self.house.stream(f"{self._path}/events", position, types=types, unit=unit)

    def live(
        self, *, start: datetime | str | None = None, end: datetime | str | None = None,
        types: Sequence[str] = (), unit: str | None = None,
    ) -> Live:  # fmt: skip
        """The site kept current, once it is entered; with `types` or `unit` as much of it as those events tell."""

        def listen(position: Position) -> Stream:
            return self.events(after=position, types=types, unit=unit)

        is_windowed = start is not None or end is not None
        return Live(self.snapshot(start, end), listen, unit=unit, types=types, is_windowed=is_windowed)

    def snapshot(self, start: datetime | str | None, end: datetime | str | None) -> Snapshot:
        """A question for the board of a window, to be asked as often as it is needed."""

        async def asked() -> dict[str, Any]:
            board: dict[str, Any] = (await self.board(start, end)).data
            return board

        return asked

    async def book(self, *, key: str | None = None, **fields: Any) -> Answer:
        return await self.house.post(f"{self._path}/bookings", _body(fields), key=key)

    async def act(
        self, booking: str | UUID, act: str, *, if_version: int | None = None, key: str | None = None, **fields: Any
    ) -> Answer:
        """extend, start, cancel …; with `if_version` only while the booking stands at that version."""
        path = f"{self._path}/bookings/{quote(str(booking), safe='')}/{quote(act, safe='')}"
        question = Question("POST", path, body=_body(fields), key=key or new_key(), if_match=if_version)
        return await self.house.ask(question)

    async def check(self, **fields: Any) -> Answer:
        """May I? The fields of a booking, or `booking` and `act` with the act's own; nothing is kept."""
        return await self.house.ask(Question("POST", f"{self._path}/check", body=_body(fields)))

    async def block(self, units: Iterable[str], *, key: str | None = None, **fields: Any) -> Answer:
        return await self.house.post(f"{self._path}/blocks", _body({**fields, "units": list(units)}), key=key)

    async def unblock(self, block: str | UUID, *, reason: str | None = None, key: str | None = None) -> Answer:
        params = {"reason": reason} if reason is not None else {}
        path = f"{self._path}/blocks/{quote(str(block), safe='')}"
        return await self.house.ask(Question("DELETE", path, params=params, key=key or new_key()))

    async def change_unit(
        self, code: str, *, if_version: int | None = None, key: str | None = None, **fields: Any
    ) -> Answer:
        path = f"{self._path}/units/{quote(code, safe='')}"
        question = Question("PATCH", path, body=_body(fields), key=key or new_key(), if_match=if_version)
        return await self.house.ask(question)

    async def observe(self, observations: Iterable[Mapping[str, Any]]) -> Answer:
        """What was seen. Sent once more after an unknown outcome only when every line says `at` when: without it, a
        late repetition would count as seen now."""
        lines = [_body(line) for line in observations]
        again = Again.ALWAYS if all("at" in line for line in lines) else Again.NOT_DONE
        path = f"{self._path}/observations"
        return await self.house.ask(Question("POST", path, body={"observations": lines}, key=new_key(), again=again))


def new_key() -> str:
    """A key that no other command has."""
    return uuid4().hex


def _window(start: datetime | str | None, end: datetime | str | None) -> dict[str, str]:
    return {name: _plain(value) for name, value in (("from", start), ("to", end)) if value is not None}


def _body(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_WORDS.get(name, name): _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    """A value as JSON has it.

    Raises:
        ValueError: an instant without an offset: nobody could know which one is meant.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no offset; give one, or a text for the site's local time")
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
