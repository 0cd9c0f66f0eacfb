"""An experiment in a process of its own: it takes seconds of processor time, which the one that serves does not have.

``python -m ccc_router.simulation.apart`` reads a `Task` from its standard input and writes the `Comparison` to its output, both as JSON.
"""

import os
import sys
from typing import Final

import msgspec

from ..routing.policy import Catalogue
from .comparing import Comparison
from .experiment import recorded, try_out
from .worker import done_by
from .workloads.workload import Workload

_SEED: Final = 1
_NICE: Final = 10
"""Somebody waits for the answer, but less than customers do."""


class Task(msgspec.Struct, frozen=True):
    """Two catalogues and the customers to try them on."""

    first: Catalogue
    second: Catalogue
    workload: Workload
    replications: int


def done(task: Task) -> Comparison:
    """Do it here."""
    pair = [("first", task.first), ("second", task.second)]
    return try_out(pair, recorded(task.workload, _SEED), task.replications, _SEED).comparison


async def done_apart(task: Task, within_s: float) -> Comparison | None:
    """Do it in another process; None if it was not done in time, or could not be done."""
    told = await done_by(__name__, msgspec.json.encode(task), within_s)
    return None if told is None else msgspec.json.decode(told, type=Comparison)


if __name__ == "__main__":
    os.nice(_NICE)
    sys.stdout.buffer.write(msgspec.json.encode(done(msgspec.json.decode(sys.stdin.buffer.read(), type=Task))))
