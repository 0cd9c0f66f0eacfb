"""What HTTP does, in numbers. Labels are closed sets: methods, route patterns, statuses; never a path, a query or an id."""

from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.responses import Response

from ..kernel.clock import Clock
from ..kernel.tasks import Loop

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_LATE: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)
_LAG_EVERY_S: Final = 0.25

REQUESTS: Final = Counter("ccc_http_requests", "Requests answered", ["method", "route", "status"])
SECONDS: Final = Histogram("ccc_http_seconds", "Time to answer", ["method", "route"], buckets=_BUCKETS)
IN_FLIGHT: Final = Gauge("ccc_http_in_flight", "Requests being answered")
LAG: Final = Histogram("ccc_loop_lag_seconds", "How late the event loop ran a timer", buckets=_LATE)


PROCESS: Final = Gauge("ccc_process_info", "1; what this process is", ["role", "pool", "version"])


def about(role: str, pool: str) -> None:
    """Say what this process is: the command that it runs, and the pool it serves."""
    PROCESS.labels(role, pool, version("ccc-router")).set(1)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """One answered request; `route` is a pattern, "" for paths nobody serves."""
    known = route or "unknown"
    REQUESTS.labels(method, known, str(status)).inc()
    SECONDS.labels(method, known).observe(seconds)


class LagMeter:
    """How late the event loop is: every callback of the process was at least as late. Run its loop under the supervisor."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.loop = Loop("lag", self._look, _LAG_EVERY_S)

    async def _look(self) -> None:
        before = self._clock.monotonic()
        await self._clock.sleep(0.01)
        LAG.observe(max(0.0, self._clock.monotonic() - before - 0.01))


def exposed(registry: CollectorRegistry) -> Response:
    """All of it as Prometheus reads it."""
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
