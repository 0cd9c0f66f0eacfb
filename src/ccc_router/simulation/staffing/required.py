"""The fewest agents with whom a day's intervals meet their target, by formula or by playing the day."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ccc_router.simulation.bounds.erlang import Demand, performance

_ROUNDS: Final = 40
"""Days played before the search gives up; a target that can be met needs about a third."""

Play = Callable[[Sequence[int]], Sequence["Reached"]]
"""A port: what so many agents in each interval reach there. It need not be free of noise, but gives the same answer to the same question."""


class Reached(NamedTuple):
    """What agents reach. Shares in [0, 1], of all that arrive (occupancy: of the agents' time); ``mean_wait_s`` over all that arrive."""

    service_level: float
    abandons: float
    mean_wait_s: float
    occupancy: float


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

    def met_by(self, found: Reached) -> bool:
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
    return _fewest(lambda agents: target.met_by(steady(agents, demand, target)), math.ceil(demand.erlangs))


def steady(agents: int, demand: Demand, target: Target) -> Reached:
    """What so many agents reach in the steady state."""
    found = performance(agents, demand, target.threshold_s)
    return Reached(found.service_level, found.abandons, found.mean_wait_s, found.occupancy)


def by_playing(play: Play, target: Target, near: Sequence[int]) -> tuple[list[int], Sequence[Reached]]:
    """The agents of each interval with whom the played day meets the target in every interval, and what they reach.

    Begins with ``near`` (the formula's answer; 0: nobody is expected, nobody comes) and plays again and again, as the iterative
    staffing of Feldman, Mandelbaum, Massey, Whitt (2008) does: first agents are added to the intervals that fall short, then taken away
    one at a time where the target holds without them. An interval may need more because the one before it left contacts over, so all
    are tried together. Raises ValueError if the target is not met after 40 days.
    """
    agents, open_to_less = list(near), {place for place, count in enumerate(near) if count}
    found = play(agents)
    rounds = 1
    while short := [place for place in sorted(open_to_less) if not target.met_by(found[place])]:
        if rounds >= _ROUNDS:
            raise ValueError("the target is not met in every interval, however many agents there are")
        for place in short:
            agents[place] += max(1, int(agents[place] * (target.share - found[place].service_level) / 2))
        found, rounds = play(agents), rounds + 1
    while rounds < _ROUNDS and (less := {place for place in open_to_less if agents[place] > 1}):
        tried = [count - (place in less) for place, count in enumerate(agents)]
        reached, rounds = play(tried), rounds + 1
        missed = {place for place, count in enumerate(near) if count and not target.met_by(reached[place])}
        if not missed:
            agents, found = tried, reached
        if missed:
            # What falls short keeps its agents from now on, and so does the last interval up to it that had fewer: it left contacts over.
            kept = {max((one for one in less if one <= place), default=-1) for place in missed}
            open_to_less = less - missed - kept if kept & less else set()
    return agents, found


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
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
