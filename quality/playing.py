"""Plays policies on scenarios, a day a process at a time."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from quality.play import Policy, Run, play
from quality.scenarios import SCENARIOS, Agent

Policies = Mapping[str, Callable[[Sequence[Agent]], Policy]]
"""A new policy for the agents, by name; at the top of a module, or a partial of such, so that other processes find it."""


def play_all(policies: Policies, names: Sequence[str], runs: int, jobs: int = 0) -> dict[str, dict[str, list[Run]]]:
    """The runs of every policy on each scenario named, with seeds 1, 2, …: the same arrivals for all. ``jobs`` 0: as many as processors."""
    days = [(name, seed) for name in names for seed in range(1, runs + 1)]
    found: dict[str, dict[str, list[Run]]] = {name: {policy: [] for policy in policies} for name in names}
    with ProcessPoolExecutor(jobs or os.cpu_count()) as processes:
        for (name, _), day in zip(days, processes.map(partial(_day, policies), days), strict=True):
            for policy, run in day.items():
                found[name][policy].append(run)
    return found


def _day(policies: Policies, day: tuple[str, int]) -> dict[str, Run]:
    name, seed = day
    scenario = next(one for one in SCENARIOS if one.name == name)
    agents, contacts = scenario.staff(), scenario.arrivals(seed)
    return {policy: play(make(agents), contacts, agents, scenario.warm_ms) for policy, make in policies.items()}
