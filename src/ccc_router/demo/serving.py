"""Loopback ports that the surroundings listen on: those of the catalogue where they are free, else any."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import uvicorn
from aiosmtpd.smtp import SMTP
from starlette.applications import Starlette

from ccc_router.demo.world import World
from ccc_router.kernel.tasks import Tasks

HOST: Final = "127.0.0.1"
_CONTROL: Final = 8091
_DEPARTMENTS: Final = 8092
_GRAPH: Final = 8093
_MAIL: Final = 8094
_SMTP: Final = 8025


@dataclass(frozen=True, slots=True)
class Places:
    """Bound sockets: of the switch, the departments, the page's platform, and of everybody's mailboxes."""

    control: socket.socket
    departments: socket.socket
    graph: socket.socket
    mail: socket.socket

    def close(self) -> None:
        """Give the ports back."""
        for one in (self.control, self.departments, self.graph, self.mail):
            one.close()


def places() -> Places:
    """Take the ports. Connections wait there until somebody serves them."""
    return Places(bound(_CONTROL), bound(_DEPARTMENTS), bound(_GRAPH), bound(_MAIL))


def smtp_port() -> int:
    """A port for the service's own SMTP listener."""
    with bound(_SMTP) as taken:
        return port_of(taken)


def port_of(taken: socket.socket) -> int:
    """Its port."""
    port: int = taken.getsockname()[1]
    return port


def bound(preferred: int) -> socket.socket:
    """A listening socket on the preferred port, or on any."""
    for port in (preferred, 0):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
            one.listen(100)
        except OSError:
            one.close()
            if not port:
                raise
        else:
            one.setblocking(False)
            return one
    raise OSError("no port is free")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the service's business."""
        yield


@contextlib.asynccontextmanager
async def web(world: World, tasks: Tasks, taken: socket.socket, app: Starlette, name: str) -> AsyncIterator[None]:
    """Serve an app on a socket until the context is left."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", loop="none", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    running = tasks.start(server.serve(sockets=[taken]), name=name)
    while not (server.started or running.done()):
        await world.clock.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def mailboxes(taken: socket.socket, postman: object) -> AsyncIterator[None]:
    """Take mail for everybody until the context is left; ``postman`` is a handler of aiosmtpd."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postman, hostname="mail.example", enable_SMTPUTF8=True, loop=loop), sock=taken
    )
    try:
        yield
    finally:
        server.close()
