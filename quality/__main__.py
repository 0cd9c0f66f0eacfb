"""`python -m quality`: every policy on every scenario with the same arrivals; a table, and bench/quality.json."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from quality.figures import Figures, of_runs, pooled_bound
from quality.ours import Ours
from quality.playing import Policies, play_all
from quality.rivals import AsteriskLeastRecent, LongestIdleFifo, ModCallcenter, TaskRouter
from quality.scenarios import SCENARIOS
from quality.table import HEAD, line

BASE: Final = "longest_idle_fifo"
"""With whom the others are compared."""
POLICIES: Final[Policies] = {
    "default": Ours,
    BASE: LongestIdleFifo,
    "asterisk_leastrecent": AsteriskLeastRecent,
    "mod_callcenter": ModCallcenter,
    "taskrouter": TaskRouter,
}
OUT: Final = Path(__file__).parent.parent / "bench" / "quality.json"
NAMES: Final = [scenario.name for scenario in SCENARIOS]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m quality", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="runs of each scenario, with seeds 1, 2, …")
    parser.add_argument("--scenario", choices=NAMES, help="only this one")
    parser.add_argument("--jobs", type=int, default=0, help="processes; 0: as many as processors")
    parser.add_argument("--out", type=Path, default=OUT)
    chosen = parser.parse_args()
    names = [chosen.scenario] if chosen.scenario else NAMES
    whole: dict[str, Mapping[str, Figures]] = {}
    print(HEAD)
    for name, runs in play_all(POLICIES, names, chosen.runs, chosen.jobs).items():
        bound = pooled_bound(next(one for one in SCENARIOS if one.name == name))
        whole[name] = {"pooled_bound": bound} | {policy: of_runs(found) for policy, found in runs.items()}
        for policy, figures in whole[name].items():
            print(line(name, policy, figures, runs.get(policy, ()), runs[BASE] if policy != BASE else ()))
    written = {name: {policy: asdict(one) for policy, one in found.items()} for name, found in whole.items()}
    chosen.out.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
