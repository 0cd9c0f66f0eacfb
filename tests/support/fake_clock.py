"""A clock that stands still until the test moves it."""

import asyncio
import heapq
import itertools
from datetime import datetime

from ccc_router.kernel.clock import Clock, from_ms

MORNING_MS = 1_795_395_600_000
"""Monday 2026-11-23, 08:20 in Vietnam."""

_TURNS = 20  # how often the event loop goes round after every step, so that what was woken can react


class FakeClock(Clock):
    """Wall clock and monotonic clock together; `jump` moves the wall clock alone."""

    def __init__(self, start_ms: int = MORNING_MS) -> None:
        self._wall_ms = float(start_ms)
        self._monotonic = 1000.0
        self._timers: list[tuple[float, int, asyncio.Future[object]]] = []
        self._numbers = itertools.count()

    def now(self) -> datetime:
        return from_ms(self.now_ms())

    def now_ms(self) -> int:
        return int(self._wall_ms)

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        await self._timer(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        if event.is_set():
            return True
        waiting: asyncio.Future[object] = asyncio.ensure_future(event.wait())
        timer = asyncio.get_running_loop().create_future() if seconds is None else self._timer(seconds)
        try:
            await asyncio.wait({waiting, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            timer.cancel()
        return event.is_set()

    @property
    def sleepers(self) -> int:
        """How many wait for time to pass."""
        return sum(1 for _, _, timer in self._timers if not timer.done())

    async def advance(self, seconds: float) -> None:
        """Let time pass: every sleeper wakes at its own moment, in order, and can react before the next one."""
        end = self._monotonic + seconds
        await self.settle()
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self._move(max(due, self._monotonic) - self._monotonic)
            if not timer.done():
                timer.set_result(None)
            await self.settle()
        self._move(end - self._monotonic)
        await self.settle()

    def jump(self, seconds: float) -> None:
        """Set the wall clock, forward or back; nobody's sleep changes."""
        self._wall_ms += seconds * 1000

    async def settle(self) -> None:
        """Let everything that can run now run."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def _move(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall_ms += seconds * 1000

    def _timer(self, seconds: float) -> asyncio.Future[object]:
        timer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._timers, (self._monotonic + max(0.0, seconds), next(self._numbers), timer))
        return timer
