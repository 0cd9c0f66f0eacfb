"""How good a run was: service level, waits, abandonment, occupancy and fairness, in total and by queue, channel and hour.

Counted is who came behind the warm-up. Somebody still waiting when the run ends counts as not answered in time once he has waited
longer than the threshold, and is left out of the service level before that.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from ..events.vocabulary import Channel
from ..routing.policy import Catalogue
from .world.stays import Outcome, Passed, Run, Stay

FORMULA: Final = "answered within the threshold / (answered + abandoned + waiting longer than the threshold at the end)"
_HOUR_MS: Final = 3_600_000

Thresholds = Mapping[tuple[str, str], int]
"""(queue, channel) → milliseconds in which it is to be answered."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of some contacts. Shares are 0 to 1, waits milliseconds from arrival to answer, hang-up or the end of the run: of everybody,
    so that who gave up does not make the waits look short. ``offered`` is how many came, ``closed + abandoned + other + open`` (I18).
    """

    offered: int
    closed: int
    abandoned: int
    other: int
    open: int
    in_time: int
    service_level: float
    abandonment: float
    mean_wait_ms: float
    p95_wait_ms: float
    p99_wait_ms: float


class Hour(msgspec.Struct, frozen=True):
    """Those who came in an hour of local time, counted from midnight of the first day that is measured."""

    hour: int
    offered: int
    mean_wait_ms: float


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """A run in figures. ``total`` and ``queues`` are customers' contacts; what came back to cases is the channel ``internal``, and ``passed``
    counts what became of contacts beyond the first answer. ``occupancy`` is the share of the agents' time in which they had work. Fairness
    is Jain's index, 1 when all have the same: of customers over the service level of each channel and language, of agents over their
    occupancy. ``hours`` are by channel: a night's mail says nothing of the callers."""

    total: Figures
    queues: dict[str, Figures]
    channels: dict[str, Figures]
    hours: dict[str, tuple[Hour, ...]]
    occupancy: float
    fairness_customers: float
    fairness_agents: float
    formula: str = FORMULA
    passed: Passed = msgspec.field(default_factory=Passed)


def thresholds_of(catalogue: Catalogue) -> Thresholds:
    """The queue's service level, later by the allowance that the queue gives to a channel (mail may wait where a caller may not)."""
    return {
        (queue.id, channel): 1000 * (queue.service_level.seconds + queue.allowance_s.get(channel, 0))
        for queue in catalogue.queues
        for channel in ("phone", "email", "fanpage", "portal", "internal")
    }


def measure(run: Run, thresholds: Thresholds) -> Measures:
    """The figures of a run. A queue without a threshold is judged by the strictest there is."""
    counted = [stay for stay in run.stays if stay.arrived_at >= run.measured_from_ms]
    customers = [stay for stay in counted if stay.channel is not Channel.INTERNAL]
    strictest = min(thresholds.values(), default=20_000)

    def figures(stays: list[Stay]) -> Figures:
        return _figures(stays, run.until_ms, lambda stay: thresholds.get((stay.queue, stay.channel.value), strictest))

    groups = _grouped(customers, lambda stay: f"{stay.channel.value} {stay.language}")
    channels = _grouped(counted, lambda stay: stay.channel.value)
    worked = [time for _, time in sorted(run.agents.items()) if time.staffed_ms]
    staffed = sum(time.staffed_ms for time in worked)
    return Measures(
        total=figures(customers),
        queues={name: figures(stays) for name, stays in _grouped(customers, lambda stay: stay.queue).items()},
        channels={name: figures(stays) for name, stays in channels.items()},
        hours={name: _hours(stays, run) for name, stays in channels.items()},
        occupancy=_share(sum(time.busy_ms for time in worked), staffed),
        fairness_customers=jain(figures(stays).service_level for stays in groups.values()),
        fairness_agents=jain(time.busy_ms / time.staffed_ms for time in worked),
        passed=run.passed,
    )


def jain(values: Iterable[float]) -> float:
    """(Σx)² / (n·Σx²): 1 when all have the same, 1/n when one has all (Jain, Chiu, Hawe 1984). Nobody, or nothing for anybody, is fair."""
    found = list(values)
    squares = sum(value * value for value in found)
    return sum(found) ** 2 / (len(found) * squares) if squares else 1.0


def quantile(ordered: list[int], share: float) -> float:
    """The smallest value that at least ``share`` of an ordered list do not exceed (nearest rank); 0 of nothing."""
    if not ordered:
        return 0.0
    rank = -int(-share * len(ordered) // 1)
    return float(ordered[max(0, min(len(ordered), rank) - 1)])


def _figures(stays: list[Stay], until: int, threshold: Callable[[Stay], int]) -> Figures:
    counts = dict.fromkeys(Outcome, 0)
    in_time = judged = 0
    for stay in stays:
        counts[stay.outcome] += 1
        late = stay.waited_ms(until) > threshold(stay)
        in_time += bool(stay.answered_at) and not late
        judged += bool(stay.answered_at) or stay.outcome is Outcome.ABANDONED or (not stay.ended_at and late)
    waits = sorted(stay.waited_ms(until) for stay in stays)
    return Figures(
        offered=len(stays),
        closed=counts[Outcome.CLOSED],
        abandoned=counts[Outcome.ABANDONED],
        other=counts[Outcome.OTHER],
        open=counts[Outcome.OPEN],
        in_time=in_time,
        service_level=_share(in_time, judged, 1.0),
        abandonment=_share(counts[Outcome.ABANDONED], judged),
        mean_wait_ms=sum(waits) / len(waits) if waits else 0.0,
        p95_wait_ms=quantile(waits, 0.95),
        p99_wait_ms=quantile(waits, 0.99),
    )


def _hours(stays: list[Stay], run: Run) -> tuple[Hour, ...]:
    offset = 60_000 * run.utc_offset_minutes
    midnight = (run.measured_from_ms + offset) // (24 * _HOUR_MS) * 24 * _HOUR_MS - offset
    waits: dict[int, list[int]] = {}
    for stay in stays:
        waits.setdefault((stay.arrived_at - midnight) // _HOUR_MS, []).append(stay.waited_ms(run.until_ms))
    return tuple(Hour(hour, len(found), sum(found) / len(found)) for hour, found in sorted(waits.items()))


def _grouped(stays: list[Stay], by: Callable[[Stay], str]) -> dict[str, list[Stay]]:
    found: dict[str, list[Stay]] = {}
    for stay in stays:
        found.setdefault(by(stay), []).append(stay)
    return dict(sorted(found.items()))


def _share(part: float, whole: float, of_nothing: float = 0.0) -> float:
    return part / whole if whole else of_nothing
