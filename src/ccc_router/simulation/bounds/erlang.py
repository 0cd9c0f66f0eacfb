"""Erlang B, C and A in forms that hold from one agent to ten thousand; standard library only.

All three are the queue of `agents` alike with Poisson arrivals and exponential handling times, served first come first served: the
*pooled* system in which every agent can do everything. They differ in what a customer does who finds all agents busy: goes (B),
waits as long as it takes (C), waits for an exponential patience and goes (A: M/M/n+M). Rates are per second, times in seconds.
"""

import math
from dataclasses import dataclass

from ccc_router.simulation.bounds.gamma import PalmSum, palm_sum


@dataclass(frozen=True, slots=True)
class Demand:
    """What arrives: ``arrivals_per_s`` > 0, mean ``handling_s`` > 0, mean ``patience_s`` > 0 (``math.inf``: nobody abandons).

    Raises ValueError if a number is not in its range.
    """

    arrivals_per_s: float
    handling_s: float
    patience_s: float = math.inf

    def __post_init__(self) -> None:
        if not (0 < self.arrivals_per_s < math.inf and 0 < self.handling_s < math.inf and self.patience_s > 0):
            raise ValueError(f"rates and times are positive: {self}")

    @property
    def erlangs(self) -> float:
        """Offered load: agents that would be busy on average if nobody abandoned."""
        return self.arrivals_per_s * self.handling_s


@dataclass(frozen=True, slots=True)
class Performance:
    """The steady state. Shares in [0, 1] of all that arrive unless said otherwise; times in seconds.

    ``service_level`` counts who abandons as not answered: answered within the threshold / arrived.
    ``service_level_of_answered`` leaves them out: answered within the threshold / answered (``app_queue``'s SL).
    ``service_level_late_abandons`` leaves out only who abandoned within the threshold: answered within it / (arrived - those).
    ``mean_wait_s`` is over all that arrive, who abandons until then.
    """

    waits: float
    abandons: float
    mean_wait_s: float
    service_level: float
    service_level_of_answered: float
    service_level_late_abandons: float
    occupancy: float


def erlang_b(agents: int, erlangs: float) -> float:
    """Share that finds all `agents` busy and is lost (M/M/n/n). Raises ValueError for negative arguments.

    Source: A. K. Erlang 1917; the recursion ``B(k) = aB(k-1) / (k + aB(k-1))`` adds positive numbers only, so it is exact to rounding.
    """
    if agents < 0 or erlangs < 0:
        raise ValueError("agents and load are not negative")
    blocked = 1.0
    for k in range(1, agents + 1):
        blocked = erlangs * blocked / (k + erlangs * blocked)
    return blocked


def erlang_c(agents: int, erlangs: float) -> float:
    """Share that waits when nobody abandons (M/M/n); 1 where the load is not below the agents, for then the queue grows for ever.

    Source: A. K. Erlang 1917, in terms of Erlang B: ``C = nB / (n - a(1 - B))``.
    """
    if erlangs >= agents:
        return 1.0
    blocked = erlang_b(agents, erlangs)
    return agents * blocked / (agents - erlangs * (1.0 - blocked))


def performance(agents: int, demand: Demand, threshold_s: float) -> Performance:
    """Erlang A, or Erlang C where patience has no end. Raises ValueError for fewer than one agent or a negative threshold."""
    if agents < 1 or threshold_s < 0:
        raise ValueError("at least one agent, and a threshold that is not negative")
    if math.isinf(demand.patience_s):
        return _without_abandonment(agents, demand, threshold_s)
    queue = _Impatient.of(agents, demand)
    waits = queue.waits
    abandons = waits * queue.palm.ended_by_patience
    answered_in_time = queue.answered_within(threshold_s)
    abandoned_in_time = min(abandons, max(0.0, 1.0 - queue.still_waiting(threshold_s) - answered_in_time))
    return Performance(
        waits=waits,
        abandons=abandons,
        mean_wait_s=abandons * demand.patience_s,
        service_level=answered_in_time,
        service_level_of_answered=_share(answered_in_time, 1.0 - abandons),
        service_level_late_abandons=_share(answered_in_time, 1.0 - abandoned_in_time),
        occupancy=demand.erlangs * (1.0 - abandons) / agents,
    )


def wait_quantile(agents: int, demand: Demand, share: float) -> float:
    """Seconds within which `share` (in [0, 1)) of all that arrive are no longer waiting: answered, or gone.

    Source: the tail of `still_waiting`; found by bisection to a millisecond. Infinite where the queue grows for ever.
    """
    if math.isinf(demand.patience_s) and demand.erlangs >= agents:
        return math.inf
    low, high = 0.0, 1.0
    if still_waiting(agents, demand, low) <= 1.0 - share:
        return 0.0
    while still_waiting(agents, demand, high) > 1.0 - share:
        low, high = high, 2.0 * high
    while high - low > 0.0005:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if still_waiting(agents, demand, middle) > 1.0 - share else (low, middle)
    return high


def still_waiting(agents: int, demand: Demand, seconds: float) -> float:
    """Share of all that arrive still waiting, neither answered nor gone, after so many seconds."""
    if math.isinf(demand.patience_s):
        return erlang_c(agents, demand.erlangs) * math.exp(-(agents - demand.erlangs) / demand.handling_s * seconds)
    return _Impatient.of(agents, demand).still_waiting(seconds)


def _without_abandonment(agents: int, demand: Demand, threshold_s: float) -> Performance:
    """M/M/n: a wait is exponential at rate ``nμ - λ`` with probability C. Source: Erlang 1917."""
    load = demand.erlangs
    if load >= agents:
        return Performance(1.0, 0.0, math.inf, 0.0, 0.0, 0.0, 1.0)
    waits = erlang_c(agents, load)
    rate = (agents - load) / demand.handling_s
    in_time = 1.0 - waits * math.exp(-rate * threshold_s)
    return Performance(waits, 0.0, waits / rate, in_time, in_time, in_time, load / agents)


@dataclass(frozen=True, slots=True)
class _Impatient:
    """M/M/n+M. Source: Palm 1957; Garnett, Mandelbaum, Reiman 2002; the building blocks J(t) and E of Mandelbaum, Zeltyn 2004/2005
    ("The Palm/Erlang-A Queue", "The M/M/n+G Queue"), for exponential patience:

    ``g(t) = exp(λ(1 - e^(-θt))/θ - nμt)``, ``J(t) = ∫_t^∞ g``, ``E = 1/B(n-1, λ/μ)``. The wait one with endless patience would
    have is 0 with probability ``E/(E + λJ)``, and has density ``λg(t)/(E + λJ)`` above. J(t) is ``g(t)·I(nμ/θ, λe^(-θt)/θ)/θ``.
    """

    services: float  # nμ/θ: handled by all agents in a mean patience
    arrivals: float  # λ/θ
    patience_s: float
    palm: PalmSum
    waits: float

    @classmethod
    def of(cls, agents: int, demand: Demand) -> "_Impatient":
        services = agents * demand.patience_s / demand.handling_s
        arrivals = demand.arrivals_per_s * demand.patience_s
        palm = palm_sum(services, arrivals)
        blocked = erlang_b(agents - 1, demand.erlangs)
        # The odds of waiting are λJ/E; as a logistic function of their logarithm neither end overflows.
        log_odds = math.log(arrivals) + palm.log_integral + math.log(blocked) if blocked > 0 else -math.inf
        waits = 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0
        return cls(services, arrivals, demand.patience_s, palm, waits)

    def _log_ratios(self, seconds: float) -> tuple[float, float]:
        """``ln(g(t)/λJ(0))`` and ``ln(J(t)/J(0))``."""
        faded = math.exp(-seconds / self.patience_s)
        log_g = -self.arrivals * math.expm1(-seconds / self.patience_s) - self.services * seconds / self.patience_s
        log_later = log_g + palm_sum(self.services, self.arrivals * faded).log_integral - self.palm.log_integral
        return log_g - math.log(self.arrivals) - self.palm.log_integral, log_later

    def still_waiting(self, seconds: float) -> float:
        """P(W > t): neither answered nor gone, ``e^(-θt) λJ(t)/(E + λJ)``."""
        return self.waits * math.exp(self._log_ratios(seconds)[1] - seconds / self.patience_s)

    def answered_within(self, seconds: float) -> float:
        """P(answered, and W <= t) = ``1 - P(wait) + ∫₀ᵗ e^(-θv) λg(v) dv / (E + λJ)``.

        The integral is ``g(t) - 1 + nμ(J(0) - J(t))``, for ``g' = λe^(-θv)g - nμg``.
        """
        log_g, log_later = self._log_ratios(seconds)
        at_once = math.exp(-math.log(self.arrivals) - self.palm.log_integral)
        after_waiting = math.exp(log_g) - at_once - self.services / self.arrivals * math.expm1(log_later)
        return min(1.0, max(0.0, 1.0 - self.waits + self.waits * after_waiting))


def _share(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0
