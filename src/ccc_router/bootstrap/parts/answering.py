"""The part that answers HTTP, and the ports for probes and scrapers that every process may have."""

import contextlib
from collections.abc import AsyncIterator

from ccc_router.bootstrap.parts.listening import listening
from ccc_router.bootstrap.parts.readiness import Readiness
from ccc_router.bootstrap.parts.rooms import rooms
from ccc_router.bootstrap.spine import Spine
from ccc_router.kernel.log import get_logger
from ccc_router.web.app import create_metrics_app

_log = get_logger("serving")


@contextlib.asynccontextmanager
async def answering(spine: Spine) -> AsyncIterator[None]:
    """The API. At the end polls and streams are ended first, and their clients ask another process."""
    settings = spine.settings
    async with rooms(spine) as opened, listening(settings, spine.clock, opened.app, settings.port, opened.close):
        _log.info("listening", host=settings.host, port=settings.port)
        yield


@contextlib.asynccontextmanager
async def probed(spine: Spine) -> AsyncIterator[None]:
    """``/livez``, ``/readyz`` and ``/metrics`` on a port of their own, if one is set: the first that is there and the last to go."""
    settings = spine.settings
    if not settings.metrics_port:
        yield
        return
    async with listening(settings, spine.clock, create_metrics_app(Readiness(spine)), settings.metrics_port):
        yield
