"""A linear programme of counts, and HiGHS (through scipy, the extra ``simulation``) to solve it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ccc_router.kernel.errors import Misconfigured

# What the solver's feasibility tolerance (1e-7 a row) can add or hide; rounding down must not lose a contact to it.
_TOLERANCE: Final = 1e-3


@dataclass(slots=True)
class Programme:
    """Maximise the sum of variables in [0, 1] such that sums of some of them stay below limits."""

    variables: int = 0
    limits: list[int] = field(default_factory=list)
    entries: list[tuple[int, int]] = field(default_factory=list)  # row, column

    def variable(self) -> int:
        """A new column."""
        self.variables += 1
        return self.variables - 1

    def at_most(self, limit: int, columns: Sequence[int]) -> None:
        """A new row: the sum of `columns` is no more than `limit`."""
        row = len(self.limits)
        self.limits.append(limit)
        self.entries.extend((row, column) for column in columns)


def maximum(programme: Programme, *, integral: bool = False) -> int:
    """The optimum rounded down: what no integral solution exceeds. With `integral`, the optimum of integral solutions.

    Raises Misconfigured if scipy is not installed, RuntimeError if the solver gives up.
    """
    if not programme.limits or not programme.variables:
        return programme.variables
    answer = _solve(programme, integral=integral)
    if answer.status != 0:
        raise RuntimeError(f"the solver gave up: {answer.message}")
    # Of whole numbers the solver may stop a little short of the best; what it proved that nothing exceeds is the bound.
    best = answer.mip_dual_bound if integral else answer.fun
    return math.floor(-float(best) + _TOLERANCE)


def _solve(programme: Programme, *, integral: bool) -> Any:
    try:
        from scipy import optimize, sparse
    except ImportError as error:
        raise Misconfigured("bounds with hindsight need the extra: pip install ccc-router[simulation]") from error
    rows, columns = zip(*programme.entries, strict=True)
    shape = (len(programme.limits), programme.variables)
    matrix = sparse.csr_array(([1.0] * len(rows), (rows, columns)), shape=shape)
    gains = [-1.0] * programme.variables
    if integral:
        within = optimize.LinearConstraint(matrix, ub=programme.limits)
        return optimize.milp(
            gains, constraints=within, bounds=optimize.Bounds(0, 1), integrality=1, options={"mip_rel_gap": 0.0}
        )
    return optimize.linprog(gains, A_ub=matrix, b_ub=programme.limits, bounds=(0, 1), method="highs-ipm")
