"""The fewest agents with whom an interval meets its target, by formula or by measuring."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ccc_router.simulation.bounds.erlang import Demand, Performance, performance

_MOST: Final = 100_000  # more than any centre has; a measure that never meets its target ends here

Measure = Callable[[int], float]
"""A port: the service level (share in [0, 1]) that so many agents reach; a simulator gives one. It need not be free of noise."""


@dataclass(frozen=True, slots=True)
class Target:
    """``share`` of all arrivals answered within ``threshold_s`` (abandons count as not answered), and two limits.

    Raises ValueError for shares outside (0, 1], a share of 1, or a negative threshold: no number of agents promises certainty.
    """

    share: float
    threshold_s: float
    abandons_at_most: float = 1.0
    occupancy_at_most: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or self.threshold_s < 0:
            raise ValueError("a target is a share between 0 and 1 and a threshold in seconds, as in 80/20")
        if not (0 < self.abandons_at_most <= 1 and 0 < self.occupancy_at_most <= 1):
            raise ValueError("limits of abandonment and occupancy are above 0 and at most 1")

    @classmethod
    def parse(cls, text: str, *, abandons_at_most: float = 1.0, occupancy_at_most: float = 1.0) -> "Target":
        """``80/20``: 80 % within 20 s. Raises ValueError."""
        percent, slash, seconds = text.partition("/")
        if not slash:
            raise ValueError(f"a target is written as 80/20, not {text}")
        return cls(float(percent) / 100, float(seconds), abandons_at_most, occupancy_at_most)

    def met_by(self, found: Performance) -> bool:
        """All three."""
        return (
            found.service_level >= self.share
            and found.abandons <= self.abandons_at_most
            and found.occupancy <= self.occupancy_at_most
        )


def by_formula(demand: Demand, target: Target) -> int:
    """The fewest agents by Erlang A, or Erlang C where patience has no end.

    Another agent never makes any of the three worse, so the answer is found by halving.
    """
    return _fewest(
        lambda agents: target.met_by(performance(agents, demand, target.threshold_s)), math.ceil(demand.erlangs)
    )


def by_measuring(measure: Measure, target: Target, near: int) -> int:
    """The fewest agents whose measured service level meets the target's share; `near` (the formula's answer) is where to begin.

    Each number is measured at most once. With a measure that is not quite monotone the answer meets the target and one agent
    fewer does not. Raises ValueError if no number does.
    """
    return _fewest(lambda agents: measure(agents) >= target.share, near)


def rostered(agents: int, shrinkage: float) -> int:
    """How many to put on the roster so that `agents` are at work, when a `shrinkage` share in [0, 1) is away (leave, breaks, training).

    Raises ValueError for another share.
    """
    if not 0 <= shrinkage < 1:
        raise ValueError("shrinkage is at least 0 and below 1")
    return math.ceil(agents / (1 - shrinkage) - 1e-9)


def _fewest(enough: Callable[[int], bool], near: int) -> int:
    """The smallest number >= 1 that is enough, from a first guess: steps that double, then halving between."""
    high, step = max(1, near), 1
    if enough(high):
        while high > 1 and enough(low := max(1, high - step)):
            high, step = low, 2 * step
        if high == 1:
            return 1
        low = max(1, high - step)
    else:
        low = high
        while not enough(high := low + step):
            low, step = high, 2 * step
            if low > _MOST:
                raise ValueError(f"not even {_MOST} agents meet the target")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
