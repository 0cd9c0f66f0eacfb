"""One process from start to end: the spine, what it sends, what it listens to, and a stop that loses nothing (I17)."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import uvicorn
from fastapi import FastAPI

from ccc_router.bootstrap.mail import mail_intake
from ccc_router.bootstrap.rooms import rooms
from ccc_router.bootstrap.sending import deliver, mail_keys
from ccc_router.bootstrap.spine import Spine, build, first_catalogue, make_trial_secrets, tell_others
from ccc_router.bootstrap.storage import Storage, open_storage
from ccc_router.channels.email.inbound.refs import Threading
from ccc_router.channels.intake import Intake
from ccc_router.channels.keeping import PostgresBlobs
from ccc_router.channels.phone.ari.joiner import AriJoiner
from ccc_router.channels.phone.ari.store import PostgresSightings
from ccc_router.channels.registry import EMAIL
from ccc_router.kernel.clock import Clock, SystemClock
from ccc_router.kernel.log import get_logger
from ccc_router.kernel.tasks import Supervisor, stop_quietly
from ccc_router.queues.heartbeats import Watch
from ccc_router.settings import Settings
from ccc_router.web.app import create_metrics_app
from ccc_router.web.metrics import LagMeter
from ccc_router.workers.prune import Pruning
from ccc_router.workers.watching import Watching

_log = get_logger("serving")

Beside = Callable[[Spine, asyncio.Event], Awaitable[None]]
"""What goes on beside the service, as a client of it. It returns when it is over, or soon after the event is set."""


class _Server(uvicorn.Server):
    """A server that leaves signals to us: the process stops in its own order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


async def run(settings: Settings, beside: Beside | None = None) -> None:
    """Everything in one process, until SIGTERM or SIGINT, or until what goes on ``beside`` it is over.

    Raises Misconfigured, and what ended a vital loop, or what went on beside.
    """
    clock = SystemClock()
    supervisor = Supervisor(clock)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        open_storage(settings, supervisor, clock) as storage,
        running(settings, storage, supervisor, clock) as spine,
        listening(spine),
    ):
        await _until(beside(spine, stop) if beside is not None else stop.wait(), supervisor)


@contextlib.asynccontextmanager
async def running(settings: Settings, storage: Storage, supervisor: Supervisor, clock: Clock) -> AsyncIterator[Spine]:
    """The spine at work, with a catalogue in force; stopped in the order in which nothing is lost."""
    spine = build(settings, storage, supervisor, clock)
    spine.current.on_change(lambda catalogue: make_trial_secrets(spine, catalogue))
    tell_others(spine)
    EMAIL.use(Threading(mail_keys(spine)))
    spine.inbox.start()
    supervisor.add(spine.engine_loop)
    supervisor.add(spine.desk.loop)
    supervisor.add(spine.current.loop(storage.database, settings.pool))
    supervisor.add(spine.heartbeats.loop)
    supervisor.add(spine.waits.loop)
    supervisor.add(Watch(storage.database, spine.engine, spine.inbox, clock).loop)
    supervisor.add(Pruning(storage.database).loop)
    supervisor.add(LagMeter(clock).loop)
    supervisor.add(
        Watching(storage.database, settings.pool, lambda: spine.current.catalogue, settings.data_dir, clock).loop
    )
    try:
        await first_catalogue(spine)
        async with deliver(spine):
            yield spine
    finally:
        await supervisor.stop(settings.drain_s)
        await spine.inbox.close()
        await spine.engine.stop()


@contextlib.asynccontextmanager
async def listening(spine: Spine) -> AsyncIterator[_Server]:
    """The HTTP server, answering until the context is left; then requests under way are given time to end."""
    intake = an_intake(spine)
    settings = spine.settings
    async with rooms(spine, intake) as opened, mail_intake(spine, intake), _metrics(spine):
        server = _Server(_config(settings, opened.app, settings.port))
        task = spine.supervisor.spawn(server.serve(), name="http")
        while not (server.started or task.done()):
            await spine.clock.sleep(0.01)
        try:
            if not task.done():
                _log.info("listening", host=settings.host, port=settings.port)
                yield server
        finally:
            opened.close()
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def _metrics(spine: Spine) -> AsyncIterator[None]:
    """`/metrics` on a port of its own, if one is set."""
    if not spine.settings.metrics_port:
        yield
        return
    server = _Server(_config(spine.settings, create_metrics_app(), spine.settings.metrics_port))
    task = spine.supervisor.spawn(server.serve(), name="metrics")
    try:
        yield
    finally:
        server.should_exit = True
        await task


def an_intake(spine: Spine) -> Intake:
    """The way in for every delivery."""
    database = spine.storage.database
    joiner = AriJoiner(PostgresSightings(database, spine.settings.pool))
    return Intake(spine.inbox, PostgresBlobs(database), spine.secrets, spine.current, spine.clock, joiner)


def _config(settings: Settings, app: FastAPI, port: int) -> uvicorn.Config:
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


async def _until(over: Awaitable[object], supervisor: Supervisor) -> None:
    """Return when it is over; raise what ended a vital loop."""
    ended = supervisor.spawn(_await(over), name="until")
    fatal = supervisor.spawn(supervisor.fatal(), name="fatal")
    done, _ = await asyncio.wait({ended, fatal}, return_when=asyncio.FIRST_COMPLETED)
    fatal.cancel()
    if fatal in done:
        await stop_quietly(ended)
        raise fatal.result()
    ended.result()


async def _await(over: Awaitable[object]) -> None:
    await over
