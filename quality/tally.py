"""Counting stays while a run goes on, so that a day of a country is never in memory: what is over is added up and let go."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ccc_router.events.vocabulary import Channel
from ccc_router.simulation.measures import Thresholds, quantile
from ccc_router.simulation.world.stays import Outcome, Run, Stay

HOUR_MS = 3_600_000


@dataclass
class Counted:
    """Contacts that came, by the definitions of `ccc_router.simulation.measures`. Waits are kept by the second, so quantiles are by the second."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    in_time: int = 0
    judged: int = 0
    waited_ms: int = 0
    seconds: Counter[int] = field(default_factory=Counter)

    def add(self, stay: Stay, until_ms: int, threshold_ms: int) -> None:
        """One that is over, or is still there when the run ends at ``until_ms``."""
        waited = stay.waited_ms(until_ms)
        late = waited > threshold_ms
        self.outcomes[stay.outcome] += 1
        self.in_time += bool(stay.answered_at) and not late
        self.judged += bool(stay.answered_at) or stay.outcome is Outcome.ABANDONED or (not stay.ended_at and late)
        self.waited_ms += waited
        self.seconds[waited // 1000] += 1

    @property
    def offered(self) -> int:
        """How many came (I18)."""
        return sum(self.outcomes.values())

    @property
    def service_level(self) -> float:
        """Answered in time of those who were answered, gave up or waited too long."""
        return self.in_time / self.judged if self.judged else 1.0

    @property
    def abandoned(self) -> float:
        """Gave up, of the same."""
        return self.outcomes[Outcome.ABANDONED] / self.judged if self.judged else 0.0

    @property
    def mean_wait_s(self) -> float:
        """Of everybody."""
        return self.waited_ms / self.offered / 1000 if self.offered else 0.0

    def wait_s(self, share: float) -> float:
        """What that share did not wait longer than, to the second."""
        return quantile(sorted(self.seconds.elements()), share)


def together(some: Iterable[Counted]) -> Counted:
    """All of them as one."""
    whole = Counted()
    for one in some:
        whole.outcomes.update(one.outcomes)
        whole.seconds.update(one.seconds)
        whole.in_time += one.in_time
        whole.judged += one.judged
        whole.waited_ms += one.waited_ms
    return whole


class Tally:
    """``calls`` and ``messages`` are by (pool, hour of the run)."""

    def __init__(self, from_ms: int, until_ms: int, thresholds: Thresholds) -> None:
        """Nothing is counted yet."""
        self.calls: dict[tuple[str, int], Counted] = {}
        self.messages: dict[tuple[str, int], Counted] = {}
        self._from, self._until, self._thresholds = from_ms, until_ms, thresholds

    def fold(self, runs: Mapping[str, Run], *, last: bool = False) -> int:
        """Count what is over, and let it go; at the ``last`` what is still there as well. How many stay."""
        left = 0
        for pool, run in runs.items():
            still = []
            for stay in run.stays:
                if stay.ended_at or last:
                    self._add(pool, stay)
                else:
                    still.append(stay)
            run.stays[:] = still
            left += len(still)
        return left

    def came(self) -> int:
        """How many were counted."""
        return sum(one.offered for kind in (self.calls, self.messages) for one in kind.values())

    def _add(self, pool: str, stay: Stay) -> None:
        kind = self.calls if stay.channel is Channel.PHONE else self.messages
        key = (pool, (stay.arrived_at - self._from) // HOUR_MS)
        kind.setdefault(key, Counted()).add(stay, self._until, self._thresholds[stay.queue, stay.channel.value])
