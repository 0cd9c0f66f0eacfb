"""The printed table: figures of a policy, and by how much it differs from another on the same arrivals."""

from collections.abc import Sequence
from typing import Final

from ccc_router.simulation.comparing import Estimate
from quality.figures import Figures, differences
from quality.play import Run

_SHARES: Final = frozenset({"service_level", "abandoned"})
HEAD: Final = (
    f"{'scenario':<11} {'policy':<23} {'in time %':>9} {'abandon %':>9} {'mean s':>6} {'p95 s':>6} {'p99 s':>6}"
    f"  | {'in time':>13} {'abandon':>13} {'mean s':>13} {'p99 s':>13}  (more than longest_idle_fifo, 95 %)"
)


def line(scenario: str, policy: str, figures: Figures, runs: Sequence[Run], base: Sequence[Run]) -> str:
    """One policy on one scenario; without runs of both no difference is told."""
    shares = f"{100 * figures.service_level:>9.1f} {100 * figures.abandoned:>9.1f}"
    waits = f"{figures.mean_wait_s:>6.1f} {figures.p95_wait_s:>6.1f} {figures.p99_wait_s:>6.1f}"
    found = differences(runs, base) if runs and base else {}
    told = [f"{_told(one, 100 if name in _SHARES else 1):>13}" for name, one in found.items()]
    return " ".join([f"{scenario:<11} {policy:<23} {shares} {waits}  |", *told]).rstrip(" |")


def _told(difference: Estimate, times: int) -> str:
    """The mean, and the half width of its interval if there is one."""
    half = difference.half_width
    return f"{times * difference.mean:+.2f}" + ("" if half is None else f" ±{times * half:.2f}")
