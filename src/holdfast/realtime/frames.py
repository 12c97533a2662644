"""Journal lines as Server-Sent Events: encoded once, however many listen.

A position is `epoch:version`, or for several sites `epoch:site.version,site.version`.
"""

import msgspec

from holdfast.services.discretion import nameless_event
from holdfast.services.journal import EventView

_encode = msgspec.json.Encoder().encode


class _Part(msgspec.Struct):
    unit: str


class _Units(msgspec.Struct):
    """As much of an event's data as says which units it is about."""

    units: tuple[str, ...] = ()
    parts: tuple[_Part, ...] | None = None


class _About(msgspec.Struct):
    code: str | None = None
    units: tuple[str, ...] = ()
    from_units: tuple[str, ...] = ()
    booking: _Units | str | None = None
    block: _Units | None = None


_about = msgspec.json.Decoder(_About).decode


class Frame:
    """One journal line, ready to be sent. `body` is its JSON without the closing brace, so that a position can be put
    behind it, `nameless` the same for those who may not see names, inside the site or outside; `units` are the codes
    it is about."""

    __slots__ = ("_line", "_nameless", "_site", "_units", "body", "data", "type", "version")

    def __init__(self, site: str, line: EventView) -> None:
        self.version = line.version
        self.type = line.type
        self.body = _body(site, line)
        self.data = bytes(line.data)
        self._site, self._line = site, line
        self._nameless: dict[bool, bytes] = {}
        self._units: frozenset[str] | None = None

    def nameless(self, *, is_inside: bool) -> bytes:
        if is_inside not in self._nameless:
            self._nameless[is_inside] = _body(self._site, nameless_event(self._line, is_inside=is_inside))
        return self._nameless[is_inside]

    @property
    def units(self) -> frozenset[str]:
        if self._units is None:
            self._units = _units_of(self.data)
        return self._units


def frame_of(site: str, line: EventView) -> Frame:
    """The frame of a journal line."""
    return Frame(site, line)


def _body(site: str, line: EventView) -> bytes:
    return b'{"site":' + _encode(site) + b"," + _encode(line)[1:-1]


def block(position: str, frame: Frame, prev: str | None = None, *, right: str = "names") -> bytes:
    """The event as it is sent to who has that right; `prev` is the position of the one sent before it, where a filter
    leaves others out."""
    more = b',"prev":' + _encode(prev) if prev is not None else b""
    body = frame.body if right == "names" else frame.nameless(is_inside=right == "read")
    return b"id: %s\nevent: %s\ndata: %s%s}\n\n" % (position.encode(), frame.type.encode(), body, more)


def mark(position: str) -> bytes:
    """A block that moves the reader's position and says nothing: it also keeps the connection from being cut."""
    return b"id: %s\n\n" % position.encode()


def reset(position: str, reason: str) -> bytes:
    """What a reader could not be told: from this position on it hears everything again, after a new snapshot."""
    data = _encode({"reason": reason, "position": position})
    return b"id: %s\nevent: reset\ndata: %s\n\n" % (position.encode(), data)


def _units_of(data: bytes) -> frozenset[str]:
    try:
        about = _about(data)
    except msgspec.MsgspecError:
        return frozenset()
    # whoever follows a unit must hear what has left it, too
    units = {*about.units, *about.from_units}
    if about.code is not None:
        units.add(about.code)
    for inner in (about.booking, about.block):
        if isinstance(inner, _Units):
            units.update(inner.units)
            units.update(part.unit for part in inner.parts or ())
    return frozenset(units)
