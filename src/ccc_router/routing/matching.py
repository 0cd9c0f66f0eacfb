"""One function for both sides: who is offered what.

A freed agent gets the best contact he may take; the best contact is offered to the best agent who may take it. A decision looks at
the classes that are not empty, never at all contacts or agents (invariant I8: nobody able stays idle while somebody waits).
"""

from collections.abc import Iterator
from typing import NamedTuple

from ..events.vocabulary import OfferReason
from .rows import Agent, Contact, kept_for
from .rulebook import AgentClass
from .standing import AgentKey, Place
from .standing.limits import Key
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
    if state.limits.full(contact):
        return None
    if kept := kept_for(contact):
        return _kept(state, contact, kept)
    found: list[tuple[AgentKey, AgentClass]] = []
    eligible = 0
    able = state.book.able(state.book.contact_class(contact))
    channel, work, compared = contact.channel.value, state.book.work_of(contact), state.free.compared
    free, counts = state.free.lists.get(channel, {}), state.free.able(channel)
    small, large = (free, able) if len(free) < len(able) else (able, free)
    for agent_class in small:
        if agent_class in large:
            keys = free[agent_class]
            eligible += len(keys)
            found.append((compared(keys[0], agent_class, counts, work), agent_class))
    if not found:
        return None
    if contact.tried or contact.excluded:
        return _choosing(state, contact, [agent_class for _, agent_class in found], eligible)
    found.sort(key=lambda item: item[0])
    best, agent_class = found[0]
    following = [found[1][0]] if len(found) > 1 else []
    following += [compared(key, agent_class, counts, work) for key in free[agent_class][1:2]]
    return _match(state, contact, eligible, best, min(following) if following else None)


def for_room(state: State, key: Key) -> Match | None:
    """What a queue and channel that has room for few more gives away first: the first in order whom anybody free may take.

    Another contact may come of it: the one that this agent takes before it. Costs as many looks as there are classes of that queue and
    channel, and agents for whom something is kept.
    """
    if key in state.limits.reached:
        return None
    for _, contact_id in sorted(fronts(state, key)):
        match = for_contact(state, contact_id)
        if match is not None:
            return for_agent(state, match.agent.id)
    return None


def fronts(state: State, key: Key) -> Iterator[Place]:
    """Who is at the front of each line of a queue and channel, and what is kept for those who are free."""
    yield from state.waiting.fronts(key, state.now)
    for agent_id, own in state.waiting.reserved.items():
        if key[1] in state.free.channels(agent_id):
            for rank, contact_id in own.in_order():
                contact = state.contacts[contact_id]
                if (contact.queue, contact.channel.value) == key:
                    yield Place(rank, contact_id)
                    break


def _choosing(state: State, contact: Contact, classes: list[AgentClass], eligible: int) -> Match | None:
    """The same, but never who is excluded, and whoever had one of the last offers of this contact only if nobody else can."""
    channel, book = contact.channel.value, state.book
    work, counts = book.work_of(contact), state.free.able(channel)
    keys = sorted(
        state.free.compared(key, agent_class, counts, work)
        for agent_class in classes
        for key in _heads(state, contact, agent_class)
        if key.agent_id not in contact.excluded
    )
    if not keys:
        return None
    shut_out = [one for one in contact.excluded if channel in state.free.channels(one)]
    eligible -= sum(1 for one in shut_out if book.agent_classes[one] in classes)
    fresh = [key for key in keys if key.agent_id not in contact.tried]
    order = fresh + [key for key in keys if key.agent_id in contact.tried]
    return _match(state, contact, eligible, order[0], order[1] if len(order) > 1 else None)


def _match(state: State, contact: Contact, eligible: int, best: AgentKey, following: AgentKey | None) -> Match:
    won: tuple[int | str, ...] = (*best.order, best.agent_id)
    return Match(contact, state.agents[best.agent_id], eligible, won, following.agent_id if following else "")


def _heads(state: State, contact: Contact, agent_class: AgentClass) -> list[AgentKey]:
    return state.free.lists[contact.channel.value][agent_class][: len(contact.tried) + len(contact.excluded) + 2]


def _kept(state: State, contact: Contact, agents: tuple[str, ...]) -> Match | None:
    """The first of those it is kept for who is free."""
    channel, book = contact.channel.value, state.book
    free = [agent_id for agent_id in agents if channel in state.free.channels(agent_id)]
    work, counts = book.work_of(contact), state.free.able(channel)
    keys = sorted(
        state.free.compared(state.free.key(agent_id), book.agent_classes[agent_id], counts, work) for agent_id in free
    )
    if not keys:
        return None
    found = _match(state, contact, len(keys), keys[0], keys[1] if len(keys) > 1 else None)
    return found._replace(won=(contact.reason.value, *found.won))


def _best_contact(state: State, agent_id: str, channels: tuple[str, ...]) -> Contact | None:
    """Assigned ones first; then by the profile's priority, then the policy's order; a contact kept for the agent has the best priority."""
    best: tuple[int, int, str] | None = None
    for rank, contact_id in _own_line(state, agent_id):
        contact = state.contacts[contact_id]
        if contact.channel.value not in channels or state.limits.full(contact):
            continue
        key = (-1 if contact.reason is OfferReason.ASSIGNED else 0, rank, contact_id)
        if best is None or key < best:
            best = key
    takes = state.book.takes(state.book.agent_classes[agent_id])
    lines, reached = state.waiting.lines, state.limits.reached
    small, large = (lines, takes) if len(lines) < len(takes) else (takes, lines)
    for contact_class in small:
        if contact_class not in large or contact_class.channel not in channels:
            continue
        if reached and (contact_class.queue, contact_class.channel) in reached:
            continue
        first = lines[contact_class].first(agent_id, state.now)
        if first is not None and (best is None or (takes[contact_class], *first) < best):
            best = (takes[contact_class], *first)
    return None if best is None else state.contacts[best[2]]


def _own_line(state: State, agent_id: str) -> list[tuple[int, str]]:
    line = state.waiting.reserved.get(agent_id)
    return [] if line is None else list(line.in_order())
