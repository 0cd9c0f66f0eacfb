"""Who waits and who is free, kept in order: two heaps a class of contacts, one sorted list a class of agents and channel.

Derived from the rows at any time; nothing here is stored. Costs are logarithmic in people, linear only in classes that are not empty.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from ..rulebook import AgentClass, ContactClass, Rulebook
from .limits import Key
from .lines import Line, Place, TargetLine


class AgentKey(NamedTuple):
    """Smaller is offered first: what the policy compares, from left to right, then the id."""

    order: tuple[int, ...]
    agent_id: str


class ClassLine:
    """All of one class: a line for each set of agents who are not to have them and each credit; nearly always one, for nobody and 0."""

    __slots__ = ("_extra", "_lines", "_target")

    def __init__(self, target: int, extra: int) -> None:
        """An empty line: those whose ``target`` passed let others go first for ``extra`` milliseconds."""
        self._target, self._extra = target, extra
        self._lines: dict[tuple[tuple[str, ...], int], TargetLine] = {}

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._lines)

    def __len__(self) -> int:
        """How many wait."""
        return sum(len(line) for line in self._lines.values())

    def in_order(self) -> Iterator[Place]:
        """Everybody, each line from its front. The lines must not change meanwhile."""
        return chain.from_iterable(line.in_order() for line in self._lines.values())

    def add(self, place: Place, excluded: tuple[str, ...], credit: int) -> None:
        """Queue up."""
        line = self._lines.get((excluded, credit))
        if line is None:
            behind = self._target + self._extra + 1
            line = self._lines[excluded, credit] = TargetLine(self._target + credit, self._extra, behind)
        line.add(place)

    def remove(self, place: Place, excluded: tuple[str, ...], credit: int) -> None:
        """Leave."""
        line = self._lines[excluded, credit]
        line.remove(place)
        if not line:
            del self._lines[excluded, credit]

    def smallest(self) -> Place | None:
        """Who ranks first, whoever may have him."""
        fronts = [line.smallest() for line in self._lines.values()]
        return min((front for front in fronts if front is not None), default=None)

    def first(self, agent_id: str, now: int) -> Place | None:
        """Who is at the front of those the agent may have, where he stands."""
        fronts = [line.first(now) for (excluded, _), line in self._lines.items() if agent_id not in excluded]
        return min((front for front in fronts if front is not None), default=None)

    def fronts(self, now: int) -> list[Place]:
        """Who is at the front for each set of agents who are not to have them and each credit, where he stands."""
        return [front for line in self._lines.values() if (front := line.first(now)) is not None]


class Waiting:
    """All waiting contacts: in the line of their class, or, while kept for certain agents, in the own line of each."""

    __slots__ = ("_fronts", "_targets", "_where", "extra", "lines", "reserved")

    def __init__(self, extra: int, targets: Mapping[str, int]) -> None:
        """Nobody waits. Those whose target passed let others go first for ``extra`` milliseconds (0: the order is by rank alone): they
        rank as if they had come at the moment at which they have their turn again. ``targets`` are the queues' service levels (ms)."""
        self.extra, self._targets = extra, targets
        self.lines: dict[ContactClass, ClassLine] = {}
        self.reserved: dict[str, Line] = {}
        self._where: dict[str, tuple[ContactClass | tuple[str, ...], Place, tuple[str, ...], int]] = {}
        self._fronts: list[Place] = []  # whoever ranks first in each line, in order

    def put(self, place: Place, where: ContactClass | tuple[str, ...], excluded: tuple[str, ...], credit: int) -> bool:
        """Wait in a class's line, but for those ``excluded``, or (``where`` agents' ids) in theirs. True if that is a new place.

        ``credit`` is what of the rank a priority brought (ms): the target does not move by it.
        """
        contact_id, wanted = place.contact_id, (where, place, excluded, credit)
        if self._where.get(contact_id) == wanted:
            return False
        self.drop(contact_id)
        self._where[contact_id] = wanted
        if isinstance(where, tuple):
            for agent_id in where:
                own = self.reserved.setdefault(agent_id, Line())
                self._came(own.first(), place)
                own.add(place)
        else:
            line = self._line(where)
            self._came(line.smallest(), place)
            line.add(place, excluded, credit)
        return True

    def fronts(self, key: Key, now: int) -> Iterator[Place]:
        """Who is at the front of each line of a queue and channel, where he stands. Costs as much as there are classes that wait."""
        for one, line in self.lines.items():
            if (one.queue, one.channel) == key:
                yield from line.fronts(now)

    def _line(self, where: ContactClass) -> ClassLine:
        line = self.lines.get(where)
        if line is None:
            line = self.lines[where] = ClassLine(self._targets[where.queue], self.extra)
        return line

    def holds(self, contact_id: str) -> bool:
        """Whether the contact waits."""
        return contact_id in self._where

    def drop(self, contact_id: str) -> None:
        """No longer wait."""
        found = self._where.pop(contact_id, None)
        if found is None:
            return
        where, place, excluded, credit = found
        if not isinstance(where, tuple):
            line = self.lines[where]
            front = line.smallest()
            line.remove(place, excluded, credit)
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

    __slots__ = ("_able", "_done", "_keys", "_nobody", "_scarcity_at", "lists")

    def __init__(self, book: Rulebook) -> None:
        """Nobody is free."""
        self.lists: dict[str, dict[AgentClass, list[AgentKey]]] = {}
        self._keys: dict[str, tuple[AgentClass, AgentKey, tuple[str, ...]]] = {}
        self._done, self._scarcity_at = book.works.done, book.scarcity_at
        self._nobody = [0] * (1 + len(set(book.works.of.values())))
        # how many are free for just these channels, by number of work; the last counts everybody
        self._able: dict[tuple[str, ...], list[int]] = {}

    def channels(self, agent_id: str) -> tuple[str, ...]:
        """The channels of which the agent could take one more now."""
        found = self._keys.get(agent_id)
        return found[2] if found else ()

    def key(self, agent_id: str) -> AgentKey:
        """A free agent's place among those of his class."""
        return self._keys[agent_id][1]

    def able(self, channel: str) -> list[int]:
        """How many are free for a channel, by the number of a work they do, and at last all: linear in works."""
        counts = [count for channels, count in self._able.items() if channel in channels]
        if len(counts) < 2:
            return counts[0] if counts else self._nobody
        return list(map(sum, zip(*counts, strict=True)))

    def compared(self, key: AgentKey, agent_class: AgentClass, able: list[int], work: int) -> AgentKey:
        """A place among all who could take a contact of some work, with scarcity where the policy has it: how many of those free for its
        channel (``able``) could not do the rarest other work of the class; 0 if it does no other."""
        at = self._scarcity_at
        if at is None:
            return key
        rarest = everybody = able[-1]
        for other in self._done.get(agent_class, ()):
            if able[other] < rarest and other != work:
                rarest = able[other]
        order, agent_id = key
        return AgentKey((*order[:at], everybody - rarest, *order[at:]), agent_id)

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
        self._count(agent_class, channels, 1)
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
        self._count(agent_class, channels, -1)

    def _count(self, agent_class: AgentClass, channels: tuple[str, ...], more: int) -> None:
        able = self._able.get(channels)
        if able is None:
            able = self._able[channels] = self._nobody.copy()
        able[-1] += more
        for work in self._done.get(agent_class, ()):
            able[work] += more
