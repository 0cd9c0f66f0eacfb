"""`python -m quality.sweep`: what the given policy was chosen from, in the model of the core, and orders that the core does not have."""

import argparse
from functools import partial
from typing import Final

from ccc_router.routing.policy import Rules
from quality.__main__ import BASE, NAMES
from quality.figures import of_runs
from quality.model import AGENTS_BY, CONTACTS_BY, Model
from quality.playing import Policies, play_all
from quality.rivals import LongestIdleFifo
from quality.table import HEAD, line

_GIVEN: Final = Rules().max_extra_wait_s
_TRIED: Final = (
    *(("scarce", "rank", extra_s) for extra_s in (0, 10, 20, 30, 40, 60, 120)),
    *((agents_by, "rank", _GIVEN) for agents_by in AGENTS_BY if agents_by != "scarce"),
    *(("scarce", contacts_by, _GIVEN) for contacts_by in CONTACTS_BY if contacts_by != "rank"),
)
"""By what agents and contacts are ordered, and for how long the late let others go first: 0 is strictly by rank."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m quality.sweep", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="runs of each scenario, with seeds 1, 2, …")
    parser.add_argument("--scenario", choices=NAMES, help="only this one")
    parser.add_argument("--jobs", type=int, default=0, help="processes; 0: as many as processors")
    chosen = parser.parse_args()
    names = [chosen.scenario] if chosen.scenario else NAMES
    policies: Policies = {BASE: LongestIdleFifo} | {
        f"{agents_by}/{contacts_by}/{extra_s}": partial(
            Model, agents_by=agents_by, contacts_by=contacts_by, extra_ms=1000 * extra_s
        )
        for agents_by, contacts_by, extra_s in _TRIED
    }
    print(HEAD)
    for name, runs in play_all(policies, names, chosen.runs, chosen.jobs).items():
        for policy, found in runs.items():
            print(line(name, policy, of_runs(found), found, runs[BASE] if policy != BASE else ()))


if __name__ == "__main__":
    main()
