"""Calls: what their events mean for the contact. The events may come in any order; what follows depends on the reduced call (I3)."""

from collections.abc import Iterator

from ...events.commands import ControlCall
from ...events.envelope import Input
from ...events.facts import CallEvent, CallRecorded, DeliveryReported
from ...events.vocabulary import (
    Channel,
    ContactState,
    ControlAnswer,
    ControlCommand,
    DeliveryState,
    Direction,
    OfferReason,
)
from .. import calls
from .. import decisions as d
from ..rows import Call, Contact
from ..state import ENDED, State
from .asking import owned_contact
from .contacts import choose_queue, end, open_case, open_contact, reopen
from .offers import sticky
from .outbound import (
    chose_callback,
    follow_callback,
    goes_on_in_writing,
    join_promised,
    promise_caller,
    promised_to,
    settled,
    take_place,
    unreached,
)
from .owing import control, controlled


def call_event(state: State, given: Input, fact: CallEvent) -> Iterator[d.Decision]:
    """One event: the leg moves forward, then the contact does what the call now calls for."""
    contact = state.contacts.get(given.resolved.contact_id or fact.contact_id)
    if contact is None:
        if given.resolved.contact_state:
            return  # long over and forgotten: the entry of the input keeps the event
        yield from _opened(state, given, fact)
        contact = state.contacts[fact.contact_id]
    elif contact.call is None or contact.call.call_id != fact.call_id:
        return  # of an earlier call of the contact: it has been called since
    elif given.resolved.customer_id and not contact.customer_id and contact.case_id in state.cases:
        yield from _known_now(given, contact)
    yield _advanced(contact, fact)
    yield from follow(state, given, contact)


def call_recorded(state: State, given: Input, fact: CallRecorded) -> Iterator[d.Decision]:
    """A call detail record completes a call we know; it never makes one."""
    contact = state.contacts.get(given.resolved.contact_id or fact.contact_id)
    if contact is not None and contact.call is not None and contact.call.call_id == fact.call_id:
        yield _advanced(contact, fact)
        yield from follow(state, given, contact)


def _advanced(contact: Contact, fact: CallEvent | CallRecorded) -> d.CallAdvanced:
    step = calls.advance(contact.call, fact)
    return d.CallAdvanced(
        contact.id, step.leg, step.transferred_to, step.recording, step.recording_state, step.notice_played, step.cdr
    )


def _known_now(given: Input, contact: Contact) -> Iterator[d.Decision]:
    """An agent's leg was told of before the customer's: now we hear who calls."""
    if given.resolved.customer_new:
        yield d.CustomerMet(given.resolved.customer_id)
    yield d.CustomerChanged(contact.id, contact.case_id, given.resolved.customer_id)


def _opened(state: State, given: Input, fact: CallEvent) -> Iterator[d.Decision]:
    resolved = given.resolved
    if resolved.customer_new:
        yield d.CustomerMet(resolved.customer_id)
    queue = choose_queue(state, fact.queue, fact.topic, fact.endpoint)
    promised = next(promised_to(state, resolved.customer_id, queue), None)
    case = state.cases.get(resolved.case_id or (promised.case_id if promised is not None else ""))
    if case is None:
        yield from open_case(state, given, fact.case_id, fact.topic, "", "")
        case = state.cases[fact.case_id]
    else:
        yield from reopen(case)
    endpoint = state.book.endpoints.get(fact.endpoint)
    yield from open_contact(
        state, given, case, fact.contact_id, Channel.PHONE, fact.endpoint,
        queue=queue,
        language=fact.language or (endpoint.language if endpoint is not None else ""),
        direction=Direction.OUTBOUND if fact.outbound else Direction.INBOUND,
        call_id=fact.call_id,
        tell=not fact.outbound and endpoint is not None and bool(endpoint.control_url) and state.book.tells_wait(queue, Channel.PHONE),
    )  # fmt: skip
    contact = state.contacts[fact.contact_id]
    if controlled(state, contact) and contact.direction is Direction.INBOUND:
        yield from join_promised(state, given, contact)


def follow(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """What the contact does after its call changed. Asking twice changes nothing."""
    call = contact.call
    if call is None:
        return
    if chose_callback(state, contact, call):
        yield from promise_caller(state, given, contact, call)
    elif contact.callback is not None:
        yield from follow_callback(state, given, contact, call)
    if contact.callback is not None and settled(contact):
        return
    if contact.state in ENDED:
        yield from _amend(contact, call)
    elif calls.customer_gone(call):
        yield from _customer_left(state, given, contact, call)
    elif controlled(state, contact) and not _dialled_by_hand(contact):
        yield from _controlled(state, given, contact, call)
    else:
        yield from _tracked(state, given, contact, call)


def _dialled_by_hand(contact: Contact) -> bool:
    """A call the centre makes that we did not ask for: nobody is to be offered it, nor may we end it."""
    return contact.direction is Direction.OUTBOUND and contact.attempt == 0


def _tracked(state: State, given: Input, contact: Contact, call: Call) -> Iterator[d.Decision]:
    """A call that is only watched. Should its end never be told, its silence ends it (I9)."""
    if contact.state is ContactState.ARRIVED and calls.established(call):
        yield d.ContactActive(contact.id)
    else:
        yield from _hold_follows(contact, call)
    if not contact.agent_id and contact.state in (ContactState.ARRIVED, ContactState.ACTIVE, ContactState.HELD):
        yield d.ClearingExpected(contact.id, given.at + 1000 * state.book.rules.tracked_silence_s)


def _amend(contact: Contact, call: Call) -> Iterator[d.Decision]:
    """Late events may show that an abandoned call had been answered: the end is the same in every order."""
    if contact.state is ContactState.ABANDONED and calls.established(call):
        yield d.ContactEnded(contact.id, ContactState.CLOSED, "late_event", "not_given")


def _customer_left(state: State, given: Input, contact: Contact, call: Call) -> Iterator[d.Decision]:
    """Before an answer he abandoned (no miss, no wrap-up); after it the agent wraps up."""
    if contact.state in (ContactState.ACTIVE, ContactState.HELD) and contact.agent_id:
        wrap_up = 1000 * state.book.rules.wrap_up_s.get(Channel.PHONE, 0)
        yield d.WrapUpStarted(contact.id, given.at + wrap_up)
        return
    if contact.state is ContactState.WRAP_UP:
        return
    if contact.state is ContactState.CONNECTING and controlled(state, contact):
        yield control(state, given, contact, ControlCommand.CANCEL, offer_id=contact.offer_id)
    other = None if calls.established(call) else goes_on_in_writing(state, contact)
    if other is not None:
        yield from take_place(state, given, other, contact)
    else:
        yield from _call_over(state, given, contact, "customer_left", answered=calls.established(call))


def _call_over(state: State, given: Input, contact: Contact, by: str, *, answered: bool) -> Iterator[d.Decision]:
    to = ContactState.CLOSED if answered else ContactState.ABANDONED
    yield from end(state, given, contact, to, by, "not_given" if answered else "")


def _controlled(state: State, given: Input, contact: Contact, call: Call) -> Iterator[d.Decision]:
    if contact.state is ContactState.ARRIVED:
        yield control(state, given, contact, ControlCommand.QUEUE, queue=contact.queue)
        case = state.cases[contact.case_id]
        yield sticky(state, given, contact, case.knows, OfferReason.STICKY)
    elif contact.state is ContactState.CONNECTING:
        if _answered(state, contact, call):
            yield d.ContactActive(contact.id)
        elif calls.agent_leg_failed(call, contact.offer_id):
            yield from connect_failed(state, given, contact, "agent_leg_failed")
    elif contact.state in (ContactState.ACTIVE, ContactState.HELD):
        if calls.agent_leg_gone(call, contact.offer_id, _phone(state, contact)) and not contact.ends_at:
            yield control(state, given, contact, ControlCommand.HANGUP)
            yield d.ClearingExpected(contact.id, given.at + 1000 * state.book.rules.clear_s)
        else:
            yield from _hold_follows(contact, call)


def _hold_follows(contact: Contact, call: Call) -> Iterator[d.Decision]:
    held = calls.held(call)
    if contact.state is ContactState.ACTIVE and held:
        yield d.ContactHeld(contact.id)
    elif contact.state is ContactState.HELD and not held:
        yield d.ContactActive(contact.id)


def _answered(state: State, contact: Contact, call: Call) -> bool:
    """Whether the owner's phone was answered for this offer. After the first offer a leg that does not name one may be from before:
    it counts while it is there."""
    phone = _phone(state, contact)
    if contact.attempt <= 1:
        return calls.established(call, contact.offer_id, phone)
    return calls.established(call, contact.offer_id) or calls.agent_leg_live(call, contact.offer_id, phone)


def _phone(state: State, contact: Contact) -> str:
    """The owner's phone, by which his leg is known where the switch does not give our offer id back; not after a missed try of his own."""
    agent = state.book.agents.get(contact.agent_id)
    return agent.phone if agent is not None and contact.tried.count(agent.id) <= 1 else ""


def control_reported(state: State, given: Input, fact: DeliveryReported) -> Iterator[d.Decision]:
    """A connect that the switch did not take up ends the attempt at once, and is no fault of the agent: his phone never rang.

    A switch that does not know the call (404) says that the caller left. 409 and 412 to a repetition may be the echo of the
    first try, as may a leg of this offer be its effect: then the call's events decide, or the time.
    """
    contact = state.contacts.get(fact.contact_id)
    if contact is None or contact.state is not ContactState.CONNECTING or contact.offer_id != fact.offer_id:
        return
    call = contact.call
    rang = call is not None and calls.rang(call, fact.offer_id, _phone(state, contact))
    if rang or fact.command not in (ControlCommand.CONNECT, ControlCommand.DIAL):
        return
    if fact.external_id == ControlAnswer.CALL_GONE and contact.direction is Direction.INBOUND:
        answered = call is not None and calls.established(call)
        yield from _call_over(state, given, contact, ControlAnswer.CALL_GONE, answered=answered)
    elif fact.external_id == ControlAnswer.CALL_GONE:
        yield from connect_failed(state, given, contact, ControlAnswer.CALL_GONE, blamed=False)
    elif fact.state is DeliveryState.FAILED or (fact.external_id == ControlAnswer.MOVED_ON and fact.attempt == 1):
        yield from give_up_connecting(state, given, contact, fact.external_id or fact.reason, blamed=False)


def connect_failed(
    state: State, given: Input, contact: Contact, reason: str, *, blamed: bool = True
) -> Iterator[d.Decision]:
    """His phone was not answered: rank kept, no calls to it for a while if he is to blame; a call of his own is over, its case waits
    for a person, unless the customer is there already (it was handed on). A callback that the switch did not make is one in vain."""
    agent_id = contact.agent_id
    until = given.at + 1000 * state.book.rules.penalty_s
    if contact.callback is not None and not blamed:
        yield from unreached(state, given, contact, reason)
        return
    there = contact.call is not None and calls.customer_spoke(contact.call)
    own = contact.direction is Direction.OUTBOUND and contact.callback is None and not there
    if own:
        yield from end(state, given, contact, ContactState.CLOSED, f"connect_failed:{reason}", "connect_failed")
    if blamed:
        yield d.AgentPenalised(agent_id, Channel.PHONE, until)
    if own:
        return
    yield d.AssignmentEnded(contact.id, agent_id, f"connect_failed:{reason}")
    yield d.ContactQueued(contact.id, contact.queue, OfferReason.MISSED if blamed else OfferReason.RETURNED)


def give_up_connecting(
    state: State, given: Input, contact: Contact, reason: str, *, blamed: bool = True
) -> Iterator[d.Decision]:
    """The switch stops ringing the agent, then as if his phone had failed."""
    yield control(state, given, contact, ControlCommand.CANCEL, offer_id=contact.offer_id)
    yield from connect_failed(state, given, contact, reason, blamed=blamed)


def call_due(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """A deadline of a call passed: to connect, to clear, or to linger for late events."""
    if contact.state in ENDED:
        yield d.ContactForgotten(contact.id)
    elif contact.state is ContactState.CONNECTING:
        yield from give_up_connecting(state, given, contact, "no_answer")
    elif not contact.agent_id:
        answered = contact.call is not None and calls.established(contact.call)
        yield from _call_over(state, given, contact, "end_never_told", answered=answered)
    elif contact.callback is not None:
        yield from unreached(state, given, contact, "agent_left")
    else:
        yield d.WrapUpStarted(contact.id, given.at + 1000 * state.book.rules.wrap_up_s.get(Channel.PHONE, 0))


def control_call(state: State, given: Input, command: ControlCall) -> Iterator[d.Decision]:
    """Ask the switch to hold, resume or hang up; the contact's state follows what the switch then says."""
    contact = owned_contact(state, command, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    allowed = {
        "hold": (ContactState.ACTIVE,),
        "resume": (ContactState.HELD,),
        "hangup": (ContactState.ACTIVE, ContactState.HELD, ContactState.CONNECTING),
    }[command.action]
    if contact.channel is not Channel.PHONE or contact.state not in allowed:
        yield d.CommandRefused("wrong_state", contact.state.value)
        return
    if not controlled(state, contact):
        yield d.CommandRefused("not_tracked" if contact.call is None else "no_control")
        return
    yield control(state, given, contact, ControlCommand(command.action), offer_id=contact.offer_id)
    if command.action == "hangup":
        yield d.ClearingExpected(contact.id, given.at + 1000 * state.book.rules.clear_s)
    yield d.Accepted({"contact_id": contact.id})
