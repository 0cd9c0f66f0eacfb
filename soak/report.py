"""What a run says: the one line of figures, and all that a person may want to know besides."""

import json
from collections.abc import Sequence
from typing import Any, Final

from soak.checking.model import Faults
from soak.run import Options, Outcome

MOST_TAKEOVER_S: Final = 5.0
"""A take-over may take so long (DESIGN: under 5 s)."""


def line(options: Options, outcome: Outcome) -> dict[str, Any]:
    """The figures of the last line that is printed."""
    verdict, harm = outcome.verdict, outcome.harm
    return {
        "seed": options.seed,
        "minutes": options.minutes,
        "acknowledged": verdict.acknowledged,
        "lost": verdict.lost.total(),
        "doubled": verdict.doubled.total(),
        "double_offers": verdict.double_offers.total(),
        "invariant_violations": verdict.violations.total(),
        "kills": harm.kills,
        "takeover_max_s": round(max((seconds(one) for one in harm.takeovers), default=0.0), 2),
    }


def passed(figures: dict[str, Any], outcome: Outcome, most_s: float = MOST_TAKEOVER_S) -> bool:
    """Whether nothing was found, every take-over was over within ``most_s``, and nothing was left over."""
    zero = ("lost", "doubled", "double_offers", "invariant_violations")
    in_time = figures["takeover_max_s"] <= most_s and outcome.harm.never == 0
    return in_time and outcome.drained and all(figures[name] == 0 for name in zero)


def whole(options: Options, outcome: Outcome) -> dict[str, Any]:
    """Everything: for `build/soak.json`."""
    verdict, harm = outcome.verdict, outcome.harm
    inside, outside = split(verdict.latencies, [*harm.takeovers, *harm.outages])
    return line(options, outcome) | {
        "passed": passed(line(options, outcome), outcome),
        "processes": dict(options.processes),
        "kafka": options.kafka,
        "acknowledged_per_s": round(verdict.acknowledged / outcome.load_s, 1),
        "entries": verdict.entries,
        "inputs": dict(verdict.inputs.most_common()),
        "tries": dict(sorted(verdict.tries.items())),
        "faults": dict(sorted(harm.faults.items())),
        "takeovers_s": [round(seconds(one), 2) for one in harm.takeovers],
        "outages_s": [round(seconds(one), 2) for one in harm.outages],
        "windows_in_parts_ms": [[round(part) for part in one] for one in harm.parts],
        "never_taken_over": harm.never,
        "ended_by_themselves": outcome.died,
        "drained": outcome.drained,
        "seconds": {
            "load": round(outcome.load_s, 1),
            "drain": round(outcome.drain_s, 1),
            "stop": round(outcome.stop_s, 2),
            "check": round(outcome.check_s, 1),
        },
        "memory_mb": round(outcome.memory_mb),
        "clients_cpu": round(outcome.clients_cpu, 2),
        "commands_ms": {"outside_windows": quantiles(outside), "within_windows": quantiles(inside)},
        "found": {
            name: found(faults)
            for name, faults in (
                ("lost", verdict.lost),
                ("doubled", verdict.doubled),
                ("double_offers", verdict.double_offers),
                ("invariant_violations", verdict.violations),
            )
        },
        "schedule": [list(step) for step in outcome.steps],
    }


def split(
    latencies: Sequence[tuple[float, float]], windows: Sequence[tuple[float, float]]
) -> tuple[list[float], list[float]]:
    """Milliseconds of what overlaps a window, and of what does not."""
    inside: list[float] = []
    outside: list[float] = []
    ordered = sorted(windows)
    at = 0
    for began, ended in sorted(latencies):
        while at < len(ordered) and ordered[at][1] < began:
            at += 1
        within = any(window[0] <= ended and began <= window[1] for window in ordered[at : at + 3])
        (inside if within else outside).append(ended - began)
    return inside, outside


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """How many, p50, p99 and the most."""
    ordered = sorted(values)
    if not ordered:
        return {"count": 0}
    last = len(ordered) - 1
    return {
        "count": len(ordered),
        "p50": round(ordered[int(last * 0.5)], 1),
        "p99": round(ordered[int(last * 0.99)], 1),
        "most": round(ordered[last], 1),
    }


def seconds(window: tuple[float, float]) -> float:
    """How long a window was."""
    return (window[1] - window[0]) / 1000


def found(faults: Faults) -> dict[str, Any]:
    """Faults by their words, with examples."""
    return {what: {"count": count, "examples": faults.examples[what]} for what, count in faults.counts.most_common()}


def printed(figures: dict[str, Any]) -> str:
    """One line of JSON."""
    return json.dumps(figures)
