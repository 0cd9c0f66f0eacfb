"""What an agent carries and what still fits: limits per channel, the total weight, penalties and the phone (I5)."""

from ...events.vocabulary import Channel, Presence
from ..rows import Agent
from ..rulebook import Rulebook


def carried(book: Rulebook, used: dict[str, int]) -> int:
    """What a load (assignments per channel) takes of the total weight."""
    weights = book.rules.weights
    return sum(count * weights.get(channel, 0) for channel, count in used.items())


def has_room(book: Rulebook, agent: Agent, channel: str, used: dict[str, int]) -> bool:
    """Whether one more contact of a channel fits beside ``used``: the agent's capacity, penalties and phone."""
    profile = book.agents[agent.id]
    capacity = profile.capacity
    if used.get(channel, 0) >= capacity.channels.get(channel, 0) or channel in agent.penalties:
        return False
    if carried(book, used) + book.rules.weights.get(channel, 0) > capacity.total_weight:
        return False
    return channel != Channel.PHONE or (agent.phone_registered and profile.phone != "")


def room(book: Rulebook, agent: Agent, used: dict[str, int]) -> tuple[tuple[str, ...], int]:
    """The channels of which the agent may be offered one more now (none while he cannot be), and his load in thousandths."""
    capacity = book.agents[agent.id].capacity
    load = 1000 * carried(book, used) // max(1, capacity.total_weight)
    available = agent.presence is Presence.READY or (agent.presence is Presence.ON_DEMAND and agent.demand_id != "")
    if not available or agent.offer_id or agent.lost or "*" in agent.penalties:
        return (), load
    return tuple(channel for channel in capacity.channels if has_room(book, agent, channel, used)), load
