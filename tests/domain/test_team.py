"""Who comes along: printable names, nobody twice, not the booker again, and no more than there may be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.bookings.values import Customer
from holdfast.domain.errors import Refusal
from holdfast.domain.team import team_from, team_of, text_of

ANN = Customer("Ann Lee", "ann@example.org", reference="21CS001")


def refused(team: Any, *, most: int = 3) -> tuple[str, dict[str, Any]]:
    with pytest.raises(Refusal) as refusal:
        team_of(team, ANN, most=most, field="details.team")
    assert refusal.value.code == "invalid_request"
    return refusal.value.data["field"], refusal.value.data


def test_a_team_is_kept_as_names_in_one_line() -> None:
    given_team = ["  Ben   Oh ", {"name": "Chloe", "reference": 7}, {"name": "Dan", "reference": None}]
    assert team_of(given_team, ANN, most=3, field="t") == [
        "Ben Oh", {"name": "Chloe", "reference": "7"}, {"name": "Dan"},
    ]  # fmt: skip
    assert team_of([], ANN, most=3, field="t") == []


def test_a_team_is_typed_one_a_line() -> None:
    team = ["Ann Lee", {"name": "Ben (Big) Oh", "reference": "CS-17"}, "(Chloe)"]
    assert team_from(text_of(team)) == team
    assert team_from(" Ann \n\n Ben ( 7 )\r\n") == ["Ann", {"name": "Ben", "reference": "7"}]
    assert (team_from(""), text_of(None)) == ([], "")


@pytest.mark.parametrize(
    ("team", "field"),
    [
        ("Ben", "details.team"),
        ({"name": "Ben"}, "details.team"),
        (["a", "b", "c", "d"], "details.team"),
        (["Ben", "ben"], "details.team[1]"),
        ([{"name": "Ben", "reference": "R1"}, {"name": "Dan", "reference": "r1"}], "details.team[1]"),
        (["ann lee"], "details.team[0]"),
        (["Ben", {"name": "Somebody", "reference": "21cs001"}], "details.team[1]"),
        ([""], "details.team[0]"),
        (["a\nb\x07"], "details.team[0]"),
        ([7], "details.team[0]"),
        ([{"reference": "R1"}], "details.team[0]"),
        ([{"name": "Ben", "email": "x"}], "details.team[0]"),
        ([{"name": "Ben", "reference": ["R1"]}], "details.team[0].reference"),
        (["x" * 201], "details.team[0]"),
    ],
)
def test_a_team_that_cannot_be_meant_is_refused_by_its_member(team: Any, field: str) -> None:
    assert refused(team)[0] == field


def test_two_people_of_one_name_are_told_apart_by_their_references() -> None:
    team = [{"name": "Ben", "reference": "R1"}, {"name": "Ben", "reference": "R2"}, "Ben"]
    assert len(team_of(team, ANN, most=3, field="t")) == 3


@given(st.lists(st.one_of(st.text(max_size=20), st.none(), st.integers(), st.dictionaries(st.text(), st.text()))))
def test_whatever_is_sent_is_a_team_or_a_refusal(team: list[Any]) -> None:
    try:
        kept = team_of(team, ANN, most=5, field="t")
    except Refusal as refusal:
        assert str(refusal.data["field"]).startswith("t")
    else:
        assert len(kept) == len(team) <= 5
