"""A day played with so many agents in each interval: the production core, and what each interval's contacts got.

What formulas leave out is in it: what one interval leaves over for the next, the hour's climb within an interval, and agents who know
only some topics.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from ...routing.policy import Agent, Capacity, Catalogue, Queue, QueueProfile, Skill, Text, Topic
from ..workloads.description import Behaviour, Description
from ..workloads.synthetic import arrival, topics_of
from ..workloads.workload import Arrival, Shift, Window, workload_of
from ..world.living import World
from ..world.stays import Stay
from .required import Reached

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
_ALIKE: Final = Text(vi="tất cả", en="everything")


@dataclass(frozen=True, slots=True)
class Setting:
    """What is played: calls with these means (seconds; patience ``math.inf`` has no end) to the queues of ``catalogue``, whose agents
    are the pattern for as many as are wanted; the same customers for every number of agents (common random numbers)."""

    catalogue: Catalogue
    interval_min: int
    handling_s: float
    patience_s: float
    replications: int = 5
    seed: int = 1


def all_alike() -> Catalogue:
    """One queue, and agents who know all of it: what the formulas assume."""
    return Catalogue(
        version=1,
        queues=(Queue(id="all", name=_ALIKE, channels=("phone",)),),
        skills=(Skill(id="all", name=_ALIKE),),
        agents=(
            Agent(
                id="agent",
                name="agent",
                skills={"all": 1},
                profiles=(QueueProfile(queue="all"),),
                capacity=Capacity(channels={"phone": 1}),
            ),
        ),
        endpoints=(),
        topics=(Topic(id="all", name=_ALIKE, queue="all", share_permille=1000),),
    )


class Day:
    """A day whose intervals expect so many contacts."""

    def __init__(self, setting: Setting, contacts: Sequence[float]) -> None:
        """Draw the customers of every replication. Raises ValueError for a catalogue nobody could call or be called with."""
        self._setting = setting
        self._contacts = contacts
        patterns = [one for one in setting.catalogue.agents if one.capacity.channels.get("phone")]
        if not patterns:
            raise ValueError("no agent of the catalogue takes calls")
        self._patterns = sorted(patterns, key=lambda one: one.id)
        Random(f"{setting.seed}:staff").shuffle(self._patterns)
        topics = topics_of(Description(), setting.catalogue)
        if not topics:
            raise ValueError("the catalogue's topics have no shares: what people call for is not known")
        self._days = [list(self._callers(topics, number)) for number in range(setting.replications)]

    def reached(self, agents: Sequence[int], threshold_s: float) -> list[Reached]:
        """What so many agents in each interval give those who call in it; a call is that of the interval it came in."""
        found = [_Interval() for _ in self._contacts]
        length = self._setting.interval_min * _MINUTE_MS
        catalogue, shifts = self._staffed(agents)
        window = Window(from_ms=0, until_ms=_DAY_MS + 60 * _MINUTE_MS, utc_offset_minutes=0)
        for arrivals in self._days:
            for stay in World(catalogue, workload_of(window, arrivals, shifts)).go().stays:
                found[stay.arrived_at // length].take(stay, window.until_ms, threshold_s)
                if stay.answered_at:
                    _spread(found, stay.answered_at, stay.ended_at or window.until_ms, length)
        staffed_ms = length * self._setting.replications
        return [one.reached(count * staffed_ms) for one, count in zip(found, agents, strict=True)]

    def _callers(self, topics: Sequence[tuple[Topic, float]], replication: int) -> Iterator[Arrival]:
        """Poisson in every interval: the expected number is its mean."""
        setting, seed = self._setting, f"{self._setting.seed}:{replication}"
        patience = 0.0 if math.isinf(setting.patience_s) else setting.patience_s
        behaviour = Behaviour(share_percent=100, handling_s=setting.handling_s, wrap_up_s=0, patience_s=patience)
        calls = Description(channels={"phone": behaviour}, reaction_s=0, missed_percent=0)
        length = setting.interval_min * _MINUTE_MS
        for place, expected in enumerate(self._contacts):
            dice, at = Random(f"{seed}:{place}"), 0.0
            while expected > 0 and (at := at + dice.expovariate(expected / length)) < length:
                yield arrival(calls, topics, int(place * length + at), dice)

    def _staffed(self, agents: Sequence[int]) -> tuple[Catalogue, list[Shift]]:
        """The first so many of a row in which the patterns take turns are at work in each interval."""
        length, most = self._setting.interval_min * _MINUTE_MS, max(agents, default=0)
        staff, shifts = [], list[Shift]()
        for number in range(most):
            pattern = self._patterns[number % len(self._patterns)]
            name = f"{pattern.id}:{number}"
            staff.append(msgspec.structs.replace(pattern, id=name, phone=f"simulated/{number}"))
            shifts.extend(Shift(name, *times) for times in at_work(number, agents, length))
        return msgspec.structs.replace(self._setting.catalogue, agents=tuple(staff)), shifts


def at_work(number: int, agents: Sequence[int], length: int) -> Iterator[tuple[int, int]]:
    """From when to when the n-th agent is wanted, without a break between neighbouring intervals."""
    began: int | None = None
    for place, wanted in enumerate((*agents, 0)):
        if number < wanted:
            began = place * length if began is None else began
        elif began is not None:
            yield began, place * length
            began = None


class _Interval:
    """What is counted of those who came in an interval, and how long its agents were busy in it."""

    def __init__(self) -> None:
        self.came = self.in_time = self.abandoned = self.waited_ms = self.busy_ms = 0

    def take(self, stay: Stay, until_ms: int, threshold_s: float) -> None:
        waited = stay.waited_ms(until_ms)
        self.came += 1
        self.in_time += bool(stay.answered_at) and waited <= 1000 * threshold_s
        self.abandoned += bool(stay.ended_at) and not stay.answered_at
        self.waited_ms += waited

    def reached(self, staffed_ms: int) -> Reached:
        came = self.came or 1
        return Reached(
            service_level=self.in_time / came if self.came else 1.0,
            abandons=self.abandoned / came,
            mean_wait_s=self.waited_ms / came / 1000,
            occupancy=min(1.0, self.busy_ms / staffed_ms) if staffed_ms else 0.0,
        )


def _spread(found: Sequence[_Interval], begins: int, ends: int, length: int) -> None:
    """A handling makes the agents busy in every interval it reaches into."""
    for place in range(begins // length, min(len(found), ends // length + 1)):
        found[place].busy_ms += min(ends, (place + 1) * length) - max(begins, place * length)
