"""Metrics for Prometheus, served on this machine alone."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from bot.config import ConfigError
from bot.database.jobs import Job
from inference.messages import Finished

REGISTRY = CollectorRegistry()
_TOO_MANY = 429  # Discord's status for a rate limit

WAITING = Gauge("easel_jobs_waiting", "Jobs that wait for their turn", registry=REGISTRY)
RUNNING = Gauge("easel_jobs_running", "Jobs that a worker has begun", registry=REGISTRY)
ENDED = Counter("easel_jobs_ended", "Jobs that ended, by how", ["state"], registry=REGISTRY)
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
WORKER_DEATHS = Counter("easel_worker_deaths", "Workers that died", registry=REGISTRY)
DELIVERIES = Counter("easel_deliveries", "Results delivered, by way", ["way"], registry=REGISTRY)
GATEWAY = Gauge("easel_gateway_connected", "1 while every shard is connected to Discord", registry=REGISTRY)
WORKERS_READY = Gauge("easel_workers_ready", "Workers that are free or paint", registry=REGISTRY)
RATE_LIMITED = Counter("easel_discord_rate_limited", "Requests that Discord answered with 429", registry=REGISTRY)


def count_end(job: Job) -> None:
    """Count a job that has ended, its wait and its seconds of painting."""
    ENDED.labels(job.state.value).inc()
    if (begun_at := job.begun_at or job.started_at) is not None:
        WAIT_SECONDS.observe((begun_at - job.created_at) / 1000)
    if job.seconds is not None:
        PAINT_SECONDS.labels(job.checkpoint).observe(job.seconds)


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
