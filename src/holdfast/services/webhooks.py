"""Endpoints: where an organisation is told of what happens. Made and changed by those who hold `jobs` in it and may see
names, as what is told names people. A secret is told once, when it is made.
"""

import os
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from holdfast.domain.actors import Actor, check_in
from holdfast.domain.errors import Refusal
from holdfast.domain.mail import address_of
from holdfast.domain.sites import Site
from holdfast.domain.webhooks import BY_MAIL, SECRET_BYTES, alerts_of, patterns_of, told_secret, types_of
from holdfast.gateways.webhooks import url_of
from holdfast.services.account_log import note
from holdfast.services.identity import new_id
from holdfast.services.sealing import Sealing
from holdfast.store import people as people_store
from holdfast.store import webhooks as store
from holdfast.store.connection import Connection
from holdfast.store.webhooks import AttemptRow, DeliveryRow, WebhookRow

RIGHT, SIGHT = "jobs", "names"
ENDPOINTS_MAX = 50
DESCRIPTION_CHARS_MAX = 200
OVERLAP_HOURS = 24.0
PAGE_MAX = 500
RECENT = 20
LAST_ID = UUID(int=2**128 - 1)
STATES = ("waiting", "delivered", "failed", "held")


class WebhookRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An endpoint to be made: of the organisation, or of one of its sites. `events` are types, groups such as
    `booking.*`, or `*` for all. A `url` of `mailto:` tells somebody by mail: of findings, and of jobs that
    were given up."""

    url: str
    events: list[str]
    site: str | None = None
    description: str = ""


class WebhookChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What of an endpoint is to be another; what is left out stays."""

    url: str | msgspec.UnsetType = msgspec.UNSET
    events: list[str] | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint. `secret` is told only in the answer by which it was made or changed; until `before_until` what is
    sent is also signed with the one before. `recent` are the states of the last deliveries, the newest first, in lists
    alone."""

    id: UUID
    url: str
    events: list[str]
    types: list[str]
    site: str | None
    description: str
    active: bool
    paused_at: datetime | None
    paused_by: str | None
    failing_since: datetime | None
    before_until: datetime | None
    created_by: str
    created_at: datetime
    recent: list[str] = []
    secret: str | None = None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one endpoint; `id` is its `webhook-id`, the same in every attempt."""

    id: str
    type: str
    state: str
    attempts: int
    status: int | None
    error: str | None
    created_at: datetime
    ended_at: datetime | None


class DeliveryDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery with what was sent, and what became of each attempt."""

    delivery: DeliveryView
    payload: msgspec.Raw
    tries: list[AttemptRow]


class WebhookRules(msgspec.Struct, frozen=True):
    """Whether plain http may be used, and after how many days of failures nothing is tried any more."""

    http: bool = False
    pause_days: float = 5.0


class Webhooks:
    """Endpoints as people handle them."""

    def __init__(self, pool: asyncpg.Pool, sealing: Sealing, rules: WebhookRules) -> None:
        self.pool = pool
        self.rules = rules
        self._sealing = sealing

    async def make(
        self, actor: Actor, organisation_id: UUID, request: WebhookRequest, site: Site | None
    ) -> WebhookView:
        """A new endpoint, told of what happens from now on.

        Raises:
            Refusal: `unauthorised`, `not_allowed`, `unknown_organisation`, `invalid_request`, `quota_reached`,
                `unavailable` without a key to seal its secret with.
        """
        _check(actor, organisation_id, changes=True)
        if await people_store.organisation(self.pool, organisation_id) is None:
            raise Refusal("unknown_organisation", organisation=str(organisation_id))
        url, events = self._target(request.url, request.events)
        id, secret = new_id(), os.urandom(SECRET_BYTES)
        now = datetime.min
        row = WebhookRow(
            id, organisation_id, site.id if site else None, None, url, _line(request.description), events,
            self._sealing.seal_or_refuse(secret, _about(id)), None, None, None, None, None, actor.name, now, now,
        )  # fmt: skip
        async with self.pool.acquire() as tx, tx.transaction():
            if await store.count(tx, organisation_id) >= ENDPOINTS_MAX:
                raise Refusal("quota_reached", problem=f"an organisation has up to {ENDPOINTS_MAX} endpoints")
            await store.insert(tx, row)
            await note(tx, actor, "webhook_made", organisation_id=organisation_id, webhook=str(id), url=url)
        return await self._view(id, secret)

    async def page(self, actor: Actor, organisation_id: UUID) -> list[WebhookView]:
        """All endpoints of an organisation, in the order of their making."""
        _check(actor, organisation_id)
        rows = await store.page(self.pool, organisation_id, ENDPOINTS_MAX)
        recent = await store.recent(self.pool, [row.id for row in rows], RECENT)
        return [msgspec.structs.replace(view(row), recent=recent.get(row.id, [])) for row in rows]

    async def find(self, actor: Actor, organisation_id: UUID, id: UUID) -> WebhookView:
        """Raises:
        Refusal: `unknown_webhook`; as `make`.
        """
        _check(actor, organisation_id)
        return view(_of(await store.one(self.pool, id), organisation_id, id))

    async def change(self, actor: Actor, organisation_id: UUID, id: UUID, wish: WebhookChange) -> WebhookView:
        """Raises:
        Refusal: as `find` and `make`; `nothing_to_change`.
        """
        _check(actor, organisation_id, changes=True)
        async with self.pool.acquire() as tx, tx.transaction():
            row = _of(await store.lock(tx, id), organisation_id, id)
            wanted = row.events if wish.events is msgspec.UNSET else wish.events
            url, events = self._target(row.url if wish.url is msgspec.UNSET else wish.url, wanted)
            description = row.description if wish.description is msgspec.UNSET else _line(wish.description)
            if (url, events, description) == (row.url, row.events, row.description):
                raise Refusal("nothing_to_change")
            await store.change(tx, id, url, description, events)
            await note(tx, actor, "webhook_changed", organisation_id=organisation_id, webhook=str(id), url=url)
        return await self._view(id)

    async def rotate(self, actor: Actor, organisation_id: UUID, id: UUID) -> WebhookView:
        """A new secret, told in this answer; for a day what is sent is signed with both."""
        _check(actor, organisation_id, changes=True)
        secret = os.urandom(SECRET_BYTES)
        async with self.pool.acquire() as tx, tx.transaction():
            _of(await store.lock(tx, id), organisation_id, id)
            await store.rotate(tx, id, self._sealing.seal_or_refuse(secret, _about(id)), OVERLAP_HOURS)
            await note(tx, actor, "webhook_rotated", organisation_id=organisation_id, webhook=str(id))
        return await self._view(id, secret)

    async def pause(self, actor: Actor, organisation_id: UUID, id: UUID) -> WebhookView:
        """Nothing is sent any more; what happens is told once it goes on.

        Raises:
            Refusal: as `find`; `nothing_to_change`.
        """
        _check(actor, organisation_id)
        async with self.pool.acquire() as tx, tx.transaction():
            _of(await store.lock(tx, id), organisation_id, id)
            if not await store.pause(tx, id, actor.name):
                raise Refusal("nothing_to_change")
            await note(tx, actor, "webhook_paused", organisation_id=organisation_id, webhook=str(id))
        return await self._view(id)

    async def remove(self, actor: Actor, organisation_id: UUID, id: UUID) -> None:
        """With its deliveries."""
        _check(actor, organisation_id)
        async with self.pool.acquire() as tx, tx.transaction():
            _of(await store.lock(tx, id), organisation_id, id)
            await store.remove(tx, id)
            await note(tx, actor, "webhook_removed", organisation_id=organisation_id, webhook=str(id))

    async def deliveries(
        self, actor: Actor, organisation_id: UUID, id: UUID, *, state: str | None, before: str | None, limit: int
    ) -> list[DeliveryView]:
        """What was sent, newest first, before one of them.

        Raises:
            Refusal: as `find`; `invalid_request` for a state that none has; `unknown_delivery`.
        """
        await self.find(actor, organisation_id, id)
        if state is not None and state not in STATES:
            raise Refusal("invalid_request", field="state", given=state[:40], possible=[*STATES])
        edge = LAST_ID if before is None else id_of_message(before)
        rows = await store.deliveries(self.pool, id, edge, state, min(max(limit, 1), PAGE_MAX))
        return [delivery_view(row) for row in rows]

    async def delivery(self, actor: Actor, organisation_id: UUID, id: UUID, message: str) -> DeliveryDetail:
        """Raises:
        Refusal: as `find`; `unknown_delivery`. What was sent names people: `not_allowed` for who may not see names.
        """
        _check(actor, organisation_id, changes=True)
        await self.find(actor, organisation_id, id)
        row = await store.delivery(self.pool, id_of_message(message))
        if row is None or row.webhook_id != id:
            raise Refusal("unknown_delivery", delivery=message[:60])
        return DeliveryDetail(
            delivery=delivery_view(row), payload=msgspec.Raw(row.payload.encode()),
            tries=await store.attempts(self.pool, row.id),
        )  # fmt: skip

    def _target(self, url: str, events: list[str]) -> tuple[str, list[str]]:
        """Address and events as they are kept: an endpoint's, or `mailto:` somebody who is told of alerts."""
        if url.startswith(BY_MAIL):
            return BY_MAIL + address_of(url.removeprefix(BY_MAIL), field="url"), alerts_of(events)
        return url_of(url, http=self.rules.http), patterns_of(events)

    def secrets_of(self, row: WebhookRow) -> list[bytes]:
        """Those that count now, the newest first.

        Raises:
            SealingError: the key they were sealed with is not here.
        """
        found = [self._sealing.open(row.secret, _about(row.id))]
        if row.secret_before is not None and row.before_until is not None and row.before_until > row.now:
            found.append(self._sealing.open(row.secret_before, _about(row.id)))
        return found

    async def reseal(self) -> int:
        """Seals the secrets of all endpoints with the newest key; of how many. Those that no key opens stay."""
        count = 0
        async with self.pool.acquire() as tx, tx.transaction():
            for id, secret, before in await store.sealed(tx):
                fresh = self._sealing.resealed(secret, _about(id))
                if fresh is not None:
                    count += 1
                    older = None if before is None else self._sealing.resealed(before, _about(id))
                    await store.reseal(tx, id, fresh, older)
        return count

    async def locked(self, tx: Connection, actor: Actor, organisation_id: UUID, id: UUID) -> WebhookRow:
        """An endpoint for somebody who may have something sent to it, locked until the transaction ends.

        Raises:
            Refusal: as `find`.
        """
        _check(actor, organisation_id)
        return _of(await store.lock(tx, id), organisation_id, id)

    async def _view(self, id: UUID, secret: bytes | None = None) -> WebhookView:
        row = await store.one(self.pool, id)
        if row is None:
            raise Refusal("unknown_webhook", webhook=str(id))
        return view(row, secret)


def view(row: WebhookRow, secret: bytes | None = None) -> WebhookView:
    is_overlapping = row.before_until is not None and row.before_until > row.now
    return WebhookView(
        id=row.id, url=row.url, events=row.events, types=sorted(types_of(row.events)), site=row.site,
        description=row.description, active=row.paused_at is None, paused_at=row.paused_at, paused_by=row.paused_by,
        failing_since=row.failing_since, before_until=row.before_until if is_overlapping else None,
        created_by=row.created_by, created_at=row.created_at,
        secret=told_secret(secret) if secret is not None and not row.url.startswith(BY_MAIL) else None,
    )  # fmt: skip


def delivery_view(row: DeliveryRow) -> DeliveryView:
    return DeliveryView(
        id=message_id(row.id), type=row.type, state=row.state, attempts=row.attempts, status=row.status,
        error=row.error, created_at=row.created_at, ended_at=row.ended_at,
    )  # fmt: skip


def message_id(id: UUID) -> str:
    """What a receiver knows a message by."""
    return f"msg_{id.hex}"


def id_of_message(given: str) -> UUID:
    """Raises:
    Refusal: `unknown_delivery`.
    """
    try:
        return UUID(given.removeprefix("msg_"))
    except ValueError:
        raise Refusal("unknown_delivery", delivery=given[:60]) from None


def _check(actor: Actor, organisation_id: UUID, *, changes: bool = False) -> None:
    check_in(actor, RIGHT, organisation_id)
    if changes:
        check_in(actor, SIGHT, organisation_id)


def _of(row: WebhookRow | None, organisation_id: UUID, id: UUID) -> WebhookRow:
    if row is None or row.organisation_id != organisation_id:
        raise Refusal("unknown_webhook", webhook=str(id))
    return row


def _about(id: UUID) -> bytes:
    return b"webhook:" + id.bytes


def _line(text: str) -> str:
    if len(text) > DESCRIPTION_CHARS_MAX or not text.isprintable():
        problem = f"has up to {DESCRIPTION_CHARS_MAX} printable characters"
        raise Refusal("invalid_request", field="description", problem=problem)
    return text.strip()
