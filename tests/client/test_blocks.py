"""Server-Sent Events are read by the standard, wherever the bytes were cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.client.blocks import Block, Parser
from holdfast.client.errors import Broken

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=20)
END = st.sampled_from([b"\n", b"\r", b"\r\n"])


def whole(text: bytes) -> list[Block]:
    """The standard's own order of steps, on all of the text at once, as something to compare with."""
    lines = text.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks: list[Block] = []
    event, data, last, has_id = "", "", "", False
    for line in lines[:-1]:
        if line == "":
            if data:
                blocks.append(Block(event or "message", data.removesuffix("\n"), last))
            elif has_id:
                blocks.append(Block("", None, last))
            event, data, has_id = "", "", False
            continue
        name, colon, value = line.partition(":")
        if colon and value.startswith(" "):
            value = value[1:]
        if name == "data":
            data += value + "\n"
        elif name == "event":
            event = value
        elif name == "id" and "\0" not in value:
            last, has_id = value, True
    return blocks


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Texts that are nearly streams: fields known and unknown, comments, empty lines, all ends of lines, mixed."""
    field = st.sampled_from(["data", "event", "id", "retry", "", "datax", "da"])
    colon = st.sampled_from([":", ": ", ":  ", ""])
    lines = st.one_of(
        st.just(b""), st.tuples(field, colon, TEXT).map(lambda parts: "".join(parts).encode()), st.binary(max_size=6)
    )
    pairs = draw(st.lists(st.tuples(lines, END), max_size=30))
    start = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return start + b"".join(line + end for line, end in pairs)


@st.composite
def cut(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    text = draw(streams())
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    edges = [0, *places, len(text)]
    return text, [text[a:b] for a, b in pairwise(edges)]


@given(cut())
def test_blocks_do_not_depend_on_where_the_bytes_were_cut(case: tuple[bytes, list[bytes]]) -> None:
    text, chunks = case
    parser = Parser()
    assert [block for chunk in chunks for block in parser.feed(chunk)] == whole(text)


@given(streams())
def test_byte_by_byte_is_the_same(text: bytes) -> None:
    parser = Parser()
    assert [block for n in range(len(text)) for block in parser.feed(text[n : n + 1])] == whole(text)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        (b"data: a\ndata: b\n\n", [Block("message", "a\nb", "")]),
        (b"data\n\n", [Block("message", "", "")]),
        (b"data\ndata\n\n", [Block("message", "\n", "")]),
        (b"data:  a\n\n", [Block("message", " a", "")]),
        (b": hello\n\nid: 7\n\n", [Block("", None, "7")]),
        (b"id: 7\ndata: x\n\ndata: y\n\n", [Block("message", "x", "7"), Block("message", "y", "7")]),
        (b"id: 7\ndata: x\n\nid\ndata: y\n\n", [Block("message", "x", "7"), Block("message", "y", "")]),
        (b"id: 7\n\nid: 8\x00\ndata: x\n\n", [Block("", None, "7"), Block("message", "x", "7")]),
        (b"event: a\n\ndata: x\n\n", [Block("message", "x", "")]),
        (b"\xef\xbb\xbfdata: x\r\rdata: y\r\n\r\n", [Block("message", "x", ""), Block("message", "y", "")]),
        (b"data: half", []),
        (b"data: half\n", []),
    ],
)
def test_what_the_standard_says(text: bytes, blocks: list[Block]) -> None:
    assert Parser().feed(text) == blocks


def test_the_wait_is_taken_from_digits_only() -> None:
    parser = Parser()
    for text, wait in ((b"retry: 1500\n", 1500), (b"retry: 2s\n", 1500), (b"retry:20\n", 20), (b"retry: -1\n", 20)):
        parser.feed(text)
        assert parser.retry_ms == wait


@pytest.mark.parametrize("line", [b"x" * 40, b"data: " + b"y" * 20 + b"\n"])
def test_an_event_without_end_is_refused_and_not_kept(line: bytes) -> None:
    parser = Parser(bytes_max=1_000)
    with pytest.raises(Broken):
        for _ in range(1_000):
            parser.feed(line)
