"""A stream proves that it left nothing out, or it is a gap."""

import json
from typing import Any

import pytest

from holdfast.client.blocks import Block
from holdfast.client.chain import Chain
from holdfast.client.errors import Broken, Gap
from holdfast.client.events import TYPES, Event, Position, Reset
from holdfast.domain.policies.base import EVENTS

AT = "2027-03-08T10:00:00Z"


def event(version: int, epoch: str = "e", **more: Any) -> Block:
    line = {
        "site": "a", "version": version, "at": AT, "effective_at": AT, "type": "unit.changed", "subject": "PC1",
        "actor": "admin", "cause": "changed", "data": {}, **more,
    }  # fmt: skip
    return Block("unit.changed", json.dumps(line), f"{epoch}:{version}")


def mark(version: int, epoch: str = "e") -> Block:
    return Block("", None, f"{epoch}:{version}")


def reset(version: int, epoch: str) -> Block:
    return Block("reset", json.dumps({"reason": "other_epoch"}), f"{epoch}:{version}")


def versions(chain: Chain, *blocks: Block) -> list[int]:
    return [told.version for block in blocks if isinstance(told := chain.follow(block), Event)]


def test_a_whole_stream_has_every_version_once() -> None:
    chain = Chain(Position("e", 4), is_whole=True)
    assert versions(chain, mark(4), event(5), event(6), event(5), event(6), mark(6), event(7)) == [5, 6, 7]
    assert chain.position == Position("e", 7)


@pytest.mark.parametrize("block", [event(6), mark(5), mark(3), event(5, "f"), mark(4, "f")])
def test_what_does_not_follow_is_a_gap(block: Block) -> None:
    chain = Chain(Position("e", 4), is_whole=True)
    chain.follow(mark(4))
    with pytest.raises(Gap):
        chain.follow(block)


def test_a_filtered_stream_is_proved_by_the_event_before() -> None:
    chain = Chain(Position("e", 4), is_whole=False)
    blocks = (mark(4), event(9, prev="e:4"), mark(12), event(15, prev="e:9"), event(15, prev="e:9"))
    assert versions(chain, *blocks) == [9, 15]
    for lost in (event(20, prev="e:17"), event(20), event(20, prev="f:15")):
        with pytest.raises(Gap):
            chain.follow(lost)


def test_from_now_on_begins_with_the_first_mark() -> None:
    chain = Chain(None, is_whole=False)
    assert versions(chain, mark(9), event(12, prev="e:9")) == [12]
    bare = Chain(Position(None, 4), is_whole=False)
    assert versions(bare, mark(4), event(8, prev="e:4")) == [8]
    assert bare.position == Position("e", 8)


def test_behind_a_reset_another_history_may_follow() -> None:
    chain = Chain(Position("e", 40), is_whole=True)
    assert chain.follow(reset(3, "f")) == Reset("other_epoch", Position("f", 3))
    assert versions(chain, event(4, "f")) == [4]


@pytest.mark.parametrize(
    "block",
    [Block("x", "{}", "e:5"), Block("x", "[1]", "e:5"), Block("x", "<p>", "e:5"), Block("", None, "what"),
     Block("x", event(6).data, "e:5"), event(5, at="soon"), event(5, data=None)],
)  # fmt: skip
def test_what_is_no_line_is_said_to_be_broken(block: Block) -> None:
    with pytest.raises(Broken):
        Chain(Position("e", 4), is_whole=True).follow(block)


def test_the_client_knows_every_type_that_bookings_have() -> None:
    assert {kind for kind in TYPES if kind.startswith("booking.")} == set(EVENTS.values())
