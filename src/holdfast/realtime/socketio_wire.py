"""The Socket.IO protocol as python-socketio speaks it, with bounds around it: how large a message, how fast a client
may speak, how long it may say nothing, how much may wait for one that does not read.

Refuses binary messages, namespaces other than `/`, and to write a client's mistakes into the log as failures of ours.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import parse_qs

import socketio
import structlog
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from socketio.packet import ACK, CONNECT, DISCONNECT, EVENT, Packet

from holdfast.domain.errors import Refusal
from holdfast.http.server import MESSAGE_BYTES_MAX
from holdfast.realtime.seats import Seats
from holdfast.realtime.socketio_rooms import Client

WAITING_MAX = 500
"""Messages that may wait for one client; one that is further behind is sent away and comes again."""
STALLED_S = 30.0
"""How long a client may leave its bytes unread."""
CONNECT_S = 20.0
"""How long a connection may be open before it says that it speaks Socket.IO."""
LOOK_S = 5.0
MESSAGES_PER_S = 20.0
MESSAGES_AT_ONCE = 40.0
"""How fast a client may speak; one that is faster is sent away."""
SLICE = 256
"""Clients served before others get a turn of the event loop."""
PING_S, PONG_S = 25, 20
TOO_FAST = "You send more than is allowed."
PLACE_END = "/"
"""Ends the position in a `pid`."""
_NAMESPACE = "/"
_SESSION = "holdfast.session"
NAMES = "holdfast.names"
"""Where a scope says what its connection is counted by."""

log = structlog.get_logger("holdfast.socketio")
_silent = logging.getLogger("holdfast.socketio.engine")
_silent.setLevel(logging.CRITICAL + 1)


class Events(Protocol):
    """What is behind the protocol."""

    async def connected(self, sid: str, eio_sid: str, environ: dict[str, Any], auth: dict[str, Any]) -> Client | None:
        """Lets a client in; None sends it away to come again.

        Raises:
            Refusal: it is not let in at all.
        """

    async def acted(self, client: Client, event: str, wishes: list[Any]) -> Any:
        """Does what a client asks for; the answer goes to its acknowledgement."""

    def left(self, client: Client) -> None:
        """Forgets a client."""

    def refusal(self, refusal: Refusal, event: str | None = None) -> dict[str, Any]:
        """A refusal in a form that clients understand."""


class _Line:
    """A connection: since when it is open, what it goes over if that is a websocket, how fast it speaks,
    and what it is counted by."""

    __slots__ = ("_allowance", "_spoke_at", "connection", "names", "since")

    def __init__(self, since: float, names: tuple[str, ...]) -> None:
        self.since = since
        self.names = names
        self.connection: Any = None
        self._allowance = MESSAGES_AT_ONCE
        self._spoke_at = since

    def may_speak(self, now: float) -> bool:
        """Whether one more message is within what is allowed."""
        self._allowance = min(MESSAGES_AT_ONCE, self._allowance + (now - self._spoke_at) * MESSAGES_PER_S) - 1
        self._spoke_at = now
        return self._allowance >= 0


class Wire(socketio.AsyncServer):  # type: ignore[misc] # it has no types
    """The server of one process, and its clients."""

    def __init__(self, events: Events, seats: Seats) -> None:
        super().__init__(
            client_manager=_Members(), async_mode="asgi", async_handlers=False, namespaces=[_NAMESPACE],
            logger=_silent, engineio_logger=_silent, cors_allowed_origins=[], http_compression=False,
            max_http_buffer_size=MESSAGE_BYTES_MAX, ping_interval=PING_S, ping_timeout=PONG_S,
        )  # fmt: skip
        self.clients: dict[str, Client] = {}
        """By the id of their connection."""
        self.is_closing = False
        self._events = events
        self._seats = seats
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._looking: asyncio.Task[None] | None = None

    # -- requests --------------------------------------------------------------------------------------------------

    async def websocket(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves a websocket until it ends."""
        connection = (scope.get("extensions") or {}).get("holdfast.connection")
        if (line := self._lines.get(session_of(scope))) is not None:
            line.connection = connection
        sending = send if connection is None else _in_time(send, connection)
        try:
            await self.handle_request(scope, receive, sending)
        except Exception as error:
            # what a client sent was not of this protocol, or its connection broke: not a failure of ours
            log.debug("a websocket ended", error=repr(error))
            await self._cut(scope.get(_SESSION) or session_of(scope))

    @property
    def count(self) -> int:
        """Connections, those included that have not said what they want yet."""
        return len(self.eio.sockets)

    # -- what python-socketio calls -----------------------------------------------------------------------------------

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        scope = environ["asgi.scope"]
        line = self._lines[eio_sid] = _Line(asyncio.get_running_loop().time(), scope.get(NAMES, ()))
        self._seats.take(line.names)
        scope[_SESSION] = eio_sid
        if scope["type"] == "websocket":
            line.connection = (scope.get("extensions") or {}).get("holdfast.connection")
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_after(), name="Socket.IO connections")

    async def _handle_eio_disconnect(self, eio_sid: str, reason: Any) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        if (line := self._lines.pop(eio_sid, None)) is not None:
            self._seats.leave(line.names)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        client, line = self.clients.get(eio_sid), self._lines.get(eio_sid)
        if line is None or not line.may_speak(asyncio.get_running_loop().time()):
            if client is not None:
                self.post([client], "error", {"event": None, "code": "busy", "message": TOO_FAST})
            return self._later(self._send_away(eio_sid))
        packet = _read(data)
        if packet is None:
            self._tell_malformed(eio_sid, client)
        elif packet.packet_type == CONNECT and (packet.data is None or isinstance(packet.data, dict)):
            await self._handle_connect(eio_sid, packet.namespace, packet.data or {})
        elif packet.packet_type == DISCONNECT:
            await self._handle_disconnect(eio_sid, packet.namespace, self.reason.CLIENT_DISCONNECT)
        elif packet.packet_type == EVENT and client is not None and _is_event(packet.data):
            answer = await self._events.acted(client, packet.data[0], packet.data[1:])
            if packet.id is not None:
                await self._send_packet(eio_sid, Packet(ACK, id=packet.id, data=[answer]))
        elif packet.packet_type != ACK:
            self._tell_malformed(eio_sid, client)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Clients come and go; their own events never get here, whatever they call them."""
        if event == "disconnect":
            client = self.clients.pop(self.manager.eio_sid_from_sid(args[0], namespace), None)
            if client is not None:
                self._events.left(client)
            return None
        sid, environ, auth = args[0], args[1], args[2] if len(args) > 2 else None
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        try:
            client = await self._events.connected(sid, eio_sid, environ, auth or {})
        except Refusal as refusal:
            told = self._events.refusal(refusal)
            raise socketio.exceptions.ConnectionRefusedError(told["message"], told) from None
        except Exception:  # the top of a connection: a bug in letting one in must not leave it waiting
            log.exception("a Socket.IO client could not be let in")
            client = None
        socket = self.eio.sockets.get(eio_sid)
        if client is None or socket is None or socket.closing:
            if client is not None:
                self._events.left(client)
            # without an answer it comes again by itself; a refusal it would take for good
            await self._send_away(eio_sid)
            return False
        self.clients[eio_sid] = client
        return True

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        if pkt.packet_type == CONNECT and (client := self.clients.get(eio_sid)) is not None and client.position:
            # What a client gives back when it comes again, with the position of the last event it got. Never the same
            # twice: that would say that it is still in the rooms it was in.
            pkt.data["pid"] = f"{client.position}{PLACE_END}{client.sid}"
        await super()._send_packet(eio_sid, pkt)

    # -- telling -----------------------------------------------------------------------------------------------------

    def post(self, clients: Iterable[Client], event: str, *args: Any) -> None:
        """Puts an event into what waits for clients; it is encoded once. One that is too far behind is sent away."""
        packet = _packet(event, *args)
        for client in clients:
            self._put(client, packet)

    async def post_many(self, clients: Iterable[Client], event: str, *args: Any) -> None:
        """The same for many, letting others have their turn between."""
        packet = _packet(event, *args)
        for number, client in enumerate(list(clients), 1):
            self._put(client, packet)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _put(self, client: Client, packet: Any) -> None:
        socket = self.eio.sockets.get(client.eio_sid)
        if socket is None or socket.closed or socket.closing:
            return
        if socket.queue.qsize() >= WAITING_MAX:
            log.info("a Socket.IO client does not read: sent away", waiting=WAITING_MAX)
            self._later(self._cut(client.eio_sid))
            return
        socket.queue.put_nowait(packet)

    def _tell_malformed(self, eio_sid: str, client: Client | None) -> None:
        if client is None:
            self._later(self._send_away(eio_sid))
        else:
            refusal = Refusal("invalid_request", field="message", problem="is not a Socket.IO event")
            self.post([client], "error", self._events.refusal(refusal))

    # -- ending ------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Sends everybody away; they come again by themselves, to another process or this one when it is back."""
        self.is_closing = True
        for eio_sid in list(self.eio.sockets):
            await self._send_away(eio_sid)
        await self.shutdown()

    async def send_away(self, client: Client) -> None:
        """Ends a client's connection; it may come again, and is asked again who it is."""
        await self._send_away(client.eio_sid)

    async def _send_away(self, eio_sid: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:
            await socket.close(wait=False, reason=self.reason.SERVER_DISCONNECT)
            if socket.upgraded:
                socket.queue.put_nowait(None)  # its writer ends with this, and the websocket with it

    async def _cut(self, eio_sid: str) -> None:
        line, socket = self._lines.get(eio_sid), self.eio.sockets.get(eio_sid)
        if socket is not None:
            await socket.close(wait=False, abort=True, reason=self.reason.TRANSPORT_ERROR)
            self.eio.sockets.pop(eio_sid, None)
            socket.queue.put_nowait(None)
        if line is not None and line.connection is not None:
            line.connection.transport.abort()

    def _later(self, doing: Any) -> None:
        self._tasks.add(task := asyncio.ensure_future(doing))
        task.add_done_callback(self._tasks.discard)

    async def _look_after(self) -> None:
        """Sends those away who connect and say nothing; ends when nobody is left."""
        while self.eio.sockets and not self.is_closing:
            now = asyncio.get_running_loop().time()
            for eio_sid, line in list(self._lines.items()):
                if eio_sid not in self.clients and now - line.since > CONNECT_S:
                    await self._send_away(eio_sid)
            await asyncio.sleep(LOOK_S)


def session_of(scope: Any) -> str:
    """The id of the connection that a request belongs to; empty for one that opens another."""
    found = parse_qs(scope["query_string"].decode("latin-1")).get("sid")
    return found[0] if found else ""


class _Members(socketio.AsyncManager):  # type: ignore[misc] # it has no types
    """The rooms that python-socketio keeps itself: everybody, and each client alone. Ours are another matter."""

    def basic_disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        # the original looks through all rooms there are, which are as many as there are clients
        for room in (sid, None):
            self.basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            waiting = pending.get(namespace)
            if waiting is not None and sid in waiting:
                waiting.remove(sid)
                if not waiting:
                    del pending[namespace]


def _packet(event: str, *args: Any) -> Any:
    return EnginePacket(MESSAGE, Packet(EVENT, data=[event, *args]).encode())


def _read(data: Any) -> Any:
    """The packet of a message; None for one that is none, or brings or announces bytes."""
    if not isinstance(data, str) or not data:
        return None
    try:
        packet = Packet(encoded_packet=data)
    except (ValueError, TypeError, IndexError, RecursionError):
        return None
    return None if packet.attachment_count else packet


def _is_event(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str)


def _in_time(send: Any, connection: Any) -> Callable[[Any], Any]:
    """`send` that cuts the connection when its peer does not read."""
    loop = asyncio.get_running_loop()

    async def sending(message: Any) -> None:
        timer = loop.call_later(STALLED_S, connection.transport.abort)
        try:
            await send(message)
        finally:
            timer.cancel()

    return sending
