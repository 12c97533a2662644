"""Jobs and schedules belong to organisations: whoever may see and change them there has none of anybody else's."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from holdfast.services.jobs.context import JobContext
from holdfast.services.jobs.registry import JOBS
from tests.http.conftest import until
from tests.http.test_jobs import put, state
from tests.principals import Principals

OPEN, CLOSED = "tests.of_tenants", "tests.of_the_server"


@JOBS.job(name=OPEN, retries=0, is_for_tenants=True)
async def of_tenants(ctx: JobContext, fail: bool = False) -> dict[str, str]:
    if fail:
        raise ValueError("as asked")
    return {"tenant": ctx.tenant}


@JOBS.job(name=CLOSED)
async def of_the_server(days: int = 0) -> None:
    return None


@pytest.fixture
def manager(principals: Principals, cafe: str) -> httpx.Client:
    return principals.person("manager", cafe.rsplit("/", 1)[1])


@pytest.fixture
def ours(principals: Principals, cafe: str) -> str:
    return str(principals.organisation_of(cafe.rsplit("/", 1)[1]))


@pytest.fixture
def theirs(principals: Principals) -> str:
    return str(principals.other_organisation())


def scheduled(client: httpx.Client, **body: Any) -> int:
    made = client.post("/api/schedules", json={"name": "x", "schedule": "@yearly", "function": OPEN, **body})
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


def ids(who: httpx.Client, path: str, name: str) -> list[int]:
    return [each["id"] for each in who.get(path).json()[name]]


def test_lists_hold_only_what_is_of_ones_own_organisation(
    client: httpx.Client, manager: httpx.Client, ours: str, theirs: str
):
    jobs = {tenant: put(client, function=OPEN, tenant=tenant, delay_s=3600) for tenant in (ours, theirs, "")}
    made = {tenant: scheduled(client, tenant=tenant) for tenant in (ours, theirs, "")}
    assert ids(client, "/api/jobs", "jobs") == sorted(jobs.values())
    assert ids(client, "/api/schedules?own=false", "schedules") == sorted(made.values())
    assert ids(manager, "/api/jobs", "jobs") == [jobs[ours]]
    assert ids(manager, f"/api/jobs?tenant={theirs}", "jobs") == []
    assert ids(manager, "/api/schedules", "schedules") == [made[ours]]
    assert ids(manager, f"/api/schedules?tenant={theirs}", "schedules") == []
    former = manager.get("/api/cron/jobs").json()["data"]["jobs"]
    assert [each["id"] for each in former] == [str(made[ours])]


def test_runs_and_dead_letters_are_those_of_ones_own_organisation(
    client: httpx.Client, manager: httpx.Client, ours: str, theirs: str
):
    dead = {each: put(client, function=OPEN, args={"fail": True}, tenant=each) for each in (ours, theirs, "")}
    until(lambda: len(client.get("/api/dead-letters").json()["dead"]), 3)
    assert [each["id"] for each in manager.get("/api/dead-letters").json()["dead"]] == [dead[ours]]
    assert [each["job"] for each in manager.get("/api/runs").json()["runs"]] == [dead[ours]]
    for act in ("redrive", "discard"):
        answer = manager.post(f"/api/dead-letters/{act}", json={"ids": [dead[theirs], dead[""]]})
        assert answer.json()["code"] == "unknown_job", answer.text
    assert manager.post("/api/dead-letters/redrive", json={"function": OPEN}).json() == {"jobs": [dead[ours]]}


def test_what_is_of_others_is_not_there_to_look_at_or_change(client: httpx.Client, manager: httpx.Client, theirs: str):
    for tenant in (theirs, ""):
        job = put(client, function=OPEN, tenant=tenant, delay_s=3600)
        for ask in ("get ", "get /explain", "get /lines", "post /cancel", "post /start"):
            method, _, path = ask.partition(" ")
            answer = manager.request(method, f"/api/jobs/{job}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job"), ask
        assert state(client, job) == "waiting"
        waits = manager.post("/api/jobs", json={"function": OPEN, "after": [job]})
        assert waits.json()["code"] == "unknown_job"
        schedule = scheduled(client, tenant=tenant)
        window = {"after": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}
        for ask, body in [
            ("get ", None), ("patch ", {"active": False}), ("delete ", None), ("get /ticks", None), ("post /run", None),
            ("post /backfill", window),
        ]:  # fmt: skip
            method, _, path = ask.partition(" ")
            answer = manager.request(method, f"/api/schedules/{schedule}{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_schedule"), ask
        for method, changed in (("get", None), ("put", {"is_active": False}), ("delete", None)):
            answer = manager.request(method, f"/api/cron/jobs/{schedule}", json=changed)
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_schedule")
        assert client.get(f"/api/schedules/{schedule}").json()["active"] is True


def test_what_one_makes_is_of_ones_own_organisation(
    client: httpx.Client, manager: httpx.Client, ours: str, theirs: str
):
    job = put(manager, function=OPEN)
    until(lambda: state(manager, job), "succeeded")
    assert manager.get(f"/api/jobs/{job}").json()["result"] == {"tenant": ours}
    assert client.get("/api/runs", params={"tenant": ours}).json()["runs"][0]["job"] == job
    schedule = scheduled(manager)
    assert client.get(f"/api/schedules/{schedule}").json()["tenant"] == ours
    assert manager.patch(f"/api/schedules/{schedule}", json={"active": False}).status_code == 200
    former = manager.post("/api/cron/jobs", json={"name": "f", "schedule": "daily", "function_name": OPEN})
    assert former.json()["data"]["tenant_id"] == ours
    assert manager.post("/api/cron/run").json()["data"]["executed"] == 0
    for other in (theirs, "anything"):
        assert manager.post("/api/jobs", json={"function": OPEN, "tenant": other}).json()["code"] == "not_allowed"
        changed = manager.patch(f"/api/schedules/{schedule}", json={"tenant": other})
        assert changed.json()["code"] == "not_allowed"
    assert manager.patch(f"/api/schedules/{schedule}", json={"tenant": ""}).json()["code"] == "not_allowed"


def test_who_holds_the_right_in_two_organisations_says_for_which(principals: Principals, ours: str, theirs: str):
    account = principals.account()
    for organisation in (ours, theirs):
        principals.grant(account, UUID(organisation), "manager")
    both = principals.signed_in(account)
    asked = both.post("/api/jobs", json={"function": OPEN, "delay_s": 60})
    assert asked.status_code == 400 and asked.json()["possible"] == sorted([ours, theirs])
    put(both, function=OPEN, tenant=theirs, delay_s=60)
    assert [each["tenant"] for each in both.get("/api/jobs").json()["jobs"]] == [theirs]


def test_functions_that_act_on_the_whole_server_are_for_who_runs_it(
    client: httpx.Client, manager: httpx.Client, ours: str
):
    for function in (CLOSED, "holdfast.webhook"):
        assert manager.post("/api/jobs", json={"function": function}).json()["code"] == "not_allowed"
    body = {"name": "y", "schedule": "@yearly", "function": CLOSED}
    assert manager.post("/api/schedules", json=body).json()["code"] == "not_allowed"
    names = [each["name"] for each in manager.get("/api/functions").json()["functions"]]
    assert OPEN in names and CLOSED not in names
    given = scheduled(client, tenant=ours, function=CLOSED, args={"days": 365})
    assert manager.patch(f"/api/schedules/{given}", json={"active": False}).status_code == 200
    changed = manager.patch(f"/api/schedules/{given}", json={"args": {"days": 1}})
    assert changed.json()["code"] == "not_allowed"


def test_the_replaced_functions_act_on_what_is_of_ones_own_organisation(manager: httpx.Client, ours: str):
    known = {each["name"] for each in manager.get("/api/functions").json()["functions"]}
    assert {"markUsersOffline", "cleanOldActivities", "syncDenormalizedFields"} <= known
    made = manager.post("/api/cron/jobs", json={"name": "n", "schedule": "daily", "function_name": "markUsersOffline"})
    assert made.json()["data"]["tenant_id"] == ours
    jobs = [put(manager, function=name) for name in ("markUsersOffline", "syncDenormalizedFields")]
    for job in jobs:
        until(lambda job=job: state(manager, job), "succeeded")
    assert manager.get(f"/api/jobs/{jobs[1]}").json()["result"]["checked"] == 4
    letter = put(manager, function="cleanOldActivities", args={"retention_days": 29})
    until(lambda: state(manager, letter), "dead")
    assert "between 30" in manager.get("/api/dead-letters").json()["dead"][0]["error"]


def test_a_unique_key_stands_in_nobody_elses_way(client: httpx.Client, manager: httpx.Client, theirs: str):
    put(client, function=OPEN, tenant=theirs, unique_key="k", delay_s=3600)
    put(manager, function=OPEN, unique_key="k", delay_s=3600)
    assert manager.post("/api/jobs", json={"function": OPEN, "unique_key": "k"}).status_code == 409


@pytest.mark.parametrize("role", ["staff", "viewer", "customer", None])
def test_who_does_not_hold_the_right_sees_no_jobs(principals: Principals, cafe: str, role: str | None):
    person = principals.person(role, cafe.rsplit("/", 1)[1])
    for path in ("/api/jobs", "/api/schedules", "/api/cron/jobs", "/api/runs", "/api/dead-letters", "/api/functions"):
        assert person.get(path).status_code == 403
    assert person.post("/api/cron/run").status_code == 403


def test_a_right_at_one_site_reaches_no_job_of_the_organisation(principals: Principals, cafe: str):
    person = principals.person("manager", cafe.rsplit("/", 1)[1], only_there=True)
    assert person.get("/api/jobs").json()["code"] == "not_allowed"


def test_a_token_reaches_as_far_as_its_scopes(principals: Principals, cafe: str):
    site = cafe.rsplit("/", 1)[1]
    assert principals.token(site, "jobs").get("/api/jobs").status_code == 200
    assert principals.token(site, "read").get("/api/jobs").status_code == 403


def test_queues_and_limits_are_for_who_runs_the_server(manager: httpx.Client):
    for path in ("/api/queues", "/api/limits"):
        assert manager.get(path).status_code == 403
    assert manager.post("/api/queues/default/pause").status_code == 403
