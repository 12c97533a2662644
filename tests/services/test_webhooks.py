"""What happens is told to endpoints at least once, signed, whatever crashes; and for those who may only."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from holdfast.domain.actors import CONSOLE
from holdfast.domain.commands import OpenFinding
from holdfast.domain.errors import Refusal
from holdfast.domain.webhooks import ATTEMPTS_MAX
from holdfast.gateways.webhooks import WebhookSender
from holdfast.services import webhook_delivery
from holdfast.services.jobs.context import Retry
from holdfast.services.jobs.crew import Crew
from holdfast.services.jobs.enqueueing import Options, enqueue
from holdfast.services.jobs.registry import Registry
from holdfast.services.sealing import Sealing
from holdfast.services.webhook_delivery import WebhookDelivery
from holdfast.services.webhooks import WebhookRequest, WebhookRules, Webhooks, WebhookView
from holdfast.store import webhooks as store
from holdfast.store.webhooks import Tried
from tests.receiver import Receiver, receiving
from tests.services.job_stage import crew_on, jobs_pool, put_forward, work
from tests.stage import Stage, staged

NOON = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)


class Hooks:
    """An organisation with a café, an endpoint's receiver, and a worker that is stepped by hand."""

    def __init__(self, stage: Stage, delivery: WebhookDelivery, receiver: Receiver, registry: Registry) -> None:
        self.stage, self.delivery, self.receiver, self.registry = stage, delivery, receiver, registry
        self.pool = delivery.webhooks.pool
        self.organisation: UUID

    async def make(self, *events: str, **more: Any) -> WebhookView:
        request = WebhookRequest(url=self.receiver.url, events=list(events) or ["*"], **more)
        made = await self.delivery.webhooks.make(CONSOLE, self.organisation, request, None)
        self.receiver.secrets.append(str(made.secret))
        return made

    async def book(self, hours: int = 0) -> UUID:
        return await self.stage.book("A", NOON + hours * HOUR, NOON + (hours + 1) * HOUR)

    async def told(self) -> None:
        while await self.delivery.tell():
            pass

    async def sent(self) -> None:
        """All that can be sent now is sent."""
        services = {"webhook_delivery": self.delivery}
        async with crew_on(self.pool, self.registry, services=services) as crew:
            await work(crew)

    async def states(self) -> list[tuple[str, str, int]]:
        rows = await self.pool.fetch("select type, state, attempts from webhook_delivery order by id")
        return [(row["type"], row["state"], row["attempts"]) for row in rows]


@pytest.fixture
async def hooks(database_url: str, tmp_path: Path) -> AsyncIterator[Hooks]:
    registry = Registry()
    webhook_delivery.register(registry)
    async with (
        jobs_pool(database_url) as pool,
        receiving() as receiver,
        staged(pool, "cafe", ["A", "B"], {}, start=datetime.now(UTC)) as stage,
    ):
        webhooks = Webhooks(pool, Sealing(("k" * 32,), tmp_path), WebhookRules(http=True))
        sender = WebhookSender(allowed=[ip_network("127.0.0.0/8")], within_s=5)
        made = Hooks(stage, WebhookDelivery(webhooks, sender, registry), receiver, registry)
        made.organisation = await pool.fetchval("select organisation_id from site where id = $1", stage.site_id)
        yield made


async def test_what_happens_is_told_signed_and_verified_by_a_strangers_library(hooks: Hooks):
    await hooks.book()
    await hooks.make("booking.*")
    booking = await hooks.book(2)
    await hooks.told()
    await hooks.sent()
    assert hooks.receiver.types() == ["booking.created"]
    (came,) = hooks.receiver.requests
    assert came["verified"] == [True] and came["headers"]["content-type"] == "application/json"
    assert came["body"]["data"]["data"]["booking"]["id"] == str(booking)
    assert await hooks.states() == [("booking.created", "delivered", 1)]


async def test_only_wanted_events_are_told_and_each_once(hooks: Hooks):
    await hooks.make("booking.cancelled")
    booking = await hooks.book()
    await hooks.stage.act(booking, "cancel")
    for _ in range(3):
        await hooks.told()
    await hooks.sent()
    assert hooks.receiver.types() == ["booking.cancelled"]


async def test_nothing_is_left_out_when_telling_crashes(hooks: Hooks, monkeypatch: pytest.MonkeyPatch):
    await hooks.make("booking.created")
    for hours in range(3):
        await hooks.book(hours)

    async def crashes(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(webhook_delivery.store, "move_position", crashes)
        with pytest.raises(ConnectionError):
            await hooks.delivery.tell()
    assert await hooks.states() == []
    await hooks.told()
    await hooks.sent()
    assert sorted(hooks.receiver.types()) == ["booking.created"] * 3


async def test_two_processes_tell_one_endpoint_once(hooks: Hooks):
    await hooks.make("booking.created")
    for hours in range(6):
        await hooks.book(hours)
    await asyncio.gather(*(hooks.told() for _ in range(4)))
    assert len(await hooks.states()) == 6


async def test_what_is_not_taken_is_tried_again_under_the_same_id_until_it_is(hooks: Hooks):
    await hooks.make("booking.created")
    hooks.receiver.behaviour = 500
    await hooks.book()
    await hooks.told()
    await hooks.sent()
    assert await hooks.states() == [("booking.created", "waiting", 1)]
    hooks.receiver.behaviour = 204
    await put_forward(hooks.pool)
    await hooks.sent()
    assert await hooks.states() == [("booking.created", "delivered", 2)]
    first, second = (each["headers"]["webhook-id"] for each in hooks.receiver.requests)
    assert first == second
    rows = await hooks.pool.fetch("select number, status, answer from webhook_attempt order by number")
    assert [(row["number"], row["status"]) for row in rows] == [(1, 500), (2, 204)] and rows[0]["answer"] == "no"


async def test_after_three_days_of_attempts_a_delivery_has_failed_and_is_sent_again_by_hand(hooks: Hooks):
    made = await hooks.make("booking.created")
    hooks.receiver.behaviour = 500
    await hooks.book()
    await hooks.told()
    delivery = await hooks.pool.fetchval("select id from webhook_delivery")
    await hooks.pool.execute("delete from job")  # the test makes the attempts itself
    await hooks.pool.execute("update webhook_delivery set turn_from = $1", 2 - ATTEMPTS_MAX)
    with pytest.raises(Retry):
        await hooks.delivery.deliver(delivery)
    await hooks.delivery.deliver(delivery)
    assert await hooks.states() == [("booking.created", "failed", 2)]
    hooks.receiver.behaviour = 200
    message = f"msg_{delivery.hex}"
    assert (await hooks.delivery.redeliver(CONSOLE, hooks.organisation, made.id, message)).state == "waiting"
    await hooks.sent()
    assert await hooks.states() == [("booking.created", "delivered", 3)]
    found = await hooks.delivery.webhooks.delivery(CONSOLE, hooks.organisation, made.id, message)
    assert [each.status for each in found.tries] == [500, 500, 200]
    assert json.loads(bytes(found.payload))["type"] == "booking.created"


async def test_a_message_that_is_still_being_tried_is_sent_again_by_one_alone(hooks: Hooks):
    made = await hooks.make("booking.created")
    hooks.receiver.behaviour = "slow"
    await hooks.book()
    await hooks.told()
    delivery = await hooks.pool.fetchval("select id from webhook_delivery")
    first = asyncio.create_task(hooks.delivery.deliver(delivery))
    await hooks.receiver.until(1)
    hooks.receiver.behaviour = 204
    for turn in (1, 2):  # pressed twice, while the first attempt is under way
        again = await hooks.delivery.redeliver(CONSOLE, hooks.organisation, made.id, f"msg_{delivery.hex}")
        assert again.state == "waiting"
        assert (await hooks.delivery.deliver(delivery, turn=turn - 1))["sent"] is False
    with pytest.raises(Retry, match="another worker"):
        await hooks.delivery.deliver(delivery, turn=2)
    first.cancel()  # its worker dies: nobody writes down what became of it
    await hooks.pool.execute("update webhook_delivery set trying_until = now()")
    await hooks.sent()
    assert len(hooks.receiver.requests) == 2
    assert await hooks.states() == [("booking.created", "delivered", 1)]


async def test_a_failure_of_the_turn_before_ends_no_later_one(hooks: Hooks):
    made = await hooks.make("booking.created")
    hooks.receiver.behaviour = 500
    await hooks.book()
    await hooks.told()
    await hooks.sent()
    delivery = await hooks.pool.fetchval("select id from webhook_delivery")
    await hooks.delivery.redeliver(CONSOLE, hooks.organisation, made.id, f"msg_{delivery.hex}")
    await put_forward(hooks.pool)
    await hooks.sent()  # the job of the first turn is due, too, and leaves it alone
    assert len(hooks.receiver.requests) == 2
    await store.note_attempt(hooks.pool, delivery, 0, Tried(500, 1.0, "late", None), "failed")
    assert await hooks.states() == [("booking.created", "waiting", 3)]
    hooks.receiver.behaviour = 204
    await put_forward(hooks.pool)
    await hooks.sent()
    assert len(hooks.receiver.requests) == 3


async def test_a_secret_is_changed_with_both_counting_for_a_day(hooks: Hooks):
    made = await hooks.make()
    new = await hooks.delivery.webhooks.rotate(CONSOLE, hooks.organisation, made.id)
    assert new.secret and new.secret != made.secret and new.before_until is not None
    hooks.receiver.secrets.append(new.secret)
    await hooks.delivery.test(CONSOLE, hooks.organisation, made.id)
    await hooks.sent()
    assert hooks.receiver.requests[-1]["verified"] == [True, True]
    await hooks.pool.execute("update webhook set before_until = now()")
    await hooks.delivery.test(CONSOLE, hooks.organisation, made.id)
    await hooks.sent()
    assert hooks.receiver.requests[-1]["verified"] == [False, True]
    kept = await hooks.pool.fetchrow("select secret, secret_before from webhook")
    assert kept is not None and made.secret.encode() not in kept["secret_before"]


async def test_after_days_of_failures_an_endpoint_is_paused_and_its_owners_are_told(hooks: Hooks):
    made = await hooks.make("booking.created")
    await hooks.pool.execute(
        "insert into account (id, email, name) values ($1, 'owner@example.org', 'Olga')", UUID(int=9)
    )
    await hooks.pool.execute(
        "insert into membership (account_id, organisation_id, role, granted_by) values ($1, $2, 'owner', 't')",
        UUID(int=9), hooks.organisation,
    )  # fmt: skip
    hooks.receiver.behaviour = 500
    await hooks.book()
    await hooks.told()
    await hooks.sent()
    await hooks.pool.execute("update webhook set failing_since = now() - interval '6 days'")
    await put_forward(hooks.pool)
    await hooks.sent()
    found = await hooks.delivery.webhooks.find(CONSOLE, hooks.organisation, made.id)
    assert (found.active, found.paused_by) == (False, "failures")
    mail = await hooks.pool.fetchrow("select kind, recipient from mail")
    assert mail is not None and tuple(mail) == ("webhook_paused", "owner@example.org")
    actions = await hooks.pool.fetch("select action from account_log where action = 'webhook_paused'")
    assert len(actions) == 1
    with pytest.raises(Refusal, match="wrong_state"):
        await hooks.delivery.test(CONSOLE, hooks.organisation, made.id)
    # resumed, it is told of what was held and of what happened meanwhile
    await hooks.book(3)
    await hooks.told()
    hooks.receiver.behaviour = 200
    await hooks.delivery.resume(CONSOLE, hooks.organisation, made.id)
    await hooks.told()
    await hooks.sent()
    assert [state for _, state, _ in await hooks.states()] == ["delivered", "delivered"]


async def test_an_endpoint_that_says_it_is_gone_is_paused_at_once(hooks: Hooks):
    made = await hooks.make()
    hooks.receiver.behaviour = 410
    await hooks.delivery.test(CONSOLE, hooks.organisation, made.id)
    await hooks.sent()
    assert not (await hooks.delivery.webhooks.find(CONSOLE, hooks.organisation, made.id)).active


async def test_a_job_that_was_given_up_is_told_once_to_its_organisation_only(hooks: Hooks, database_url: str):
    @hooks.registry.job(name="breaks", retries=0)
    async def breaks() -> None:
        raise ValueError("as asked")

    await hooks.make("job.*")
    async with hooks.pool.acquire() as tx:
        for tenant in (str(hooks.organisation), "", "somebody else"):
            await enqueue(tx, hooks.registry.find("breaks"), {}, Options(tenant=tenant))
    await hooks.sent()
    for _ in range(2):
        await hooks.told()
        await hooks.sent()
    (came,) = hooks.receiver.requests
    assert came["body"]["type"] == "job.given_up" and came["body"]["data"]["function"] == "breaks"
    assert "as asked" in came["body"]["data"]["error"]


async def test_private_addresses_are_not_sent_to_unless_allowed(hooks: Hooks):
    strict = WebhookDelivery(hooks.delivery.webhooks, WebhookSender(within_s=5), hooks.registry)
    made = await hooks.make()
    await strict.test(CONSOLE, hooks.organisation, made.id)
    delivery = await hooks.pool.fetchval("select id from webhook_delivery")
    with pytest.raises(Retry, match="no public address"):
        await strict.deliver(delivery)
    assert hooks.receiver.requests == []


async def test_a_crew_runs_deliveries_beside_other_jobs(hooks: Hooks):
    await hooks.make("booking.created")
    for hours in range(20):
        await hooks.book(hours)
    await hooks.told()
    async with crew_on(hooks.pool, hooks.registry, services={"webhook_delivery": hooks.delivery}) as crew:
        assert isinstance(crew, Crew)
        await work(crew)
    assert len(hooks.receiver.requests) == 20


async def test_alerts_go_by_mail_through_the_same_deliveries(hooks: Hooks):
    make = hooks.delivery.webhooks.make
    wish = WebhookRequest(url="mailto:night@example.org", events=["finding.opened"])
    made = await make(CONSOLE, hooks.organisation, wish, None)
    assert made.secret is None
    for wrong in ({"events": ["booking.*"]}, {"url": "mailto:nobody"}):
        with pytest.raises(Refusal, match="invalid_request"):
            await make(CONSOLE, hooks.organisation, msgspec.structs.replace(wish, **wrong), None)
    finding = OpenFinding(uuid4(), "disk_low", "disk@here", {"reason": "nearly full"})
    await hooks.stage.submit(finding)
    await hooks.told()
    await hooks.sent()
    assert await hooks.states() == [("finding.opened", "delivered", 1)]
    (mail,) = await hooks.pool.fetch("select kind, recipient, data from mail")
    assert (mail["kind"], mail["recipient"]) == ("alert", "night@example.org")
    assert "nearly full" in str(mail["data"]) and "disk_low (disk@here)" in str(mail["data"])
