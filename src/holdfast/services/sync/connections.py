"""A store's connections: made, changed, listed, taken out; their secrets encrypted, their schedules set.

What is secret goes in and is never told again, not even in part. Each change is a line of the store's journal.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, Meta, UnsetType

from holdfast.domain.errors import Refusal
from holdfast.domain.sites import Site
from holdfast.domain.sync import events
from holdfast.domain.sync.due import (
    VERIFICATION_DAYS,
    VERIFICATION_RULE,
    WHEN,
    Schedule,
    due_at,
    expected_at,
    was_due_at,
)
from holdfast.domain.sync.rows import Unreadable, amount
from holdfast.domain.sync.rules import following, parsed
from holdfast.gateways.addresses import Reachable
from holdfast.gateways.shops.http import Outside
from holdfast.gateways.shops.source import Source, SourceError
from holdfast.services.sync.kinds import kind_of, read_config, read_secret, streams_of
from holdfast.services.sync.kit import SyncKit
from holdfast.services.sync.limiter import SharedLimiter
from holdfast.services.vault import Vault, VaultError
from holdfast.store import connections as store
from holdfast.store import runs, verifications
from holdfast.store.connection import Connection

CONNECTIONS_MAX = 50
UPLOAD = "upload"
"""The kind that nothing can be fetched from: its rows are handed in."""
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Object = dict[str, Any]
OpenVault = Callable[[], Vault]
Ends = dict[tuple[int, str], runs.StreamEnd]

_encode = msgspec.json.Encoder().encode


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all requests have in common."""


class SyncScheduleRequest(_Request, frozen=True):
    """When a stream is synced by itself, in the store's zone: a cron `rule`, `always` or `while_watched`, and only when
    its data is older than `older_than_s`. What is left out stays."""

    rule: Annotated[str, Meta(max_length=100)] | None = None
    when: str | None = None
    older_than_s: Annotated[int, Meta(ge=0, le=31_622_400)] | None = None
    is_enabled: bool | None = None


class ConnectionRequest(_Request, frozen=True):
    """A source to connect. `config` and `secret` are as its kind asks for; `schedules` are by stream."""

    kind: Annotated[str, Meta(max_length=40, examples=["shopify", "meta_ads", "google_ads", "rest", "upload"])]
    name: Name
    config: Object = {}
    secret: Object | None = None
    schedules: dict[str, SyncScheduleRequest] = {}


class ConnectionChangeRequest(_Request, frozen=True):
    """What to change of a connection; what is left out stays. A new `secret` replaces all of the one before."""

    name: Name | None = None
    config: Object | None = None
    secret: Object | UnsetType | None = UNSET
    is_enabled: bool | None = None
    schedules: dict[str, SyncScheduleRequest] = {}


class RateRequest(_Request, frozen=True):
    """From `day` on one unit of `currency` is `rate` units of the store's own."""

    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    day: date
    rate: Annotated[str, Meta(max_length=30, examples=["1.0834"])]


class RateView(msgspec.Struct, frozen=True):
    currency: str
    into: str
    day: date
    rate: str


class LastRead(msgspec.Struct, frozen=True):
    """How a stream was last read: the state its stage ended in, and of how many rows that is said."""

    run: UUID
    state: str
    n: int
    reason: str | None
    ended_at: datetime


class StreamView(msgspec.Struct, frozen=True):
    """What a connection brings: up to when all of it is in, when that was last proved, when it is synced. It is as
    fresh as its schedule wants it while `complete_until` is not before `was_due_at` by more than the age that the
    schedule allows."""

    name: str
    complete_until: datetime | None
    verified_at: datetime | None
    schedule: Schedule
    was_due_at: datetime | None
    next_at: datetime | None
    last: LastRead | None


class ConnectionView(msgspec.Struct, frozen=True):
    """A connection. `has_secret` is all that is ever told of its secret."""

    id: int
    kind: str
    name: str
    config: Object
    has_secret: bool
    is_enabled: bool
    is_syncing: bool
    failures: int
    paused_until: datetime | None
    streams: list[StreamView]
    created_at: datetime


class Connections:
    """The connections of all stores. Sources are asked at `reachable` addresses only. `open_vault` opens the vault when
    it is first needed, and anew when a secret was encrypted with a key that came later."""

    def __init__(self, kit_pool: asyncpg.Pool, open_vault: OpenVault, reachable: Reachable) -> None:
        self._open_vault = open_vault
        self._vault: Vault | None = None
        self._outside = Outside(SharedLimiter(kit_pool), reachable)

    # -- sources -------------------------------------------------------------------------------------------------------

    async def source(self, site: Site, row: store.ConnectionRow) -> Source:
        """The opened source of a connection.

        Raises:
            SourceError: its secret cannot be read, or is missing.
        """
        kind = kind_of(row.kind)
        secret = self.secret_of(row)
        if secret is None and kind.needs_secret:
            raise SourceError("its secret is missing")
        return kind.open(self._outside, site, read_config(row.kind, row.config), secret)

    def secret_of(self, row: store.ConnectionRow) -> Any:
        """A connection's secret in the clear, for talking to its source only; None when it has none.

        Raises:
            SourceError: it cannot be decrypted.
        """
        if row.secret is None or row.secret_key_id is None:
            return None
        bound_to = _bound_to(row.site_id, row.id)
        try:
            try:
                text = self.vault().decrypt(row.secret, row.secret_key_id, bound_to)
            except VaultError:
                text = self.vault(anew=True).decrypt(row.secret, row.secret_key_id, bound_to)
        except VaultError as error:
            raise SourceError(f"its secret cannot be read: {error}") from None
        return msgspec.json.decode(text, type=kind_of(row.kind).secret)

    def vault(self, *, anew: bool = False) -> Vault:
        if self._vault is None or anew:
            self._vault = self._open_vault()
        return self._vault

    async def rotates_alone(self, connection: Connection) -> bool:
        """Whether nobody else changes the key; then nobody does until the connection is given back."""
        return await store.rotates_alone(connection)

    async def rotate(self, connection: Connection) -> int:
        """Encrypts every secret with the present key; how many were with others. Those that no key opens stay."""
        vault = self.vault(anew=True)
        count, behind = 0, (0, 0)
        while rows := await store.under_other_keys(connection, vault.key_id, behind):
            for site_id, connection_id, sealed, key_id in rows:
                behind, bound_to = (site_id, connection_id), _bound_to(site_id, connection_id)
                try:
                    text = vault.decrypt(sealed, key_id, bound_to)
                except VaultError:
                    continue
                await store.replace_secret(
                    connection, site_id, connection_id, sealed, vault.encrypt(text, bound_to), vault.key_id
                )
                count += 1
        return count

    # -- changes -------------------------------------------------------------------------------------------------------

    async def create(self, kit: SyncKit, site: Site, request: ConnectionRequest, *, actor: str) -> ConnectionView:
        """Raises:
        Refusal: `invalid_request`, `already_exists`.
        """
        config = read_config(request.kind, request.config)
        streams = streams_of(request.kind, config)
        schedules = _schedules(streams, {}, request.schedules)
        if request.secret is None and kind_of(request.kind).needs_secret:
            raise Refusal("invalid_request", field="secret", problem="is missing")
        secret = None if request.secret is None else _encode(read_secret(request.kind, request.secret))
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            if len(await store.of_site(connection, site.id)) >= CONNECTIONS_MAX:
                raise Refusal("invalid_request", field="name", problem=f"a store has {CONNECTIONS_MAX} at most")
            made = await store.insert(connection, site.id, kind=request.kind, name=request.name, config=config)
            if made is None:
                raise Refusal("already_exists", field="name", given=request.name)
            await self._keep_secret(connection, site.id, made, secret)
            for name in streams:
                at = _due_at(site, schedules[name], lines.now) if request.kind != UPLOAD else None
                await store.insert_stream(connection, site.id, made, name, schedules[name], at)
            first = following(VERIFICATION_RULE, lines.now, site.zone)
            await verifications.begin(connection, site.id, rule=VERIFICATION_RULE, days=VERIFICATION_DAYS, due_at=first)
            told = {"connection": made, "name": request.name, "kind": request.kind}
            lines.add(events.CONNECTION_CHANGED, str(made), told, actor=actor, cause="created")
        return await self.view(kit, site, made)

    async def change(
        self, kit: SyncKit, site: Site, connection_id: int, request: ConnectionChangeRequest, *, actor: str
    ) -> ConnectionView:
        """Raises:
        Refusal: `unknown_connection`, `invalid_request`, `already_exists`.
        """
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            row = await self._row(connection, site, connection_id)
            config = read_config(row.kind, row.config if request.config is None else request.config)
            there = {s.name: s for s in await store.streams(connection, site.id) if s.connection_id == row.id}
            if set(streams_of(row.kind, config)) != set(there):
                raise Refusal("invalid_request", field="config.stream", problem="cannot change; make another one")
            name = request.name if request.name is not None else row.name
            is_enabled = row.is_enabled if request.is_enabled is None else request.is_enabled
            try:
                async with connection.transaction():
                    await store.update(connection, site.id, row.id, name=name, config=config, is_enabled=is_enabled)
            except asyncpg.UniqueViolationError:
                raise Refusal("already_exists", field="name", given=name) from None
            if request.secret is not UNSET:
                secret = None if request.secret is None else _encode(read_secret(row.kind, request.secret))
                await self._keep_secret(connection, site.id, row.id, secret)
            known = {stream: one.schedule for stream, one in there.items()}
            for stream, schedule in _schedules(tuple(there), known, request.schedules).items():
                at = _due_at(site, schedule, lines.now) if row.kind != UPLOAD else None
                await store.set_schedule(connection, site.id, row.id, stream, schedule, at)
            told = {"connection": row.id, "name": name, "kind": row.kind, "is_enabled": is_enabled}
            lines.add(events.CONNECTION_CHANGED, str(row.id), told, actor=actor, cause="changed")
        return await self.view(kit, site, connection_id)

    async def delete(self, kit: SyncKit, site: Site, connection_id: int, *, actor: str) -> None:
        """Takes a connection out with all it brought.

        Raises:
            Refusal: `unknown_connection`, `wrong_state` while a run is at it.
        """
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            row = await self._row(connection, site, connection_id)
            if not await store.delete(connection, site.id, connection_id):
                raise Refusal("wrong_state", state="syncing", problem="a run is at it; stop it first")
            told = {"connection": row.id, "name": row.name, "kind": row.kind}
            lines.add(events.CONNECTION_CHANGED, str(row.id), told, actor=actor, cause="deleted")

    async def set_rate(self, kit: SyncKit, site: Site, request: RateRequest, *, actor: str) -> RateView:
        """Raises:
        Refusal: `invalid_request` for a rate that is none.
        """
        own = site.settings.currency
        try:
            rate = amount(request.rate, "rate")
        except Unreadable as error:
            raise Refusal("invalid_request", field="rate", problem=str(error)) from None
        if rate <= 0 or request.currency == own:
            problem = "must be above zero" if rate <= 0 else "is the store's own"
            raise Refusal("invalid_request", field="rate" if rate <= 0 else "currency", problem=problem)
        view = RateView(request.currency, own, request.day, _plain(rate))
        async with kit.pool.acquire() as connection, kit.journal.locked(connection, site.id) as lines:
            await store.set_rate(connection, site.id, request.currency, own, request.day, rate)
            lines.add(events.CONNECTION_CHANGED, request.currency, view, actor=actor, cause="rate_set")
        return view

    # -- views ---------------------------------------------------------------------------------------------------------

    async def view(self, kit: SyncKit, site: Site, connection_id: int) -> ConnectionView:
        """Raises:
        Refusal: `unknown_connection`.
        """
        for one in await self.page(kit, site):
            if one.id == connection_id:
                return one
        raise Refusal("unknown_connection", connection=connection_id)

    async def page(self, kit: SyncKit, site: Site) -> list[ConnectionView]:
        async with kit.pool.acquire() as connection:
            rows = await store.of_site(connection, site.id)
            streams = await store.streams(connection, site.id)
            ends = await runs.last_ends(connection, site.id)
            now: datetime = await connection.fetchval("select now()")
        return [_view(site, row, [s for s in streams if s.connection_id == row.id], ends, now) for row in rows]

    async def rates(self, kit: SyncKit, site: Site) -> list[RateView]:
        async with kit.pool.acquire() as connection:
            found = await store.rates(connection, site.id)
        return [RateView(currency, into, day, _plain(rate)) for currency, into, day, rate in found]

    async def row(self, kit: SyncKit, site: Site, connection_id: int) -> store.ConnectionRow:
        """Raises:
        Refusal: `unknown_connection`.
        """
        async with kit.pool.acquire() as connection:
            return await self._row(connection, site, connection_id)

    async def _row(self, connection: Connection, site: Site, connection_id: int) -> store.ConnectionRow:
        row = await store.one(connection, site.id, connection_id)
        if row is None:
            raise Refusal("unknown_connection", connection=connection_id)
        return row

    async def _keep_secret(
        self, connection: Connection, site_id: int, connection_id: int, secret: bytes | None
    ) -> None:
        if secret is None:
            return await store.set_secret(connection, site_id, connection_id, None, None)
        try:
            # anew: a key that was put in front of this one since would leave this one behind, and then be all there is
            vault = self.vault(anew=True)
        except VaultError as error:
            raise Refusal("unavailable", problem=str(error)) from None
        sealed = vault.encrypt(secret, _bound_to(site_id, connection_id))
        await store.set_secret(connection, site_id, connection_id, sealed, vault.key_id)


def _view(
    site: Site, row: store.ConnectionRow, streams: list[store.StreamRow], ends: Ends, now: datetime
) -> ConnectionView:
    def told(stream: store.StreamRow) -> StreamView:
        at = was = None
        if row.is_enabled and row.kind != UPLOAD:
            at = expected_at(stream.schedule, stream.due_at, watermark=stream.watermark, paused_until=row.paused_until)
            was = was_due_at(stream.schedule, now, site.zone)
        end = ends.get((row.id, stream.name))
        last = None if end is None else LastRead(end.run_id, end.state, end.n, end.reason, end.ended_at)
        return StreamView(stream.name, stream.watermark, stream.verified_at, stream.schedule, was, at, last)

    return ConnectionView(
        row.id, row.kind, row.name, row.config, row.secret is not None, row.is_enabled, row.run_id is not None,
        row.failures, row.paused_until, [told(stream) for stream in streams], row.created_at,
    )  # fmt: skip


def _due_at(site: Site, schedule: Schedule, now: datetime) -> datetime | None:
    return due_at(schedule, now, site.zone)


def _schedules(
    streams: tuple[str, ...], known: dict[str, Schedule], wanted: dict[str, SyncScheduleRequest]
) -> dict[str, Schedule]:
    for name in wanted:
        if name not in streams:
            raise Refusal("invalid_request", field="schedules", given=name[:40], possible=sorted(streams))
    found = {}
    for name in streams:
        one, request = known.get(name, Schedule()), wanted.get(name)
        if request is not None:
            given = {key: value for key, value in msgspec.structs.asdict(request).items() if value is not None}
            one = msgspec.structs.replace(one, **given)
        if one.when not in WHEN:
            raise Refusal("invalid_request", field="when", given=one.when[:40], possible=list(WHEN))
        parsed(one.rule)
        found[name] = one
    return found


def _bound_to(site_id: int, connection_id: int) -> str:
    return f"{site_id}/{connection_id}"


def _plain(value: Decimal) -> str:
    return f"{value:f}"
