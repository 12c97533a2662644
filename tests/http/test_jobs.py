"""Jobs and schedules over HTTP, with a server that runs them."""

from typing import Any

import httpx
import pytest

from holdfast.services.jobs.context import JobContext
from holdfast.services.jobs.registry import JOBS
from tests.http.conftest import LiveServer, until


@JOBS.job(name="tests.echo", retries=0)
async def echo(ctx: JobContext, text: str = "", fail: bool = False) -> dict[str, str]:
    ctx.log(f"echo {text}")
    if fail:
        raise ValueError(text)
    return {"said": text}


@JOBS.job(name="tests.wait", queue="slow", unique="name")
async def wait(ctx: JobContext) -> None:
    import asyncio

    ctx.progress(1, 2, "half")
    await asyncio.sleep(60)


def put(client: httpx.Client, **body: Any) -> int:
    answer = client.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def state(client: httpx.Client, job: int) -> str:
    return str(client.get(f"/api/jobs/{job}").json().get("state"))


def test_a_job_is_put_in_runs_and_is_told_with_its_lines(client: httpx.Client):
    job = put(client, function="tests.echo", args={"text": "hello"})
    until(lambda: state(client, job), "succeeded")
    until(lambda: [line["text"] for line in client.get(f"/api/jobs/{job}").json()["lines"]], ["echo hello"])
    told = client.get(f"/api/jobs/{job}").json()
    assert told["result"] == {"said": "hello"} and told["args"] == {"text": "hello"}
    (run,) = client.get("/api/runs", params={"function": "tests.echo"}).json()["runs"]
    assert (run["job"], run["outcome"], run["attempt"]) == (job, "succeeded", 1)
    assert run["took_ms"] >= 0
    assert client.get(f"/api/jobs/{job}/explain").json() == {"job": job, "reasons": []}
    assert client.get("/api/runs", params={"outcome": "eaten"}).status_code == 400
    assert client.get("/api/jobs/987654321").json()["code"] == "unknown_job"


def test_only_registered_functions_with_arguments_that_fit_can_be_put_in(client: httpx.Client):
    for body, code, status in [
        ({"function": "os.system", "args": {"command": "ls"}}, "unknown_function", 404),
        ({"function": "tests.echo", "args": {"text": 7}}, "invalid_arguments", 400),
        ({"function": "tests.echo", "after": [10**12]}, "unknown_job", 404),
        ({"function": "tests.echo", "priority": 9}, "invalid_request", 400),
        ({"functions": "tests.echo"}, "invalid_request", 400),
    ]:
        answer = client.post("/api/jobs", json=body)
        assert (answer.json()["code"], answer.status_code) == (code, status), answer.text
    names = {each["name"]: each for each in client.get("/api/functions").json()["functions"]}
    assert {"tests.echo", "markUsersOffline", "cleanOldActivities", "syncDenormalizedFields"} <= names.keys()
    assert "text" in str(names["tests.echo"]["arguments"])


def test_dead_letters_are_sent_again_or_let_go(client: httpx.Client):
    jobs = [put(client, function="tests.echo", args={"text": "no", "fail": True}) for _ in range(2)]
    until(lambda: [each["id"] for each in client.get("/api/dead-letters").json()["dead"]], jobs)
    letter = client.get("/api/dead-letters").json()["dead"][0]
    assert letter["reason"] == "attempts_used" and letter["error"].startswith("ValueError: no")
    assert client.post("/api/dead-letters/redrive", json={}).status_code == 400
    assert client.post("/api/dead-letters/redrive", json={"ids": [jobs[0]]}).json() == {"jobs": [jobs[0]]}
    until(lambda: len(client.get(f"/api/jobs/{jobs[0]}").json()["runs"]), 2)
    assert client.post("/api/dead-letters/discard", json={"ids": [jobs[1]]}).json() == {"discarded": 1}
    assert client.post("/api/dead-letters/discard", json={"ids": [jobs[1]]}).status_code == 404


def test_a_paused_queue_says_so_and_goes_on_when_resumed(client: httpx.Client):
    assert client.post("/api/queues/default/pause").status_code == 200
    job = put(client, function="tests.echo")
    (reason,) = client.get(f"/api/jobs/{job}/explain").json()["reasons"]
    assert reason["why"] == "queue_paused" and "paused by admin" in reason["says"]
    (queue,) = [each for each in client.get("/api/queues").json()["queues"] if each["queue"] == "default"]
    assert (queue["due"], queue["paused_by"], queue["workers"]) == (1, "admin", 1)
    assert client.post("/api/queues/default/resume").status_code == 200
    until(lambda: state(client, job), "succeeded")
    assert client.post("/api/queues/default/resume").json()["code"] == "unknown_queue"


def test_a_running_job_is_cancelled_and_a_waiting_one_is_gone_at_once(client: httpx.Client):
    job = put(client, function="tests.wait")
    until(lambda: state(client, job), "running")
    until(lambda: client.get(f"/api/jobs/{job}").json()["job"].get("progress"), {"done": 1, "total": 2, "note": "half"})
    again = client.post("/api/jobs", json={"function": "tests.wait"})
    assert again.status_code == 409 and again.json()["job"] == job
    (running,) = client.get("/api/jobs", params={"state": "running"}).json()["jobs"]
    assert running["id"] == job and running["queue"] == "slow"
    assert client.post(f"/api/jobs/{job}/cancel").json() == {"job": job, "state": "asked"}
    until(lambda: state(client, job), "cancelled")
    later = put(client, function="tests.echo", delay_s=3600)
    (reason,) = client.get(f"/api/jobs/{later}/explain").json()["reasons"]
    assert reason["why"] == "future"
    assert client.post(f"/api/jobs/{later}/cancel").json() == {"job": later, "state": "cancelled"}
    assert client.post(f"/api/jobs/{later}/cancel").status_code == 404
    soon = put(client, function="tests.echo", delay_s=3600)
    assert client.post(f"/api/jobs/{soon}/start").status_code == 200
    until(lambda: state(client, soon), "succeeded")


def test_limits_are_set_listed_and_removed(client: httpx.Client):
    assert client.put("/api/limits/queue:default", json={"running_max": 2}).status_code == 200
    (limit,) = client.get("/api/limits").json()["limits"]
    assert (limit["key"], limit["running_max"]) == ("queue:default", 2)
    assert client.put("/api/limits/x", json={}).status_code == 400
    assert client.put("/api/limits/x", json={"running_max": 0}).status_code == 400
    assert client.delete("/api/limits/queue:default").status_code == 204
    assert client.delete("/api/limits/queue:default").status_code == 404


def test_a_schedule_fires_by_itself_and_keeps_its_ledger(client: httpx.Client):
    made = client.post(
        "/api/schedules", json={"name": "each second", "schedule": "* * * * * *", "function": "tests.echo"}
    )
    assert made.status_code == 201, made.text
    address = made.headers["location"]
    assert made.json()["means"] == "every second"
    until(lambda: len(client.get(f"{address}/ticks").json()["ticks"]) >= 2, True)
    ticks = client.get(f"{address}/ticks").json()["ticks"]
    assert {tick["state"] for tick in ticks} <= {"fired", "skipped", "late"}
    job = ticks[-1]["job"]
    until(lambda: state(client, job), "succeeded")
    assert client.patch(address, json={"active": False}).json()["active"] is False
    assert client.patch(address, json={"active": False}).json()["code"] == "nothing_to_change"
    assert client.patch(address, json={"schedule": "0 0 30 2 *"}).json()["code"] == "invalid_schedule"
    ran = client.post(f"{address}/run")
    assert ran.status_code == 201
    until(lambda: state(client, ran.json()["id"]), "succeeded")
    assert client.get(f"{address}/ticks", params={"state": "manual"}).json()["ticks"][0]["job"] == ran.json()["id"]
    filled = client.post(f"{address}/backfill", json={"after": "2026-01-01T00:00:00Z", "until": "2026-01-01T00:00:03Z"})
    assert len(filled.json()["jobs"]) == 3
    assert [each["name"] for each in client.get("/api/schedules?own=false").json()["schedules"]] == ["each second"]
    assert client.delete(address).status_code == 204
    assert client.get(address).json()["code"] == "unknown_schedule"


def test_a_rule_is_previewed_with_a_warning_where_clocks_change(client: httpx.Client):
    asked = {"schedule": "30 2 * * *", "time_zone": "Europe/Berlin", "at": "2026-03-27T12:00:00Z", "count": 3}
    told = client.get("/api/schedules/preview", params=asked).json()
    assert told["means"] == "at 02:30 every day"
    assert [tick["local"] for tick in told["ticks"]] == [
        "2026-03-28 02:30:00+01:00", "2026-03-29 03:00:00+02:00", "2026-03-30 02:30:00+02:00",
    ]  # fmt: skip
    assert told["warnings"][0]["kind"] == "moved"
    wrong = client.get("/api/schedules/preview", params={"schedule": "61 * * * *"})
    assert wrong.status_code == 400 and "between 0 and 59" in wrong.json()["detail"]
    assert client.get("/api/schedules/preview", params={**asked, "gap": "x"}).status_code == 400


def test_the_replaced_cron_systems_addresses_answer_in_its_shapes(client: httpx.Client):
    body = {
        "name": "Clean Old Activities", "schedule": "cron:0 2 * * *", "function_name": "cleanOldActivities",
        "is_active": False, "metadata": {"retention_days": 365, "note": "ours"},
    }  # fmt: skip
    made = client.post("/api/cron/jobs", json=body)
    assert made.status_code == 201 and made.json()["status"] == "success"
    job = made.json()["data"]
    assert job["schedule"] == "cron:0 2 * * *" and job["next_run"] is None and job["tenant_id"] is None
    assert job["metadata"] == {"retention_days": 365, "note": "ours", "execution_count": 0, "error_count": 0}
    address = f"/api/cron/jobs/{job['id']}"
    changed = client.put(address, json={"is_active": True, "metadata": {"retention_days": 30, "execution_count": 99}})
    told = changed.json()["data"]
    assert told["next_run"].endswith("T02:00:00Z") and told["metadata"]["execution_count"] == 0
    assert client.put(address, json={"is_active": True}).status_code == 200
    schedule = client.get(f"/api/schedules/{job['id']}").json()
    assert schedule["args"] == {"retention_days": 30} and schedule["means"] == "at 02:00 every day"
    assert [each["name"] for each in client.get("/api/cron/jobs").json()["data"]["jobs"]] == [body["name"]]
    ran = client.post("/api/cron/run")
    assert {name: ran.json()["data"][name] for name in ("executed", "failed", "skipped")} == {
        "executed": 0, "failed": 0, "skipped": 0,
    }  # fmt: skip
    wrong = client.post("/api/cron/jobs", json={**body, "function_name": "rm -rf"})
    assert wrong.status_code == 404
    assert wrong.json()["status"] == "error" and wrong.json()["code"] == "unknown_function" and wrong.json()["message"]
    assert client.delete(address).json()["status"] == "success"
    assert client.get(address).status_code == 404
    assert client.get(address, headers={"Authorization": "Bearer no"}).json()["status"] == "error"


@pytest.mark.parametrize(
    ("function", "metadata", "outcome", "said"),
    [
        ("cleanOldActivities", {"retention_days": 365}, "succeeded", None),
        ("syncDenormalizedFields", {}, "succeeded", None),
        ("markUsersOffline", {"timeout_minutes": 5}, "succeeded", None),
        ("markUsersOffline", {"timeout_minutes": 0}, "dead", "must lie between"),
        ("cleanOldActivities", {"retention_days": -1}, "dead", "must lie between"),
    ],
)
def test_the_replaced_systems_functions_do_what_they_say(
    client: httpx.Client, cafe: str, function: str, metadata: dict[str, Any], outcome: str, said: str | None
):
    body = {"name": "x", "schedule": "@yearly", "function_name": function, "metadata": metadata}
    made = client.post("/api/cron/jobs", json=body).json()["data"]
    job = client.post(f"/api/schedules/{made['id']}/run").json()["id"]
    until(lambda: client.get(f"/api/jobs/{job}").json().get("state") in ("succeeded", "dead"), True)
    assert state(client, job) == outcome
    told = client.get(f"/api/cron/jobs/{made['id']}").json()["data"]["metadata"]
    assert told["execution_count"] == 1
    assert told["last_execution_status"] == ("success" if outcome == "succeeded" else "error")
    assert told["error_count"] == (outcome != "succeeded")
    if said is not None:
        assert said in told["last_error"]


def test_jobs_are_no_business_of_somebody_without_a_token(server: LiveServer):
    with httpx.Client(base_url=server.url) as stranger:
        for path in ("/api/jobs", "/api/queues", "/api/schedules", "/api/cron/jobs", "/api/functions"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/api/cron/run").status_code == 401
