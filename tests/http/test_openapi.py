"""The OpenAPI document: complete, true (generated requests get only documented answers), and browsable offline."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as hypothesis_seed
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.principals import Principals

NOT_ASKED = {
    # streams do not end, and whoever ends their own session is nobody from then on
    "stream_events", "stream_sites", "sign_out", "sign_out_everywhere", "end_session",
}  # fmt: skip
METHODS = {"get", "post", "put", "patch", "delete"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OWN = {
    "list_sites", "create_site", "get_site", "change_site", "add_units", "change_unit", "create_booking",
    "act_on_booking", "act_on_series", "check", "preview_series", "create_block", "remove_block",
    "healthz", "readyz", "index", "openapi",
    "former_get_slots", "former_list_bookings", "former_list_my_bookings", "former_create_booking",
    "former_get_booking", "former_act_on_booking", "former_sync_sessions", "former_complete_sessions",
}  # fmt: skip


def test_every_operation_is_named_summarised_tagged_and_has_examples(client: httpx.Client) -> None:
    document = client.get("/api/openapi.json").json()
    seen = []
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            operation = item[method]
            seen.append(operation["operationId"])
            assert operation["summary"] and operation["tags"], (method, path)
            if operation["operationId"] in OWN and "requestBody" in operation:
                assert operation["requestBody"]["content"]["application/json"]["examples"], path
            if operation["operationId"].startswith("former_"):
                assert operation["tags"] == ["replaced systems"], path
                media = [answer["content"].keys() for answer in operation["responses"].values()]
                assert set().union(*media) == {"application/json"}, path
            if path.startswith("/api/sites"):
                assert "401" in operation["responses"], (method, path)
    assert len(seen) == len(set(seen))
    assert set(seen) >= OWN


def test_the_examples_fit_their_schemas_and_are_accepted(client: httpx.Client, cafe: str) -> None:
    document = client.get("/api/openapi.json").json()
    body = document["paths"]["/api/sites/{site}/bookings"]["post"]["requestBody"]
    for name, example in body["content"]["application/json"]["examples"].items():
        answer = client.post(f"{cafe}/check", json=example["value"])
        # a café sells neither nights nor slots, and says so
        assert answer.status_code == (400 if name in ("nights", "slot") else 200), answer.text


def test_the_former_examples_fit_their_schemas_and_are_accepted(client: httpx.Client) -> None:
    client.post("/api/sites", json={"kind": "grounds", "name": "Campus", "time_zone": "UTC"})
    client.post("/api/sites/campus/units", json={"units": [{"code": "Ground 1", "category": "ground"}]})
    paths = client.get("/api/openapi.json").json()["paths"]
    body = paths["/api/bookings"]["post"]["requestBody"]["content"]["application/json"]["examples"]["slot"]["value"]
    made = client.post("/api/bookings", json=body)
    assert made.status_code == 201, made.text
    body = paths["/api/bookings/{booking}/{act}"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    address = f"{made.headers['location']}/reject"
    assert client.post(address, json=body["reject"]["value"]).json()["data"]["booking"]["status"] == "Rejected"


def test_the_page_names_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/api/docs").text
    script = client.get("/api/docs/docs.js").text
    style = client.get("/api/docs/docs.css").text
    for text in (page, script, style):
        assert not re.search(r"(?:https?:)?//[a-z]", text.replace("// ", ""))
    assert client.get("/api/docs/docs.html").status_code == 404


@pytest.fixture
def two_sites(make_server: Callable[..., Any], tmp_path: Path) -> Any:
    """A server with a café and a sports ground, where everything but streams can be asked."""
    server = make_server(secret_key="a key for the tests of this module only", data=tmp_path)
    site = {"kind": "cafe", "name": "Corner", "time_zone": "UTC", "slug": "corner"}
    server.client.post("/api/sites", json=site)
    server.client.post("/api/sites/corner/units", json={"units": [{"code": "PC1", "category": "pc"}]})
    server.client.post("/api/sites", json={"kind": "grounds", "name": "Campus", "time_zone": "UTC"})
    server.client.post("/api/sites/campus/units", json={"units": [{"code": "Ground 1", "category": "ground"}]})
    return server


def asked_at_random(server: Any, asker: httpx.Client, *, examples: int, seed: int) -> list[str]:
    """What was wrong with the answers to generated requests of one caller, by operation."""
    organisation = str(Principals(server).organisation_of("corner"))
    headers = {name: asker.headers[name] for name in ("authorization", "cookie", "origin") if name in asker.headers}
    schema = schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")
    failures = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.definition.raw.get("operationId") in NOT_ASKED:
            continue

        @hypothesis_seed(seed)
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def once(case: Any) -> None:
            for name, value in (("site", "corner"), ("organisation", organisation)):
                if name in case.path_parameters:
                    case.path_parameters[name] = value
            if case.operation.path == "/api/import":
                case.query = {**(case.query or {}), "site": "corner"}
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

        try:
            once()
        except BaseException as error:
            parts = getattr(error, "exceptions", [error])
            failures.append(f"{operation.label}: " + "; ".join(str(part)[:600] for part in parts))
    return failures


def owner_of(server: Any) -> httpx.Client:
    """Somebody who owns it all, and whom nothing that is asked at random shuts out: two others own it, too."""
    principals = Principals(server)
    for _ in range(2):
        principals.person("owner", "corner")
    return principals.person("owner", "corner")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("who", ["owner", "nobody"])
def test_generated_requests_get_only_documented_answers(two_sites: Any, who: str) -> None:
    asker = owner_of(two_sites) if who == "owner" else httpx.Client(base_url=two_sites.url)
    failures = asked_at_random(two_sites, asker, examples=3, seed=1)
    assert not failures, "\n\n".join(failures)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("who", ["owner", "nobody", "admin"])
@pytest.mark.parametrize("seed", range(3))
def test_many_generated_requests_get_only_documented_answers(two_sites: Any, who: str, seed: int) -> None:
    asker = {"owner": owner_of, "nobody": lambda server: httpx.Client(base_url=server.url),
             "admin": lambda server: server.client}[who](two_sites)  # fmt: skip
    failures = asked_at_random(two_sites, asker, examples=120, seed=seed)
    assert not failures, "\n\n".join(failures)
