"""Means over replications, and paired differences of two catalogues that met the same customers, with 95 % intervals."""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Final

import msgspec

from .measures import Measures

MEASURES: Final[Mapping[str, Callable[[Measures], float]]] = {
    "service_level": lambda one: one.total.service_level,
    "mean_wait_ms": lambda one: one.total.mean_wait_ms,
    "p95_wait_ms": lambda one: one.total.p95_wait_ms,
    "p99_wait_ms": lambda one: one.total.p99_wait_ms,
    "abandonment": lambda one: one.total.abandonment,
    "occupancy": lambda one: one.occupancy,
    "fairness_customers": lambda one: one.fairness_customers,
    "fairness_agents": lambda one: one.fairness_agents,
}
BEYOND: Final[Mapping[str, Callable[[Measures], float]]] = {
    "transferred": lambda one: one.passed.transferred / (one.total.offered or 1),
    "escalated": lambda one: one.passed.escalated / (one.total.offered or 1),
    "solved_ms": lambda one: one.passed.solved_ms / (one.passed.solved or 1),
    "returned": lambda one: one.passed.returned / (one.passed.solved + one.passed.returned or 1),
    "back_wait_ms": lambda one: one.channels["internal"].mean_wait_ms if "internal" in one.channels else 0.0,
    "promised": lambda one: one.passed.promised / (one.channels["phone"].offered if "phone" in one.channels else 1),
    "reached": lambda one: one.passed.reached / (one.passed.reached + one.passed.unreached or 1),
}
"""What became of contacts beyond the first answer. Shares of the contacts that came, of the cases that departments sent back, of the
calls, and of the callbacks that are over; the time until a department solved a case, of those it did; what came back waited for an agent."""
HIGHER_IS_BETTER: Final = frozenset({"service_level", "fairness_customers", "fairness_agents"})
LOWER_IS_BETTER: Final = frozenset({"mean_wait_ms", "p95_wait_ms", "p99_wait_ms", "abandonment"})
_T975: Final = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
_Z975: Final = 1.959964


class Estimate(msgspec.Struct, frozen=True):
    """A mean over replications. ``half_width``: the true mean lies within ± it with 95 % confidence; None from one replication."""

    mean: float
    half_width: float | None

    @property
    def surely_differs(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.half_width is not None and abs(self.mean) > self.half_width


class Compared(msgspec.Struct, frozen=True):
    """One measure under both catalogues; ``difference`` is the second's less the first's, replication by replication."""

    first: Estimate
    second: Estimate
    difference: Estimate


class Comparison(msgspec.Struct, frozen=True):
    """All measures, and the service level of each queue, of one or two catalogues. ``beyond`` has those of `BEYOND` that anybody met."""

    replications: int
    measures: dict[str, Compared]
    queues: dict[str, Compared]
    beyond: dict[str, Compared] = {}


def student_t(freedom: int) -> float:
    """The 97.5 % point of Student's t: from the table up to 30 degrees of freedom, beyond by Fisher's expansion (four digits)."""
    if freedom < 1:
        raise ValueError("no degrees of freedom")
    if freedom <= len(_T975):
        return _T975[freedom - 1]
    z = _Z975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and half width of the 95 % interval of independent values. Raises ValueError for none."""
    count = len(values)
    if not count:
        raise ValueError("nothing to estimate from")
    mean = sum(values) / count
    if count == 1:
        return Estimate(mean, None)
    variance = sum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(mean, student_t(count - 1) * sqrt(variance / count))


def compare(first: Sequence[Measures], second: Sequence[Measures]) -> Comparison:
    """Both catalogues measured in the same replications, in the same order. Raises ValueError if there are not as many."""
    if len(first) != len(second):
        raise ValueError("not the same replications")
    names = sorted({name for one in (*first, *second) for name in one.queues})
    return Comparison(
        len(first),
        {name: _compared(read, first, second) for name, read in MEASURES.items()},
        {name: _compared(_level_of(name), first, second) for name in names},
        {
            name: _compared(read, first, second)
            for name, read in BEYOND.items()
            if any(read(found) for found in (*first, *second))
        },
    )


def _compared(read: Callable[[Measures], float], first: Sequence[Measures], second: Sequence[Measures]) -> Compared:
    one, other = [read(found) for found in first], [read(found) for found in second]
    return Compared(
        estimate(one), estimate(other), estimate([after - before for before, after in zip(one, other, strict=True)])
    )


def _level_of(queue: str) -> Callable[[Measures], float]:
    """Who does not come cannot wait too long."""
    return lambda found: found.queues[queue].service_level if queue in found.queues else 1.0
