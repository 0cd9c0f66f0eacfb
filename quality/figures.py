"""Figures of a policy over its runs, how far two policies differ, and the same figures of the pooled queue by Erlang A."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ccc_router.simulation.bounds.erlang import Demand, Performance, performance, still_waiting
from ccc_router.simulation.comparing import Estimate, estimate
from quality.play import Run
from quality.scenarios import HANDLING_S, PATIENCE_S, THRESHOLD_S, Scenario

_INTERVAL_MS = 1_800_000


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares in [0, 1] of all that arrived (abandons count as not answered); waits of all, until answered or gone."""

    service_level: float
    abandoned: float
    mean_wait_s: float
    p95_wait_s: float
    p99_wait_s: float


def of_runs(runs: Sequence[Run]) -> Figures:
    """Shares and means averaged over the runs, percentiles of all waits together (nearest rank)."""
    waits = sorted(wait for run in runs for wait in run.waits_s)
    return Figures(
        round(statistics.fmean(run.service_level for run in runs), 4),
        round(statistics.fmean(run.abandoned for run in runs), 4),
        round(statistics.fmean(waits), 2),
        round(_ranked(waits, 0.95), 2),
        round(_ranked(waits, 0.99), 2),
    )


COMPARED: Final[Mapping[str, Callable[[Run], float]]] = {
    "service_level": lambda run: run.service_level,
    "abandoned": lambda run: run.abandoned,
    "mean_wait_s": lambda run: statistics.fmean(run.waits_s),
    "p99_wait_s": lambda run: _ranked(sorted(run.waits_s), 0.99),
}
"""What is compared run by run."""


def differences(runs: Sequence[Run], others: Sequence[Run]) -> dict[str, Estimate]:
    """How much more the first have than the others, who met the same arrivals in the same order: means with 95 % intervals (t)."""
    pairs = list(zip(runs, others, strict=True))
    return {name: estimate([read(one) - read(other) for one, other in pairs]) for name, read in COMPARED.items()}


def pooled_bound(scenario: Scenario) -> Figures:
    """Erlang A (M/M/n+M) of one queue in which every agent can do everything.

    In the long run no routing has fewer abandons or shorter mean waits than the pooled queue. Its service level is that of first come
    first served: in an overload a policy that answers some in time and lets others wait longer can reach more.

    Where the rate changes, each half hour by itself in its steady state, weighted by its arrivals: there it is a yardstick and no
    bound, for a surge needs time to build up a queue and to work it off. Handling is log-normal in the runs and exponential here;
    its variance is nearly the same (squared coefficient of variation 0.90 for 1).
    """
    parts = _demands(scenario)
    whole = math.fsum(weight for weight, _ in parts)
    found = [(weight / whole, performance(scenario.agents, demand, THRESHOLD_S)) for weight, demand in parts]
    return Figures(
        round(_mean(found, "service_level"), 4),
        round(_mean(found, "abandons"), 4),
        round(_mean(found, "mean_wait_s"), 2),
        round(_quantile(scenario.agents, parts, whole, 0.95), 2),
        round(_quantile(scenario.agents, parts, whole, 0.99), 2),
    )


def _demands(scenario: Scenario) -> list[tuple[float, Demand]]:
    rates = [scenario.rate(at) for at in range(scenario.warm_ms, scenario.length_ms, _INTERVAL_MS)]
    return [(rate, Demand(1000 * rate, HANDLING_S, PATIENCE_S)) for rate in rates]


def _mean(found: Sequence[tuple[float, Performance]], field: str) -> float:
    return math.fsum(weight * getattr(one, field) for weight, one in found)


def _quantile(agents: int, parts: Sequence[tuple[float, Demand]], whole: float, share: float) -> float:
    """Where the weighted tail falls to ``1 - share``, by bisection to a millisecond within an hour; 0 if it begins below."""
    low, high = 0.0, 3600.0
    while high - low > 0.001:
        middle = (low + high) / 2
        tail = math.fsum(weight * still_waiting(agents, demand, middle) for weight, demand in parts) / whole
        low, high = (middle, high) if tail > 1 - share else (low, middle)
    return low if low > 0 else 0.0


def _ranked(waits: Sequence[float], share: float) -> float:
    return waits[max(0, math.ceil(share * len(waits)) - 1)]
