"""What goes wrong when: drawn beforehand from the seed, so that the seed brings the same faults in the same order again."""

import random
from typing import Final, NamedTuple

_PAUSE_S: Final = (2.0, 6.0)
_STORM_S: Final = 150.0
_SPARED_S: Final = 45.0

PROCESS_FAULTS: Final = ("kill", "stop", "term")
LEADER: Final = "leader"
POSTGRES: Final = "postgres"
KAFKA: Final = "kafka"


class Step(NamedTuple):
    """After ``pause_s`` seconds ``fault`` happens to ``target``; ``draw`` (0 to 1) says to which of several."""

    pause_s: float
    fault: str
    target: str
    draw: float


_LEADER: Final = (("kill", LEADER, 6.0), ("stop", LEADER, 1.5), ("term", LEADER, 1.0))
_POSTGRES: Final = (("backend", POSTGRES, 0.7), ("immediate", POSTGRES, 0.3), ("kill", POSTGRES, 0.6))
_KAFKA: Final = (("kill", KAFKA, 0.6), ("pause", KAFKA, 0.8), ("restart", KAFKA, 0.4))


def draw(seed: int, seconds: float, roles: tuple[str, ...], *, kafka: bool) -> list[Step]:
    """The steps of a run that lasts so long. ``roles``: what the processes are, besides which one leads.

    Now and then the leader and PostgreSQL are spared for longer than an agent's lease: else nobody would ever be lost, for after each
    take-over every agent has a full lease.
    """
    rng = random.Random(seed)
    others = tuple(("kill", role, 6.0 / len(roles)) for role in roles)
    others += tuple(("stop", role, 1.0 / len(roles)) for role in roles)
    others += tuple(("term", role, 1.5 / len(roles)) for role in roles)
    storm = _LEADER + _POSTGRES + others + (_KAFKA if kafka else ())
    spared = others + (_KAFKA if kafka else ())
    steps: list[Step] = []
    at = 0.0
    while at < seconds:
        pause_s = round(rng.uniform(*_PAUSE_S), 2)
        at += pause_s
        choices = spared if at % (_STORM_S + _SPARED_S) > _STORM_S else storm
        [(fault, target, _)] = rng.choices(choices, [weight for *_, weight in choices])
        steps.append(Step(pause_s, fault, target, round(rng.random(), 4)))
    return steps
