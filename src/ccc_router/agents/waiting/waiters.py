"""Open `work/next` requests of this process: one look at the tables for all of them, ten times a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ...kernel.clock import Clock
from ...kernel.tasks import Loop
from ..store.contacts import Contacts
from ..store.staff import Staff

LOOK_S: Final = 0.1
DEMANDS_S: Final = 1.0
"""How often demands are looked at; a newer request in this process ends the older one at once without that."""


@dataclass(slots=True)
class Waiter:
    """One open request. ``over``: nothing more will come of it (an offer is there, a newer request, the end)."""

    demand_id: str
    event: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False
    replaced: bool = False
    over: bool = False

    def end(self) -> None:
        """Wake the request; it looks for itself what there is."""
        self.over = True
        self.event.set()


class Waiters:
    """Knows who waits here. Run ``loop`` under the supervisor; wake it at a hint that the engine committed."""

    def __init__(self, contacts: Contacts, staff: Staff, clock: Clock) -> None:
        self._contacts = contacts
        self._staff = staff
        self._clock = clock
        self._demands_at = 0.0
        self._open: dict[str, Waiter] = {}
        self._closed = False
        self.loop = Loop("work", self._look, LOOK_S)

    @property
    def open(self) -> int:
        """How many requests wait here."""
        return len(self._open)

    @contextmanager
    def waiting(self, agent_id: str, demand_id: str) -> Iterator[Waiter]:
        """Wait as this agent; an older request of his here ends."""
        older = self._open.get(agent_id)
        if older is not None:
            older.replaced = True
            older.end()
        waiter = self._open[agent_id] = Waiter(demand_id)
        if self._closed:
            waiter.end()
        try:
            yield waiter
        finally:
            if self._open.get(agent_id) is waiter:
                del self._open[agent_id]

    def close(self) -> None:
        """End every request: the service stops."""
        self._closed = True
        for waiter in self._open.values():
            waiter.end()

    async def _look(self) -> None:
        waiting = {agent_id: waiter for agent_id, waiter in self._open.items() if waiter.asked and not waiter.over}
        if not waiting:
            return
        for agent_id in await self._contacts.pending_of(list(waiting)):
            waiting[agent_id].end()
        if self._clock.monotonic() >= self._demands_at + DEMANDS_S:
            self._demands_at = self._clock.monotonic()
            await self._look_at_demands({name: waiter for name, waiter in waiting.items() if not waiter.over})

    async def _look_at_demands(self, waiting: dict[str, Waiter]) -> None:
        """End what the engine closed, and what a newer request at another process replaced."""
        demands = await self._staff.demands(list(waiting)) if waiting else {}
        for agent_id, waiter in waiting.items():
            demand = demands.get(agent_id, "")
            if demand != waiter.demand_id:
                # Closed may mean that the offer was made: the request looks for it once more before it says 204.
                waiter.replaced = demand != ""
                waiter.end()
