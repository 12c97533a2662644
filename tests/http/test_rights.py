"""Every operation asked by every kind of principal: each gets what `rights_table` says, and nothing else is let in."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from holdfast.app.serving import application
from holdfast.domain.actors import RIGHTS
from holdfast.store import people as people_store
from tests.http.conftest import LiveServer
from tests.http.rights_table import PRINCIPALS, TABLE, Row
from tests.principals import Principals

METHODS = ("get", "post", "put", "patch", "delete")
DENIED = {"1": 401, "3": 403, "4": 404}
STREAMS = {"stream_events", "stream_sites", "stream_presence"}
SERVER_LIKE = {"open", "known", "server"}


class World:
    """A server with a site of each sort and somebody of each sort."""

    def __init__(self, server: LiveServer) -> None:
        self.server, self.admin = server, server.client
        self.principals = Principals(server)
        self.organisation = ""
        self._make_sites()
        self.clients = self._make_people()
        self._tokens: dict[tuple[str, str], httpx.Client] = {}

    def _make_sites(self) -> None:
        site = {
            "kind": "grounds", "name": "Campus", "time_zone": "UTC",
            "settings": {"booking_page": "accounts", "sign_up": True},
        }  # fmt: skip
        assert self.admin.post("/api/sites", json=site).status_code == 201
        shop = {"kind": "store", "slug": "shop", "name": "Shop", "time_zone": "UTC"}
        assert self.admin.post("/api/sites", json=shop).status_code == 201
        units = {"units": [{"code": "G1", "category": "ground"}]}
        assert self.admin.post("/api/sites/campus/units", json=units).status_code == 200
        for name, kind in (("Corner", "cafe"), ("Sea View", "hotel")):
            made = self.admin.post("/api/sites", json={"kind": kind, "name": name, "time_zone": "UTC"})
            assert made.status_code == 201
        self.organisation = str(self.principals.organisation_of("campus"))

    def _make_people(self) -> dict[str, httpx.Client]:
        made = self.principals
        campus = made.run(self.server.house.sites.find("campus"))  # type: ignore[union-attr]
        self.accounts = {name: made.account(f"{name}@people.example") for name in PRINCIPALS}
        for role in ("viewer", "housekeeping", "staff", "manager", "owner"):
            made.grant(self.accounts[role], campus.organisation_id, role)
        for name in ("customer", "other_customer"):
            made.grant(self.accounts[name], campus.organisation_id, "customer", campus.id)
        made.grant(self.accounts["foreign_owner"], made.other_organisation(), "owner")
        people = ("customer", "other_customer", "viewer", "housekeeping", "staff", "manager", "owner", "foreign_owner")
        day = str((datetime.now(UTC) + timedelta(days=20)).date())
        booking = {"unit": "G1", "date": day, "slot": "9-10 AM", "customer": {"email": "customer@people.example"}}
        self.booking = self.admin.post("/api/sites/campus/bookings", json=booking).json()["id"]
        again = {**booking, "slot": "10-11 AM", "recurrence": {"rule": "FREQ=WEEKLY;COUNT=2"}}
        self.series = self.admin.post("/api/sites/campus/bookings", json=again).json()["results"][0]["series"]
        return {**{name: made.signed_in(self.accounts[name]) for name in people}, "nobody": made.nobody(),
                "admin": self.admin}  # fmt: skip

    def client(self, principal: str, right: str) -> httpx.Client:
        if principal in self.clients:
            return self.clients[principal]
        asked = "public" if right in SERVER_LIKE else right
        if (principal, asked) not in self._tokens:
            self._tokens[principal, asked] = self._token(principal, asked)
        return self._tokens[principal, asked]

    def _token(self, principal: str, right: str) -> httpx.Client:
        made = self.principals
        if principal == "expired_token":
            return made.token("campus", right, expires_at=datetime.now(UTC) - timedelta(seconds=1))
        # whoever may see all bookings is let in where everybody sees their own
        missing = {right, "server", *(("read", "names", "book") if right == "own" else ())}
        scopes = [right] if principal != "token_without" else [one for one in RIGHTS if one not in missing]
        token = made.token("campus", *scopes)
        if principal == "revoked_token":
            lines = self.admin.get(f"/api/organisations/{self.organisation}/tokens?limit=500").json()["tokens"]
            address = f"/api/organisations/{self.organisation}/tokens/{lines[-1]['id']}"
            assert self.admin.delete(address).status_code == 200
        return token

    def address(self, path: str, row: Row, client: httpx.Client) -> str:
        made = {
            "site": "campus", "booking": self.booking, "series": self.series, "organisation": self.organisation,
            "act": "cancel", "code": "G1", "finding": str(uuid4()), "verdict": "resolve", "block": str(uuid4()),
            "account": str(self.accounts["viewer"]), "session": "none", "invitation": "none", "token": "none",
            "connection": "999", "run": str(uuid4()), "store": "shop", "job": "999", "schedule": "999",
            "queue": "nothing", "key": "queue:nothing", "webhook": str(uuid4()), "delivery": str(uuid4()),
            "calendar": "none",
        }  # fmt: skip
        if row.at_shop:
            made["site"] = "shop"
        if path.endswith("/accounts/{account}/{act}"):
            made["act"] = "enable"
        if row.fresh in ("person", "invitation", "token"):
            made["account" if row.fresh == "person" else row.fresh] = self._fresh(row.fresh)
        if "{session}" in path:
            lines = client.get("/api/account/sessions").json().get("sessions", [])
            made["session"] = next((line["id"] for line in lines if line["is_this"]), "none")
        return path.format(**made) + row.query

    def _fresh(self, kind: str) -> str:
        if kind == "person":
            account = self.principals.account()
            self.principals.grant(account, UUID(self.organisation), "viewer")
            return str(account)
        body: dict[str, Any] = {"name": "x", "scopes": ["public"]}
        if kind == "invitation":
            body = {"email": "fresh@b.example", "role": "viewer"}
        made = self.admin.post(f"/api/organisations/{self.organisation}/{kind}s", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def asked(self, operation: str, method: str, path: str, principal: str) -> httpx.Response:
        row = TABLE[operation]
        client = self.client(principal, row.right)
        if row.fresh == "session" and "cookie" in client.headers:
            client = self.principals.signed_in(self.accounts[principal])
        method = "HEAD" if operation in STREAMS else method.upper()
        more = {} if row.body is None else {"json": row.body}
        answer = client.request(method, self.address(path, row, client), headers=row.headers, **more)
        if operation == "sign_out_everywhere" and "cookie" in client.headers:
            self.clients[principal] = self.principals.signed_in(self.accounts[principal])
        return answer


@pytest.fixture(scope="module")
def world(module_server: Callable[..., LiveServer]) -> Iterator[World]:
    made = World(module_server(secret_key="a key for the tests of this module only"))
    yield made
    made.principals.close()


@pytest.fixture(scope="module")
def operations(world: World) -> dict[str, tuple[str, str, str]]:
    """Method, path and right by operation id, as the running server documents them."""
    paths = world.admin.get("/api/openapi.json").json()["paths"]
    return {
        item[method]["operationId"]: (method, path, item[method].get("x-right", ""))
        for path, item in paths.items() for method in METHODS if method in item
    }  # fmt: skip


def test_every_operation_has_a_row_and_every_row_an_operation(operations: dict[str, tuple[str, str, str]]) -> None:
    assert operations.keys() == TABLE.keys()
    told = {name: right for name, (_, _, right) in operations.items()}
    assert told == {name: row.right for name, row in TABLE.items()}
    assert all(len(row.expected) == len(PRINCIPALS) for row in TABLE.values())


def test_every_handler_says_what_it_asks_for(world: World) -> None:
    house: Any = world.server.house

    async def handlers() -> list[tuple[str, Any]]:
        app: Any = application(house).inner
        return [(route.path_format, one) for route in app.routes for one in getattr(route, "route_handlers", ())]

    silent = set()
    for path, handler in world.principals.run(handlers()):
        assert handler.opt.get("by") in (None, "handler", "service"), path
        if handler.opt.get("right") not in {*RIGHTS, *SERVER_LIKE} and handler.http_methods != {"OPTIONS"}:
            silent.add(path)
    # only pages of the framework itself say nothing, and so they are nobody's
    assert silent and all(path.startswith("/api/openapi") for path in silent), silent
    for path in silent:
        assert world.admin.get(path.format(path="x")).status_code in (403, 404), path


def _is_let_in(answer: httpx.Response, absent: str | None) -> bool:
    """Whether the rights let a request through: what it asks for may be none (`absent` is the code of that)."""
    if answer.status_code == 404 and absent is not None:
        told = answer.json()
        return bool(told.get("code") == absent)
    return answer.status_code < 500 and answer.status_code not in DENIED.values()


@pytest.mark.parametrize("operation", TABLE)
def test_an_operation_answers_each_as_the_table_says(
    world: World, operations: dict[str, tuple[str, str, str]], operation: str
) -> None:
    method, path, _ = operations[operation]
    wrong = []
    for principal, expected in zip(PRINCIPALS, TABLE[operation].expected, strict=True):
        answer = world.asked(operation, method, path, principal)
        status = answer.status_code
        right = status == DENIED[expected] if expected in DENIED else _is_let_in(answer, TABLE[operation].absent)
        if not right:
            wrong.append(f"{principal}: expected {expected}, got {status} {answer.text[:200]}")
    assert not wrong, "\n".join([operation, *wrong])


def test_a_closed_site_is_not_there_for_people_from_elsewhere(
    world: World, operations: dict[str, tuple[str, str, str]]
) -> None:
    for name, (method, path, _) in operations.items():
        if not path.startswith("/api/sites/{site}"):
            continue
        for site in ("sea-view", "no-such-site"):
            address = world.address(path.replace("{site}", site), TABLE[name], world.admin)
            more = {"headers": TABLE[name].headers, **({"json": TABLE[name].body} if TABLE[name].body else {})}
            verb = "HEAD" if name in STREAMS else method.upper()
            assert world.clients["nobody"].request(verb, address, **more).status_code == 401, name
            answer = world.clients["foreign_owner"].request(verb, address, **more)
            assert answer.status_code == 404, name
            if verb != "HEAD":
                assert answer.json()["code"] == "unknown_site", name


def test_a_role_at_one_site_opens_no_other(world: World, operations: dict[str, tuple[str, str, str]]) -> None:
    only_there = world.principals.person("owner", "corner", only_there=True)
    for name, (method, path, right) in operations.items():
        if not path.startswith("/api/sites/{site}"):
            continue
        address = world.address(path.replace("{site}", "sea-view"), TABLE[name], world.admin)
        verb = "HEAD" if name in STREAMS else method.upper()
        answer = only_there.request(verb, address, json=TABLE[name].body or {})
        assert answer.status_code == 404, (name, right, answer.text)
    told = only_there.get("/api/sites").json()["sites"]
    assert [site["slug"] for site in told] == ["corner"]


async def _roles(pool: Any, organisation: UUID) -> int:
    found = await people_store.people(pool, organisation, ["owner"], None, after=("", UUID(int=0), -1), limit=10)
    return len(found)


def test_nothing_that_was_asked_here_has_changed_who_owns(world: World) -> None:
    house: Any = world.server.house
    # corner's, too, where its test was run before
    assert world.principals.run(_roles(house.reads, UUID(world.organisation))) in (1, 1 + 1)
