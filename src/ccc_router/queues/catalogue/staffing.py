"""Whether somebody can take what comes: a queue that nobody serves, and that overflows to nobody, cannot route."""

from collections.abc import Iterator

from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.routing.policy import Agent, Catalogue, Queue


def staffing_faults(catalogue: Catalogue) -> Iterator[Fault]:
    """A fault for each queue and channel that no agent may ever take there or in the queues it overflows into."""
    queues = {queue.id: queue for queue in catalogue.queues}
    for at, queue in enumerate(catalogue.queues):
        for where, channel in enumerate(queue.channels):
            if not any(_served(catalogue, step, channel) for step in _overflows(queue, queues)):
                yield Fault(
                    pointer("queues", at, "channels", where),
                    "nobody_serves",
                    f"no agent can take {channel} from {queue.id}, and it overflows to none who can",
                )


def _overflows(queue: Queue, queues: dict[str, Queue]) -> Iterator[Queue]:
    """The queue, then where its contacts go next; a circle ends."""
    seen: set[str] = set()
    step: Queue | None = queue
    while step is not None and step.id not in seen:
        seen.add(step.id)
        yield step
        step = queues.get(step.overflow)


def _served(catalogue: Catalogue, queue: Queue, channel: str) -> bool:
    return any(_serves(agent, queue, channel) for agent in catalogue.agents)


def _serves(agent: Agent, queue: Queue, channel: str) -> bool:
    if queue.id not in {profile.queue for profile in agent.profiles}:
        return False
    if agent.capacity.channels.get(channel, 0) < 1 or (channel == "phone" and not agent.phone):
        return False
    needs = queue.steps[-1].requirements if queue.steps else queue.requirements  # in the end it needs no more than that
    return all(agent.skills.get(need.skill, 0) >= need.level for need in needs)
