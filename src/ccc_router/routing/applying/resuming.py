"""Time in which nobody led is taken out of the deadlines of those who could not act in it (I12, ADR 0021).

Moved: what an agent, a phone or the switch has to do in time (an offer, a demand, a penalty, the grace of a lost agent, a wait for the
agent who knows the case, connecting, the first action, clearing, wrap-up, the silence of a watched call). Not moved: what customers, departments and
supervisors go by, which is the clock on the wall (the customer's turn, waiting times and ranks, attention, cases, escalations).
"""

from ...events.envelope import Input
from .. import decisions as d
from ..state import State


def deadlines_moved(state: State, _: Input, moved: d.DeadlinesMoved) -> None:
    by = moved.by_ms
    for offer in state.offers.values():
        offer.expires_at += by
        state.touch_offer(offer)
    for agent in state.agents.values():
        if not state.agent_due(agent):
            continue
        agent.demand_until = _later(agent.demand_until, by)
        agent.lost_at = _later(agent.lost_at, by)
        agent.penalties = {channel: until + by for channel, until in agent.penalties.items()}
        state.touch_agent(agent)
    for contact in state.contacts.values():
        if contact.ends_at or contact.reserved_until:
            contact.ends_at = _later(contact.ends_at, by)
            contact.reserved_until = _later(contact.reserved_until, by)
            state.touch_contact(contact)


def _later(due: int, by: int) -> int:
    return due + by if due else 0
