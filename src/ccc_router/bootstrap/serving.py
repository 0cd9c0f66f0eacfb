"""A process from start to end: the database, the spine, its parts, and a stop that loses nothing (I17)."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

from ccc_router.bootstrap.processes import at_work, check
from ccc_router.bootstrap.spine import Spine, Stopped, build
from ccc_router.bootstrap.storage import open_storage
from ccc_router.kernel.clock import SystemClock
from ccc_router.kernel.tasks import Supervisor
from ccc_router.settings import Settings

Beside = Callable[[Spine, asyncio.Event], Awaitable[None]]
"""What goes on beside the service, as a client of it. It returns when it is over, or soon after the event is set."""


async def run(settings: Settings, process: str = "up", beside: Beside | None = None) -> None:
    """Run a process of `processes.PROCESSES` until SIGTERM or SIGINT, or until what goes on ``beside`` it is over.

    Raises Misconfigured, and what ended a vital loop, or what went on beside.
    """
    clock = SystemClock()
    check(settings, process, clock)
    supervisor = Supervisor(clock)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_storage(settings, supervisor, clock) as storage:
        spine = build(settings, storage, supervisor, clock, process, stop)
        with contextlib.suppress(Stopped):
            async with at_work(spine):
                await supervisor.until(beside(spine, stop) if beside is not None else stop.wait())
