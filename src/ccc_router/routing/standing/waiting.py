"""Who waits and who is free, kept in order: one heap a class of contacts, one sorted list a class of agents and channel.

Derived from the rows at any time; nothing here is stored. Costs are logarithmic in people, linear only in classes that are not empty.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from ..rulebook import AgentClass, ContactClass

Place = tuple[int, str]
"""(rank, contact id): smaller waits nearer to the front."""


class AgentKey(NamedTuple):
    """Smaller is offered first: what the policy compares, from left to right, then the id."""

    order: tuple[int, ...]
    agent_id: str


class Line:
    """Waiting contacts of one class by rank. Those that left are dropped when they come to the front."""

    __slots__ = ("_heap", "_present")

    def __init__(self) -> None:
        """An empty line."""
        self._heap: list[Place] = []
        self._present: set[Place] = set()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._present)

    def add(self, place: Place) -> None:
        """Queue up by rank."""
        if place not in self._present:
            self._present.add(place)
            heappush(self._heap, place)

    def remove(self, place: Place) -> None:
        """Leave; nothing happens if it is not here."""
        self._present.discard(place)

    def first(self) -> Place | None:
        """Who is at the front."""
        heap = self._heap
        while heap and heap[0] not in self._present:
            heappop(heap)
        return heap[0] if heap else None

    def in_order(self) -> Iterator[Place]:
        """Everybody from the front; as costly as looked at. The line must not change meanwhile."""
        taken: list[Place] = []
        try:
            while self._heap:
                place = heappop(self._heap)
                if place in self._present:
                    taken.append(place)
                    yield place
        finally:
            for place in taken:
                heappush(self._heap, place)


class Waiting:
    """All waiting contacts: in the line of their class, or, while reserved for one agent, in his own line."""

    __slots__ = ("_fronts", "_where", "lines", "reserved")

    def __init__(self) -> None:
        """Nobody waits."""
        self.lines: dict[ContactClass, Line] = {}
        self.reserved: dict[str, Line] = {}
        self._where: dict[str, tuple[ContactClass | str, Place]] = {}
        self._fronts: list[Place] = []  # every line's front, in order

    def put(self, contact_id: str, rank: int, where: ContactClass | str) -> bool:
        """Wait in a class's line, or (``where`` an agent id) in his. True if that is a new place."""
        place = (rank, contact_id)
        if self._where.get(contact_id) == (where, place):
            return False
        self.drop(contact_id)
        self._where[contact_id] = (where, place)
        line = self._line(where)
        front = line.first()
        line.add(place)
        if front is None or place < front:
            self._front_moved(front, place)
        return True

    def holds(self, contact_id: str) -> bool:
        """Whether the contact waits."""
        return contact_id in self._where

    def drop(self, contact_id: str) -> None:
        """No longer wait."""
        found = self._where.pop(contact_id, None)
        if found is None:
            return
        where, place = found
        line = self._line(where)
        was_front = line.first() == place
        line.remove(place)
        front = line.first()
        if was_front:
            self._front_moved(place, front)
        if front is None:
            if isinstance(where, str):
                del self.reserved[where]
            else:
                del self.lines[where]

    def before(self, place: Place, most: int) -> list[tuple[Place, ContactClass | str]]:
        """At most ``most`` lines whose front is before a place, by their fronts. As costly as ``most``, whatever waits."""
        return [(front, self._where[front[1]][0]) for front in self._fronts[:most] if front < place]

    def _line(self, where: ContactClass | str) -> Line:
        return (
            self.reserved.setdefault(where, Line()) if isinstance(where, str) else self.lines.setdefault(where, Line())
        )

    def _front_moved(self, before: Place | None, after: Place | None) -> None:
        if before is not None:
            del self._fronts[bisect_left(self._fronts, before)]
        if after is not None:
            insort(self._fronts, after)


class Free:
    """Agents who could take one more contact of a channel, in the order they are offered work."""

    __slots__ = ("_keys", "lists")

    def __init__(self) -> None:
        """Nobody is free."""
        self.lists: dict[str, dict[AgentClass, list[AgentKey]]] = {}
        self._keys: dict[str, tuple[AgentClass, AgentKey, tuple[str, ...]]] = {}

    def channels(self, agent_id: str) -> tuple[str, ...]:
        """The channels of which the agent could take one more now."""
        found = self._keys.get(agent_id)
        return found[2] if found else ()

    def put(self, agent_class: AgentClass, key: AgentKey, channels: tuple[str, ...]) -> bool:
        """Be free for these channels only. True if that differs from before and is not nothing."""
        agent_id = key.agent_id
        wanted = (agent_class, key, channels)
        if self._keys.get(agent_id) == wanted:
            return False
        self.drop(agent_id)
        if not channels:
            return False
        self._keys[agent_id] = wanted
        for channel in channels:
            insort(self.lists.setdefault(channel, {}).setdefault(agent_class, []), key)
        return True

    def drop(self, agent_id: str) -> None:
        """Be free for nothing."""
        found = self._keys.pop(agent_id, None)
        if found is None:
            return
        agent_class, key, channels = found
        for channel in channels:
            classes = self.lists[channel]
            keys = classes[agent_class]
            del keys[bisect_left(keys, key)]
            if not keys:
                del classes[agent_class]
