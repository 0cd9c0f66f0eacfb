"""How much may be under way at once, and that whoever storms leaves room for the others.

One rule, without a number for each party: a party may have as much under way as is still free. So one that storms gets half of the
whole, two get a third each, and however many there are, one that comes later finds room (the dynamic thresholds of Choudhury and Hahne,
IEEE/ACM Transactions on Networking 6, 1998, with factor one). It is asked before anything is taken, so what is refused costs nothing (I14).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from .errors import TooMany, Unavailable


class Refusal(StrEnum):
    """Whose doing it is that there is no room: the party's own (429), or everybody's (503)."""

    PARTY = "party"
    ALL = "all"


def refusal(mine: int, everybody: int, parties: int, more: int, limit: int) -> Refusal | None:
    """Whether ``more`` may come on top of ``mine``, while ``everybody`` has so much of ``limit`` and so many have something at all.

    None: it may. What is alone may be as large as it likes, or one thing that is larger than the limit would never be taken.
    """
    if not everybody or mine + more <= limit - everybody:
        return None
    equal_part = limit / (max(parties, 1) + 1)
    return Refusal.PARTY if mine + more > equal_part and mine else Refusal.ALL


class Gate:
    """What is under way, by party. Whatever unit it counts in: requests, rows, bytes."""

    def __init__(
        self, limit: int, *, each: int | None = None, refused: Callable[[Refusal], None] = lambda _refusal: None
    ) -> None:
        """``each``: what one party may have, however much is free. ``refused`` is told whenever somebody is sent away."""
        self._limit = limit
        self._each = each if each is not None else limit
        self._refused = refused
        self._parties: dict[str, int] = {}
        self.under_way = 0

    def take(self, party: str, amount: int = 1) -> None:
        """Let it in; `give` it back. Raises TooMany (429) when the party has too much under way, Unavailable (503) when all have."""
        mine = self._parties.get(party, 0)
        found = refusal(mine, self.under_way, len(self._parties), amount, self._limit)
        if mine and mine + amount > self._each:
            found = Refusal.PARTY
        if found is not None:
            self._refused(found)
            raise self._error(found)
        self._parties[party] = mine + amount
        self.under_way += amount

    def give(self, party: str, amount: int = 1) -> None:
        """It is over. Who has nothing left is forgotten."""
        left = self._parties[party] - amount
        self.under_way -= amount
        if left:
            self._parties[party] = left
        else:
            del self._parties[party]

    @contextmanager
    def within(self, party: str, amount: int = 1) -> Iterator[None]:
        """`take` for as long as the context lasts."""
        if not amount:
            yield
            return
        self.take(party, amount)
        try:
            yield
        finally:
            self.give(party, amount)

    @staticmethod
    def _error(found: Refusal) -> TooMany | Unavailable:
        if found is Refusal.PARTY:
            return TooMany("You have too much under way; wait for answers.", code="too_many_at_once", retry_after_s=1)
        return Unavailable("Too much is under way; try again.", code="overloaded", retry_after_s=2)
