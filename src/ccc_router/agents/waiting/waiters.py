"""Open `work/next` requests of this process: one look at the tables for all of them, ten times a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ...kernel.tasks import Loop
from ..store.contacts import Contacts
from ..store.staff import Staff

LOOK_S: Final = 0.1


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

    def __init__(self, contacts: Contacts, staff: Staff) -> None:
        self._contacts = contacts
        self._staff = staff
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
        # Offers are read first: the engine closes a demand and makes the offer in one commit, so for a demand that is seen
        # closed here the offer is in the tables by now, and the request finds it.
        offers = await self._contacts.pending_of(list(waiting))
        demands = await self._staff.demands(list(waiting))
        for agent_id, waiter in waiting.items():
            if agent_id in offers:
                waiter.end()
            elif (demand := demands.get(agent_id, "")) != waiter.demand_id:
                waiter.replaced = demand != ""  # a newer request at another process; else the engine closed it
                waiter.end()
