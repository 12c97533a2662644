"""Roles, rights and who decides: every role with every right, and that nothing widens."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.domain.actors import (
    ADMIN,
    CONSOLE,
    EVERYTHING,
    GUEST,
    LOCAL,
    NOBODY,
    PUBLIC,
    RIGHTS,
    ROLES,
    Actor,
    Grant,
    can_grant,
    check,
    check_booking,
    check_in,
    check_server,
    guest_of,
    narrowed,
    rights_at,
    rights_in,
)
from holdfast.domain.errors import Refusal
from holdfast.domain.local_time import zone
from holdfast.domain.policies import policy_of
from holdfast.domain.sites import Site, parse_settings, rules_of

OURS, OTHERS = uuid4(), uuid4()
ORDER = "public own read names book condition observe block find units settings import sync jobs audit people sites organisation server"  # noqa: E501 the table's head
TABLE = {
    # role → a letter for each right of `ORDER`
    "owner": "xxxxxxxxxxxxxxxxxx.",
    "manager": "xxxxxxxxxxxxxxxx...",
    "staff": "xxxxxxxxx..........",
    "housekeeping": "xxx..x.............",
    "viewer": "xxxx...............",
    "customer": "xx.................",
}  # fmt: skip


def site(id: int = 1, organisation: UUID = OURS, page: str = "off") -> Site:
    raw = {"booking_page": page}
    settings = parse_settings(raw, policy_of("grounds").defaults)
    made_at = datetime(2027, 1, 1, tzinfo=UTC)
    return Site(
        id, organisation, "grounds", f"site-{id}", "Campus", zone("UTC"), settings, *rules_of(settings), raw, made_at
    )


def person(*grants: Grant, scopes: frozenset[str] | None = None) -> Actor:
    return Actor("account:x", "account", uuid4(), grants, scopes, customer_key="e:ann@example.org")


def code_of(work: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(Refusal) as caught:
        work(*arguments, **more)
    return caught.value.code


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("right", RIGHTS)
def test_a_role_has_just_its_rights(role: str, right: str) -> None:
    assert list(RIGHTS) == ORDER.split() and TABLE.keys() == ROLES.keys()
    has_it = TABLE[role][ORDER.split().index(right)] == "x"
    actor = person(Grant(OURS, None, role))
    assert (right in rights_at(actor, site())) is has_it
    if has_it:
        assert right in check(actor, right, site())
    else:
        assert code_of(check, actor, right, site()) == "not_allowed"


def test_who_runs_the_server_may_everything_and_no_role_does() -> None:
    for actor in (ADMIN, LOCAL, CONSOLE):
        assert rights_at(actor, site()) == EVERYTHING
        check_server(actor)
    for role in ROLES:
        assert code_of(check_server, person(Grant(OURS, None, role))) == "not_allowed"
    scoped = person(Grant(OURS, None, "owner"), scopes=EVERYTHING)
    assert "server" not in rights_at(scoped, site()) and code_of(check_server, scoped) == "not_allowed"
    assert code_of(check_server, NOBODY) == "unauthorised"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_neither_another_site_nor_another_organisation(role: str) -> None:
    at_one = person(Grant(OURS, 1, role))
    assert rights_at(at_one, site(1)) == ROLES[role]
    assert rights_at(at_one, site(2)) == frozenset()
    assert rights_in(at_one, OURS) == frozenset()
    everywhere = person(Grant(OURS, None, role))
    assert rights_at(everywhere, site(1, OTHERS)) == frozenset()
    assert code_of(check, everywhere, "public", site(1, OTHERS)) == "unknown_site"
    assert code_of(check_in, everywhere, "people", OTHERS) == "unknown_organisation"


def test_a_page_lets_in_whom_it_is_for() -> None:
    stranger = person()
    assert rights_at(NOBODY, site()) == rights_at(stranger, site()) == frozenset()
    for page, told in (("accounts", PUBLIC), ("guests", GUEST)):
        assert rights_at(NOBODY, site(page=page)) == rights_at(stranger, site(page=page)) == told
    assert code_of(check, NOBODY, "own", site()) == "unauthorised"
    assert code_of(check, NOBODY, "own", site(page="accounts")) == "unauthorised"
    assert code_of(check, stranger, "own", site(page="accounts")) == "not_allowed"


grants = st.lists(
    st.builds(Grant, st.sampled_from([OURS, OTHERS]), st.sampled_from([None, 1, 2]), st.sampled_from(sorted(ROLES))),
    max_size=4,
)
scopes = st.frozensets(st.sampled_from(sorted(RIGHTS)))
pages = st.sampled_from(["off", "accounts", "guests"])


@given(grants, scopes, pages, st.sampled_from([1, 2]), st.sampled_from([OURS, OTHERS]))
def test_scopes_never_widen(
    held: list[Grant], narrowed_to: frozenset[str], page: str, id: int, organisation: UUID
) -> None:
    place = site(id, organisation, page)
    whole, narrow = person(*held), person(*held, scopes=narrowed_to)
    assert rights_at(narrow, place) <= rights_at(whole, place)
    reach = narrowed_to | ({"own"} if narrowed_to & {"read", "names", "book"} else set())
    assert rights_at(narrow, place) <= reach | PUBLIC
    assert rights_in(narrow, organisation, id) == rights_in(whole, organisation, id) & reach


@given(grants, grants, pages)
def test_a_grant_elsewhere_changes_nothing_here(held: list[Grant], more: list[Grant], page: str) -> None:
    here = site(1, OURS, page)
    elsewhere = [one for one in more if one.organisation_id != OURS or one.site_id == 2]
    assert rights_at(person(*held, *elsewhere), here) == rights_at(person(*held), here)


@given(grants, st.builds(Grant, st.just(OURS), st.sampled_from([None, 1]), st.sampled_from(sorted(ROLES))))
def test_nobody_gives_what_they_do_not_hold(held: list[Grant], wanted: Grant) -> None:
    actor = person(*held)
    if can_grant(actor, wanted):
        there = rights_in(actor, wanted.organisation_id, wanted.site_id)
        assert ROLES[wanted.role] <= there and "people" in there
        assert wanted.role != "owner" or "organisation" in there


def test_who_may_give_what() -> None:
    able = {
        giver: {role for role in ROLES if can_grant(person(Grant(OURS, None, giver)), Grant(OURS, None, role))}
        for giver in ROLES
    }
    managed = set(ROLES) - {"owner"}
    assert able == {role: set() for role in ROLES} | {"owner": set(ROLES), "manager": managed}
    at_one = person(Grant(OURS, 1, "manager"))
    assert can_grant(at_one, Grant(OURS, 1, "staff"))
    assert not can_grant(at_one, Grant(OURS, None, "staff")) and not can_grant(at_one, Grant(OURS, 2, "staff"))
    scoped = person(Grant(OURS, None, "owner"), scopes=frozenset({"people"}))
    assert not any(can_grant(scoped, Grant(OURS, None, role)) for role in ROLES)


def test_a_link_opens_its_own_booking_and_no_other() -> None:
    one, other = uuid4(), uuid4()
    guest = guest_of(one)
    held = rights_at(guest, site())
    assert held == GUEST
    check_booking(guest, held, one, "e:ann@example.org", right="names")
    assert code_of(check_booking, guest, held, other, None, right="names") == "unknown_booking"
    assert code_of(check, guest, "read", site()) == "not_allowed"


def test_a_booking_is_its_customers_and_nobody_elses() -> None:
    ann = person(Grant(OURS, 1, "customer"))
    held = rights_at(ann, site())
    booking = uuid4()
    for right in ("names", "book"):
        check_booking(ann, held, booking, "e:ann@example.org", right=right)
        for key in ("e:bo@example.org", "r:ann@example.org", "p:ann@example.org", None, ""):
            assert code_of(check_booking, ann, held, booking, key, right=right) == "unknown_booking"
    # what belongs to nobody in particular is not anybody's who has no address
    nameless = Actor("token:x", "token", None, (Grant(OURS, None, "owner"),), frozenset({"own"}))
    assert code_of(check_booking, nameless, frozenset({"own"}), booking, None, right="names") == "unknown_booking"
    # seeing is not changing
    viewer = person(Grant(OURS, None, "viewer"))
    check_booking(viewer, ROLES["viewer"], booking, None, right="names")
    assert code_of(check_booking, viewer, ROLES["viewer"], booking, None, right="book") == "unknown_booking"


@pytest.mark.parametrize("scope", ["read", "names", "book"])
def test_a_token_that_may_see_all_bookings_is_let_in_where_everybody_sees_their_own(scope: str) -> None:
    scoped = Actor("token:x", "token", None, (Grant(OURS, None, "owner"),), frozenset({scope}))
    assert rights_in(scoped, OURS) == {scope, "own"}
    assert rights_in(msgspec.structs.replace(scoped, scopes=frozenset({"jobs"})), OURS) == {"jobs"}


def test_scopes_are_rights_that_their_maker_holds() -> None:
    assert narrowed(["read", "read"], ROLES["staff"]) == {"read"}
    assert code_of(narrowed, ["raed"], EVERYTHING) == "invalid_request"
    assert code_of(narrowed, ["read", "people"], ROLES["staff"]) == "not_allowed"
    assert narrowed([], ROLES["staff"]) == frozenset()
