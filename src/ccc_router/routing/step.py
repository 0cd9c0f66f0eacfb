"""One input, all that follows from it. ``decide`` only reads, ``apply`` alone changes; ``step`` lets them take turns."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from ..events import commands as c
from ..events import facts as f
from ..events.envelope import Input
from ..events.vocabulary import Channel, ContactState
from . import decisions as d
from .applying import apply, begin
from .deciding import (
    agents,
    calling,
    checks,
    contacts,
    escalations,
    handling,
    messages,
    offers,
    outbound,
    overflowing,
    supervising,
)
from .deciding.crowds import hours, incidents, notices, pools, surges
from .rows import Contact, awaits_action
from .state import State

CORE_VERSION = 2
"""Grows with every change of a decision; replay crosses versions only by applying."""


class Step(NamedTuple):
    """What followed from an input: the decisions to journal, and for a command its refusal or its result."""

    decisions: list[d.Decision]
    refused: d.CommandRefused | None
    result: dict[str, object] | None


def step(state: State, given: Input) -> Step:
    """Decide and apply everything that follows from one input. Raises only on a fault of the core; the state is then unusable."""
    begin(state, given)
    made: list[d.Decision] = []
    refused: d.CommandRefused | None = None
    result: dict[str, object] | None = None
    for decision in decide(state, given):
        if isinstance(decision, d.Accepted):
            result = decision.result
            continue
        if isinstance(decision, d.CommandRefused):
            refused = decision
        apply(state, given, decision)
        made.append(decision)
    for violation in checks.violations(state, made):
        apply(state, given, violation)
        made.append(violation)
    return Step(made, refused, result)


def decide(state: State, given: Input) -> Iterator[d.Decision]:
    """The decisions that follow from an input, in order; each must be applied before the next is asked for."""
    if given.resolved.handed_to:
        yield from pools.elsewhere(state, given)
    else:
        for decision in _HANDLERS[type(given.body)](state, given, given.body):
            yield decision
            if isinstance(decision, d.Accepted) and isinstance(given.body, c.Command):
                yield from agents.begun(state, given.body)
    if given.resolved.case is not None:
        yield from contacts.leave_closed(state, str(given.resolved.case.row["id"]))
    yield from offers.leave(state)
    yield from incidents.attach_newcomers(state, given)
    yield from surges.greet(state, given)
    yield from hours.turn(state, given)
    yield from overflowing.left_alone(state, given)
    yield from offers.settle(state, given)
    yield from hours.turn_away(state, given)
    yield from notices.tell(state, given)


def next_due(state: State) -> f.TimerFired | None:
    """The earliest timer, as the input it becomes when the engine's time has reached ``due``."""
    timer = state.timers.first()
    return None if timer is None else f.TimerFired(timer=timer[1], ref=timer[2], due=timer[0])


def _timer_fired(state: State, given: Input, fired: f.TimerFired) -> Iterator[d.Decision]:
    """A timer acts only if it is still the one that was set (I12: effective once)."""
    match fired.timer:
        case "offer":
            offer = state.offers.get(fired.ref)
            if offer is not None and offer.expires_at == fired.due:
                yield from offers.offer_due(state, given, offer)
        case "contact":
            contact = state.contacts.get(fired.ref)
            if contact is not None and state.contact_due(contact) == fired.due:
                yield from _contact_due(state, given, contact)
        case "agent":
            agent = state.agents.get(fired.ref)
            if agent is not None and state.agent_due(agent) == fired.due:
                yield from agents.agent_due(state, given, agent)
        case "case":
            case = state.cases.get(fired.ref)
            if case is not None and case.due_at == fired.due:
                yield from contacts.case_due(state, given, case)
        case "escalation":
            yield from escalations.escalation_due(state, given, fired)
        case "queue":
            if state.timers.due_of("queue", fired.ref) == fired.due:
                yield from surges.surge_due(state, given, fired.ref)
                yield from hours.queue_due(state, given, fired.ref)
        case _:
            raise KeyError(fired.timer)


def _contact_due(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    if contact.state is not ContactState.QUEUED:
        if awaits_action(contact):
            yield from agents.not_begun(state, given, contact)
            return
        at_wrap_up = contact.state is ContactState.WRAP_UP
        due = calling.call_due if contact.channel is Channel.PHONE and not at_wrap_up else handling.contact_due
        yield from due(state, given, contact)
        return
    yield from outbound.callback_due(state, given, contact)
    if contact.reserved_until and contact.reserved_until <= given.at:
        yield d.ContactReleased(contact.id)
    delays = state.book.delays(contact.queue)
    outlived = sum(1 for delay in delays if contact.arrived_at + delay <= given.at)
    if outlived > contact.tier:
        yield d.ContactAged(contact.id, outlived)
    step = state.steps_outlived(contact)
    if step > contact.step:
        yield d.ContactRelaxed(contact.id, step)
    if contact.overflow_at and contact.overflow_at <= given.at:
        yield from overflowing.overflow_due(state, given, contact)
    if contact.attention_at and contact.attention_at <= given.at:
        yield d.ContactNeedsAttention(contact.id, "waits_too_long")


def _time_resumed(state: State, given: Input, fact: f.TimeResumed) -> Iterator[d.Decision]:
    """Who could not act while nobody led has as much time left as before; what people were promised by the clock stays (I12)."""
    yield d.DeadlinesMoved(fact.gap_ms)


def _customer_erased(state: State, given: Input, fact: f.CustomerErased) -> Iterator[d.Decision]:
    """Nothing follows: what was erased is in no row of the core, and the entry of the input says who did it and why (I16)."""
    yield from ()


def _delivery_reported(state: State, given: Input, fact: f.DeliveryReported) -> Iterator[d.Decision]:
    yield d.DeliveryEnded(fact.delivery_id, fact.state.value, fact.reason)
    yield from escalations.delivery_reported(state, given, fact)
    yield from messages.reply_reported(state, given, fact)
    yield from calling.control_reported(state, given, fact)


def _retry_delivery(state: State, given: Input, command: c.RetryDelivery) -> Iterator[d.Decision]:
    yield d.DeliveryEnded(command.delivery_id, "owed", f"retried by {command.actor}")
    yield d.Accepted({"delivery_id": command.delivery_id})


# ``Any`` because each handler takes its own input; a test holds this table against the inputs there are.
_HANDLERS: dict[type[msgspec.Struct], Callable[[State, Input, Any], Iterator[d.Decision]]] = {
    f.MessageReceived: messages.message_received,
    f.MessageChanged: messages.message_changed,
    f.AnsweredOutside: messages.answered_outside,
    f.ReceiptReceived: messages.receipt_received,
    f.CallEvent: calling.call_event,
    f.CallRecorded: calling.call_recorded,
    f.ContactTaken: pools.contact_taken,
    f.PhoneRegistered: agents.phone_registered,
    f.DeliveryReported: _delivery_reported,
    f.AgentLost: agents.agent_lost,
    f.AgentBack: agents.agent_back,
    f.OfferFetched: offers.offer_fetched,
    f.DraftKept: agents.draft_kept,
    f.TimerFired: _timer_fired,
    f.TimeResumed: _time_resumed,
    f.CustomerErased: _customer_erased,
    c.SetPresence: agents.set_presence,
    c.OpenDemand: agents.open_demand,
    c.CloseDemand: agents.close_demand,
    c.AcceptOffer: offers.accept_offer,
    c.DeclineOffer: offers.decline_offer,
    c.SendMessage: handling.send_message,
    c.ControlCall: calling.control_call,
    c.WaitForCustomer: handling.wait_for_customer,
    c.TransferContact: handling.transfer_contact,
    c.RequeueContact: handling.requeue_contact,
    c.ExtendWrapUp: handling.extend_wrap_up,
    c.CompleteContact: handling.complete_contact,
    c.LinkContact: handling.link_contact,
    c.IdentifyCustomer: supervising.identify_customer,
    c.UndoIdentification: supervising.undo_identification,
    c.AssignContact: supervising.assign_contact,
    c.CloseContact: supervising.close_contact,
    c.SetPriority: supervising.set_priority,
    c.EditCase: supervising.edit_case,
    c.CallCustomer: outbound.call_customer,
    c.PromiseCallback: outbound.promise_callback,
    c.RaiseEscalation: escalations.raise_escalation,
    c.ActOnEscalation: escalations.act_on_escalation,
    c.RetryDelivery: _retry_delivery,
    c.SetSurge: surges.set_surge,
    c.OpenIncident: incidents.open_incident,
    c.AttachCases: incidents.attach_cases,
    c.ResolveIncident: incidents.resolve_incident,
    c.ActivateCatalogue: supervising.activate_catalogue,
}
