"""Another day like a recorded one: its arrivals drawn again."""

from math import exp
from random import Random
from typing import Final

import msgspec

from .workload import Arrival, Workload, workload_of

_MOVED_MS: Final = 300_000


def resampled(workload: Workload, seed: int) -> Workload:
    """Each arrival comes as often as a Poisson number of mean 1 says, each time within five minutes of its time (a Poisson bootstrap):
    as busy as the original over the day, but by chance."""
    dice = Random(f"{seed}:resampled")
    arrivals: list[Arrival] = []
    window = workload.window
    for arrival in workload.arrivals:
        for _ in range(_poisson(dice)):
            at = arrival.at_ms + dice.randint(-_MOVED_MS, _MOVED_MS)
            at = min(max(at, window.from_ms), window.until_ms - 1)
            arrivals.append(msgspec.structs.replace(arrival, at_ms=at))
    return workload_of(window, arrivals, list(workload.shifts))


def _poisson(dice: Random) -> int:
    """A Poisson number of mean 1 (Knuth)."""
    limit, product, count = exp(-1.0), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count
