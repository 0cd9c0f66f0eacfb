"""In which order free agents are offered work."""

from typing import assert_never

from ..policy import IdleSince
from ..rows import Agent
from ..rulebook import Rulebook
from .waiting import AgentKey


def agent_key(book: Rulebook, agent: Agent, load: int) -> AgentKey:
    """An agent's place among the free ones of his class, by the policy's order; ``load`` is in thousandths of what he may carry (R-5).

    Scarcity depends on who else is free and is the same for all of a class: `Free.compared` puts it where the policy has it.
    """
    order: list[int] = []
    for by in book.rules.agent_order:
        match by:
            case "load":
                order.append(load)
            case "scarcity":
                pass
            case "idle":
                order.append(_idle_since(agent, book.rules.idle_since))
            case _:
                assert_never(by)
    return AgentKey(tuple(order), agent.id)


def _idle_since(agent: Agent, since: IdleSince) -> int:
    match since:
        case "last_work":
            return agent.idle_since
        case "last_ready":
            return agent.ready_since
        case "last_offer":
            return max(agent.offered_at, agent.ready_since)
        case _:
            assert_never(since)
