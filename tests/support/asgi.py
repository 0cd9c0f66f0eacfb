"""An ASGI application on a real socket of this process, as the other side of a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from ccc_router.kernel.tasks import Tasks
from tests.support.waiting import until


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve on a free port of the loopback; yields the base URL."""
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1, ws="websockets-sansio"
        )
    )
    tasks = Tasks()
    task = tasks.start(server.serve(), name="asgi")
    try:
        await until(lambda: server.started, what="the test's server to listen")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
