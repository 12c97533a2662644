"""What happens becomes deliveries, and deliveries are sent: each at least once, in no order that is promised.

Up to where an endpoint has been told of a site moves in the transaction that puts its deliveries and their jobs in, so
nothing is left out whatever crashes; jobs that were given up are told of by their absence from the deliveries. A
receiver knows a repetition by its `webhook-id`.

A delivery is tried by one worker at a time, which claims it for as long as a whole exchange may take. Sent again by
hand it gets a new turn: jobs of the turn before leave it alone, so there is never more than one line of attempts.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from holdfast.domain.actors import CONSOLE, Actor
from holdfast.domain.errors import Refusal
from holdfast.domain.webhooks import BY_MAIL, GIVEN_UP, TEST, signature, types_of, wait_s
from holdfast.gateways.webhooks import Answered, WebhookSender
from holdfast.services import mail
from holdfast.services.account_log import note
from holdfast.services.identity import new_id
from holdfast.services.jobs.context import JobContext, Retry
from holdfast.services.jobs.enqueueing import Options, enqueue_many
from holdfast.services.jobs.registry import Job, Registry
from holdfast.services.sealing import SealingError
from holdfast.services.webhooks import DeliveryView, Webhooks, delivery_view, id_of_message, message_id
from holdfast.store import reads
from holdfast.store import webhooks as store
from holdfast.store.connection import Connection
from holdfast.store.webhooks import NewDelivery, Pair, Tried, WebhookRow

FUNCTION, QUEUE = "holdfast.webhook", "webhooks"
JOB_S = 60.0
JOB_ATTEMPTS = 1_000
"""As often as waits of ours ask for; when it is enough is counted by deliveries, not by jobs."""
CLAIM_MORE_S, CLAIM_AGAIN_S = 10.0, 0.5
"""Beyond the longest exchange: what writing down its end may take, and how much later another one looks again."""
LINES_MAX = 500
PAIRS_MAX = 500
JOBS_MAX = 500
HELD_MAX = 5_000
KEPT_DAYS = 30.0
FORGET_MAX = 5_000
FAILURES = "failures"
NOBODY_YET = UUID(int=0)

log = structlog.get_logger("holdfast.webhooks")


class Payload(msgspec.Struct, frozen=True):
    """What a receiver reads: the event's type, when it became true, and what it says."""

    type: str
    timestamp: Any
    data: dict[str, Any]


class WebhookDelivery:
    """Tells endpoints from a pool. Any number of processes may do so."""

    def __init__(self, webhooks: Webhooks, sender: WebhookSender, registry: Registry) -> None:
        self._pool = webhooks.pool
        self.webhooks = webhooks
        self._sender = sender
        self._job: Job = registry.find(FUNCTION)

    # -- what happens becomes deliveries ---------------------------------------------------------------------------

    async def tell(self, among: Sequence[int] | None = None, *, beat: Callable[[], None] = lambda: None) -> bool:
        """Puts deliveries in for what has happened at sites named, or all; True when there is more."""
        after: Pair = (NOBODY_YET, 0)
        more = False
        while True:
            pairs = await store.due(self._pool, among, after, PAIRS_MAX)
            for pair in pairs:
                more = await self._tell_of(pair) or more
                beat()
            if len(pairs) < PAIRS_MAX:
                break
            after = pairs[-1]
        if among is None:
            more = await self._tell_of_jobs() or more
            more = await self._go_on() or more
        return more

    async def _tell_of(self, pair: Pair) -> bool:
        async with self._pool.acquire() as tx, tx.transaction():
            row, position = await store.one(tx, pair[0]), await store.locked_position(tx, pair)
            if row is None or row.paused_at is not None or position is None or position.version >= position.until:
                return False
            until = min(position.version + LINES_MAX, position.until)
            wanted = reads.LineFilter(types=tuple(sorted(types_of(row.events))))
            lines = await reads.journal(
                tx, pair[1], after=position.version, until=until, limit=LINES_MAX, wanted=wanted
            )
            await self._put_in(tx, row, [_of_line(row.id, pair[1], position.slug, line) for line in lines])
            await store.move_position(tx, pair, until)
            return until < position.until

    async def _tell_of_jobs(self) -> bool:
        patterns = [GIVEN_UP, "job.*", "*"]
        rows = await store.given_up(self._pool, patterns, FUNCTION, JOBS_MAX)
        for row in rows:
            found = await store.one(self._pool, row["webhook_id"])
            if found is not None:
                async with self._pool.acquire() as tx, tx.transaction():
                    await self._put_in(tx, found, [_of_job(row)])
        return len(rows) >= JOBS_MAX

    async def _go_on(self) -> bool:
        """What was held while an endpoint was paused waits again."""
        more = False
        for id in await store.going_on(self._pool, PAIRS_MAX):
            async with self._pool.acquire() as tx, tx.transaction():
                row = await store.lock(tx, id)
                if row is not None and row.paused_at is None:
                    held = await store.let_go_on(tx, id, HELD_MAX)
                    await self._enqueue(tx, row, held)
                    more = more or len(held) >= HELD_MAX
        return more

    async def _put_in(self, tx: Connection, row: WebhookRow, new: Sequence[NewDelivery]) -> None:
        made = await store.put_in(tx, new) if new else []
        await self._enqueue(tx, row, [(each[0], 0) for each in made])

    async def _enqueue(self, tx: Connection, row: WebhookRow, deliveries: Sequence[tuple[UUID, int]]) -> None:
        options = Options(tenant=str(row.organisation_id), attempts_max=JOB_ATTEMPTS)
        if deliveries:
            await enqueue_many(tx, self._job, [_args(id, turn) for id, turn in deliveries], options)

    # -- by hand -----------------------------------------------------------------------------------------------------

    async def test(self, actor: Actor, organisation_id: UUID, id: UUID) -> DeliveryView:
        """Sends a message of the type `webhook.test`, also to an endpoint that wants other events only.

        Raises:
            Refusal: `unknown_webhook`, `not_allowed`, `wrong_state` for one that is paused.
        """
        async with self._pool.acquire() as tx, tx.transaction():
            row = await self.webhooks.locked(tx, actor, organisation_id, id)
            if row.paused_at is not None:
                raise Refusal("wrong_state", problem="it is paused; resume it first")
            delivery = new_id()
            payload = Payload(TEST, row.now, {"webhook": str(id), "sent_by": actor.name})
            new = NewDelivery(delivery, id, f"test:{delivery}", TEST, _encode(payload))
            await self._put_in(tx, row, [new])
        return await self._delivery(delivery)

    async def redeliver(self, actor: Actor, organisation_id: UUID, id: UUID, message: str) -> DeliveryView:
        """Sends a message again, under its id; one more attempt at it, and those that follow if that fails. One that is
        still being tried is tried at once, and not by two.

        Raises:
            Refusal: as `test`; `unknown_delivery`.
        """
        delivery = id_of_message(message)
        async with self._pool.acquire() as tx, tx.transaction():
            row = await self.webhooks.locked(tx, actor, organisation_id, id)
            if row.paused_at is not None:
                raise Refusal("wrong_state", problem="it is paused; resume it first")
            turn = await store.next_turn(tx, delivery, id)
            if turn is None:
                raise Refusal("unknown_delivery", delivery=message[:60])
            await self._enqueue(tx, row, [(delivery, turn)])
        return await self._delivery(delivery)

    async def resume(self, actor: Actor, organisation_id: UUID, id: UUID) -> None:
        """Goes on where it was, soon: what was held, and what has happened since.

        Raises:
            Refusal: as `test`; `nothing_to_change` when it is not paused.
        """
        async with self._pool.acquire() as tx, tx.transaction():
            await self.webhooks.locked(tx, actor, organisation_id, id)
            if not await store.resume(tx, id):
                raise Refusal("nothing_to_change")
            await note(tx, actor, "webhook_resumed", organisation_id=organisation_id, webhook=str(id))

    # -- deliveries are sent -------------------------------------------------------------------------------------------

    async def deliver(self, id: UUID, *, turn: int = 0) -> dict[str, Any]:
        """One attempt at a delivery, if it is its turn's to make.

        Raises:
            Retry: it was not taken, and is tried again; or somebody else is at it.
        """
        claim = await store.claim(self._pool, id, turn, self._sender.within_s + CLAIM_MORE_S)
        if claim is None:
            left_s = await store.claimed_for(self._pool, id, turn)
            if left_s is not None:
                raise Retry(left_s + CLAIM_AGAIN_S, "another worker is sending it")
            return {"sent": False}
        row = await store.one(self._pool, claim.webhook_id)
        if row is None:
            return {"sent": False}
        if row.paused_at is not None:
            await store.hold(self._pool, id, turn)
            return {"sent": False, "held": True}
        answered = await self._send(row, id, claim.payload.encode())
        tried = Tried(answered.status, answered.took_ms, answered.error, answered.answer)
        if answered.is_taken:
            await store.note_attempt(self._pool, id, turn, tried, "delivered")
            await store.succeeded(self._pool, row.id)
            return {"sent": True, "status": answered.status}
        next_in_s = wait_s(claim.number, random.random(), answered.retry_after_s)  # noqa: S311 spreads only
        is_paused = await self._failed(row, answered)
        state = "held" if is_paused else "waiting" if next_in_s is not None else "failed"
        await store.note_attempt(self._pool, id, turn, tried, state)
        if state == "waiting" and next_in_s is not None:
            raise Retry(next_in_s, answered.error or "not taken")
        return {"sent": False, "error": answered.error}

    async def _send(self, row: WebhookRow, id: UUID, body: bytes) -> Answered:
        if row.url.startswith(BY_MAIL):
            return await self._hand_to_mail(row, id, body)
        timestamp = int(row.now.timestamp())
        try:
            signed = signature(self.webhooks.secrets_of(row), message_id(id), timestamp, body)
        except SealingError as error:
            return Answered(0.0, error=str(error)[:300])
        headers = {
            "webhook-id": message_id(id), "webhook-timestamp": str(timestamp), "webhook-signature": signed,
        }  # fmt: skip
        return await self._sender.send(row.url, headers, body)

    async def _hand_to_mail(self, row: WebhookRow, id: UUID, body: bytes) -> Answered:
        """Puts an alert into the queue of mails, once: from there on it is tried for a day, as every mail is."""
        told = msgspec.json.decode(body)
        recipient = row.url.removeprefix(BY_MAIL)
        async with self._pool.acquire() as tx, tx.transaction():
            whom = await store.reader(tx, row.organisation_id, recipient)
            await mail.enqueue(
                tx, kind="alert", recipient=recipient, language=whom["language"] or "en",
                organisation_id=row.organisation_id, dedupe_key=f"alert:{id}", data=_alert(whom["organisation"], told),
            )  # fmt: skip
        return Answered(0.0, 202, answer="handed to the queue of mails")

    async def _failed(self, row: WebhookRow, answered: Answered) -> bool:
        """Whether the endpoint is paused by this failure: it has taken nothing for days, or says that it is gone."""
        found = await store.failing(self._pool, row.id, self.webhooks.rules.pause_days)
        if found is None:
            return False
        since, is_too_long = found
        if not is_too_long and answered.status != 410:
            return False
        async with self._pool.acquire() as tx, tx.transaction():
            if await store.pause(tx, row.id, FAILURES):
                why = "it says that it is gone" if answered.status == 410 else answered.error or "not taken"
                log.warning("an endpoint was paused", webhook=str(row.id), since=since.isoformat(), error=why)
                await note(
                    tx, CONSOLE, "webhook_paused", organisation_id=row.organisation_id, webhook=str(row.id),
                    url=row.url, reason=why,
                )  # fmt: skip
                for owner in await store.owners(tx, row.organisation_id):
                    await mail.enqueue(
                        tx, kind="webhook_paused", recipient=owner["email"], language=owner["language"],
                        organisation_id=row.organisation_id,
                        data={"organisation": owner["organisation"], "webhook": row.url, "reason": why},
                    )  # fmt: skip
        return True

    async def forget(self) -> bool:
        """Lets go of deliveries that ended a month ago; True when there may be more of them."""
        return await store.forget(self._pool, KEPT_DAYS, FORGET_MAX) >= FORGET_MAX

    async def _delivery(self, id: UUID) -> DeliveryView:
        found = await store.delivery(self._pool, id)
        if found is None:
            raise Refusal("unknown_delivery", delivery=message_id(id))
        return delivery_view(found)


async def deliver(ctx: JobContext, delivery: str, turn: int = 0) -> dict[str, Any]:
    """The job: one attempt at a delivery, in one of its turns."""
    service: WebhookDelivery = ctx.services["webhook_delivery"]
    return await service.deliver(UUID(delivery), turn=turn)


def register(registry: Registry) -> None:
    """Makes the job known to a registry."""
    registry.job(name=FUNCTION, queue=QUEUE, timeout_s=JOB_S)(deliver)


def _args(id: UUID, turn: int) -> dict[str, Any]:
    # the first turn is not named, so that a process of the version before can make its attempts
    return {"delivery": str(id), "turn": turn} if turn else {"delivery": str(id)}


def _alert(organisation: str, told: dict[str, Any]) -> dict[str, Any]:
    """What a mail says of an event: where, what about, why."""
    data = told["data"]
    finding = (data.get("data") or {}).get("finding") or {}
    why = (finding.get("data") or {}).get("reason") or data.get("error") or finding.get("reason") or ""
    site = data.get("site") or ""
    about = f"{finding['rule']} ({finding['subject']})" if finding else data.get("function") or ""
    return {
        "organisation": organisation, "site": site or organisation, "event": told["type"], "about": str(about)[:200],
        "reason": str(why)[:300], "page": f"/console/{site}/findings" if site else "/console/jobs",
    }  # fmt: skip


def _of_line(webhook_id: UUID, site_id: int, slug: str, line: asyncpg.Record) -> NewDelivery:
    data = {
        "site": slug, "version": line["version"], "at": line["at"], "subject": line["subject"], "actor": line["actor"],
        "cause": line["cause"], "data": msgspec.Raw(line["data"]),
    }  # fmt: skip
    payload = Payload(line["type"], line["effective_at"], data)
    return NewDelivery(new_id(), webhook_id, f"journal:{site_id}:{line['version']}", line["type"], _encode(payload))


def _of_job(row: asyncpg.Record) -> NewDelivery:
    data = {
        "job": row["id"], "function": row["name"], "queue": row["queue"], "attempts": row["attempt"],
        "reason": row["reason"], "error": row["error"], "schedule": row["schedule_id"],
    }  # fmt: skip
    payload = Payload(GIVEN_UP, row["died_at"], data)
    return NewDelivery(new_id(), row["webhook_id"], f"job:{row['id']}:{row['attempt']}", GIVEN_UP, _encode(payload))


def _encode(payload: Payload) -> str:
    return msgspec.json.encode(payload).decode()
