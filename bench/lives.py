"""Whole lives: a customer writes, the contact is offered, accepted, completed; three durable inputs through the service layer.

The agents answer at once, so that what is measured is the service. Arrivals are a Poisson stream; how many lives a second are
sustained is found by raising its rate until the service no longer keeps up.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final

from bench.centre import Centre
from bench.load import SEED, Tasks, arrivals, median, percentile, play, settle_memory
from bench.watching import Offers, a_message, accept, complete
from ccc_router.routing.rows import Offer

AGENTS: Final = 600
_GRACE_S: Final = 0.5
"""A rate is sustained when everything is over this long after the last arrival: nothing piled up."""


@dataclass
class Run:
    """What came of a stretch of arrivals."""

    rate: float
    lives: int
    seconds: float
    tail: float
    cpu: float
    offers: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Lives a second, from the first arrival to the last end."""
        return self.lives / self.seconds

    @property
    def sustained(self) -> bool:
        """Whether the service kept up."""
        return self.tail <= _GRACE_S


class Lives:
    """Lives on one service."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._awaited: dict[str, tuple[float, asyncio.Future[Offer]]] = {}
        self._waits: list[float] = []
        self._offers = Offers(centre, self._made)
        self._runs = 0
        self._again = 0

    def close(self) -> None:
        """No longer listen."""
        self._offers.close()

    async def run(self, rate: float, seconds: float) -> Run:
        """``rate`` lives a second for so long, then wait until all are over."""
        self._runs += 1
        run, tasks = self._runs, Tasks()
        plan = arrivals(rate, seconds, SEED + run)
        self._waits = []
        self._again = 0
        settle_memory()
        cpu = time.process_time()
        began = await play(plan, lambda number, due: tasks.start(self._life(f"{run}-{number}", number, due)))
        await tasks.done(60)
        ended = time.perf_counter()
        if self._again:
            raise RuntimeError(f"{self._again} were offered more than once")
        return Run(rate, len(plan), ended - began, ended - began - plan[-1], time.process_time() - cpu, self._waits)

    async def _life(self, key: str, number: int, due: float) -> None:
        submission = a_message(key, number)
        offered: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        self._awaited[submission.body.contact_id] = (due, offered)  # type: ignore[union-attr]
        await self._centre.inbox.append([submission])
        offer = await offered
        await accept(self._centre, offer)
        await complete(self._centre, offer)

    def _made(self, offer: Offer, now: float) -> None:
        awaited = self._awaited.pop(offer.contact_id, None)
        if awaited is None:  # offered once more: the service was slower than the offer's time
            self._again += 1
            return
        due, offered = awaited
        self._waits.append(now - due)
        offered.set_result(offer)


async def offer_wait(lives: Lives, rate: float, seconds: float, times: int) -> tuple[float, float]:
    """(p50, p99) seconds from arrival to offer at a rate; the medians of several runs."""
    runs = [await lives.run(rate, seconds) for _ in range(times)]
    return median([percentile(one.offers, 0.5) for one in runs]), median([percentile(one.offers, 0.99) for one in runs])


async def saturate(lives: Lives, first: float, seconds: float, *, steps: int = 12) -> tuple[Run, list[Run]]:
    """The run at the highest rate that was sustained, and all that were tried."""
    tried: list[Run] = []
    low, high, rate = 0.0, 0.0, first
    for _ in range(steps):
        run = await lives.run(rate, seconds)
        tried.append(run)
        if run.sustained:
            low = rate
        else:
            high = rate
        rate = rate * 1.3 if not high else (low + high) / 2
        if high and high - low < 0.06 * high:
            break
    good = [run for run in tried if run.sustained]
    return max(good or tried, key=lambda run: run.per_s), tried
