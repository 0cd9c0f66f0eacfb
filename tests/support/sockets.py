"""The app on a real loopback port, for what needs a socket: streams, disconnects, slow readers."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from ccc_router.kernel.tasks import Tasks
from tests.support.waiting import until


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the test runner's."""
        yield


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app; the value is its base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2)
    server = _Server(config)
    tasks = Tasks()
    task = tasks.start(server.serve(sockets=[listener]), name="uvicorn")
    await until(lambda: server.started or task.done(), what="the server to start")
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await tasks.close(5)
        listener.close()
