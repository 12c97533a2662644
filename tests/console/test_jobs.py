"""Jobs and schedules as people see them: a rule explained as it is typed, a job followed, dead letters sent again."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from holdfast.domain.cron import explain, parse
from holdfast.services.jobs.context import GiveUp, JobContext
from holdfast.services.jobs.registry import JOBS
from tests.console.conftest import Looker
from tests.console.test_look import LOOKS, check
from tests.console.test_pages import data_of
from tests.http.conftest import LiveServer
from tests.principals import Principals

GO_ON = threading.Event()
LONG_MS = 20_000
SUNDAYS = "30 2 * * sun"
"""A time that a change of clocks skips each spring: within the hundred ticks that are looked at there is one."""


@JOBS.job(name="tests.console.export", queue="exports")
async def export(ctx: JobContext, store: str = "north") -> dict[str, str]:
    ctx.progress(1, 4, f"{store}: first part")
    ctx.log("the first part is out")
    await asyncio.to_thread(GO_ON.wait, 60)
    ctx.log("the rest is out")
    return {"store": store}


@JOBS.job(name="tests.console.letter", queue="post", retries=0)
async def letter(ctx: JobContext, to: str) -> None:
    raise GiveUp(f"nobody lives at {to}")


@pytest.fixture(autouse=True)
def going_on(server: LiveServer) -> Iterator[None]:
    """Whatever waits in a test goes on at its end, before the server stops."""
    GO_ON.clear()
    yield
    GO_ON.set()


RULES = (
    "*/5 8-18 * * 1-5", "15,45 9-11 * * 6,0", "0 */2 1,15 * *", "0 6 L 3-5 *", "0 8 LW * *", "0 8 15W 1,7 *",
    "0 9 * * 1#2", "0 9 * * 5L", "*/10 * * * * *", "5 0 12 * * *", "0 0 13 * 5", "*/7 * * * *", "0 9-17 * * *",
    "@every 90s", "@every 2h",
)  # fmt: skip
UNTOLD = """async (rules) => {
  const { loadWords } = await import("/static/core/i18n.js");
  await loadWords();
  const { ruleText } = await import("/static/screens/rule_words.js");
  return rules.filter((rule) => ruleText(rule) === null);
}"""


def put(client: httpx.Client, function: str, **body: Any) -> int:
    answer = client.post("/api/jobs", json={"function": function, **body})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def scheduled(client: httpx.Client, **given: Any) -> int:
    body = {
        "name": "Clean-up",
        "schedule": "30 2 * * *",
        "time_zone": "Europe/Berlin",
        "function": "cleanOldActivities",
    }
    answer = client.post("/api/schedules", json={**body, **given})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def schedules_of(client: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/schedules?own=false").json()["schedules"]
    return found


def dead_of(client: httpx.Client) -> list[Any]:
    found: list[Any] = client.get("/api/dead-letters").json()["dead"]
    return found


async def test_a_rule_is_explained_while_it_is_typed(looker: Looker, client: httpx.Client) -> None:
    page = await looker.open("/console/jobs")
    await page.get_by_role("button", name="New schedule").first.click()
    form = page.get_by_role("dialog")
    await form.get_by_label("Name").fill("Sunday clean-up")
    await form.get_by_label("Time zone").select_option("Europe/Berlin")
    await form.get_by_label("Rule").fill("61 * * * *")
    await form.locator("#field-schedule-error").wait_for(timeout=LONG_MS)
    await form.get_by_label("Rule").fill(SUNDAYS)
    await form.get_by_text("at 02:30 on Sunday").wait_for(timeout=LONG_MS)
    await form.get_by_text("Clocks change: ").first.wait_for(timeout=LONG_MS)
    await form.get_by_label("retention_days").fill("90")
    await form.get_by_role("button", name="Make schedule").click()
    await page.get_by_role("row", name="Sunday clean-up").wait_for(timeout=LONG_MS)
    (made,) = schedules_of(client)
    assert (made["args"], made["time_zone"], made["schedule"]) == ({"retention_days": 90}, "Europe/Berlin", SUNDAYS)
    # whoever reads German reads all of it in German, whatever the rule
    await page.evaluate("document.cookie = 'language=de; path=/'")
    await page.reload()
    await page.get_by_text("um 02:30 am Sonntag").wait_for(timeout=LONG_MS)
    untold = await page.evaluate(UNTOLD, [explain(parse(rule)) for rule in RULES])
    assert untold == []


async def test_a_schedule_runs_pauses_and_goes(looker: Looker, client: httpx.Client) -> None:
    scheduled(client)
    page = await looker.open("/console/jobs")
    row = page.get_by_role("row", name="Clean-up")
    await row.get_by_role("button", name="Run Clean-up now").click()
    await row.get_by_text("Succeeded", exact=True).wait_for(timeout=LONG_MS)
    await row.get_by_role("button", name="Pause Clean-up").click()
    await row.get_by_text("Paused").wait_for(timeout=LONG_MS)
    await row.get_by_text("Clean-up").click()
    ledger = page.get_by_role("table", name="Ledger")
    await ledger.get_by_text("By hand").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog", name="Remove the schedule?").get_by_role("button", name="Remove").click()
    # what the program does by itself stands there, too, and stays
    await page.get_by_role("row", name="Clean-up").wait_for(state="detached", timeout=LONG_MS)
    assert schedules_of(client) == []


async def test_a_refused_schedule_keeps_what_was_typed(looker: Looker, client: httpx.Client) -> None:
    one = scheduled(client)
    other = scheduled(client, name="Other")
    page = await looker.open(f"/console/jobs?schedule={other}")
    await page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit the schedule")
    await form.get_by_label("Name").fill("Clean-up")
    await form.get_by_label("Last job still there").select_option("queue")
    await form.get_by_text("Jobs run one after the other").wait_for(timeout=LONG_MS)
    await form.get_by_role("button", name="Save").click()
    await form.locator("#field-name-error").wait_for(timeout=LONG_MS)
    assert await form.get_by_label("Name").input_value() == "Clean-up"
    assert await form.get_by_label("Last job still there").input_value() == "queue"
    await form.get_by_label("Name").fill("Another")
    await form.get_by_role("button", name="Save").click()
    await page.get_by_role("heading", name="Another").wait_for(timeout=LONG_MS)
    told = {each["id"]: each for each in schedules_of(client)}
    assert (told[other]["name"], told[other]["overlap"], told[one]["overlap"]) == ("Another", "queue", "skip")


async def test_a_job_says_why_it_does_not_run_and_is_followed_when_it_does(
    looker: Looker, client: httpx.Client
) -> None:
    put(client, "tests.console.export", delay_s=3600)
    page = await looker.open("/console/jobs?tab=jobs")
    row = page.get_by_role("row", name="tests.console.export")
    await row.get_by_role("button", name="Why is").click()
    panel = page.get_by_role("dialog")
    await panel.get_by_text("It is to start at").wait_for(timeout=LONG_MS)
    await panel.get_by_role("button", name="Start now").click()
    await panel.get_by_text("the first part is out").wait_for(timeout=LONG_MS)
    await panel.get_by_text("north: first part").wait_for(timeout=LONG_MS)
    GO_ON.set()
    await panel.get_by_text("the rest is out").wait_for(timeout=LONG_MS)
    await panel.get_by_text("Succeeded").first.wait_for(timeout=LONG_MS)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Ended", exact=True).click()
    await page.get_by_role("row", name="tests.console.export").get_by_text("Succeeded").wait_for(timeout=LONG_MS)


async def test_dead_letters_are_sent_again_and_let_go_one_or_all(looker: Looker, client: httpx.Client) -> None:
    first = put(client, "tests.console.letter", args={"to": "Elm Street 1"})
    for number in range(2, 4):
        put(client, "tests.console.letter", args={"to": f"Elm Street {number}"})
    page = await looker.open("/console/jobs?tab=dead")
    await page.get_by_text("nobody lives at Elm Street 3").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name=f"Send #{first} again").click()
    await page.get_by_text("1 job waits again").first.wait_for(timeout=LONG_MS)
    await page.get_by_text("2 attempts").wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name=f"Let #{first} go").click()
    await page.get_by_role("dialog").get_by_role("button", name="Let go").click()
    await page.get_by_text("2 letters", exact=True).wait_for(timeout=LONG_MS)
    await page.get_by_role("button", name="Let all of post go").click()
    await page.get_by_role("dialog").get_by_role("button", name="Let go").click()
    await page.get_by_text("No dead letters").wait_for(timeout=LONG_MS)
    assert dead_of(client) == []


async def test_a_queue_is_paused_limited_and_goes_on(looker: Looker, client: httpx.Client) -> None:
    page = await looker.open("/console/jobs?tab=queues")
    row = page.get_by_role("table", name="Queues").get_by_role("row", name="post")
    await row.get_by_role("button", name="Pause the queue post").click()
    await row.get_by_text("Paused").wait_for(timeout=LONG_MS)
    put(client, "tests.console.letter", args={"to": "Elm Street 1"})
    await row.get_by_role("button", name="Limit of post").click()
    await page.get_by_label("At once, at most").fill("2")
    await page.get_by_role("button", name="Save").click()
    await row.get_by_text("2 at once").wait_for(timeout=LONG_MS)
    await page.click("#tab-jobs")
    await page.get_by_role("button", name="Why is").click()
    await page.get_by_text("The queue post is paused").wait_for(timeout=LONG_MS)
    await page.keyboard.press("Escape")
    await page.click("#tab-queues")
    await row.get_by_role("button", name="Let the queue post go on").click()
    await row.get_by_text("Active").wait_for(timeout=LONG_MS)


@pytest.fixture
def busy(client: httpx.Client) -> tuple[int, int]:
    """A schedule that has run and a job that runs, beside one that waits and one that was given up."""
    schedule = scheduled(client)
    client.post(f"/api/schedules/{schedule}/run")
    running = put(client, "tests.console.export")
    put(client, "tests.console.letter", args={"to": "Elm Street 1"})
    put(client, "tests.console.export", delay_s=3600)
    return schedule, running


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_lists_of_jobs_are_for_everyone(
    looker: Looker, busy: tuple[int, int], scheme: str, viewport: Any
) -> None:
    page = await looker.open("/console/jobs", scheme=scheme, viewport=viewport)
    await page.wait_for_selector("#panel-schedules .table")
    await check(page)
    for tab in ("jobs", "dead", "queues"):
        await page.click(f"#tab-{tab}")
        await page.wait_for_selector(f"#panel-{tab} .table")
        await check(page)


@pytest.mark.parametrize(("scheme", "viewport"), LOOKS)
async def test_a_job_and_a_schedule_from_close_by_are_for_everyone(
    looker: Looker, busy: tuple[int, int], scheme: str, viewport: Any
) -> None:
    schedule, running = busy
    page = await looker.open(f"/console/jobs?schedule={schedule}", scheme=scheme, viewport=viewport)
    await page.wait_for_selector("dialog .ledger")
    await check(page)
    await page.get_by_role("button", name="Edit").click()
    await page.wait_for_selector("dialog .preview .tick-list")
    await check(page)
    await page.goto(f"{looker.url}/console/jobs?job={running}")
    await page.wait_for_selector("dialog .log")
    await check(page)


def test_who_may_not_is_not_led_there(server: LiveServer, client: httpx.Client, cafe: str) -> None:
    assert [place["name"] for place in data_of(client.get(f"/console/{cafe}"))["places"]] == ["jobs", "webhooks"]
    principals = Principals(server)
    try:
        clerk = principals.person("staff", cafe)
        assert data_of(clerk.get(f"/console/{cafe}"))["places"] == []
        assert clerk.get("/console/jobs").status_code == 403
        gone = principals.nobody().get("/console/jobs")
        assert (gone.status_code, gone.headers["location"]) == (303, "/sign-in?next=%2Fconsole%2Fjobs")
    finally:
        principals.close()
