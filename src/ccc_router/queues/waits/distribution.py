"""The wait of one who stands in line, as a distribution in closed form; standard library only.

*The model.* Of the agents able to take it one becomes free at rate R (a second), and each contact ahead gives up at rate θ. With ``k``
ahead it is served at departure k+1, of which the last is an agent's: the wait is a sum of exponentials with the rates ``R + jθ``, ``j = k,
…, 0``. Source: the Markovian queue-length estimator of W. Whitt, "Predicting queueing delays", Management Science 45 (1999); R.
Ibrahim and W. Whitt, "Real-time delay estimation in overloaded multiserver queues with abandonment", Management Science 55 (2009).
They use its mean; here it is the whole distribution.

*In closed form.* The Laplace transform ``Π (R + jθ)/(R + jθ + s)`` is that of ``-ln(B)/θ`` with B ~ Beta(R/θ, k+1), for ``E[B^(s/θ)]`` is the
same product of gamma functions. So ``P(W <= t) = I_x(k+1, R/θ)`` with ``x = 1 - e^(-θt)`` and I the regularised incomplete beta function; where
nobody gives up it is the Erlang distribution ``P(k+1, Rt)``. Both hold for a k that is not whole, such as "2.5 ahead on average".
"""

import math
from dataclasses import dataclass
from typing import Final

_TINY: Final = 1e-300
_EPSILON: Final = 1e-12
_LAST_DIGITS: Final = 1e-15
# Guards against endless loops, not a precision; the fraction is used for 10**12 servers, too.
_TERMS: Final = 100_000
_FRACTION_TERMS: Final = 50_000_000
_PATIENT: Final = 1e9
"""From this R/θ on nobody is taken to give up: θ then changes a wait by less than (k+1)/10⁹ of itself."""


@dataclass(frozen=True, slots=True)
class Wait:
    """``ahead`` >= 0 contacts, agents free at ``freed_per_s`` > 0, each ahead gives up at ``abandons_per_s`` >= 0.

    Raises ValueError if a number is not in its range.
    """

    ahead: float
    freed_per_s: float
    abandons_per_s: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.ahead < math.inf and 0 < self.freed_per_s < math.inf and 0 <= self.abandons_per_s < math.inf):
            raise ValueError(f"a place and rates are not negative: {self}")

    def within(self, seconds: float) -> float:
        """P(W <= t), to some eleven digits."""
        if seconds <= 0:
            return 0.0
        served = self.ahead + 1.0
        if self.abandons_per_s * _PATIENT <= self.freed_per_s:
            return _gamma_below(served, self.freed_per_s * seconds)
        faded = -self.abandons_per_s * seconds  # ln(1 - x)
        return _beta_below(served, self.freed_per_s / self.abandons_per_s, -math.expm1(faded), faded)

    def quantile(self, share: float) -> float:
        """Seconds within which it is served with probability `share` in (0, 1), to a hundred-thousandth of itself. Found by bisection."""
        low, high = 0.0, (self.ahead + 1.0) / self.freed_per_s
        while self.within(high) < share:
            low, high = high, 2.0 * high
        while high - low > 1e-5 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.within(middle) < share else (low, middle)
        return high


def _gamma_below(shape: float, x: float) -> float:
    """Regularised lower incomplete gamma P(a, x): DLMF 8.11.4 below the mean, Legendre's fraction 8.9.2 above."""
    log_front = shape * math.log(x) - x - math.lgamma(shape)
    if x < shape + 1.0:
        term = total = 1.0 / shape
        for n in range(1, _TERMS):
            term *= x / (shape + n)
            total += term
            if term < _EPSILON * total:
                break
        return min(1.0, total * math.exp(log_front))
    return max(0.0, 1.0 - upper_fraction(shape, x) * math.exp(log_front))


def upper_fraction(a: float, y: float) -> float:
    """``e^y y^(-a) Γ(a, y)`` for y above a + 1, to the last digits: Legendre's continued fraction (DLMF 8.9.2) by Lentz's method."""
    b = y + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    value = d
    for i in range(1, _FRACTION_TERMS):
        step = -i * (i - a)
        b += 2.0
        d = 1.0 / _away_from_zero(step * d + b)
        c = _away_from_zero(b + step / c)
        value *= d * c
        if abs(d * c - 1.0) < _LAST_DIGITS:
            break
    return value


def _beta_below(a: float, b: float, x: float, log_rest: float) -> float:
    """Regularised incomplete beta I_x(a, b); ``log_rest`` is ln(1 - x). DLMF 8.17.22 on the side where it converges fast."""
    if x <= 0.0:
        return 0.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * log_rest
    if x < (a + 1.0) / (a + b + 2.0):
        return min(1.0, math.exp(log_front) * _beta_fraction(a, b, x) / a)
    return max(0.0, 1.0 - math.exp(log_front) * _beta_fraction(b, a, math.exp(log_rest)) / b)


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of DLMF 8.17.22, by Lentz's method."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _TERMS):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _away_from_zero(1.0 + step * d)
            c = _away_from_zero(1.0 + step / c)
            value *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
