"""Where reading the inbox begins: not at rows that are gone.

A row that was taken leaves an entry in the index, which readers pass over until no snapshot is left that could see the row. While somebody
holds one for minutes (a dump, a report of others, a replica that says what it reads) those entries pile up, and a look from the
beginning pays for each of them. So a look begins behind what was taken a while ago. Ids are given before their rows are committed: one that
was so slow is found by the looks from the beginning that come now and then.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from ccc_router.kernel.clock import Clock

BEHIND_S: Final = 5.0
"""A floor is what was taken so long ago at least: no append may take as long (`Limits.statement_ms`)."""
WHOLE_S: Final = 10.0
"""How often all is looked at whatever the floor."""
_RESTS: Final = 100.0
"""A look at all that took long is rested from for so many times as long: it has a hundredth of the time at most."""


class Floor(NamedTuple):
    """Ids behind which looking begins, of what people ask and of what channels bring; 0: at the beginning."""

    urgent: int = 0
    others: int = 0


class Placed(Protocol):
    """A row that was taken."""

    @property
    def id(self) -> int:
        """The inbox's, or below zero."""
        ...

    @property
    def urgent(self) -> bool:
        """Whether people asked it."""
        ...


class Floors:
    """The floors of one tenure. `begin` a look, `end` it, and tell what was `taken` once that is committed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken = self._before = self._floor = Floor()
        self._before_at = clock.monotonic()
        self._began = 0.0
        self._whole = False
        self._whole_at = float("-inf")

    def begin(self) -> Floor:
        """Where this look begins."""
        self._began = self._clock.monotonic()
        self._whole = self._began >= self._whole_at
        return Floor() if self._whole else self._floor

    def end(self) -> None:
        """The look is over."""
        if self._whole:
            now = self._clock.monotonic()
            self._whole_at = now + max(WHOLE_S, _RESTS * (now - self._began))

    def taken(self, rows: Iterable[Placed]) -> None:
        """These are gone for good."""
        urgent, others = self._taken
        for row in rows:
            if row.urgent:
                urgent = max(urgent, row.id)
            else:
                others = max(others, row.id)
        self._taken = Floor(urgent, others)
        now = self._clock.monotonic()
        if now - self._before_at >= BEHIND_S:
            self._floor, self._before, self._before_at = self._before, self._taken, now
