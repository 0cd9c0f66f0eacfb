"""A port with an app behind it, from the first connection to the last: what is under way when it closes is answered (I17)."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from ccc_router.kernel.clock import Clock
from ccc_router.kernel.tasks import Tasks
from ccc_router.settings import Settings

LINGER_S: Final = 0.25
"""So long the connections that are open are still answered, each with the word that it closes."""
_LOOK_S: Final = 0.01


class _Server(uvicorn.Server):
    """A server that leaves signals to us: the process stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield

    async def leave(self, clock: Clock, linger_s: float) -> None:
        """Take no new connections, and let the clients of the old ones see them close."""
        for listener in self.servers:
            listener.close()
        self.config.headers.append(("connection", "close"))
        self.config.encoded_headers.append((b"connection", b"close"))
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = clock.monotonic() + linger_s
        while self.server_state.connections and clock.monotonic() < until:
            await clock.sleep(_LOOK_S)
        self.should_exit = True


@contextlib.asynccontextmanager
async def listening(
    settings: Settings,
    clock: Clock,
    app: ASGIApp,
    port: int,
    closing: Callable[[], None] = lambda: None,
    linger_s: float = LINGER_S,
) -> AsyncIterator[None]:
    """The app answers on the port until the context is left; ``closing`` ends what would never end by itself."""
    server = _Server(_config(settings, app, port))
    tasks = Tasks()
    task = tasks.start(server.serve(), name=f"port-{port}")
    while not (server.started or task.done()):
        await clock.sleep(_LOOK_S)
    try:
        yield
    finally:
        closing()
        await server.leave(clock, linger_s)
        await task


def _config(settings: Settings, app: ASGIApp, port: int) -> uvicorn.Config:
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
        # Said here, or uvicorn would believe whoever asks from this machine, and read a variable that is none of our settings.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=30,
        limit_concurrency=settings.connection_limit,
        timeout_graceful_shutdown=max(1, int(settings.drain_s) - 1),
    )
