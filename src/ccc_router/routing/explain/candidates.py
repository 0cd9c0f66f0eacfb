"""All agents before one contact: who could take it now, who is able but busy, and what stops how many."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..rows import Agent, Contact
from . import reasons as r
from .stopping import Terms, stops


class Candidates(NamedTuple):
    """``eligible`` could be offered it now, ``able`` also if they had nothing else to do; ``stopped`` is everything by agent."""

    eligible: tuple[str, ...]
    able: tuple[str, ...]
    stopped: dict[str, tuple[r.AnyReason, ...]]


class Group(NamedTuple):
    """Agents whom the same thing stops, and how many of them nothing else stops."""

    reason: r.AnyReason
    agents: tuple[str, ...]
    only: int


def candidates(
    terms: Terms, contact: Contact, agents: Iterable[Agent], held: Mapping[str, Mapping[str, int]], in_hand: int = 0
) -> Candidates:
    """Judge every agent, in the order given. ``held``: what takes each one's capacity, by channel; ``in_hand`` as in `stops`."""
    stopped = {agent.id: stops(terms, contact, agent, held.get(agent.id, {}), in_hand) for agent in agents}
    could = [agent_id for agent_id, found in stopped.items() if not found]
    fresh = [agent_id for agent_id in could if agent_id not in contact.tried]
    if fresh:
        stopped |= {agent_id: (r.TriedBefore(),) for agent_id in could if agent_id in contact.tried}
    eligible = tuple(agent_id for agent_id, found in stopped.items() if not found)
    able = tuple(agent_id for agent_id, found in stopped.items() if not any(map(r.lasts, found)))
    return Candidates(eligible, able, stopped)


def groups(found: Candidates) -> list[Group]:
    """By reason, those that stop most agents first. An agent stopped by several things is in several groups."""
    members: dict[r.AnyReason, list[str]] = {}
    alone: dict[r.AnyReason, int] = {}
    for agent_id, stopped in found.stopped.items():
        kinds = dict.fromkeys(map(r.of_many, stopped))
        for kind in kinds:
            members.setdefault(kind, []).append(agent_id)
            alone[kind] = alone.get(kind, 0) + (len(kinds) == 1)
    made = [Group(reason, tuple(agents), alone[reason]) for reason, agents in members.items()]
    return sorted(made, key=lambda group: -len(group.agents))
