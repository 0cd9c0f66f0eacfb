"""What `queues.waits.sight.look` reads from the tables, from the state they are written from."""

from ccc_router.events.vocabulary import ContactState, Presence
from ccc_router.queues.waits.sight import Sight
from ccc_router.routing import State

_IN_HAND = (ContactState.CONNECTING, ContactState.ACTIVE, ContactState.HELD, ContactState.WRAP_UP)


def sight_of(state: State) -> Sight:
    """Who is there, what each has in hand, who waits where, and what is closed."""
    in_hand: dict[str, dict[tuple[str, str], int]] = {}
    waiting: dict[tuple[str, str], list[int]] = {}
    for contact in state.contacts.values():
        line = (contact.queue, contact.channel.value)
        agent = contact.agent_id if contact.state in _IN_HAND else ""
        if contact.state is ContactState.OFFERED:
            agent = state.offers[contact.offer_id].agent_id
        if agent:
            held = in_hand.setdefault(agent, {})
            held[line] = held.get(line, 0) + 1
        elif contact.state is ContactState.QUEUED:
            waiting.setdefault(line, []).append(contact.rank)
    here = [
        agent
        for agent in state.agents.values()
        if agent.presence in (Presence.READY, Presence.ON_DEMAND) and not agent.lost
    ]
    closed = {(one.id, channel): since for one in state.doors.rows.values() for channel, since in one.closed.items()}
    return Sight(state.now, here, in_hand, {line: sorted(ranks) for line, ranks in waiting.items()}, closed)
