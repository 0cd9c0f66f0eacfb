"""What must happen at some time if nobody does anything, earliest first. Derived from the rows."""

from heapq import heapify, heappop, heappush
from typing import Literal

Timer = Literal["contact", "offer", "agent", "case", "escalation", "queue"]


class Timers:
    """One due time (ms) a kind and row; setting it again moves it. Of those due in one millisecond the queues' come first: what else
    happens at closing time happens in a closed queue."""

    __slots__ = ("_due", "_heap")

    def __init__(self) -> None:
        """Nothing is due."""
        self._due: dict[tuple[Timer, str], int] = {}
        self._heap: list[tuple[int, bool, Timer, str]] = []

    def first(self) -> tuple[int, Timer, str] | None:
        """The earliest: (due, what, of whom)."""
        heap = self._heap
        while heap and self._due.get((heap[0][2], heap[0][3])) != heap[0][0]:
            heappop(heap)
        return (heap[0][0], heap[0][2], heap[0][3]) if heap else None

    def due_of(self, timer: Timer, ref: str) -> int:
        """When this one is due; 0: not at all."""
        return self._due.get((timer, ref), 0)

    def set(self, timer: Timer, ref: str, due: int) -> None:
        """Be due then; 0: not at all, until it is set again."""
        known = self._due.get((timer, ref), 0)
        if due == known:
            return
        if due:
            self._due[timer, ref] = due
            heappush(self._heap, (due, timer != "queue", timer, ref))
        else:
            del self._due[timer, ref]
        if len(self._heap) > 64 + 4 * len(self._due):
            self._heap = [(when, what != "queue", what, of) for (what, of), when in self._due.items()]
            heapify(self._heap)
