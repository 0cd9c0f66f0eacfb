"""Agents: presence, demands, phones, and what happens to the work of one nobody hears of any more, or who does not begin it."""

from collections.abc import Iterator

from ...events.commands import CloseDemand, Command, OpenDemand, SendMessage, SetPresence
from ...events.envelope import Input
from ...events.facts import AgentBack, AgentLost, DraftKept, PhoneRegistered
from ...events.vocabulary import Channel, ContactState, OfferReason, Presence, Visibility
from .. import calls
from .. import decisions as d
from ..rows import Agent, Contact, awaits_action
from ..state import State
from .asking import is_supervisor, known_agent
from .calling import give_up_connecting
from .contacts import end
from .offers import missed, present, release_reserved, requeue, rescind


def set_presence(state: State, given: Input, command: SetPresence) -> Iterator[d.Decision]:
    """The person says whether he takes work. Leaving gives back what is offered, but not what is being handled."""
    agent = known_agent(state, command.agent_id)
    if isinstance(agent, d.CommandRefused):
        yield agent
        return
    if command.agent_id != command.actor and not is_supervisor(command):
        yield d.CommandRefused("not_yours")
        return
    leaving = command.presence is Presence.SIGNED_OUT
    if leaving and agent.assignments and not command.after_current:
        yield d.CommandRefused("has_work", agent.assignments[0])
        return
    if leaving and agent.assignments:
        yield d.PresenceChanged(agent.id, Presence.NOT_READY, command.reason or "after_current", after_current=True)
    else:
        yield d.PresenceChanged(agent.id, command.presence, command.reason)
    if command.presence in (Presence.NOT_READY, Presence.SIGNED_OUT):
        yield from give_back_offer(state, given, agent, command.presence.value)
    if leaving:
        yield from release_reserved(state, agent.id)
    yield d.Accepted({"presence": agent.presence.value})


def give_back_offer(state: State, given: Input, agent: Agent, by: str) -> Iterator[d.Decision]:
    """The pending offer of an agent who left goes to the next; no miss."""
    offer = state.offers.get(agent.offer_id)
    if offer is not None:
        contact = state.contacts[offer.contact_id]
        yield from rescind(state, offer.id, by)
        yield from requeue(state, given, contact, contact.reason)


def open_demand(state: State, given: Input, command: OpenDemand) -> Iterator[d.Decision]:
    """``work/next`` opens: his own pending offer first, so that a cut poll loses nothing; a newer demand ends the older."""
    agent = known_agent(state, command.agent_id)
    if isinstance(agent, d.CommandRefused):
        yield agent
        return
    if agent.presence not in (Presence.READY, Presence.ON_DEMAND):
        yield d.CommandRefused("not_ready", agent.presence.value)
        return
    if not agent.offer_id and command.until > given.at:
        yield d.DemandOpened(agent.id, command.demand_id, command.until)
    yield d.Accepted({"offer_id": agent.offer_id})


def close_demand(state: State, given: Input, command: CloseDemand) -> Iterator[d.Decision]:
    """``work/next`` ended; only the demand it opened ends with it."""
    agent = known_agent(state, command.agent_id)
    if isinstance(agent, d.CommandRefused):
        yield agent
        return
    if agent.demand_id == command.demand_id:
        yield d.DemandClosed(agent.id, command.demand_id)
    yield d.Accepted({})


def agent_lost(state: State, given: Input, fact: AgentLost) -> Iterator[d.Decision]:
    """Nothing heard for a lease: his offer goes to the next at once, his work after a grace (I7)."""
    agent = state.agents.get(fact.agent_id)
    if agent is None or agent.lost or agent.presence is Presence.SIGNED_OUT:
        return
    yield d.AgentMarkedLost(agent.id, given.at + 1000 * state.book.rules.lost_grace_s)
    yield from give_back_offer(state, given, agent, "lost")
    yield from release_reserved(state, agent.id)


def agent_back(state: State, given: Input, fact: AgentBack) -> Iterator[d.Decision]:
    """Heard of again: what he still has stays his."""
    agent = state.agents.get(fact.agent_id)
    if agent is not None and agent.lost:
        yield d.AgentMarkedBack(agent.id)


def phone_registered(state: State, given: Input, fact: PhoneRegistered) -> Iterator[d.Decision]:
    """The switch knows his phone, or not: calls are offered only to a phone that is there. An older word that comes late is ignored."""
    agent_id = state.book.agent_at(fact.endpoint, fact.phone)
    agent = state.agents.get(agent_id)
    if agent is not None and fact.at >= agent.phone_at:
        yield d.PhoneMarked(agent_id, fact.registered, fact.at)


def agent_due(state: State, given: Input, agent: Agent) -> Iterator[d.Decision]:
    """A demand, a penalty or the grace of a lost agent is over."""
    if agent.demand_until and agent.demand_until <= given.at:
        yield d.DemandClosed(agent.id, agent.demand_id)
    for channel, until in sorted(agent.penalties.items()):
        if until <= given.at:
            yield d.PenaltyOver(agent.id, channel)
    if agent.lost and agent.lost_at and agent.lost_at <= given.at:
        yield d.AgentMarkedLost(agent.id, 0)
        yield from _release_work(state, given, agent)


def _release_work(state: State, given: Input, agent: Agent) -> Iterator[d.Decision]:
    """Never a call that is established: that waits for the switch."""
    for contact_id in agent.assignments:
        contact = state.contacts[contact_id]
        if contact.state is ContactState.WRAP_UP:
            yield from end(state, given, contact, ContactState.CLOSED, "lost", "not_given")
        elif contact.state is ContactState.CONNECTING:
            yield from give_up_connecting(state, given, contact, "lost")
        elif contact.channel is Channel.PHONE and contact.call is not None and calls.established(contact.call):
            continue
        else:
            yield d.AssignmentEnded(contact.id, agent.id, "lost")
            yield d.ContactQueued(contact.id, contact.queue, OfferReason.RETURNED)


# taken, and not begun


def begun(state: State, command: Command) -> Iterator[d.Decision]:
    """What its owner asks for about a contact, its case or an escalation of it is his first action on it; so is an answer to the
    customer, whoever gives it. Looking, a colleague's note and what a supervisor arranges are none."""
    owner = state.agents.get(command.actor)
    for contact_id in owner.assignments if owner is not None else ():
        contact = state.contacts[contact_id]
        if awaits_action(contact) and _concerns(state, command, contact):
            yield d.FirstActionExpected(contact.id, 0)
    if isinstance(command, SendMessage) and command.visibility is not Visibility.NOTE:
        answered = state.contacts.get(command.contact_id)
        if answered is not None and awaits_action(answered):
            yield d.FirstActionExpected(answered.id, 0)


def _concerns(state: State, command: Command, contact: Contact) -> bool:
    if contact.id == getattr(command, "contact_id", ""):
        return True
    named: str = getattr(command, "escalation_id", "")
    escalation = state.escalations.get(named)
    case_id = escalation.case_id if escalation is not None else getattr(command, "case_id", "")
    return case_id == contact.case_id or bool(named and named == contact.escalation_id)


def draft_kept(state: State, given: Input, fact: DraftKept) -> Iterator[d.Decision]:
    """Its owner writes at an answer: he has begun."""
    contact = state.contacts.get(fact.contact_id)
    if contact is not None and contact.agent_id == fact.agent_id and awaits_action(contact):
        yield d.FirstActionExpected(contact.id, 0)


def not_begun(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """He did nothing with it in time: it waits again with its rank, and he has missed it as he would have an offer. While something
    else sets it aside he need not; whom nothing is heard of did not choose to. What a supervisor gave him stays his (R-31)."""
    agent = state.agents[contact.agent_id]
    if any(state.book.interrupts(state.contacts[one].channel, contact.channel) for one in agent.assignments):
        within = state.book.first_action_ms(contact.queue, contact.channel)
        yield d.FirstActionExpected(contact.id, given.at + within if within else 0)
        return
    yield d.AssignmentEnded(contact.id, agent.id, "not_begun")
    if not agent.lost:
        yield from missed(state, given, agent)
    if contact.reason is OfferReason.ASSIGNED and present(state, agent.id):
        yield d.ContactQueued(contact.id, contact.queue, OfferReason.ASSIGNED, agent.id)
    else:
        yield from requeue(state, given, contact, OfferReason.NOT_BEGUN)
