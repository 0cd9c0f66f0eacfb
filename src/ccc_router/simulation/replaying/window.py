"""Which part of a journal is meant: from one place to another, each a position or an engine time."""

from datetime import datetime
from typing import Final, NamedTuple

from ccc_router.events.envelope import Entry

_END: Final = 1 << 62


class Bound(NamedTuple):
    """A place in a journal: a position, or an engine time (ms)."""

    position: int | None = None
    at: int = 0

    def reached(self, entry: Entry) -> bool:
        """Whether the entry stands there or later."""
        return entry.at >= self.at if self.position is None else entry.position >= self.position

    def passed(self, entry: Entry) -> bool:
        """Whether the entry stands later."""
        return entry.at > self.at if self.position is None else entry.position > self.position


class Window(NamedTuple):
    """The inputs from ``first`` to ``last``, both included; what followed from the last of them belongs to it."""

    first: Bound = Bound(1)
    last: Bound = Bound(_END)

    def holds(self, entry: Entry) -> bool:
        """Whether the entry is in it."""
        return self.first.reached(entry) and not self.last.passed(entry)


EVERYTHING: Final = Window()


def bound(text: str) -> Bound:
    """A position, or a time as RFC 3339 with its offset. Raises ValueError saying what is expected."""
    if text.isdecimal():
        return Bound(int(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(f"{text!r} is neither a position nor a time such as 2026-11-23T08:00:00+07:00")
    return Bound(at=round(1000 * at.timestamp()))
