"""Whether the steps of a queue only ever relax: a contact that has waited longer needs no more than before (DESIGN section 11)."""

from collections.abc import Iterator

from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.routing.policy import Queue


def step_faults(queue: Queue, path: str) -> Iterator[Fault]:
    """A fault for each step that comes no later than the one before, and for each requirement that asks for more than it did."""
    allowed = {need.skill: need.level for need in queue.requirements}
    before = 0
    for number, step in enumerate(queue.steps):
        here = path + pointer("steps", number)
        if step.after_s <= before:
            yield Fault(here + "/after_s", "not_ascending", f"a step comes later than {before} s")
        for at, need in enumerate(step.requirements):
            if need.level > allowed.get(need.skill, 0):
                yield Fault(
                    here + pointer("requirements", at),
                    "tightens",
                    f"the step before asks {need.skill} at {allowed.get(need.skill, 0)}: a step only relaxes",
                )
        allowed = {need.skill: need.level for need in step.requirements}
        before = max(before, step.after_s)
