"""Lines of waiting contacts: heaps in which leaving costs nothing."""

from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import chain
from typing import NamedTuple


class Place(NamedTuple):
    """Smaller waits nearer to the front."""

    rank: int
    contact_id: str


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
                if place in self._present and place not in taken[-1:]:  # who came back stands here twice
                    taken.append(place)
                    yield place
        finally:
            for place in taken:
                heappush(self._heap, place)


class TargetLine:
    """Waiting contacts by rank, all with the same time from rank to target. Whoever is late for it stands ``behind`` milliseconds further
    back until he has let others go before him for ``extra``; then he has his rank again. 0: strictly by rank.

    Two heaps. By rank is by target here: who is late is in front, and changes over when somebody looks, once.
    """

    __slots__ = ("_behind", "_extra", "_late", "_target", "_timely")

    def __init__(self, target: int, extra: int, behind: int) -> None:
        """An empty line."""
        self._target, self._extra, self._behind = target, extra, behind
        self._timely, self._late = Line(), Line()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._timely) + len(self._late)

    def in_order(self) -> Iterator[Place]:
        """Everybody: those known to be late from their front, then the others from theirs. The line must not change meanwhile."""
        return chain(self._late.in_order(), self._timely.in_order())

    def add(self, place: Place) -> None:
        """Queue up."""
        self._timely.add(place)

    def remove(self, place: Place) -> None:
        """Leave."""
        self._timely.remove(place)
        self._late.remove(place)

    def smallest(self) -> Place | None:
        """Who ranks first, in his turn or not."""
        timely, late = self._timely.first(), self._late.first()
        return min(timely, late) if timely is not None and late is not None else timely or late

    def first(self, now: int) -> Place | None:
        """Who goes first at ``now``, which never goes back, where he stands."""
        timely = self._timely.first()
        if not self._extra:
            return timely
        in_time_from = now - self._target
        while timely is not None and timely.rank < in_time_from:
            self._timely.remove(timely)
            self._late.add(timely)
            timely = self._timely.first()
        late = self._late.first()
        if late is None:
            return timely
        if late.rank >= in_time_from - self._extra:
            late = Place(late.rank + self._behind, late.contact_id)
        return late if timely is None else min(timely, late)
