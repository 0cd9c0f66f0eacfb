"""Whether somebody can take what comes: a queue that nobody serves, and that overflows to nobody, cannot route."""

from collections.abc import Iterator

from ccc_router.queues.catalogue.document import Fault, pointer
from ccc_router.routing.policy import Agent, Catalogue, Queue


def staffing_faults(catalogue: Catalogue) -> Iterator[Fault]:
    """A fault for each queue and channel that no agent may ever take there or in the queues it overflows into, and for each agent that a
    queue prefers in vain."""
    yield from _preferred(catalogue)
    queues = {queue.id: queue for queue in catalogue.queues}
    for at, queue in enumerate(catalogue.queues):
        for where, channel in enumerate(queue.channels):
            if not any(_served(catalogue, step, channel) for step in _overflows(queue, queues)):
                yield Fault(
                    pointer("queues", at, "channels", where),
                    "nobody_serves",
                    f"no agent can take {channel} from {queue.id}, and it overflows to none who can",
                )


def _preferred(catalogue: Catalogue) -> Iterator[Fault]:
    serve = {agent.id: {profile.queue for profile in agent.profiles} for agent in catalogue.agents}
    for at, queue in enumerate(catalogue.queues):
        for where, agent_id in enumerate(queue.preferred):
            here = pointer("queues", at, "preferred", where)
            if queue.id not in serve.get(agent_id, ()):
                yield Fault(here, "unknown_agent", f"no agent {agent_id} serves {queue.id}")
            if agent_id in queue.preferred[:where]:
                yield Fault(here, "duplicate", f"{agent_id} is preferred twice")
        if queue.prefer_s < 0 or bool(queue.preferred) != bool(queue.prefer_s):
            yield Fault(
                pointer("queues", at, "prefer_s"), "out_of_range", "at least 1 where agents are preferred, else 0"
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
