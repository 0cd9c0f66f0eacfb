"""The port for probes and scrapers that every process may have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ccc_router.bootstrap.parts.listening import listening
from ccc_router.bootstrap.parts.readiness import Readiness
from ccc_router.bootstrap.spine import Spine
from ccc_router.web.health import create_probed_app


@asynccontextmanager
async def probed(spine: Spine) -> AsyncIterator[None]:
    """``/livez``, ``/readyz`` and ``/metrics`` on a port of their own, if one is set: the first that is there and the last to go."""
    settings = spine.settings
    if not settings.metrics_port:
        yield
        return
    async with listening(settings, spine.clock, create_probed_app(Readiness(spine)), settings.metrics_port):
        yield
