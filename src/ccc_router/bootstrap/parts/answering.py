"""The part that answers HTTP."""

import contextlib
from collections.abc import AsyncIterator

from ccc_router.bootstrap.parts.listening import listening
from ccc_router.bootstrap.parts.rooms import rooms
from ccc_router.bootstrap.spine import Spine
from ccc_router.kernel.log import get_logger

_log = get_logger("serving")


@contextlib.asynccontextmanager
async def answering(spine: Spine) -> AsyncIterator[None]:
    """The API. At the end polls and streams are ended first, and their clients ask another process."""
    settings = spine.settings
    async with rooms(spine) as opened, listening(settings, spine.clock, opened.app, settings.port, opened.close):
        _log.info("listening", host=settings.host, port=settings.port)
        yield
