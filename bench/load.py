"""Open-loop load: arrivals come when their plan says, however the service fares, and waiting is counted from then."""

import asyncio
import gc
import random
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

SEED: Final = 20_261_122
"""Of every random choice in the run."""


class Tasks:
    """Tasks that are kept until they have ended; the first error of one is raised by `done`."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start one."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._error is None:
            self._error = error

    async def done(self, limit_s: float) -> None:
        """Wait until all have ended. Raises TimeoutError, or what one of them raised."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=limit_s)
        if self._error is not None:
            raise self._error
        if self._running:
            raise TimeoutError(f"{len(self._running)} are not over after {limit_s:g} s")


def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
    """Moments after the start of a Poisson stream of ``rate`` a second: as independent people come, in clusters and gaps."""
    rng = random.Random(seed)
    found: list[float] = []
    at = rng.expovariate(rate)
    while at < seconds:
        found.append(at)
        at += rng.expovariate(rate)
    return found


async def play(plan: Sequence[float], arrive: Callable[[int, float], None]) -> float:
    """Call ``arrive`` with each arrival's number and its planned moment (`time.perf_counter`); return when it began."""
    began = time.perf_counter()
    number = 0
    while number < len(plan):
        now = time.perf_counter()
        while number < len(plan) and began + plan[number] <= now:
            arrive(number, began + plan[number])
            number += 1
        if number < len(plan):
            await asyncio.sleep(max(0.0, began + plan[number] - time.perf_counter()))
    return began


def settle_memory() -> None:
    """Collect what the last measurement left, so that the next does not pay for it."""
    gc.collect()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of ``values`` does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def ms(seconds: float) -> float:
    """Milliseconds, to the hundredth."""
    return round(seconds * 1000, 2)


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)
