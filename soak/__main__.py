"""`python -m soak --minutes 5 --seed 1`: load, faults, and the verdict; the last line is one JSON object. The exit status is 1 if it is bad."""

import argparse
import json
import random
import sys
from pathlib import Path
from typing import Final

import uvloop

from soak.brokers import choose
from soak.report import MOST_TAKEOVER_S, passed, printed, whole
from soak.run import Options, Say, soak
from soak.world import ALONE, APART
from tests.support.process import free_port

_SHOWN: Final = (
    "found",
    "takeovers_s",
    "windows_in_parts_ms",
    "outages_s",
    "commands_ms",
    "faults",
    "tries",
    "seconds",
    "memory_mb",
)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long there is load and harm")
    parser.add_argument("--seed", type=int, default=0, help="of every random choice; 0 draws one, which is printed")
    parser.add_argument("--rate", type=float, default=900.0, help="call events offered a second at most")
    parser.add_argument("--report", type=Path, default=Path("build/soak.json"), help="where everything is written")
    parser.add_argument(
        "--kafka", choices=("none", "mock", "real", "auto"), default="auto", help="auto: a real one if there is one"
    )
    parser.add_argument(
        "--processes", choices=("alone", "apart"), default="apart", help="two of `up`, or two of each part"
    )
    parser.add_argument(
        "--takeover-s",
        type=float,
        default=MOST_TAKEOVER_S,
        help="a take-over that is longer fails the run; how long one takes depends on the machine",
    )
    given = parser.parse_args()
    seed = given.seed or random.SystemRandom().randrange(1, 1_000_000)
    kafka_is, kafka = choose(given.kafka)
    options = Options(given.minutes, seed, given.rate, ALONE if given.processes == "alone" else APART, kafka_is)
    say = Say()
    outcome = uvloop.run(soak(options, kafka, free_port, say))
    everything = whole(options, outcome)
    given.report.parent.mkdir(parents=True, exist_ok=True)
    given.report.write_text(json.dumps(everything, indent=1), encoding="utf-8")
    for name in _SHOWN:
        say(f"{name}: {json.dumps(everything[name], ensure_ascii=False)}")
    figures = {name: everything[name] for name in list(everything)[:9]}
    print(printed(figures), flush=True)
    return 0 if passed(figures, outcome, given.takeover_s) else 1


if __name__ == "__main__":
    sys.exit(main())
