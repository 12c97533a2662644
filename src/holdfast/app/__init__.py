"""The composition root: settings become an open house, a house becomes an answering server.

Refuses to hold judgement of its own: what is decided is decided in the rings below.
"""

from holdfast.app.house import House, opened
from holdfast.app.jobs import JobsError
from holdfast.app.loops import LOOPS, running_loops
from holdfast.app.serving import StartError, application, configure_logging, run, serve, served
from holdfast.app.working import run_worker, work
from holdfast.http.server import address_of, listening

__all__ = [
    "LOOPS", "House", "JobsError", "StartError", "address_of", "application", "configure_logging", "listening",
    "opened", "run", "run_worker", "running_loops", "serve", "served", "work",
]  # fmt: skip
