"""Metrics for Prometheus, served on this machine alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.config import ConfigError
from bot.database.jobs.jobs import Job, JobState
from inference.messages.events import CardMemory, Finished

disable_created_metrics()  # a second series for each counter, with the time of its first event
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)  # memory, processor time and start of the bot itself, on Linux
_TOO_MANY = 429  # Discord's status for a rate limit
DELIVERY_WAYS = ("answer", "channel", "direct", "nowhere")
PLACE = ("node", "device")

BUILD = Info("easel_build", "Versions of Easel, Python and torch", registry=REGISTRY)
WAITING = Gauge("easel_jobs_waiting", "Jobs that wait for their turn", registry=REGISTRY)
RUNNING = Gauge("easel_jobs_running", "Jobs that a worker has begun", registry=REGISTRY)
ENDED = Counter("easel_jobs_ended", "Jobs that ended, by how", ["state"], registry=REGISTRY)
FAILURES = Counter("easel_job_failures", "Jobs that failed, by the code of their error", ["code"], registry=REGISTRY)
WAIT_SECONDS = Histogram(
    "easel_wait_seconds",
    "From the order to the first step",
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600),
    registry=REGISTRY,
)
PAINT_SECONDS = Histogram(
    "easel_paint_seconds",
    "From the first step to the pictures, by checkpoint",
    ["checkpoint"],
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600),
    registry=REGISTRY,
)
STEP_SECONDS = Histogram(
    "easel_step_seconds",
    "One denoising step as a job sees it, by checkpoint",
    ["checkpoint"],
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
    registry=REGISTRY,
)
BATCH = Histogram(
    "easel_batch_jobs",
    "Jobs that a worker paints side by side",
    buckets=(1, 2, 3, 4, 6, 8, 12, 16),
    registry=REGISTRY,
)
SWAPS = Counter("easel_checkpoint_swaps", "Checkpoints loaded, by name", ["checkpoint"], registry=REGISTRY)
CACHE = Counter("easel_cache_lookups", "Look-ups in the worker's caches", ["cache", "outcome"], registry=REGISTRY)
WORKER_DEATHS = Counter("easel_worker_deaths", "Workers that died, by place", PLACE, registry=REGISTRY)
WORKER_STEPS = Counter("easel_worker_steps", "Steps of jobs that workers finished, by place", PLACE, registry=REGISTRY)
DELIVERIES = Counter("easel_deliveries", "Results delivered, by way", ["way"], registry=REGISTRY)
GATEWAY = Gauge("easel_gateway_connected", "1 while every shard is connected to Discord", registry=REGISTRY)
WORKERS_READY = Gauge("easel_workers_ready", "Workers that are free or paint", registry=REGISTRY)
RATE_LIMITED = Counter("easel_discord_rate_limited", "Requests that Discord answered with 429", registry=REGISTRY)

# An alert can see the first event of a counter only if the counter was 0 before.
for _state in JobState:
    if _state.final:
        ENDED.labels(_state.value)
for _way in DELIVERY_WAYS:
    DELIVERIES.labels(_way)


@dataclass(frozen=True)
class WorkerSample:
    """A worker as it stands. `node` is the name of its machine, empty for the bot's own.

    `pid` is its process on this machine, `card` the memory of its graphics card; None: unknown.
    """

    node: str
    device: str
    ready: bool
    jobs: int
    distance: float | None = None
    pid: int | None = None
    card: CardMemory | None = None


class WorkerCollector(Collector):
    """Metrics of the workers that are there: those of one that has left are not told any more.

    The server's thread reads `samples`, which is replaced as a whole.
    """

    def __init__(self) -> None:
        self.samples: Sequence[WorkerSample] = ()

    def collect(self) -> Iterator[Metric]:
        """The metrics. Workers of one place, which have not told their device yet, count together."""
        ready = GaugeMetricFamily("easel_worker_ready", "1 while the worker is free or paints, by place", labels=PLACE)
        jobs = GaugeMetricFamily("easel_worker_jobs", "Jobs that the worker paints, by place", labels=PLACE)
        away = GaugeMetricFamily("easel_worker_distance_seconds", "To the worker and back, by place", labels=PLACE)
        at: dict[tuple[str, str], list[WorkerSample]] = {}
        for sample in self.samples:
            at.setdefault((sample.node, sample.device), []).append(sample)
        for labels, found in at.items():
            ready.add_metric(labels, sum(sample.ready for sample in found))
            jobs.add_metric(labels, sum(sample.jobs for sample in found))
            if distances := [sample.distance for sample in found if sample.distance is not None]:
                away.add_metric(labels, max(distances))
        yield from (ready, jobs, away, *_cards(at), *_processes(at))


_ByPlace = Mapping[tuple[str, str], Sequence[WorkerSample]]


def _cards(at: _ByPlace) -> Iterator[Metric]:
    used = GaugeMetricFamily("easel_gpu_memory_used_bytes", "Used memory of the graphics card", labels=PLACE)
    size = GaugeMetricFamily("easel_gpu_memory_size_bytes", "Memory of the graphics card", labels=PLACE)
    for labels, found in at.items():
        if cards := [sample.card for sample in found if sample.card is not None]:
            used.add_metric(labels, max(card.used for card in cards))
            size.add_metric(labels, max(card.size for card in cards))
    yield from (used, size)


def _processes(at: _ByPlace) -> Iterator[Metric]:
    """Memory and processor time of the workers on this machine, where the system tells them: on Linux."""
    memory = GaugeMetricFamily("easel_worker_resident_memory_bytes", "Resident memory of workers here", labels=PLACE)
    seconds = CounterMetricFamily("easel_worker_cpu_seconds", "Processor time of workers here", labels=PLACE)
    for labels, found in at.items():
        read = [_read_process(sample.pid) for sample in found if sample.pid is not None]
        for family, name in ((memory, "process_resident_memory_bytes"), (seconds, "process_cpu_seconds_total")):
            if values := [each[name] for each in read if name in each]:
                family.add_metric(labels, sum(values))
    yield from (memory, seconds)


def _read_process(pid: int) -> dict[str, float]:
    """Return the samples of a process by their names; none if it has ended."""
    found = ProcessCollector(pid=lambda: pid, registry=None).collect()
    return {sample.name: sample.value for metric in found for sample in metric.samples}


@dataclass(frozen=True)
class FolderSpace:
    """Bytes of the disk that a folder is on."""

    folder: str
    free: int
    size: int


class FindingCollector(Collector):
    """The watchman's latest findings, free space, and the age of the newest copy of the database.

    `samples` are names with grades. `backup_age` is infinite without a copy, so that an alert on it fires. The server's
    thread reads these values; they are replaced as a whole.
    """

    def __init__(self) -> None:
        self.samples: Sequence[tuple[str, str]] = ()
        self.folders: Sequence[FolderSpace] = ()
        self.backup_age: float | None = None

    def collect(self) -> Iterator[Metric]:
        """The metrics. Before the first look there is no age."""
        found = GaugeMetricFamily("easel_finding", "1 for each finding that operators see", labels=["what", "grade"])
        for labels in self.samples:
            found.add_metric(labels, 1)
        age = GaugeMetricFamily("easel_backup_age_seconds", "Age of the newest database copy", labels=[])
        if self.backup_age is not None:
            age.add_metric([], self.backup_age)
        free = GaugeMetricFamily("easel_folder_free_bytes", "Free space for a folder", labels=["folder"])
        size = GaugeMetricFamily("easel_folder_size_bytes", "Size of a folder's disk", labels=["folder"])
        for space in self.folders:
            free.add_metric([space.folder], space.free)
            size.add_metric([space.folder], space.size)
        yield from (found, age, free, size)


WORKERS = WorkerCollector()
REGISTRY.register(WORKERS)
FINDINGS = FindingCollector()
REGISTRY.register(FINDINGS)


def count_end(job: Job) -> None:
    """Count a job that has ended, its wait and its seconds of painting."""
    ENDED.labels(job.state.value).inc()
    if job.failure is not None:
        FAILURES.labels(job.failure.code).inc()
    if (begun_at := job.begun_at or job.started_at) is not None:
        WAIT_SECONDS.observe((begun_at - job.created_at) / 1000)
    if job.seconds is not None:
        PAINT_SECONDS.labels(job.checkpoint).observe(job.seconds)


def begin_at_zero(node: str, device: str) -> None:
    """Begin the counters of a worker's place, before it has taken a step or died."""
    for counter in (WORKER_DEATHS, WORKER_STEPS):
        counter.labels(node, device)


def count_lookups(event: object) -> None:
    """Count the cache look-ups that a worker reports with this event, if it is a Finished."""
    for cache, lookups in event.lookups.items() if isinstance(event, Finished) else ():
        CACHE.labels(cache, "hit").inc(lookups.hits)
        CACHE.labels(cache, "miss").inc(lookups.misses)


@contextmanager
def served(port: int) -> Generator[None]:
    """Serve /metrics on 127.0.0.1 while inside; on port 0 not at all. Raises ConfigError when the port is taken."""
    if not port:
        yield
        return
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=REGISTRY)
    except OSError as problem:
        raise ConfigError(f"[metrics] port {port} cannot be opened: {problem.strerror}.") from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http_trace() -> aiohttp.TraceConfig:
    """A trace for discord.py's web client that counts rate-limited answers."""
    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(_count)
    return trace


async def _count(_session: object, _context: object, parameters: aiohttp.TraceRequestEndParams) -> None:
    if parameters.response.status == _TOO_MANY:
        RATE_LIMITED.inc()
