"""What a day's centre has in force."""

from typing import Any

import msgspec

from ccc_router.queues.catalogue import demo_document, faults_of, parse
from ccc_router.routing.policy import Catalogue, OverflowRule, Queue, RequirementStep


def catalogue_of(version: int, copies: int, **changes: Any) -> Catalogue:
    """The demo catalogue with ``copies`` of each of its agents and less patient queues; parts can be replaced."""
    made = parse(demo_document())
    assert isinstance(made, Catalogue)
    agents = [
        msgspec.structs.replace(agent, id=agent.id if copy == 1 else f"{agent.id}-{copy}", phone=f"{copy}{agent.phone}")
        for copy in range(1, copies + 1)
        for agent in made.agents
    ]
    queues = tuple(_impatient(queue) for queue in made.queues)
    made = msgspec.structs.replace(made, **({"version": version, "agents": tuple(agents), "queues": queues} | changes))
    assert not faults_of(made), faults_of(made)
    return made


def _impatient(queue: Queue) -> Queue:
    """The queue, asking for less of its rarest skill after a minute; whoever waits on goes to its overflow queue when that has time.

    Who waits is told so, and what is taken is to be begun.
    """
    queue = msgspec.structs.replace(queue, first_action_s={"default": 240}, tell_wait={"default": "once"})
    if not queue.overflow:
        return queue
    rarest = queue.requirements[-1]
    step = RequirementStep(60, (*queue.requirements[:-1], msgspec.structs.replace(rarest, level=1)))
    rule = OverflowRule(queue.overflow, after_wait_s=300, if_on_target=True)
    return msgspec.structs.replace(queue, steps=(step,), overflow_when=(rule,))
