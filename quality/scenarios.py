"""What is played: agents with skills, and arrivals that are the same for every policy (common random numbers). Times in ms.

Queues and topic mix: domain.md 6.1 (shares in per cent, in its order). Times: handling log-normal with mean 300 s (σ of the logarithm
0.8), patience exponential with mean 180 s. An arrival carries its own patience and handling, so no policy can change them.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

QUEUES: Final = ("gen", "sickmat", "card", "lump", "ui", "hi", "pens", "contrib", "vol", "digi", "peti", "intl")
MIX: Final = (14, 18, 17, 12, 9, 9, 4, 5, 3, 6, 2, 1)
HANDLING_S: Final = 300.0
PATIENCE_S: Final = 180.0
THRESHOLD_S: Final = 20.0
HOUR_MS: Final = 3_600_000
_SIGMA: Final = 0.8
# Share of a day's arrivals by hour, peaks 9-11 and 14-16 (domain.md 2.7), relative to the busiest hour.
_DAY: Final = (
    0.02, 0.02, 0.02, 0.02, 0.02, 0.03, 0.08, 0.25, 0.6, 1.0, 1.0, 0.7, 0.45, 0.55, 0.9, 0.9, 0.6, 0.4, 0.25, 0.2, 0.15, 0.1, 0.06, 0.03,
)  # fmt: skip
_SURGE_FROM, _SURGE_UNTIL, _SURGE = 10, 12, 6.0


@dataclass(frozen=True, slots=True)
class Contact:
    """One arrival; ``queue`` is an index into QUEUES."""

    at_ms: int
    queue: int
    patience_ms: int
    handling_ms: int


@dataclass(frozen=True, slots=True)
class Agent:
    """Served queues; the first is the agent's own trade (penalty 0, tier 1), the others come after."""

    skills: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """``rate(ms)`` is arrivals per ms; ``peak`` its maximum. What arrives before ``warm_ms`` is played and not counted."""

    name: str
    agents: int
    skills: int
    length_ms: int
    warm_ms: int
    peak: float
    rate: Callable[[int], float]

    def staff(self) -> tuple[Agent, ...]:
        """The agents, the same in every run."""
        dice = random.Random(7)
        return tuple(_agent(self.skills, dice) for _ in range(self.agents))

    def arrivals(self, seed: int) -> list[Contact]:
        """Poisson arrivals with the scenario's rate (thinning: Lewis, Shedler 1979)."""
        dice, found, now = random.Random(seed), list[Contact](), 0.0
        while (now := now + dice.expovariate(self.peak)) < self.length_ms:
            if dice.random() * self.peak >= self.rate(int(now)):
                continue
            queue = dice.choices(range(len(QUEUES)), MIX)[0]
            patience = dice.expovariate(1 / (1000 * PATIENCE_S))
            handling = 1000 * HANDLING_S * dice.lognormvariate(-_SIGMA * _SIGMA / 2, _SIGMA)
            found.append(Contact(int(now), queue, int(patience), int(handling)))
        return found


def _agent(skills: int, dice: random.Random) -> Agent:
    chosen: list[int] = []
    while len(chosen) < skills:
        queue = dice.choices(range(len(QUEUES)), MIX)[0]
        if queue not in chosen:
            chosen.append(queue)
    return Agent(tuple(chosen))


def _steady(agents: int, skills: int, load: float) -> Scenario:
    rate = agents * load / (1000 * HANDLING_S)
    return Scenario(
        f"{agents}x{skills}@{load:.2f}", agents, skills, 6 * HOUR_MS, HOUR_MS * 6 // 10, rate, lambda _: rate
    )


def _surge() -> Scenario:
    """A day of 60 agents with three skills, at load 0.8 in the busiest usual hour, with six times as many from 10 to 12 o'clock."""
    busiest = 60 * 0.8 / (1000 * HANDLING_S)

    def rate(at_ms: int) -> float:
        hour = at_ms // HOUR_MS % 24
        return busiest * _DAY[hour] * (_SURGE if _SURGE_FROM <= hour < _SURGE_UNTIL else 1.0)

    return Scenario("surge_day", 60, 3, 24 * HOUR_MS, 0, busiest * _SURGE, rate)


SCENARIOS: Final[Sequence[Scenario]] = (
    _steady(60, 4, 0.92), _steady(60, 2, 0.92), _steady(120, 3, 0.95), _steady(60, 3, 1.05), _surge(),
)  # fmt: skip
