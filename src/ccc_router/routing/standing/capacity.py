"""What an agent carries and what still fits: limits per channel, the total weight, penalties and the phone (I5)."""

from ...events.vocabulary import Channel, Presence
from ..rows import Agent
from ..rulebook import Rulebook


def carried(book: Rulebook, used: dict[str, int]) -> int:
    """What a load (assignments per channel) takes of the total weight: what a held channel sets aside weighs nothing meanwhile."""
    weights, on_top = book.rules.weights, book.rules.on_top
    if len(used) < 2:  # nothing sets itself aside
        return sum(count * weights.get(channel, 0) for channel, count in used.items())
    aside = {held for new in used for held, how in on_top.get(new, {}).items() if how == "interrupts"}
    return sum(count * weights.get(channel, 0) for channel, count in used.items() if channel not in aside)


def has_room(book: Rulebook, agent: Agent, channel: str, used: dict[str, int]) -> bool:
    """Whether one more contact of a channel fits on top of ``used``: the agent's capacity, penalties and phone.

    What it would set aside does not count, but what is set aside already does: so no order of ending brings more than he may carry.
    """
    profile = book.agents[agent.id]
    capacity = profile.capacity
    if used.get(channel, 0) >= capacity.channels.get(channel, 0) or channel in agent.penalties:
        return False
    on_top, weights = book.rules.on_top.get(channel, {}), book.rules.weights
    weight = weights.get(channel, 0)
    for held, count in used.items():
        how = on_top.get(held, "beside")
        if how == "never":
            return False
        if how == "beside":
            weight += count * weights.get(held, 0)
    if weight > capacity.total_weight:
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
