"""An experiment: one or two catalogues on the same workloads, replication by replication."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ..routing.policy import Agent, Catalogue
from .comparing import Comparison, compare
from .measures import Measures, measure, thresholds_of
from .workloads.description import Description
from .workloads.resampled import resampled
from .workloads.synthetic import synthetic
from .workloads.workload import Workload
from .world.living import World

NOTE: Final = "customers are made up unless the workload was recorded"

Workloads = Callable[[int], Workload]
"""The workload of a replication (0 is the first)."""


class Experiment(msgspec.Struct, frozen=True):
    """What was measured: every replication under the first and the second catalogue (the same if only one was tried).

    ``contacts`` came in all replications together (calls again not counted), ``virtual_ms`` were lived through in all runs together.
    """

    names: tuple[str, ...]
    first: list[Measures]
    second: list[Measures]
    comparison: Comparison
    contacts: int
    virtual_ms: int
    seed: int
    targets: dict[str, float]
    note: str = NOTE


def described(description: Description, catalogues: Sequence[Catalogue], seed: int) -> Workloads:
    """Synthetic workloads for everybody who is an agent in one of the catalogues; the topics are the first's."""
    staff: dict[str, Agent] = {agent.id: agent for one in reversed(catalogues) for agent in one.agents}
    everybody = msgspec.structs.replace(catalogues[0], agents=tuple(staff.values()))
    return lambda replication: synthetic(description, everybody, seed + replication)


def recorded(workload: Workload, seed: int) -> Workloads:
    """A workload as it was, then others like it."""
    return lambda replication: resampled(workload, seed + replication) if replication else workload


def try_out(
    catalogues: Sequence[tuple[str, Catalogue]], workloads: Workloads, replications: int, seed: int
) -> Experiment:
    """Live through every workload under each catalogue. Both are judged by the thresholds of the first.

    ``catalogues`` are one or two, with the names they are shown by. Raises ValueError for no replication.
    """
    if replications < 1:
        raise ValueError("at least one replication is needed")
    thresholds = thresholds_of(catalogues[0][1])
    found: list[list[Measures]] = [[] for _ in catalogues]
    contacts = virtual_ms = 0
    for replication in range(replications):
        workload = workloads(replication)
        contacts += len(workload.arrivals)
        virtual_ms += len(catalogues) * (workload.window.until_ms - workload.window.from_ms)
        for kept, (_, catalogue) in zip(found, catalogues, strict=True):
            kept.append(measure(World(catalogue, workload).go(), thresholds))
    return Experiment(
        names=tuple(name for name, _ in catalogues),
        first=found[0],
        second=found[-1],
        comparison=compare(found[0], found[-1]),
        contacts=contacts,
        virtual_ms=virtual_ms,
        seed=seed,
        targets={queue.id: queue.service_level.percent / 100 for queue in catalogues[0][1].queues},
    )
