"""Who waits and who is free, kept in order: one heap a class of contacts, one sorted list a class of agents and channel.

Derived from the rows at any time; nothing here is stored. Costs are logarithmic in people, linear only in classes that are not empty.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heappop, heappush

from .rows import Contact, QueueState
from .rulebook import AgentClass, ContactClass

Place = tuple[int, str]
"""(rank, contact id): smaller waits nearer to the front."""

AgentKey = tuple[int, int, str]
"""(load in thousandths, idle since, agent id): smaller is offered first."""


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

    __slots__ = ("_where", "lines", "reserved")

    def __init__(self) -> None:
        """Nobody waits."""
        self.lines: dict[ContactClass, Line] = {}
        self.reserved: dict[str, Line] = {}
        self._where: dict[str, tuple[ContactClass | str, Place]] = {}

    def put(self, contact_id: str, rank: int, where: ContactClass | str) -> bool:
        """Wait in a class's line, or (``where`` an agent id) in his. True if that is a new place."""
        place = (rank, contact_id)
        if self._where.get(contact_id) == (where, place):
            return False
        self.drop(contact_id)
        self._where[contact_id] = (where, place)
        if isinstance(where, str):
            self.reserved.setdefault(where, Line()).add(place)
        else:
            self.lines.setdefault(where, Line()).add(place)
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
        if isinstance(where, str):
            line = self.reserved[where]
            line.remove(place)
            if not line:
                del self.reserved[where]
        else:
            line = self.lines[where]
            line.remove(place)
            if not line:
                del self.lines[where]


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
        agent_id = key[2]
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


class Doors:
    """Which queues are closed for which channels (``rows``, not derived), and who waits before a closed one.

    ``turned`` are the contacts that came to a closed queue since the input began, oldest first.
    """

    __slots__ = ("_behind", "_where", "rows", "turned")

    def __init__(self, rows: dict[str, QueueState] | None = None) -> None:
        """Nobody is held; ``rows`` are the queues with hours, by id."""
        self.rows: dict[str, QueueState] = {} if rows is None else rows
        self.turned: list[str] = []
        self._where: dict[str, str] = {}
        self._behind: dict[str, set[str]] = {}

    def closed(self, queue: str, channel: str, arrived_at: int, *, drains: bool) -> bool:
        """Whether a contact of that arrival (ms) is not to be offered there now."""
        row = self.rows.get(queue)
        since = row.closed.get(channel) if row is not None else None
        return since is not None and not (drains and arrived_at < since)

    def holds(self, contact_id: str) -> bool:
        """Whether the contact waits for an opening."""
        return contact_id in self._where

    def held(self, queue: str) -> set[str]:
        """Who waits for this queue to open."""
        return self._behind.get(queue, set())

    def hold(self, contact: Contact) -> None:
        """Wait for the queue to open."""
        if self._where.get(contact.id) != contact.queue:
            self.let_go(contact.id)
            self._where[contact.id] = contact.queue
            self._behind.setdefault(contact.queue, set()).add(contact.id)
            self.turned.append(contact.id)

    def let_go(self, contact_id: str) -> None:
        """No longer wait for an opening."""
        queue = self._where.pop(contact_id, None)
        if queue is not None:
            self._behind[queue].discard(contact_id)
