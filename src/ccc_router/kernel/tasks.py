"""The one place that starts tasks, so that every task has a name, an owner and an end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any, Final, TypeVar

from ccc_router.kernel.backoff import full_jitter
from ccc_router.kernel.clock import Clock
from ccc_router.kernel.log import get_logger

_T = TypeVar("_T")
_log = get_logger("tasks")

_RESTART_BASE_S: Final = 0.1
_RESTART_CAP_S: Final = 10.0


class Tasks:
    """A set of running tasks with one owner. A task that raises is logged, never lost in silence."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, _T], *, name: str) -> asyncio.Task[_T]:
        """Start `work` now; it is kept until it ends."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("task_failed", task=task.get_name(), error=type(error).__name__, exc_info=error)

    async def close(self, drain_s: float = 0.0) -> None:
        """Give the tasks `drain_s` seconds to end by themselves, then cancel them and wait until they have ended."""
        if self._running and drain_s > 0:
            await asyncio.wait(set(self._running), timeout=drain_s)
        while self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(set(self._running), timeout=1.0)


@dataclass(slots=True)
class Loop:
    """One background loop: `run_once` after every wake-up and at least every `interval_s` seconds.

    `run_once` answers True when it knows of more to do, and is then called again at once. A vital loop that
    crashes ends the process (a supervisor outside starts it anew); any other is started again with backoff.
    """

    name: str
    run_once: Callable[[], Awaitable[bool | None]]
    interval_s: float
    vital: bool = False
    event: asyncio.Event = field(default_factory=asyncio.Event)
    runs: int = 0
    crashes: int = 0
    last_run: float | None = None  # on the monotonic clock
    alive: bool = False

    def wake(self) -> None:
        """Run soon. Many wake-ups before the next run make one run."""
        self.event.set()


class Supervisor:
    """Runs loops until told to stop. Stopping is idempotent and takes no longer than it is given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks = Tasks()
        self._loops: dict[str, Loop] = {}
        self._stopping = asyncio.Event()
        self._stopped: asyncio.Task[None] | None = None
        self._fatal: asyncio.Future[BaseException] | None = None
        self._rng = SystemRandom()

    @property
    def loops(self) -> tuple[Loop, ...]:
        """The loops in the order they were added, with their counters: what /readyz and /metrics show."""
        return tuple(self._loops.values())

    @property
    def stopping(self) -> bool:
        """Whether stop was called."""
        return self._stopping.is_set()

    def add(self, loop: Loop) -> Loop:
        """Start `loop`. Raises ValueError for a name in use, RuntimeError after stop."""
        if loop.name in self._loops:
            raise ValueError(f"there is a loop called {loop.name} already")
        if self.stopping:
            raise RuntimeError("the supervisor is stopping")
        self._loops[loop.name] = loop
        self._tasks.start(self._keep(loop), name=loop.name)
        return loop

    async def fatal(self) -> BaseException:
        """Return the error that ended a vital loop; wait as long as there is none."""
        return await asyncio.shield(self._fatal_future())

    async def until(self, work: Awaitable[object], stop: asyncio.Event | None = None) -> None:
        """Wait until `work` is over, or until `stop` is set; then it is cancelled.

        Raises what `work` raises, and what ended a vital loop.
        """
        ended = self._tasks.start(_await(work), name="until")
        fatal = self._tasks.start(self.fatal(), name="fatal")
        asked = self._tasks.start((stop or asyncio.Event()).wait(), name="asked")
        try:
            await asyncio.wait({ended, fatal, asked}, return_when=asyncio.FIRST_COMPLETED)
            if fatal.done():
                raise fatal.result()
            if ended.done():
                ended.result()
        finally:
            for task in (ended, fatal, asked):
                await stop_quietly(task)

    async def stop(self, drain_s: float = 10.0) -> None:
        """Let every loop finish the run it is in, for at most `drain_s` seconds, then cancel. Safe to call again."""
        if self._stopped is None:
            self._stopping.set()
            for loop in self._loops.values():
                loop.wake()
            self._stopped = asyncio.create_task(self._tasks.close(drain_s), name="supervisor-stop")
        await asyncio.shield(self._stopped)

    def _fatal_future(self) -> asyncio.Future[BaseException]:
        if self._fatal is None:
            self._fatal = asyncio.get_running_loop().create_future()
        return self._fatal

    async def _keep(self, loop: Loop) -> None:
        failures = 0
        loop.alive = True
        try:
            while not self.stopping:
                runs_before = loop.runs
                try:
                    await self._run(loop)
                except Exception as error:  # noqa: BLE001 - whatever a loop dies of is handled here, and only here
                    failures = failures + 1 if loop.runs == runs_before else 1
                    await self._crashed(loop, error, failures)
        finally:
            loop.alive = False

    async def _crashed(self, loop: Loop, error: Exception, failures: int) -> None:
        loop.crashes += 1
        _log.error("loop_crashed", loop=loop.name, vital=loop.vital, error=type(error).__name__, exc_info=error)
        if loop.vital:
            fatal = self._fatal_future()
            if not fatal.done():
                fatal.set_result(error)
            await self._stopping.wait()
            return
        pause = full_jitter(failures, base_s=_RESTART_BASE_S, cap_s=_RESTART_CAP_S, rng=self._rng)
        await self._clock.wait(self._stopping, pause)

    async def _run(self, loop: Loop) -> None:
        while not self.stopping:
            loop.event.clear()
            more = await loop.run_once()
            loop.runs += 1
            loop.last_run = self._clock.monotonic()
            if more:
                await asyncio.sleep(0)  # let the others have their turn
            elif not self.stopping:
                await self._clock.wait(loop.event, loop.interval_s)


async def _await(work: Awaitable[object]) -> None:
    await work


async def give_way() -> None:
    """Let whoever is ready have a turn, and what they wrote go out (uvloop sends at the end of the round after)."""
    for _ in range(2):
        await asyncio.sleep(0)


async def stop_quietly(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it has ended, whatever it ends with."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
