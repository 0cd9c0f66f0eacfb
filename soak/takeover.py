"""`python -m soak.takeover`: commands in an undisturbed run, and in one whose leading engine is killed every 20 s.

What is asked: outside the take-over windows commands are as quick as ever (their p99 at most 1.2 times as long), and no window is
longer than 5 s. The exit status is 1 if not, or if the checker found anything.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

import uvloop

from soak.brokers import choose
from soak.load.calls import EVENTS_A_CALL
from soak.report import MOST_TAKEOVER_S, quantiles, seconds, split
from soak.run import Options, Outcome, Say, soak
from soak.schedule import LEADER, Step
from soak.summary import takeover_table
from soak.world import APART
from tests.support.process import free_port

_EVERY_S: Final = 20.0
_TAKEOVER_S: Final = 3.3
"""How long one takes as a rule: the pause between two is that much shorter."""
_WARM_UP_MS: Final = 15_000.0
_MOST_RATIO: Final = 1.2


def main() -> int:
    """Both runs, one after the other."""
    parser = argparse.ArgumentParser(prog="soak.takeover", description=__doc__)
    parser.add_argument("--seconds", type=float, default=100.0, help="of each run")
    parser.add_argument("--contacts", type=float, default=200.0, help="contacts a second")
    parser.add_argument("--kafka", choices=("none", "mock", "real", "auto"), default="auto", help="which Kafka")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    say = Say()
    kills = [Step(_EVERY_S - _TAKEOVER_S, "kill", LEADER, 0.0)] * int(given.seconds / _EVERY_S)
    runs = [_run(given, steps, say) for steps in ([], kills)]
    told = compared(given.contacts, *runs)
    path = Path("build/takeover.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")
    print(takeover_table(told))
    print(json.dumps(told), flush=True)
    return 0 if told["passed"] else 1


def _run(given: argparse.Namespace, steps: list[Step], say: Say) -> Outcome:
    name, kafka = choose(given.kafka)
    options = Options(given.seconds / 60, given.seed, given.contacts * EVENTS_A_CALL, APART, name, steps)
    return uvloop.run(soak(options, kafka, free_port, say))


def compared(contacts: float, calm: Outcome, harmed: Outcome) -> dict[str, Any]:
    """The figures of both."""
    windows = [*harmed.harm.takeovers, *harmed.harm.outages]
    undisturbed, disturbed = quantiles(split(_warm(calm), [])[1]), quantiles(split(_warm(harmed), windows)[1])
    ratio = disturbed["p99"] / undisturbed["p99"] if undisturbed["count"] and disturbed["count"] else float("inf")
    longest = max(map(seconds, harmed.harm.takeovers), default=0.0)
    clean = calm.verdict.clean and harmed.verdict.clean and harmed.harm.never == 0
    return {
        "contacts_per_s": contacts,
        "undisturbed": undisturbed,
        "disturbed": disturbed,
        "ratio": round(ratio, 3),
        "takeovers_s": [round(seconds(one), 2) for one in harmed.harm.takeovers],
        "acknowledged": [calm.verdict.acknowledged, harmed.verdict.acknowledged],
        "clean": clean,
        "passed": clean and ratio <= _MOST_RATIO and longest <= MOST_TAKEOVER_S,
    }


def _warm(outcome: Outcome) -> list[tuple[float, float]]:
    """Commands of the time with load, without its beginning, when the queues fill and the connections are opened."""
    told = outcome.verdict.latencies
    first = min((began for began, _ in told), default=0.0)
    last = first + 1000 * outcome.load_s
    return [one for one in told if first + _WARM_UP_MS <= one[0] <= last]


if __name__ == "__main__":
    sys.exit(main())
