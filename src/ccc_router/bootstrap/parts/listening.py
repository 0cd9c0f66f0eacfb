"""A port with an app behind it, from the first connection to the last: what is under way when it closes is answered (I17)."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import uvicorn
from fastapi import FastAPI

from ccc_router.bootstrap.spine import Spine
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.errors import Misconfigured
from ccc_router.kernel.tasks import Tasks

_LINGER_S: Final = 0.25
"""So long the connections that are open are still answered, each with the word that it closes."""
_LOOK_S: Final = 0.01


class _Server(uvicorn.Server):
    """A server that leaves signals to us: the process stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield

    async def leave(self, clock: Clock) -> None:
        """Take no new connections, and let the clients of the old ones see them close."""
        for listener in self.servers:
            listener.close()
        self.config.headers.append(("connection", "close"))
        self.config.encoded_headers.append((b"connection", b"close"))
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = clock.monotonic() + _LINGER_S
        while self.server_state.connections and clock.monotonic() < until:
            await clock.sleep(_LOOK_S)
        self.should_exit = True


@contextlib.asynccontextmanager
async def listening(
    spine: Spine, app: FastAPI, port: int, setting: str, closing: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """The app answers on the port until the context is left; ``closing`` ends what would never end by itself.

    Raises Misconfigured naming the ``setting`` when it cannot listen there.
    """
    server = _Server(_config(spine, app, port))
    tasks = Tasks()
    task = tasks.start(server.serve(), name=f"port-{port}")
    while not (server.started or task.done()):
        await spine.clock.sleep(_LOOK_S)
    if task.done():
        raise Misconfigured(f"{setting}: cannot listen there")
    try:
        yield
    finally:
        closing()
        await server.leave(spine.clock)
        await task


def _config(spine: Spine, app: FastAPI, port: int) -> uvicorn.Config:
    settings = spine.settings
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        loop="none",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(settings.drain_s) - 1),
    )
