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

    def take(self, place: Place) -> bool:
        """Leave; whether it was here."""
        here = place in self._present
        self._present.discard(place)
        return here

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
    """Waiting contacts by rank; but whoever is late for his target stands ``behind`` milliseconds further back, until he has let others go
    before him for ``extra``: then he has his rank again. Two heaps; a contact moves at most twice, when somebody looks."""

    __slots__ = ("_behind", "_extra", "_late", "_moves", "_timely")

    def __init__(self, extra: int, behind: int) -> None:
        """An empty line."""
        self._extra, self._behind = extra, behind
        self._timely, self._late = Line(), Line()
        self._moves: list[tuple[int, bool, Place]] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._timely) + len(self._late)

    def in_order(self) -> Iterator[Place]:
        """Everybody by rank: those in their turn from their front, then the late from theirs. The line must not change meanwhile."""
        return chain(self._timely.in_order(), map(self._by_rank, self._late.in_order()))

    def add(self, place: Place, target_at: int) -> None:
        """Queue up; 0: by rank for ever."""
        self._timely.add(place)
        if target_at:
            heappush(self._moves, (target_at + 1, False, place))

    def remove(self, place: Place) -> None:
        """Leave."""
        self._timely.remove(place)
        self._late.remove(self._set_back(place))

    def smallest(self) -> Place | None:
        """Who ranks first, in his turn or not."""
        timely, late = self._timely.first(), self._late.first()
        if late is None:
            return timely
        return min(timely or self._by_rank(late), self._by_rank(late))

    def first(self, now: int) -> Place | None:
        """Who goes first at ``now``, which never goes back, where he stands. Moves of those who left, or came back meanwhile, do no harm:
        they say the same."""
        moves = self._moves
        while moves and moves[0][0] <= now:
            at, back, place = heappop(moves)
            if not back and self._timely.take(place):
                self._late.add(self._set_back(place))
                heappush(moves, (at + self._extra, True, place))
            elif back and self._late.take(self._set_back(place)):
                self._timely.add(place)
        timely, late = self._timely.first(), self._late.first()
        return min(timely, late) if timely is not None and late is not None else timely or late

    def _set_back(self, place: Place) -> Place:
        return Place(place.rank + self._behind, place.contact_id)

    def _by_rank(self, place: Place) -> Place:
        return Place(place.rank - self._behind, place.contact_id)
