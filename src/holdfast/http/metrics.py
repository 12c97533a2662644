"""`/metrics` for Prometheus: the plain counters of this process, put into its form when somebody asks.

Nothing here runs per request or command, and nothing asks the database. Labels are names of our own code (routes,
types, codes, rules, loops): never a site or what a client sent. The registry is ours alone.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from litestar import Request, Response, get
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from holdfast import __version__
from holdfast.domain.errors import Refusal
from holdfast.http.context import context_of
from holdfast.http.traffic import Traffic
from holdfast.services import logs, mail
from holdfast.services.desk import Desk
from holdfast.services.disk import Disks
from holdfast.services.health import Health, Running
from holdfast.services.metrics import Histogram

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[tuple[str, ...], float]


class Metrics:
    """All that one process can tell. `pools` are asyncpg's, by what they are for."""

    def __init__(
        self,
        desk: Desk,
        traffic: Traffic,
        health: Health,
        *,
        loops: Sequence[Running],
        pools: Mapping[str, Any],
        disks: Disks,
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Desk(desk))
        self._registry.register(_Http(traffic))
        self._registry.register(_House(health, loops, pools, disks))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def count_sockets(self, count: Callable[[], int]) -> None:
        """Lets the number of Socket.IO clients be told, too."""
        self._registry.register(_Sockets(count))

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Desk(Collector):
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        tally = self._desk.tally
        yield _histogram(
            "holdfast_transition_lateness_seconds",
            "From the instant at which the clock was to change something until that was written.",
            tally.lateness_s,
        )
        commands = [(key, count) for key, count in tally.commands.items()]
        yield _counters("holdfast_commands", "Commands answered by the desk.", ("command", "outcome"), commands)
        yield _counters("holdfast_refusals", "Commands refused, by code.", ("code",), _named(tally.refusals))
        yield _counters("holdfast_journal_events", "Journal lines written.", ("type",), _named(tally.events))
        findings = [(key, count) for key, count in tally.findings.items()]
        yield _counters("holdfast_findings", "Findings, by rule and what became of them.", ("rule", "what"), findings)
        yield _histogram("holdfast_batch_commands", "Commands decided in one transaction.", tally.batch_commands)
        yield _histogram("holdfast_batch_seconds", "From taking a batch until all its answers.", tally.batch_s)
        yield _counters(
            "holdfast_guesses_overtaken", "Batches decided ahead and thrown away.", (), [((), tally.overtaken)]
        )
        yield _gauges(
            "holdfast_commands_waiting", "Commands that wait or are being served.", (), [((), self._desk.waiting)]
        )
        brake = float(self._desk.brake.is_on)
        yield _gauges("holdfast_commands_refused_for_disk", "1 while a full disk stops commands.", (), [((), brake)])


class _Http(Collector):
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        asked = [((method, route, str(status)), n) for (method, route, status), n in self._traffic.requests.items()]
        yield _counters("holdfast_http_requests", "Requests answered.", ("method", "route", "status"), asked)
        took = HistogramMetricFamily(
            "holdfast_http_request_seconds",
            "From a request's head until its answer begins.",
            labels=("method", "route"),
        )
        for key, histogram in self._traffic.seconds.items():
            took.add_metric(list(key), _buckets(histogram), histogram.total)
        yield took
        yield _gauges("holdfast_http_requests_under_way", "Requests under way.", (), [((), self._traffic.under_way)])


class _House(Collector):
    def __init__(self, health: Health, loops: Sequence[Running], pools: Mapping[str, Any], disks: Disks) -> None:
        self._health = health
        self._loops = loops
        self._pools = pools
        self._disks = disks

    def collect(self) -> Iterator[Metric]:
        yield _gauges("holdfast_build_info", "What is running.", ("version",), [((__version__,), 1)])
        yield from self._loop_metrics()
        yield from self._pool_metrics()
        last = self._health.last
        if last is not None:
            overdue_s = (last.now - last.oldest).total_seconds() if last.oldest is not None else 0.0
            yield _gauges("holdfast_findings_open", "Open findings, of all sites.", (), [((), last.findings)])
            yield _gauges("holdfast_sites_overdue", "Sites where the clock is behind.", (), [((), last.overdue)])
            yield _gauges(
                "holdfast_overdue_seconds", "How far it is behind at the latest of them.", (), [((), overdue_s)]
            )
            yield _gauges(
                "holdfast_database_seconds",
                "How long the database took to answer last.",
                (),
                [((), last.latency_ms / 1000)],
            )
        yield _counters("holdfast_mails", "Mails, by what became of an attempt.", ("outcome",), _named(mail.outcomes))
        free = [((name,), float(count)) for name, count in self._disks.free.items()]
        yield _gauges("holdfast_disk_free_bytes", "Free room on the disk of a folder.", ("folder",), free)
        sink = logs.current()
        dropped = sink.writer.dropped if sink is not None else 0
        yield _counters("holdfast_log_lines_dropped", "Log lines that nobody took in time.", (), [((), dropped)])

    def _loop_metrics(self) -> Iterator[Metric]:
        now = asyncio.get_running_loop().time()
        beats = [((loop.name,), now - loop.beat_at) for loop in self._loops if loop.beat_at is not None]
        yield _gauges("holdfast_loop_beat_age_seconds", "Since a loop's last sign of life.", ("loop",), beats)
        silent = [((loop.name,), loop.silent_s(now)) for loop in self._loops]
        yield _gauges("holdfast_loop_silent_seconds", "How long a sign of life is overdue.", ("loop",), silent)
        running = [((loop.name,), float(loop.is_running)) for loop in self._loops]
        yield _gauges("holdfast_loop_running", "1 while a loop runs.", ("loop",), running)
        failures = [((loop.name,), float(loop.failures_total)) for loop in self._loops]
        yield _counters("holdfast_loop_failures", "Steps of a loop that failed.", ("loop",), failures)

    def _pool_metrics(self) -> Iterator[Metric]:
        pools = [
            (name, pool.get_size(), pool.get_idle_size(), pool.get_max_size()) for name, pool in self._pools.items()
        ]
        used = [((name, "used"), float(size - idle)) for name, size, idle, _ in pools]
        used += [((name, "idle"), float(idle)) for name, _, idle, _ in pools]
        yield _gauges("holdfast_pool_connections", "Connections to the database.", ("pool", "state"), used)
        most = [((name,), float(most)) for name, _, _, most in pools]
        yield _gauges("holdfast_pool_connections_max", "The most that a pool may open.", ("pool",), most)
        last = self._health.last
        if last is not None:
            waited = [(("reads",), last.acquire_s)]
            yield _gauges(
                "holdfast_pool_acquire_seconds", "How long a connection was waited for last.", ("pool",), waited
            )


class _Sockets(Collector):
    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        yield _gauges("holdfast_socketio_clients", "Socket.IO clients connected.", (), [((), self._count())])


def _named(counts: Mapping[str, int]) -> list[Sample]:
    return [((name,), count) for name, count in counts.items()]


def _counters(name: str, said: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = CounterMetricFamily(name, said, labels=labels)
    for values, count in samples:
        family.add_metric(values, count)
    return family


def _gauges(name: str, said: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _histogram(name: str, said: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(name, said, labels=())
    family.add_metric((), _buckets(histogram), histogram.total)
    return family


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    found, below = [], 0
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        below += count
        found.append(("+Inf" if bound == float("inf") else str(bound), float(below)))
    return found


@get(
    "/metrics",
    operation_id="metrics",
    summary="Figures for Prometheus",
    tags=["health"],
    opt={"right": "open", "codes": ("unauthorised",)},
    media_type="text/plain",
)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The text format. For whoever has the token of the settings, and, while there is no account, for programs on
    this machine; for everybody with the setting `metrics_public`."""
    state = request.app.state
    gate = context_of(request).gate
    if not state["metrics_public"] and not await gate.runs_the_server(request.scope, dict(request.scope["headers"])):
        raise Refusal("unauthorised")
    found: Metrics = state["metrics"]
    return Response(found.text(), media_type=MEDIA)


METRICS_HANDLERS: list[Any] = [metrics]
METRICS_PUBLIC = frozenset({"/metrics"})
