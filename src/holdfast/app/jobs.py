"""What the app needs to run jobs: their pool, the functions that are registered, a crew, and the loops of both."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import asyncpg
import msgspec

from holdfast.runtime.loop import Loop
from holdfast.runtime.scheduler import JobUpkeep, Scheduling
from holdfast.runtime.worker import Beating, Working
from holdfast.services import cron_functions, own_schedules
from holdfast.services.doorbell import Doorbell
from holdfast.services.jobs.crew import Crew, CrewLimits
from holdfast.services.jobs.nudge import NUDGE
from holdfast.services.jobs.registry import JOBS, Registry
from holdfast.services.schedules.acts import Schedules
from holdfast.settings import Settings

ENTRY_POINTS = "holdfast.jobs"
OWN_CONNECTIONS = 6
"""Beside those of transactional handlers: taking, ending, beating, limits, schedules, and one to look."""
ALL_QUEUES = "*"
STOP_SHARE = 0.15
"""Of the time to stop in, for handlers to end by themselves."""


class JobsError(Exception):
    """A module with jobs cannot be used; the message says which and why."""


class JobsHouse(msgspec.Struct, frozen=True):
    """All that jobs need while the program runs."""

    pool: asyncpg.Pool
    registry: Registry
    crew: Crew
    schedules: Schedules


def connections_of(settings: Settings) -> int:
    """How many connections the pool of jobs has."""
    return settings.job_transactions_max + OWN_CONNECTIONS


def load_functions(settings: Settings) -> Registry:
    """Our own functions, those of the modules that the setting names, and those that other packages offer.

    Raises:
        JobsError: one of them cannot be imported.
    """
    cron_functions.register(JOBS)
    own_schedules.register(JOBS)
    modules = [name.strip() for name in settings.job_modules.split(",") if name.strip()]
    for name in modules:
        try:
            import_module(name)
        except Exception as error:
            raise JobsError(f"The module {name!r} with jobs cannot be used: {type(error).__name__}: {error}") from error
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as error:
            raise JobsError(f"The jobs {entry.name!r} of another package cannot be used: {error}") from error
    return JOBS


def make_jobs(settings: Settings, pool: asyncpg.Pool, services: Mapping[str, Any], doorbell: Doorbell) -> JobsHouse:
    """Raises:
    JobsError: a module with jobs cannot be used.
    """
    registry = load_functions(settings)
    queues = tuple(name.strip() for name in settings.job_queues.split(",") if name.strip())
    limits = CrewLimits(
        capacity=settings.job_capacity,
        transactions_max=settings.job_transactions_max,
        queues=None if ALL_QUEUES in queues or not queues else queues,
    )
    NUDGE.listeners.append(doorbell.queued)
    crew = Crew(pool, registry, limits, services={"registry": registry, **services})
    return JobsHouse(pool, registry, crew, Schedules(pool, registry))


def close_jobs(doorbell: Doorbell) -> None:
    """Tells the doorbell of no more jobs."""
    NUDGE.listeners.remove(doorbell.queued)


def runs_own_schedules(settings: Settings) -> bool:
    """Whether a process with these settings runs our own schedules and their jobs; else its loops do that work."""
    queues = {name.strip() for name in settings.job_queues.split(",") if name.strip()}
    return settings.jobs and (not queues or bool(queues & {ALL_QUEUES, own_schedules.QUEUE}))


async def keep_own_schedules(jobs: JobsHouse, settings: Settings) -> None:
    """Makes our own schedules, or lets them follow the settings."""
    wanted = own_schedules.own_schedules(reconcile_minutes=settings.reconcile_minutes)
    await own_schedules.keep(jobs.schedules, wanted)


def job_loops(jobs: JobsHouse, settings: Settings, doorbell: Doorbell) -> list[Loop]:
    """The loops of a process that runs jobs and schedules."""
    return [
        Beating(jobs.crew),
        Working(jobs.crew, doorbell, stop_s=settings.shutdown_timeout_s * STOP_SHARE),
        Scheduling(jobs.pool, jobs.registry, doorbell),
        JobUpkeep(jobs.pool, run_days=settings.run_retention_days),
    ]
