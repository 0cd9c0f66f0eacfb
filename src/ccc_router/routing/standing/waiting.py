"""Who waits and who is free, kept in order: two heaps a class of contacts, one sorted list a class of agents and channel.

Derived from the rows at any time; nothing here is stored. Costs are logarithmic in people, linear only in classes that are not empty.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from ..rulebook import AgentClass, ContactClass, Rulebook
from .lines import Line, Place, TargetLine


class AgentKey(NamedTuple):
    """Smaller is offered first: what the policy compares, from left to right, then the id."""

    order: tuple[int, ...]
    agent_id: str


class ClassLine:
    """All of one class: a line for each set of agents who are not to have them; nearly always one, for nobody."""

    __slots__ = ("_behind", "_extra", "_lines")

    def __init__(self, extra: int, behind: int) -> None:
        """An empty line: those whose target passed stand ``behind`` milliseconds further back for ``extra``."""
        self._extra, self._behind = extra, behind
        self._lines: dict[tuple[str, ...], TargetLine] = {}

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._lines)

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._lines.values())

    def in_order(self) -> Iterator[Place]:
        """Everybody, each line from its front. The lines must not change meanwhile."""
        return chain.from_iterable(line.in_order() for line in self._lines.values())

    def add(self, place: Place, excluded: tuple[str, ...], target_at: int) -> None:
        """Queue up."""
        line = self._lines.get(excluded)
        if line is None:
            line = self._lines[excluded] = TargetLine(self._extra, self._behind)
        line.add(place, target_at)

    def remove(self, place: Place, excluded: tuple[str, ...]) -> None:
        """Leave."""
        line = self._lines[excluded]
        line.remove(place)
        if not line:
            del self._lines[excluded]

    def smallest(self) -> Place | None:
        """Who ranks first, whoever may have him."""
        fronts = [line.smallest() for line in self._lines.values()]
        return min((front for front in fronts if front is not None), default=None)

    def first(self, agent_id: str, now: int) -> Place | None:
        """Who is at the front of those the agent may have, where he stands."""
        fronts = [line.first(now) for excluded, line in self._lines.items() if agent_id not in excluded]
        return min((front for front in fronts if front is not None), default=None)


class Waiting:
    """All waiting contacts: in the line of their class, or, while kept for certain agents, in the own line of each."""

    __slots__ = ("_fronts", "_targets", "_where", "extra", "lines", "reserved")

    def __init__(self, extra: int, targets: Mapping[str, int]) -> None:
        """Nobody waits. Those whose target passed let others go first for ``extra`` milliseconds (0: the order is by rank alone): they
        rank as if they had come at the moment at which they have their turn again. ``targets`` are the queues' service levels (ms)."""
        self.extra, self._targets = extra, targets
        self.lines: dict[ContactClass, ClassLine] = {}
        self.reserved: dict[str, Line] = {}
        self._where: dict[str, tuple[ContactClass | tuple[str, ...], Place, tuple[str, ...]]] = {}
        self._fronts: list[Place] = []  # whoever ranks first in each line, in order

    def put(
        self, place: Place, where: ContactClass | tuple[str, ...], excluded: tuple[str, ...], target_at: int
    ) -> bool:
        """Wait in a class's line, but for those ``excluded``, or (``where`` agents' ids) in theirs. True if that is a new place."""
        contact_id = place.contact_id
        if self._where.get(contact_id) == (where, place, excluded):
            return False
        self.drop(contact_id)
        self._where[contact_id] = (where, place, excluded)
        if isinstance(where, tuple):
            for agent_id in where:
                own = self.reserved.setdefault(agent_id, Line())
                self._came(own.first(), place)
                own.add(place)
        else:
            line = self._line(where)
            self._came(line.smallest(), place)
            line.add(place, excluded, target_at)
        return True

    def _line(self, where: ContactClass) -> ClassLine:
        line = self.lines.get(where)
        if line is None:
            line = self.lines[where] = ClassLine(self.extra, self._targets[where.queue] + self.extra + 1)
        return line

    def holds(self, contact_id: str) -> bool:
        """Whether the contact waits."""
        return contact_id in self._where

    def drop(self, contact_id: str) -> None:
        """No longer wait."""
        found = self._where.pop(contact_id, None)
        if found is None:
            return
        where, place, excluded = found
        if not isinstance(where, tuple):
            line = self.lines[where]
            front = line.smallest()
            line.remove(place, excluded)
            if not line:
                del self.lines[where]
            self._left(front, place, line.smallest())
            return
        for agent_id in where:
            own = self.reserved[agent_id]
            front = own.first()
            own.remove(place)
            if not own:
                del self.reserved[agent_id]
            self._left(front, place, own.first())

    def before(self, place: Place, most: int) -> list[tuple[Place, ContactClass | tuple[str, ...]]]:
        """At most ``most`` lines whose smallest rank is before a place, in order. As costly as ``most``, whatever waits."""
        found = dict.fromkeys(front for front in self._fronts[:most] if front < place)
        return [(front, self._where[front.contact_id][0]) for front in found]

    def _came(self, front: Place | None, place: Place) -> None:
        if front is None or place < front:
            self._front_moved(front, place)

    def _left(self, front: Place | None, place: Place, after: Place | None) -> None:
        if front == place:
            self._front_moved(place, after)

    def _front_moved(self, before: Place | None, after: Place | None) -> None:
        if before is not None:
            del self._fronts[bisect_left(self._fronts, before)]
        if after is not None:
            insort(self._fronts, after)


class Free:
    """Agents who could take one more contact of a channel, in the order they are offered work; and how many of them do each work."""

    __slots__ = ("_able", "_counted", "_done", "_keys", "_scarcity_at", "lists")

    def __init__(self, book: Rulebook) -> None:
        """Nobody is free."""
        self.lists: dict[str, dict[AgentClass, list[AgentKey]]] = {}
        self._keys: dict[str, tuple[AgentClass, AgentKey, tuple[str, ...]]] = {}
        self._done, self._scarcity_at = book.works.done, book.scarcity_at
        self._able: dict[str, list[int]] = {}  # by channel and number of work; the last counts everybody
        self._counted = 1 + len(set(book.works.of.values()))

    def channels(self, agent_id: str) -> tuple[str, ...]:
        """The channels of which the agent could take one more now."""
        found = self._keys.get(agent_id)
        return found[2] if found else ()

    def key(self, agent_id: str) -> AgentKey:
        """A free agent's place among those of his class."""
        return self._keys[agent_id][1]

    def scarcity(self, agent_class: AgentClass, channel: str, work: int) -> int:
        """How many of those free for a channel could not do the rarest other work of a class than ``work``; 0 if it does no other."""
        able = self._able[channel]
        rarest = everybody = able[-1]
        for other in self._done.get(agent_class, ()):
            if able[other] < rarest and other != work:
                rarest = able[other]
        return everybody - rarest

    def compared(self, key: AgentKey, agent_class: AgentClass, channel: str, work: int) -> AgentKey:
        """A place among all who could take a contact of this channel and work: scarcity, which is a class's, where the policy has it."""
        at = self._scarcity_at
        if at is None:
            return key
        order = key.order
        return AgentKey((*order[:at], self.scarcity(agent_class, channel, work), *order[at:]), key.agent_id)

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
        done = self._done.get(agent_class, ())
        for channel in channels:
            if channel not in self.lists:
                self.lists[channel], self._able[channel] = {}, [0] * self._counted
            insort(self.lists[channel].setdefault(agent_class, []), key)
            able = self._able[channel]
            able[-1] += 1
            for work in done:
                able[work] += 1
        return True

    def drop(self, agent_id: str) -> None:
        """Be free for nothing."""
        found = self._keys.pop(agent_id, None)
        if found is None:
            return
        agent_class, key, channels = found
        done = self._done.get(agent_class, ())
        for channel in channels:
            classes, able = self.lists[channel], self._able[channel]
            keys = classes[agent_class]
            del keys[bisect_left(keys, key)]
            if not keys:
                del classes[agent_class]
            able[-1] -= 1
            for work in done:
                able[work] -= 1
