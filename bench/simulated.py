"""How much faster than real time the simulator is: 1,000 agents, 10,000 contacts an hour. ``python -m bench.simulated [hours]``."""

import sys
import time
from typing import Final, NamedTuple

import msgspec

from bench.centre import catalogue
from ccc_router.simulation.workloads.description import flat
from ccc_router.simulation.workloads.synthetic import synthetic
from ccc_router.simulation.world.living import World

AGENTS: Final = 1_000
AN_HOUR: Final = 10_000


class Simulated(NamedTuple):
    """``faster`` is virtual time over processor time, making the workload included."""

    contacts: int
    inputs: int
    cpu_s: float
    faster: float
    ms_a_contact: float


def simulated(hours: float) -> Simulated:
    """One run; nothing else of the process counts."""
    made = catalogue(AGENTS)
    made = msgspec.structs.replace(
        made, topics=tuple(msgspec.structs.replace(one, share_permille=100) for one in made.topics)
    )
    began = time.process_time()
    run = World(made, synthetic(flat(hours, 24 * AN_HOUR), made, 1)).go()
    took = time.process_time() - began
    return Simulated(len(run.stays), run.inputs, took, hours * 3600 / took, 1000 * took / len(run.stays))


if __name__ == "__main__":
    found = simulated(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
    print(
        f"{found.contacts} contacts, {found.inputs} inputs in {found.cpu_s:.2f} s of processor time: "
        f"{found.faster:.0f} × faster than real time, {found.ms_a_contact:.3f} ms a contact"
    )
