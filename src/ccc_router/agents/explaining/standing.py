"""From the tables to the core's answer: the agents as they stand, judged by the catalogue in force.

Any process can answer: it needs the tables and the catalogue, not the engine's memory. The cost grows with the agents of the catalogue
and the length of one queue, so it is counted apart from the event loop.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from ...routing.explain import Candidates, Terms, candidates
from ...routing.rows import Agent, Contact
from ..services import AgentsRoom

Standing = Sequence[tuple[str, str]]


async def judge(room: AgentsRoom, contact: Contact) -> Candidates:
    """Every agent of the catalogue before this contact."""
    catalogue = room.catalogue
    rows = await room.staff.standing([one.id for one in catalogue.agents])
    queue = room.current.queue(contact.queue)
    limited = queue is not None and contact.channel in queue.max_active
    in_hand = await room.contacts.in_hand(contact.queue, contact.channel) if limited else 0
    terms = Terms(catalogue, await room.staff.queue_states())
    return await asyncio.to_thread(_judged, terms, contact, rows, in_hand)


def _judged(terms: Terms, contact: Contact, rows: Standing, in_hand: int) -> Candidates:
    known = {}
    held = {}
    for row, loads in rows:
        agent = msgspec.json.decode(row, type=Agent)
        known[agent.id] = agent
        held[agent.id] = msgspec.json.decode(loads, type=dict[str, int])
    agents = [known.get(one.id) or Agent(id=one.id) for one in sorted(terms.agents.values(), key=lambda one: one.id)]
    return candidates(terms, contact, agents, held, in_hand)
