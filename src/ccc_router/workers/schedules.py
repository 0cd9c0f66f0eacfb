"""How often what is owed is tried, and how long apart."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from ccc_router.events.vocabulary import DeliveryState

_JITTER: Final = 0.1


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long to wait after each failed try; after the last one the delivery ends in ``over``."""

    waits: tuple[timedelta, ...]
    over: DeliveryState

    def wait_s(self, tries: int, rng: Random) -> float | None:
        """Seconds before try ``tries + 1``, a tenth more or less; None when there is none."""
        if tries > len(self.waits):
            return None
        return self.waits[tries - 1].total_seconds() * rng.uniform(1 - _JITTER, 1 + _JITTER)


_S, _M, _H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

DEPARTMENTS: Final = Schedule(
    (5 * _S, 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H), DeliveryState.PARKED
)
"""The schedule of the Standard Webhooks specification: ten attempts in three days."""
CUSTOMERS: Final = Schedule((5 * _S, 30 * _S, 2 * _M, 10 * _M, 30 * _M, 2 * _H, 6 * _H, 12 * _H), DeliveryState.PARKED)
"""Replies: eight repetitions within a day, then a person looks."""
CALLS: Final = Schedule(
    (timedelta(milliseconds=200), timedelta(milliseconds=500), 1 * _S, 1 * _S), DeliveryState.FAILED
)
"""Call control: within three seconds, or the call has moved on."""
