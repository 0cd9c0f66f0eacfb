"""An agent is freed while contacts wait: how long until his next offer? 50 agents, 60 contacts a second, always somebody waiting.

It is counted from the moment the agent hands in `complete` to the end of the commit that makes his next offer.
"""

import asyncio
import random
import time
from typing import Final

from bench.centre import Centre
from bench.load import SEED, Tasks, arrivals, play, settle_memory
from bench.watching import Offers, a_message, accept, complete
from ccc_router.routing.rows import Offer

AGENTS: Final = 50
RATE: Final = 60.0
_WAITING: Final = 300
"""Contacts that wait from the start: arrivals and ends keep the balance from then on."""


class Shift:
    """Agents who take the next contact whenever they are done with one."""

    def __init__(self, centre: Centre, hold_s: float) -> None:
        self._centre = centre
        self._hold_s = hold_s
        self._rng = random.Random(SEED)
        self._tasks = Tasks()
        self._freed: dict[str, float] = {}
        self._over = False
        self.measuring = False
        self.waits: list[float] = []
        self.fewest_waiting = _WAITING
        self._offers = Offers(centre, self._made)

    def _made(self, offer: Offer, now: float) -> None:
        freed = self._freed.pop(offer.agent_id, None)
        if freed is not None and self.measuring:
            self.waits.append(now - freed)
        state = self._centre.engine.state
        if state is not None and self.measuring:
            waiting = (
                len(state.contacts) - len(state.offers) - sum(len(one.assignments) for one in state.agents.values())
            )
            self.fewest_waiting = min(self.fewest_waiting, waiting)
        if not self._over:
            self._tasks.start(self._handle(offer))

    async def _handle(self, offer: Offer) -> None:
        await accept(self._centre, offer)
        await asyncio.sleep(self._hold_s * self._rng.uniform(0.5, 1.5))
        if not self._over:
            self._freed[offer.agent_id] = time.perf_counter()
            await complete(self._centre, offer)

    def arrive(self, number: int, _due: float) -> None:
        """A customer writes."""
        self._tasks.start(self._write(number))

    async def _write(self, number: int) -> None:
        await self._centre.inbox.append([a_message(f"shift-{number}", number)])

    async def close(self) -> None:
        """The shift is over."""
        self._over = True
        self._offers.close()
        await self._tasks.done(10)


async def freed_to_offer(centre: Centre, seconds: float) -> list[float]:
    """Seconds of each wait. Raises RuntimeError if there was a moment at which nobody waited: then it would mean nothing."""
    shift = Shift(centre, AGENTS / RATE)
    for number in range(_WAITING):
        shift.arrive(1_000_000 + number, 0.0)
    await asyncio.sleep(2.0)  # everybody is at work, at different stages
    settle_memory()
    shift.measuring = True
    await play(arrivals(RATE, seconds, SEED), shift.arrive)
    shift.measuring = False
    await shift.close()
    if shift.fewest_waiting < 1:
        raise RuntimeError("nobody was waiting at times")
    return shift.waits
