"""One value of a JSON text is exchanged, and every other byte stays."""

import json
import string
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.gateways import json_text
from holdfast.gateways.outside import OutsideError

NAMES = st.text(string.ascii_letters + '"\\é€ {}[],:', min_size=1, max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=5)
LAYOUTS = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}])


@given(rows=ROWS, layout=LAYOUTS, bom=st.booleans())
def test_every_value_is_found_where_it_stands(rows: list[dict[str, Any]], layout: dict[str, Any], bom: bool):
    data = (b"\xef\xbb\xbf" if bom else b"") + json.dumps(rows, **layout).encode() + b"\n"
    spans = json_text.items(data, json_text.whole(data))
    assert [json_text.value(data, span) for span in spans] == rows
    for span, row in zip(spans, rows, strict=True):
        found = json_text.members(data, span)
        assert {name: json_text.value(data, place) for name, place in found.items()} == row


@given(rows=ROWS.filter(lambda rows: any(rows)), layout=LAYOUTS, choice=st.randoms())
def test_an_exchange_changes_nothing_else(rows: list[dict[str, Any]], layout: dict[str, Any], choice: Any):
    data = json.dumps(rows, **layout).encode()
    number = choice.choice([n for n, row in enumerate(rows) if row])
    name = choice.choice(list(rows[number]))
    start, end = json_text.members(data, json_text.items(data, json_text.whole(data))[number])[name]
    changed = json_text.exchanged(data, [((start, end), b'"NEW"')])
    assert changed == data[:start] + b'"NEW"' + data[end:]
    rows[number][name] = "NEW"
    assert json.loads(changed) == rows


@given(data=st.binary(max_size=60))
def test_what_is_no_json_is_an_error_and_nothing_else(data: bytes):
    try:
        json_text.whole(data)
    except msgspec.DecodeError:
        return
    json.loads(data.decode("utf-8-sig"))


@pytest.mark.parametrize("text", [b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'{"a":1,"a":2}'])
def test_a_name_that_is_there_twice_is_refused(text: bytes):
    with pytest.raises(OutsideError, match="once"):
        json_text.members(text, json_text.whole(text))


def test_lines_are_found_without_the_white_space_around_them():
    data = b'\xef\xbb\xbf{"a":1}\r\n\n  {"b":2} \n'
    assert [json_text.value(data, span) for span in json_text.lines(data)] == [{"a": 1}, {"b": 2}]
