"""One integral, over the whole range in which a contact centre needs it; standard library only.

``I(a, y) = ∫₀¹ s^(a-1) e^(y(1-s)) ds = e^y y^(-a) γ(a, y)`` with γ the lower incomplete gamma function; Palm's A(a, y) is a·I(a, y).
In the queue of `erlang`, a is the service rate and y the arrival rate of all, in customers a mean patience.
"""

import math
from typing import Final, NamedTuple

from ccc_router.queues.waits.distribution import upper_fraction

_SMALL: Final = 1e-17
_STIRLING_FROM: Final = 20.0
_TERMS: Final = 50_000_000  # more than a = 10**12 needs; a guard against endless loops, not a precision


class PalmSum(NamedTuple):
    """``log_integral`` is ln I(a, y); ``ended_by_patience`` is the share of those waiting who abandon, in [0, 1]."""

    log_integral: float
    ended_by_patience: float


def palm_sum(a: float, y: float) -> PalmSum:
    """ln I(a, y) and the share of waiting customers who abandon, for a > 0 and y >= 0.

    Source: Palm 1957; the series is (A.3) of Garnett, Mandelbaum, Reiman 2002, ``a·I = 1 + Σ y^j / ((a+1)…(a+j))``. The share is
    ``1/(ρA) + 1 - 1/ρ`` with ρ = y/a. Written as ``Σ t_j (j+1)/(a+j+1) / Σ t_j`` over the terms t_j of the series nothing cancels,
    so that mean wait = share / abandonment rate keeps its digits when patience is nearly without end.
    """
    if y <= a + max(5.0 * math.sqrt(a), 200.0):
        return _by_series(a, y)
    log_integral = _log_by_fraction(a, y)
    return PalmSum(log_integral, 1.0 - a / y + math.exp(-math.log(y) - log_integral))


def _by_series(a: float, y: float) -> PalmSum:
    """Every term is positive; near y = a some 9·√a of them count."""
    term, total, weighted = 1.0, 1.0, 1.0 / (a + 1.0)
    for j in range(1, _TERMS):
        term *= y / (a + j)
        total += term
        weighted += term * (j + 1) / (a + j + 1)
        if term < _SMALL * total and y < a + j:
            break
    return PalmSum(math.log(total) - math.log(a), weighted / total)


def _log_by_fraction(a: float, y: float) -> float:
    """ln I by ``γ = Γ(a) - Γ(a, y)``, for y well above a, where the second is a small part of the first.

    Γ(a, y) by `upper_fraction`; Γ(a) by Stirling's series (DLMF 5.11.1) with
    ``a·ln(y/a)`` taken out before it can cancel.
    """
    if a < _STIRLING_FROM:
        whole = y - a * math.log(y) + math.lgamma(a)
    else:
        excess = (y - a) / a
        correction = 1.0 / (12.0 * a) - 1.0 / (360.0 * a**3) + 1.0 / (1260.0 * a**5)
        whole = a * (excess - math.log1p(excess)) + 0.5 * math.log(2.0 * math.pi / a) + correction
    return whole + math.log1p(-math.exp(math.log(upper_fraction(a, y)) - whole))
