"""Who is there, as Server-Sent Events: what is so first, then what changes, while the listener may know it."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromQuery

from holdfast.domain.actors import Actor, may
from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.http.calls import plain
from holdfast.http.context import caller_of, context_of
from holdfast.http.framework import respond
from holdfast.http.rights import let_in
from holdfast.realtime.streams import HEADERS, LIFE_S, RETRY_MS
from holdfast.services.access import Access
from holdfast.services.presence_changes import PresenceChanges, SiteNews

ASK_S = 1.0
"""How long what somebody may is taken for what they still may; then it is asked for before they are told more."""
SILENCE_S = 15.0
RIGHT = "names"


@get(
    "/api/presence/events", operation_id="stream_presence", summary="Listen to who is there", tags=["presence"],
    opt={
        "right": RIGHT, "by": "handler", "codes": ("unknown_site", "too_many_requests", "busy", "unavailable"),
    },
)  # fmt: skip
async def stream_presence(request: Request[Any, Any, Any], site: FromQuery[str]) -> Response[Any]:
    """Server-Sent Events `presence`: at first all of a site's team and devices, then those of whom something has
    changed, collected over two seconds, and in `gone` those who are in the list no more. There is nothing to resume:
    each stream begins with all."""
    found = await let_in(request, context_of(request), site, RIGHT)
    state = request.app.state
    if state["stopping"].is_set() or state["presence_changes"].count >= state["streams_max"]:
        raise Refusal("busy", retry_after_s=5, problem="too many streams are open")
    caller = caller_of(request)
    names = state["seats"].names_of(caller.name if caller.is_known else None, request.scope)
    state["seats"].check(names)
    if "holdfast.head" in (request.scope.get("extensions") or ()):
        return respond(plain(200, None))
    return _Streamed(request, found, caller, partial(state["seats"].taken, names))


PRESENCE_STREAMS: list[Any] = [stream_presence]


class _Streamed(Response[Any]):
    """An answer that goes on until its listener leaves, may not know any more, or its time is over."""

    def __init__(
        self, request: Request[Any, Any, Any], site: Site, caller: Actor,
        seat: Callable[[], AbstractContextManager[None]],
    ) -> None:  # fmt: skip
        super().__init__(None)
        state = request.app.state
        self._changes: PresenceChanges = state["presence_changes"]
        self._presence = state["presence"]
        self._access: Access = state["accounts"].access
        self._stopping: asyncio.Event = state["stopping"]
        self._site, self._caller, self._seat = site, caller, seat

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self._run

    async def _run(self, _: Any, receive: Any, send: Any) -> None:
        with self._seat(), self._presence.connected(self._caller):
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            telling = asyncio.create_task(self._tell(send), name="stream of presence")
            leaving = asyncio.create_task(_left(receive), name="client of a stream of presence")
            stopping = asyncio.create_task(self._stopping.wait(), name="end of a stream of presence")
            tasks = (telling, leaving, stopping)
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, send: Any) -> None:
        clock = asyncio.get_running_loop().time
        ends_at, asked_at = clock() + random.uniform(*LIFE_S), clock()  # noqa: S311 only spreads who comes when
        retry = random.randint(*RETRY_MS)  # noqa: S311 the same
        await send({"type": "http.response.body", "body": b"retry: %d\n\n" % retry, "more_body": True})
        with self._changes.listening(self._site) as listener:
            listener.offer(await self._presence.of_site(self._site))
            # told also where there is nobody: a listener knows by it that it knows all
            await send({"type": "http.response.body", "body": _block(listener.take()), "more_body": True})
            while clock() < ends_at:
                try:
                    await asyncio.wait_for(listener.news.wait(), SILENCE_S)
                except TimeoutError:
                    await send({"type": "http.response.body", "body": b": \n\n", "more_body": True})
                    continue
                if clock() - asked_at >= ASK_S:
                    actor = await self._access.again(self._caller)
                    if actor is None or not may(actor, RIGHT, self._site):
                        return
                    asked_at = clock()
                await send({"type": "http.response.body", "body": _block(listener.take()), "more_body": True})


def _block(news: SiteNews) -> bytes:
    return b"event: presence\ndata: " + msgspec.json.encode(news) + b"\n\n"


async def _left(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
