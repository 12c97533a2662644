"""Working: a process that runs jobs and schedules, and serves nobody."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

import structlog

from holdfast import __version__
from holdfast.app.house import EMBEDDED_STOP_S, opened
from holdfast.app.jobs import ALL_QUEUES
from holdfast.app.loops import WORKER_LOOPS, running_loops
from holdfast.app.serving import CLOSE_S, configure_logging
from holdfast.runtime.process import settle_memory, stopped_by_signals
from holdfast.settings import Settings

log = structlog.get_logger("holdfast")


async def work(settings: Settings, *, on_ready: Callable[[str], None] = print) -> None:
    """Runs jobs and schedules until SIGTERM or SIGINT, and serves nobody; `on_ready` gets the names of the queues.

    Raises:
        JobsError: a module with jobs cannot be used.
        DatabaseUnavailable, EmbeddedServerError, MigrationError: there is no database to work on.
    """
    stopping = asyncio.Event()
    limit_s = settings.shutdown_timeout_s + (EMBEDDED_STOP_S if settings.database_url is None else 0) + CLOSE_S
    with stopped_by_signals(stopping, lambda: log.info("stopping"), limit_s=limit_s):
        async with opened(replace(settings, jobs=True), stopping) as house, running_loops(house, WORKER_LOOPS):
            settle_memory()
            log.info("working", queues=settings.job_queues, version=__version__, pid=os.getpid())
            on_ready("all queues" if settings.job_queues == ALL_QUEUES else settings.job_queues)
            await stopping.wait()
    log.info("stopped")


def run_worker(settings: Settings, *, on_ready: Callable[[str], None] = print) -> None:
    """`work` in a new event loop, on uvloop where there is one."""
    configure_logging(settings)
    try:
        import uvloop
    except ImportError:  # pragma: no cover - Windows
        asyncio.run(work(settings, on_ready=on_ready))
    else:
        uvloop.run(work(settings, on_ready=on_ready))
