"""The house: all that is open while the program runs, put together once, closed in reverse order. Here alone rings meet
that otherwise do not know each other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from holdfast.app.calendars import make_calendars
from holdfast.app.jobs import JobsHouse, close_jobs, connections_of, make_jobs
from holdfast.app.webhooks import make_webhooks
from holdfast.http.proxies import networks_of
from holdfast.http.server import StartError as StartError
from holdfast.realtime.hub import Hub
from holdfast.runtime.loop import Loop
from holdfast.services import logs
from holdfast.services.access import Access
from holdfast.services.accounts import AccountRules, Accounts
from holdfast.services.acts_log import ActsLog
from holdfast.services.calendar_following import Following
from holdfast.services.desk import Desk, DeskLimits
from holdfast.services.disk import MIB, Disks
from holdfast.services.doorbell import Doorbell
from holdfast.services.extensions import ExtensionError, load_policies
from holdfast.services.journal import Epochs
from holdfast.services.limiter import Limiter, RequestLimits
from holdfast.services.presence import Presence, PresenceRules
from holdfast.services.presence_changes import PresenceChanges
from holdfast.services.reconcile import Reconciler
from holdfast.services.retention import Kept
from holdfast.services.sealing import Sealing
from holdfast.services.sites import Sites
from holdfast.services.stores import Stores, leave_session, prepare_session
from holdfast.services.sync.kit import SyncLimits
from holdfast.services.throttle import Throttle
from holdfast.services.vault import open_vault
from holdfast.services.webhook_delivery import WebhookDelivery
from holdfast.settings import Settings
from holdfast.store import migrate
from holdfast.store.codecs import prepare
from holdfast.store.database import ConnectionLimits, Prepare, open_pool
from holdfast.store.embedded import EmbeddedServer

SYNC_SPARE_CONNECTIONS = 2
"""Beside two connections a sync run, one to write a batch by and one to copy the next one in: for webhooks, and for
looking at runs."""
DESK_SPARE_CONNECTIONS = 1
"""Beside one connection a lane: to find out whether a commit whose answer was lost had happened."""
EMBEDDED_STOP_S = 30.0
"""For the own PostgreSQL to write all down and end."""
log = structlog.get_logger("holdfast")


class House(msgspec.Struct, frozen=True):
    """All that is open while the program runs."""

    settings: Settings
    database_url: str
    desk_pool: asyncpg.Pool
    reads: asyncpg.Pool
    desk: Desk
    sites: Sites
    stores: Stores
    reconciler: Reconciler
    hub: Hub
    doorbell: Doorbell
    accounts: Accounts
    jobs: JobsHouse
    webhooks: WebhookDelivery
    calendars: Following
    presence: Presence
    presence_changes: PresenceChanges
    stopping: asyncio.Event
    """Set when the program is asked to stop: streams end then, or they would hold it up."""
    loops: list[Loop] = []
    """Those that run, in the order of their start."""
    embedded: EmbeddedServer | None = None
    limiter: Limiter = msgspec.field(default_factory=Limiter)
    disks: Disks = msgspec.field(default_factory=lambda: Disks(Path(), None, low_bytes=0))


@asynccontextmanager
async def opened(settings: Settings, stopping: asyncio.Event | None = None) -> AsyncIterator[House]:
    """The house, open: server started if it is our own, schema up to date, desk at work. Closed in reverse order."""
    try:
        load_policies()
    except ExtensionError as error:
        raise StartError(str(error)) from error
    async with AsyncExitStack() as stack:
        url, embedded = settings.database_url, None
        if url is None:
            embedded = await _embedded(settings, stack)
            url = embedded.url
        await migrate.migrate(url)
        limits = _connection_limits(settings)
        desk_pool = await _pool(url, limits, stack, "holdfast desk", settings.lanes + DESK_SPARE_CONNECTIONS)
        reads = await _pool(url, limits, stack, "holdfast reads", settings.pool_connections_max)
        desk = Desk(desk_pool, _desk_limits(settings))
        sites = Sites(reads)
        desk.heard.append(sites.heard)
        reconciler = Reconciler(reads, desk)
        desk.heard.append(reconciler.heard)
        doorbell = Doorbell()
        desk.heard.append(doorbell.committed)
        desk.woken.append(doorbell.woken)
        hub = Hub(reads, Epochs(reads))
        desk.heard.append(hub.heard)
        doorbell.listeners += [hub.hear, reconciler.hear]
        accounts = _accounts(settings, reads, doorbell)
        stores = await _stores(settings, url, limits, stack, desk)
        presence = _presence(settings, reads, accounts)
        services: dict[str, Any] = {
            "desk": desk, "sites": sites, "reconciler": reconciler, "reads": reads, "accounts": accounts,
            "presence": presence, "kept": _kept(settings),
        }  # fmt: skip
        calendars = services["calendars"] = make_calendars(settings, reads, sites, desk, accounts.sealing)
        webhooks = services["webhook_delivery"] = make_webhooks(settings, reads, accounts.sealing)
        jobs_pool = await _pool(url, limits, stack, "holdfast jobs", connections_of(settings))
        jobs = make_jobs(settings, jobs_pool, services, doorbell)
        stack.callback(close_jobs, doorbell)
        if embedded is not None:
            desk.brake.release = embedded.release_ballast
        _log_acts(settings, desk)
        await desk.start()
        stack.push_async_callback(_stop_desk, desk, settings.shutdown_timeout_s)
        stopping = stopping if stopping is not None else asyncio.Event()
        yield House(
            settings, url, desk_pool, reads, desk, sites, stores, reconciler, hub, doorbell, accounts, jobs, webhooks,
            calendars, presence, PresenceChanges(presence), stopping,
            embedded=embedded, disks=_disks(settings, embedded), limiter=_limiter(settings),
        )  # fmt: skip


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        connections_max=settings.pool_connections_max,
        statement_timeout_s=settings.statement_timeout_s,
        lock_timeout_s=settings.lock_timeout_s,
        idle_in_transaction_timeout_s=settings.idle_in_transaction_timeout_s,
        client_check_interval_s=settings.client_check_interval_s,
        connect_timeout_s=settings.connect_timeout_s,
    )


def _desk_limits(settings: Settings) -> DeskLimits:
    return DeskLimits(
        lanes=settings.lanes, batch_max=settings.batch_commands_max, waiting_max=settings.queue_commands_max
    )


def _disks(settings: Settings, embedded: EmbeddedServer | None) -> Disks:
    folder = embedded.folder if embedded is not None else None
    return Disks(settings.data, folder, low_bytes=settings.disk_free_min_mb * MIB)


def _kept(settings: Settings) -> Kept:
    return Kept(
        settings.answer_retention_hours, settings.finding_retention_days, settings.journal_retention_days,
        settings.account_log_retention_days, settings.tick_retention_days,
    )  # fmt: skip


def _limiter(settings: Settings) -> Limiter:
    rates = settings.requests_per_minute_principal, settings.requests_per_minute_address
    return Limiter(RequestLimits(*rates, settings.anonymous_writes_per_minute_address))


def _log_acts(settings: Settings, desk: Desk) -> None:
    sink = logs.current()
    if sink is not None and sink.tells and settings.log_acts != "off":
        acts = ActsLog(sink, every=settings.log_acts == "all")
        desk.served.append(acts.served)
        desk.failed.append(acts.failed)


def _accounts(settings: Settings, pool: asyncpg.Pool, doorbell: Doorbell) -> Accounts:
    access = Access(pool, idle_s=settings.session_idle_hours * 3600)
    access.ring = doorbell.rights_moved
    doorbell.listeners.append(access.hear)
    rules = AccountRules(
        session_idle_s=settings.session_idle_hours * 3600,
        session_life_s=settings.session_days_max * 86_400,
    )
    keys = tuple(key.strip() for key in (settings.secret_key or "").split(",") if key.strip())
    return Accounts(pool, access, Throttle(pool), Sealing(keys, settings.data), rules)


def _presence(settings: Settings, pool: asyncpg.Pool, accounts: Accounts) -> Presence:
    rules = PresenceRules(settings.presence_beat_s, settings.presence_lease_s, settings.presence_away_minutes)
    presence = Presence(pool, rules)
    accounts.signed_in.append(presence.signed_in)
    accounts.signed_out.append(presence.signed_out)
    return presence


async def _embedded(settings: Settings, stack: AsyncExitStack) -> EmbeddedServer:
    server = EmbeddedServer(settings.data)
    await server.start()
    stack.push_async_callback(server.stop)
    supervising = asyncio.create_task(server.supervise(), name="embedded server")

    async def end() -> None:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)

    stack.push_async_callback(end)
    return server


async def _stores(settings: Settings, url: str, limits: ConnectionLimits, stack: AsyncExitStack, desk: Desk) -> Stores:
    connections_max = 2 * max(settings.syncs_max, 1) + SYNC_SPARE_CONNECTIONS
    pool = await _pool(url, limits, stack, "holdfast sync", connections_max, init=prepare_session, reset=leave_session)
    vault = partial(open_vault, settings.secret_key, settings.data)
    limits_of_syncs = SyncLimits(runs_max=settings.syncs_max)
    return Stores(pool, desk, vault, limits=limits_of_syncs, allowed=networks_of(settings.sync_networks or ""))


async def _pool(
    url: str, limits: ConnectionLimits, stack: AsyncExitStack, name: str, connections_max: int,
    *, init: Prepare = prepare, reset: Prepare | None = None,
) -> asyncpg.Pool:  # fmt: skip
    limits = replace(limits, connections_max=connections_max)
    pool = await open_pool(url, limits, application_name=name, init=init, reset=reset)

    async def close() -> None:
        try:
            await asyncio.wait_for(pool.close(), 5)
        except TimeoutError:
            pool.terminate()

    stack.push_async_callback(close)
    return pool


async def _stop_desk(desk: Desk, within_s: float) -> None:
    try:
        await asyncio.wait_for(desk.stop(), within_s)
    except TimeoutError:
        log.error("the desk did not end in time", waiting=desk.waiting)
