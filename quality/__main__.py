"""`python -m quality`: every policy on every scenario with the same arrivals; a table, and bench/quality.json."""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from quality.figures import Figures, of_runs, pooled_bound
from quality.play import Policy, play
from quality.rivals import AsteriskLeastRecent, LongestIdleFifo, ModCallcenter, TaskRouter
from quality.scenarios import SCENARIOS, Agent, Scenario

POLICIES: Final[Mapping[str, Callable[[Sequence[Agent]], Policy]]] = {
    "longest_idle_fifo": LongestIdleFifo,
    "asterisk_leastrecent": AsteriskLeastRecent,
    "mod_callcenter": ModCallcenter,
    "taskrouter": TaskRouter,
}
_OUT: Final = Path(__file__).parent.parent / "bench" / "quality.json"


def measure(scenario: Scenario, seeds: range) -> dict[str, Figures]:
    """The figures of every policy, and the pooled bound, on one scenario."""
    agents = scenario.staff()
    days = [scenario.arrivals(seed) for seed in seeds]
    found = {"pooled_bound": pooled_bound(scenario)}
    for name, policy in POLICIES.items():
        found[name] = of_runs([play(policy(agents), day, agents, scenario.warm_ms) for day in days])
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m quality", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each scenario, with seeds 1, 2, …")
    parser.add_argument("--scenario", choices=[one.name for one in SCENARIOS], help="only this one")
    parser.add_argument("--out", type=Path, default=_OUT)
    chosen = parser.parse_args()
    whole: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{'scenario':<12} {'policy':<22} {'in time %':>9} {'abandon %':>9} {'mean s':>7} {'p95 s':>7} {'p99 s':>7}")
    for scenario in (one for one in SCENARIOS if chosen.scenario in (None, one.name)):
        found = measure(scenario, range(1, chosen.runs + 1))
        for name, one in found.items():
            shares = f"{100 * one.service_level:>9.1f} {100 * one.abandoned:>9.1f}"
            print(
                f"{scenario.name:<12} {name:<22} {shares} {one.mean_wait_s:>7.1f} {one.p95_wait_s:>7.1f} {one.p99_wait_s:>7.1f}"
            )
        whole[scenario.name] = {name: asdict(one) for name, one in found.items()}
    chosen.out.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
