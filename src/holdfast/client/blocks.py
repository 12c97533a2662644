"""Server-Sent Events, from bytes as they arrive to blocks, by the rules of the HTML standard (section 9.2.6).

Lines end in LF, CR or CRLF, wherever the bytes were cut. Refuses blocks beyond `bytes_max`.
"""

import re
from dataclasses import dataclass

from holdfast.client.errors import Broken

BYTES_MAX = 4 * 1024 * 1024
_END = re.compile(rb"\r\n|\n|\r")
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """What stood before an empty line. `data` is None when the block only moves the position; `id` is the last one
    given, by this block or an earlier one."""

    event: str
    data: str | None
    id: str


class Parser:
    """Takes bytes, gives blocks. `retry_ms` is the last wait before a new connection that the server asked for."""

    def __init__(self, *, bytes_max: int = BYTES_MAX) -> None:
        self.retry_ms: int | None = None
        self._bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._held = 0
        self._after_cr = False
        self._is_first = True
        self._event = ""
        self._data: list[str] = []
        self._data_bytes = 0
        self._id = ""
        self._has_id = False

    def feed(self, chunk: bytes) -> list[Block]:
        """The blocks that these bytes complete.

        Raises:
            Broken: a block is larger than `bytes_max`.
        """
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._hold(chunk)
            return []
        text = b"".join((*self._parts, chunk))
        self._after_cr = text.endswith(b"\r")
        blocks: list[Block] = []
        begin = 0
        for end in _END.finditer(text):
            self._line(text[begin : end.start()], blocks)
            begin = end.end()
        self._parts, self._held = [], 0
        self._hold(text[begin:])
        return blocks

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._parts.append(rest)
            self._held += len(rest)
        self._check()

    def _check(self) -> None:
        if self._held + self._data_bytes > self._bytes_max:
            raise Broken(f"an event is larger than {self._bytes_max} bytes")

    def _line(self, line: bytes, blocks: list[Block]) -> None:
        if self._is_first:
            self._is_first = False
            line = line.removeprefix(_MARK)
        if not line:
            self._dispatch(blocks)
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value.decode("utf-8", "replace"))
                self._data_bytes += len(value) + 1
                self._check()
            case b"event":
                self._event = value.decode("utf-8", "replace")
            case b"id":
                if b"\0" not in value:
                    self._id = value.decode("utf-8", "replace")
                    self._has_id = True
            case b"retry":
                if value.isdigit() and len(value) <= 9:
                    self.retry_ms = int(value)
            case _:
                pass  # a comment, or a field that the standard does not know

    def _dispatch(self, blocks: list[Block]) -> None:
        if self._data:
            blocks.append(Block(self._event or "message", "\n".join(self._data), self._id))
        elif self._has_id:
            blocks.append(Block("", None, self._id))
        self._event, self._data, self._data_bytes, self._has_id = "", [], 0, False
