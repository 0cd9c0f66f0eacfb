"""One function for both sides: who is offered what.

A freed agent gets the best contact he may take; the best contact is offered to the best agent who may take it. A decision looks at
the classes that are not empty, never at all contacts or agents (invariant I8: nobody able stays idle while somebody waits).
"""

from typing import NamedTuple

from ..events.vocabulary import OfferReason
from .rows import Agent, Contact
from .rulebook import AgentClass
from .standing import AgentKey
from .state import State


class Match(NamedTuple):
    """An agent for a contact, and why: how many could have taken it, the winning key and who came next."""

    contact: Contact
    agent: Agent
    eligible: int
    won: tuple[int | str, ...]
    runner_up: str


def for_agent(state: State, agent_id: str) -> Match | None:
    """The best contact for a free agent, and the best free agent for that contact (not always the same agent)."""
    channels = state.free.channels(agent_id)
    if not channels:
        return None
    contact = _best_contact(state, agent_id, channels)
    return None if contact is None else for_contact(state, contact.id)


def for_contact(state: State, contact_id: str) -> Match | None:
    """The best free agent for a waiting contact, by the policy's order of agents."""
    contact = state.contacts[contact_id]
    if contact.reserved_for:
        return _reserved(state, contact)
    found: list[tuple[AgentKey, AgentClass]] = []
    eligible = 0
    able = state.book.able(state.book.contact_class(contact))
    for agent_class, keys in state.free.lists.get(contact.channel.value, {}).items():
        if agent_class in able:
            eligible += len(keys)
            found.append((keys[0], agent_class))
    if not found:
        return None
    if contact.tried:
        return _not_again(state, contact, [agent_class for _, agent_class in found], eligible)
    found.sort(key=lambda item: item[0])
    best, agent_class = found[0]
    keys = state.free.lists[contact.channel.value][agent_class]
    following = [found[1][0]] if len(found) > 1 else []
    following += keys[1:2]
    return _match(state, contact, eligible, best, min(following) if following else None)


def _not_again(state: State, contact: Contact, classes: list[AgentClass], eligible: int) -> Match:
    """The same, but whoever had one of the last offers of this contact only if nobody else can."""
    keys = sorted(key for agent_class in classes for key in _heads(state, contact, agent_class))
    fresh = [key for key in keys if key.agent_id not in contact.tried]
    order = fresh + [key for key in keys if key.agent_id in contact.tried]
    return _match(state, contact, eligible, order[0], order[1] if len(order) > 1 else None)


def _match(state: State, contact: Contact, eligible: int, best: AgentKey, following: AgentKey | None) -> Match:
    won: tuple[int | str, ...] = (*best.order, best.agent_id)
    return Match(contact, state.agents[best.agent_id], eligible, won, following.agent_id if following else "")


def _heads(state: State, contact: Contact, agent_class: AgentClass) -> list[AgentKey]:
    return state.free.lists[contact.channel.value][agent_class][: len(contact.tried) + 2]


def _reserved(state: State, contact: Contact) -> Match | None:
    agent = state.agents.get(contact.reserved_for)
    if agent is None or contact.channel.value not in state.free.channels(agent.id):
        return None
    return Match(contact, agent, 1, (contact.reason.value, agent.id), "")


def _best_contact(state: State, agent_id: str, channels: tuple[str, ...]) -> Contact | None:
    """Assigned ones first; then by the profile's priority, then rank; a contact reserved for the agent has the best priority."""
    best: tuple[int, int, str] | None = None
    for rank, contact_id in _own_line(state, agent_id):
        contact = state.contacts[contact_id]
        if contact.channel.value not in channels:
            continue
        key = (-1 if contact.reason is OfferReason.ASSIGNED else 0, rank, contact_id)
        if best is None or key < best:
            best = key
    takes = state.book.takes(state.book.agent_classes[agent_id])
    lines = state.waiting.lines
    small, large = (lines, takes) if len(lines) < len(takes) else (takes, lines)
    for contact_class in small:
        if contact_class not in large or contact_class.channel not in channels:
            continue
        first = lines[contact_class].first()
        if first is not None and (best is None or (takes[contact_class], *first) < best):
            best = (takes[contact_class], *first)
    return None if best is None else state.contacts[best[2]]


def _own_line(state: State, agent_id: str) -> list[tuple[int, str]]:
    line = state.waiting.reserved.get(agent_id)
    return [] if line is None else list(line.in_order())
