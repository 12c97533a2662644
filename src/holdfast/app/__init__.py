"""The composition root: settings become an open house, a house becomes an answering server.

Refuses to hold judgement of its own: what is decided is decided in the rings below.
"""

from holdfast.app.house import House, opened
from holdfast.app.loops import LOOPS, running_loops
from holdfast.app.serving import StartError, application, configure_logging, run, serve, served
from holdfast.http.server import address_of, listening

__all__ = [
    "LOOPS", "House", "StartError", "address_of", "application", "configure_logging", "listening", "opened", "run",
    "running_loops", "serve", "served",
]  # fmt: skip
