"""Several pools in one virtual time: each is a world of its own, and what one hands over goes on in another.

What an engine forwards between pools (call events of a contact that was handed over) is told by the people of these worlds to the pool that
has the contact, at the same moment.
"""

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from typing import Protocol

from ...events.facts import ContactTaken
from ...routing import decisions as d
from ...routing.state import State
from .stays import Run, Visit


class Abroad(Protocol):
    """The other pools, as a world sees them."""

    def hand_over(
        self, at: int, pool: str, visit: Visit, handed: d.ContactHandedOver, call: dict[str, object] | None
    ) -> None:
        """A contact of ``pool`` goes where the decision says."""

    def back(self, at: int, visit: Visit) -> None:
        """Its customer gave up in another pool than his own, and calls his own again at ``at``."""


class Played(Protocol):
    """A world, as its neighbours see it."""

    state: State

    def next_at(self) -> int:
        """When something happens there next."""

    def go_on(self) -> bool:
        """The one thing that happens next; False if nothing does in the window."""

    def end(self) -> Run:
        """What the run leaves behind."""

    def take(self, at: int, visit: Visit, fact: ContactTaken) -> None:
        """A contact that another pool hands over."""

    def call_again(self, at: int, visit: Visit) -> None:
        """Somebody who had been handed over calls again."""


class Country:
    """Give the worlds this as their ``abroad``, add them to ``worlds`` by pool, then `go`. ``moved`` counts contacts by (from, to)."""

    def __init__(self) -> None:
        """No pool yet."""
        self.worlds: dict[str, Played] = {}
        self.moved: dict[tuple[str, str], int] = {}
        self._agenda: list[tuple[int, str]] = []

    def go(self, pause: Callable[[int], None] | None = None, every_ms: int = 0) -> Mapping[str, Run]:
        """Live through the window, everywhere in one order of time. Raises only on a fault of the core or of a world.

        At each multiple of ``every_ms`` ``pause`` is called with it, when everything before it has happened everywhere.
        """
        self._agenda = [(world.next_at(), pool) for pool, world in self.worlds.items()]
        heapify(self._agenda)
        over: set[str] = set()
        mark = min((at for at, _ in self._agenda), default=0) // every_ms + 1 if every_ms else 0
        while self._agenda:
            at, pool = heappop(self._agenda)
            while pause is not None and every_ms and at >= mark * every_ms:
                pause(mark * every_ms)
                mark += 1
            world = self.worlds[pool]
            if pool in over or world.next_at() != at:
                continue  # looked at again since, for another moment
            if not world.go_on():
                over.add(pool)
                continue
            heappush(self._agenda, (world.next_at(), pool))
        return {pool: world.end() for pool, world in self.worlds.items()}

    def hand_over(
        self, at: int, pool: str, visit: Visit, handed: d.ContactHandedOver, call: dict[str, object] | None
    ) -> None:
        """See `Abroad.hand_over`. Raises KeyError for a pool that is not played."""
        world, stay, arrival = self.worlds[handed.pool], visit.stay, visit.arrival
        self.moved[pool, handed.pool] = self.moved.get((pool, handed.pool), 0) + 1
        home = self.worlds[visit.pool].state.book
        visit.through = (*visit.through, pool)
        fact = ContactTaken(
            channel=arrival.channel,
            endpoint=f"simulated-{arrival.channel.value}",
            contact_id=visit.contact_id,
            case_id=handed.case_id,
            through=visit.through,
            queue=handed.queue,
            arrived_at=stay.arrived_at,
            rank=home.rank(stay.arrived_at, stay.queue or handed.from_queue, arrival.channel, arrival.priority),
            language=arrival.language,
            topic=arrival.topic,
            priority=arrival.priority,
            call=call,
        )
        world.take(at, visit, fact)
        heappush(self._agenda, (world.next_at(), handed.pool))

    def back(self, at: int, visit: Visit) -> None:
        """See `Abroad.back`."""
        world = self.worlds[visit.pool]
        world.call_again(at, visit)
        heappush(self._agenda, (world.next_at(), visit.pool))
