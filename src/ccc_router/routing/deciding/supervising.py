"""What supervisors and administrators decide, and what a person says of who the customer is. A person's decision wins: the engine never
overrides it (R-31)."""

from collections.abc import Iterator

import msgspec

from ...events.commands import (
    ActivateCatalogue,
    AssignContact,
    CloseContact,
    EditCase,
    IdentifyCustomer,
    SetPriority,
    UndoIdentification,
)
from ...events.envelope import Input
from ...events.vocabulary import Channel, ContactState, ControlCommand, OfferReason, Presence
from .. import calls
from .. import decisions as d
from ..policy import Catalogue
from ..rows import Contact, Identification, kept_for
from ..state import ENDED, State
from .agents import give_back_offer
from .asking import is_supervisor, known_agent, open_contact, owned_contact
from .contacts import end
from .crowds.hours import new_hours
from .handling import let_go
from .offers import prefers_somebody
from .owing import control, controlled


def assign_contact(state: State, given: Input, command: AssignContact) -> Iterator[d.Decision]:
    """The contact is this agent's: offered to him first, as soon as he has room, and to nobody else while he is there."""
    contact = open_contact(state, command.contact_id)
    agent = known_agent(state, command.agent_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    if isinstance(agent, d.CommandRefused):
        yield agent
        return
    if agent.presence is Presence.SIGNED_OUT:
        yield d.CommandRefused("agent_signed_out", agent.id)
        return
    if contact.channel is Channel.PHONE and not controlled(state, contact):
        yield d.CommandRefused("no_control")
        return
    if contact.state in (ContactState.ARRIVED, ContactState.CONNECTING, ContactState.WRAP_UP):
        yield d.CommandRefused("wrong_state", contact.state.value)
        return
    if contact.agent_id != agent.id:
        yield from let_go(state, given, contact, "assigned")
        yield d.ContactQueued(contact.id, contact.queue, OfferReason.ASSIGNED, agent.id)
    yield d.Accepted({"contact_id": contact.id})


def close_contact(state: State, given: Input, command: CloseContact) -> Iterator[d.Decision]:
    """End a contact in any state; a caller still on the line is hung up."""
    contact = open_contact(state, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    if contact.call is not None and controlled(state, contact) and not calls.customer_gone(contact.call):
        yield control(state, given, contact, ControlCommand.HANGUP)
    yield from end(
        state, given, contact, ContactState.CLOSED, f"{command.actor_role.value}:{command.actor}", "not_given"
    )
    yield d.Accepted({"contact_id": contact.id})


def set_priority(state: State, given: Input, command: SetPriority) -> Iterator[d.Decision]:
    """Another priority, so another rank, computed from the same arrival."""
    contact = open_contact(state, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    rank = state.book.rank(contact.arrived_at, contact.queue, Channel(contact.channel), command.priority)
    if contact.place_from:  # the place is another's: only the credit changes
        rank += contact.rank - state.book.rank(contact.arrived_at, contact.queue, contact.channel, contact.priority)
    yield d.ContactRanked(contact.id, command.priority, rank)
    yield d.Accepted({"contact_id": contact.id, "rank": rank})


def edit_case(state: State, given: Input, command: EditCase) -> Iterator[d.Decision]:
    """Change a case's attributes."""
    if command.case_id not in state.cases:
        yield d.CommandRefused("case_over")
        return
    if command.topic is not None and command.topic not in state.book.topics:
        yield d.CommandRefused("unknown_topic", command.topic)
        return
    yield d.CaseEdited(command.case_id, command.topic, command.case_kind, command.province, command.priority)
    yield d.Accepted({"case_id": command.case_id})


def identify_customer(state: State, given: Input, command: IdentifyCustomer) -> Iterator[d.Decision]:
    """The person proved a handle: contact and case are that customer's (R-25)."""
    contact = _in_his_hands(state, command)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    customer_id = given.resolved.customer_id
    if given.resolved.customer_new:
        yield d.CustomerMet(customer_id)
    if customer_id:
        case = state.cases[contact.case_id]
        was = Identification(given.at, customer_id, contact.customer_id, case.id, case.customer_id)
        yield d.CustomerIdentified(contact.id, was)
    if customer_id and customer_id != contact.customer_id:
        yield d.CustomerChanged(contact.id, contact.case_id, customer_id)
    yield d.Accepted({"customer_id": customer_id or contact.customer_id})


def undo_identification(state: State, given: Input, command: UndoIdentification) -> Iterator[d.Decision]:
    """It was somebody else: back to whose it was, one identification after the other. A case that was linked away from, or identified anew
    since by another contact, stays as it is (R-25)."""
    contact = _in_his_hands(state, command)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    if not contact.identified:
        yield d.CommandRefused("not_identified")
        return
    last = contact.identified[-1]
    case = state.cases.get(last.case_id)
    with_case = case is not None and contact.case_id == case.id and case.customer_id == last.customer_id
    yield d.IdentificationUndone(contact.id, last, with_case)
    yield d.Accepted({"customer_id": contact.customer_id})


def _in_his_hands(state: State, command: IdentifyCustomer | UndoIdentification) -> Contact | d.CommandRefused:
    """The contact, if the actor has it before him or supervises: not of one that waits for its customer."""
    contact = owned_contact(state, command, command.contact_id)
    if not isinstance(contact, d.CommandRefused) and contact.agent_id != command.actor and not is_supervisor(command):
        return d.CommandRefused("not_yours")
    return contact


def activate_catalogue(state: State, given: Input, command: ActivateCatalogue) -> Iterator[d.Decision]:
    """Put a catalogue in force. What waits in a queue that is gone waits in its successor; nobody who has work can be left out,
    and no endpoint over which a customer waits for his answer.

    An offer that its agent may no longer take goes to another. Refused when another catalogue came first (``catalogue_changed``).
    """
    if command.version <= state.book.version:
        yield d.CommandRefused("catalogue_changed", str(state.book.version))
        return
    catalogue = msgspec.convert(command.catalogue, Catalogue)
    queues, agents = {item.id for item in catalogue.queues}, {item.id for item in catalogue.agents}
    homeless = sorted({c.queue for c in state.contacts.values() if c.state not in ENDED} - queues)
    lost = [queue for queue in homeless if command.successors.get(queue, "") not in queues]
    busy = [
        agent.id
        for _, agent in sorted(state.agents.items())
        if agent.id not in agents and (agent.assignments or agent.offer_id)
    ]
    endpoints = {(item.id, item.channel) for item in catalogue.endpoints}
    gone = {one.id for one in state.book.endpoints.values() if (one.id, one.channel) not in endpoints}
    cut = sorted(gone & {c.endpoint for c in state.contacts.values() if c.state not in ENDED})
    for code, found in (("queue_in_use", lost), ("agent_in_use", busy), ("endpoint_in_use", cut)):
        if found:
            yield d.CommandRefused(code, found[0])
            return
    yield d.CatalogueActivated(command.version)
    yield from new_hours(state, given)
    for _, contact in sorted(state.contacts.items()):
        kept = kept_for(contact) if contact.state is ContactState.QUEUED else ()
        alone = contact.for_preferred and not prefers_somebody(state, contact.queue)
        if (kept and agents.isdisjoint(kept)) or alone:
            yield d.ContactReleased(contact.id)
    for _, offer in sorted(state.offers.items()):
        agent = state.agents[offer.agent_id]
        if not state.may_accept(agent):
            yield from give_back_offer(state, given, agent, "catalogue")
    yield d.Accepted({"version": command.version})
