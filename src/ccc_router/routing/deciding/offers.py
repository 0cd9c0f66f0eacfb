"""Offers: made when work and people meet, ended exactly once, and what becomes of the contact when nobody took it."""

from collections.abc import Iterator

import msgspec

from ...events.commands import AcceptOffer, DeclineOffer, RequeueContact, TransferContact
from ...events.envelope import Input
from ...events.facts import OfferFetched
from ...events.vocabulary import Channel, ControlCommand, OfferReason, OfferState, Presence
from ...kernel.ids import call_of, derive
from .. import calls
from .. import decisions as d
from ..explain import overtaken
from ..matching import Match, for_agent, for_contact, for_room
from ..rows import Agent, Contact, Offer
from ..state import State
from .overflowing import overfull
from .owing import control


def leave(state: State) -> Iterator[d.Decision]:
    """Whoever wanted to leave after his last work leaves."""
    for agent_id in state.leaving:
        yield d.PresenceChanged(agent_id, Presence.SIGNED_OUT, state.agents[agent_id].reason)
        yield from release_reserved(state, agent_id)


def settle(state: State, given: Input) -> Iterator[d.Decision]:
    """Match everybody who changed: freed agents first, so that who waits longest goes first, then the contacts that came.

    Before them where a queue may have one more in hand: it goes to the first of those who waited for that, whoever was freed.
    """
    for key in state.limits.opened:
        while (match := for_room(state, key)) is not None:
            yield _offer(state, given, match)
    at = 0
    while at < len(state.woken_agents):
        match = for_agent(state, state.woken_agents[at])
        if match is None:
            at += 1
        else:
            yield _offer(state, given, match)
    several = (
        len(state.woken_contacts) > 1
    )  # a single one is the best of whoever is free: he would have been matched before
    for contact_id in state.woken_contacts:
        while state.waiting.holds(contact_id):
            match = for_contact(state, contact_id)
            if match is None:
                yield from overfull(state, given, state.contacts[contact_id])
                break
            best = for_agent(state, match.agent.id) if several else None
            yield _offer(state, given, best or match)


def _offer(state: State, given: Input, match: Match) -> d.OfferMade:
    contact = match.contact
    return d.OfferMade(
        offer_id=derive("of", state.pool, state.position + 1),
        contact_id=contact.id,
        agent_id=match.agent.id,
        reason=contact.reason,
        attempt=contact.attempt + 1,
        expires_at=given.at + state.book.offer_ms(contact.queue, contact.channel),
        catalogue=state.book.version,
        rank=contact.rank,
        eligible=match.eligible,
        won=match.won,
        runner_up=match.runner_up,
        step=contact.step,
        overtaken=overtaken(state, match),
        target_at=state.book.target_at(contact),
    )


def offer_fetched(state: State, given: Input, fact: OfferFetched) -> Iterator[d.Decision]:
    """The agent's client has the offer: from now on it can be missed."""
    offer = state.offers.get(fact.offer_id)
    if offer is not None and not offer.fetched:
        yield d.OfferSeen(offer.id)


def accept_offer(state: State, given: Input, command: AcceptOffer) -> Iterator[d.Decision]:
    """The agent takes the contact; for a controlled call his phone is rung first. Twice by its owner is once (I6)."""
    offer = state.offers.get(command.offer_id)
    if offer is None:
        owned = next((c for c in _owned(state, command.actor) if c.offer_id == command.offer_id), None)
        if owned is None:
            yield d.CommandRefused("offer_over")
        else:
            yield d.Accepted({"offer_id": command.offer_id, "contact_id": owned.id})
        return
    if offer.agent_id != command.actor:
        yield d.CommandRefused("unknown")
        return
    contact = state.contacts[offer.contact_id]
    yield from taken(state, given, offer, contact)
    yield d.Accepted({"offer_id": offer.id, "contact_id": contact.id})


def _owned(state: State, agent_id: str) -> Iterator[Contact]:
    agent = state.agents.get(agent_id)
    for contact_id in agent.assignments if agent is not None else ():
        yield state.contacts[contact_id]


def taken(state: State, given: Input, offer: Offer, contact: Contact) -> Iterator[d.Decision]:
    """The offer becomes an assignment; a call is connected by the switch, with a last moment for it, and made if nobody is on the line."""
    if contact.channel is not Channel.PHONE:
        yield d.OfferEnded(offer.id, OfferState.ACCEPTED, offer.agent_id)
        within = state.book.first_action_ms(contact.queue, contact.channel)
        if within:
            yield d.FirstActionExpected(contact.id, given.at + within)
        return
    connect_by = given.at + 1000 * state.book.rules.connect_s
    yield d.OfferEnded(offer.id, OfferState.ACCEPTED, offer.agent_id, connect_by)
    phone = state.book.agents[offer.agent_id].phone
    if contact.callback is not None:
        switch = state.book.endpoints.get(state.book.agents[offer.agent_id].phone_endpoint)
        through = switch.id if switch is not None and switch.control_url else contact.endpoint
        yield d.CallbackDialled(contact.id, call_of(contact.id, contact.attempt), through)
    there = contact.call is not None and calls.customer_spoke(contact.call)
    word = ControlCommand.CONNECT if there or contact.direction == "inbound" else ControlCommand.DIAL
    yield control(
        state,
        given,
        contact,
        word,
        not_after=connect_by,
        offer_id=offer.id,
        agent_id=offer.agent_id,
        agent_endpoint=phone,
    )


def decline_offer(state: State, given: Input, command: DeclineOffer) -> Iterator[d.Decision]:
    """The agent refuses: the contact keeps its rank, the agent gets a short pause but no miss."""
    offer = state.offers.get(command.offer_id)
    if offer is None:
        yield d.CommandRefused("offer_over")
        return
    if offer.agent_id != command.actor:
        yield d.CommandRefused("unknown")
        return
    contact = state.contacts[offer.contact_id]
    yield d.OfferEnded(offer.id, OfferState.DECLINED, command.reason)
    until = given.at + 1000 * state.book.rules.penalty_s
    yield d.AgentPenalised(offer.agent_id, contact.channel.value, until)
    yield from requeue(state, given, contact, OfferReason.RETURNED)
    yield d.Accepted({"offer_id": offer.id})


def offer_due(state: State, given: Input, offer: Offer) -> Iterator[d.Decision]:
    """Nobody answered in time (RONA). Only an offer that the client had counts as missed."""
    contact, agent = state.contacts[offer.contact_id], state.agents[offer.agent_id]
    yield d.OfferEnded(offer.id, OfferState.EXPIRED, "timer")
    if offer.fetched:
        yield from missed(state, given, agent)
    yield from requeue(state, given, contact, OfferReason.MISSED)


def missed(state: State, given: Input, agent: Agent) -> Iterator[d.Decision]:
    """He is offered nothing for a while, longer with each miss; after some he is set not ready, unless he is already (R-18)."""
    rules = state.book.rules
    recent = sum(1 for at in agent.misses if at > given.at - 1000 * rules.miss_window_s)
    pause = min(rules.penalty_s * 2**recent, rules.penalty_max_s)
    yield d.AgentPenalised(agent.id, "*", given.at + 1000 * pause, missed=True)
    if recent + 1 >= rules.miss_limit and agent.presence in (Presence.READY, Presence.ON_DEMAND):
        yield d.PresenceChanged(agent.id, Presence.NOT_READY, "rona")


def rescind(state: State, offer_id: str, by: str) -> Iterator[d.Decision]:
    """End a pending offer for a reason that lies with neither timer nor agent; the contact is left to the caller."""
    if offer_id in state.offers:
        yield d.OfferEnded(offer_id, OfferState.RESCINDED, by)


def release_reserved(state: State, agent_id: str) -> Iterator[d.Decision]:
    """What waited for an agent who left may go to anyone able."""
    line = state.waiting.reserved.get(agent_id)
    for _, contact_id in list(line.in_order()) if line is not None else []:
        if not any(present(state, other) for other in state.contacts[contact_id].preferred):
            yield d.ContactReleased(contact_id)
    for queue in state.book.agent_classes[agent_id].preferred_by if agent_id in state.book.agent_classes else ():
        if not prefers_somebody(state, queue):
            lines = [line for one, line in state.waiting.lines.items() if one.preferred and one.queue == queue]
            for _, contact_id in [place for line in lines for place in line.in_order()]:
                yield d.ContactReleased(contact_id)


def requeue(state: State, given: Input, contact: Contact, reason: OfferReason, queue: str = "") -> Iterator[d.Decision]:
    """Wait again, with the rank kept; an assigned contact stays the assigned agent's while he is there."""
    keep = contact.reason is OfferReason.ASSIGNED and contact.reserved_for and present(state, contact.reserved_for)
    if keep and not queue:
        yield d.ContactQueued(contact.id, contact.queue, OfferReason.ASSIGNED, contact.reserved_for)
    else:
        yield served_first(state, given, contact, d.ContactQueued(contact.id, queue or contact.queue, reason))


def served_first(state: State, given: Input, contact: Contact, queued: d.ContactQueued) -> d.ContactQueued:
    """Queue for those whom the queue prefers, until it has been there for as long as they come first: while the queue is open and one
    of them is there who may take it and had none of its last offers."""
    queue = state.book.queues[queued.queue]
    if not queue.preferred or queued.reserved_for or queued.preferred:
        return queued
    here = contact.queue == queue.id and contact.queue_since
    until = (here or given.at) + 1000 * queue.prefer_s
    out = {*contact.excluded, *queued.excluded, *contact.tried}
    able, classes = state.book.able(state.book.class_in(contact, queue.id, preferred=True)), state.book.agent_classes
    wanted = any(one not in out and classes[one] in able and present(state, one) for one in queue.preferred)
    if not wanted or until <= given.at or state.closed_for(contact, queue.id):
        return queued
    return msgspec.structs.replace(queued, for_preferred=True, reserved_until=until)


def prefers_somebody(state: State, queue: str) -> bool:
    """Whether one of those whom the queue prefers is there."""
    return any(present(state, one) for one in state.book.queues[queue].preferred)


def present(state: State, agent_id: str) -> bool:
    """Whether the agent works now: signed in, ready or on demand, and heard of."""
    agent = state.agents.get(agent_id)
    return agent is not None and agent.presence in (Presence.READY, Presence.ON_DEMAND) and not agent.lost


def sticky(state: State, given: Input, contact: Contact, agent_id: str, reason: OfferReason) -> d.ContactQueued:
    """Queue for the agent who knows the case, with a bounded wait, if he is there, his queue is open and he may take it; else for
    anyone (R-6)."""
    wait = state.book.rules.sticky_wait_s.get(contact.channel.value, 0)
    agent_class = state.book.agent_classes.get(agent_id)
    able = agent_class is not None and agent_class in state.book.able(state.book.contact_class(contact))
    able = able and agent_id not in contact.excluded and not state.closed_for(contact, contact.queue)
    if wait and able and present(state, agent_id):
        return d.ContactQueued(contact.id, contact.queue, reason, agent_id, given.at + 1000 * wait)
    reason = OfferReason.NEW if reason is OfferReason.STICKY else reason
    return served_first(state, given, contact, d.ContactQueued(contact.id, contact.queue, reason))


def preferring(
    state: State, given: Input, contact: Contact, command: RequeueContact | TransferContact, queue: str, wait: int
) -> d.ContactQueued:
    """Queue for those a person prefers, for ``wait`` seconds, as far as they are there and may take it; never for the excluded."""
    prefer, exclude = command.prefer, command.exclude
    able, classes = state.book.able(state.book.class_in(contact, queue)), state.book.agent_classes
    out = {*contact.excluded, *exclude}
    wanted = [one for one in dict.fromkeys(prefer) if one not in out and classes[one] in able and present(state, one)]
    reason = OfferReason.TRANSFER if isinstance(command, TransferContact) else OfferReason.RETURNED
    queued = d.ContactQueued(contact.id, queue, reason, excluded=exclude)
    if not wait or not wanted:
        return served_first(state, given, contact, queued)
    return msgspec.structs.replace(queued, preferred=tuple(wanted), reserved_until=given.at + 1000 * wait)
