"""Calls the centre makes: one an agent makes himself, and callbacks, for which a contact waits without its call and with its rank.

A callback is the same contact from the promise to the end (ADR 0039): queued, offered, dialled as often as policy says, and once the
customer is there a call like any other.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from ...events.commands import CallCustomer, PromiseCallback
from ...events.envelope import Input
from ...events.vocabulary import Channel, ContactState, ControlCommand, Direction, OfferReason, Role
from ...kernel.ids import derive
from .. import calls
from .. import decisions as d
from ..calendar import is_open
from ..policy import Endpoint
from ..rows import Call, Callback, Case, Contact
from ..state import State
from .asking import known_agent, owned_contact
from .contacts import choose_queue, end, open_contact, reopen
from .offers import rescind, taken
from .owing import control, controlled

HORIZON_MS = 30 * 86_400_000
"""Nobody is called back later than this after he asked for it."""

_UNANSWERED = (ContactState.ARRIVED, ContactState.QUEUED, ContactState.OFFERED, ContactState.CONNECTING)
_WAITS = (ContactState.QUEUED, ContactState.OFFERED)


def call_customer(state: State, given: Input, command: CallCustomer) -> Iterator[d.Decision]:
    """An outbound contact on a case: the agent's leg first, then the customer's."""
    case = state.cases.get(command.case_id)
    agent = known_agent(state, command.actor)
    endpoint = state.book.endpoints.get(command.endpoint)
    if case is None:
        yield d.CommandRefused("case_over")
        return
    if isinstance(agent, d.CommandRefused):
        yield agent
        return
    if endpoint is None or not _dials(endpoint):
        yield d.CommandRefused("no_control")
        return
    if agent.offer_id or not state.fits(agent, Channel.PHONE):
        yield d.CommandRefused("capacity")
        return
    yield from reopen(case)
    yield from open_contact(
        state, given, case, command.contact_id, Channel.PHONE, endpoint.id,
        queue=choose_queue(state, case.queue, case.topic, endpoint.id),
        language=case.language, direction=Direction.OUTBOUND, call_id=command.call_id,
    )  # fmt: skip
    yield from _own_call(state, given, state.contacts[command.contact_id], agent.id)
    yield d.Accepted({"contact_id": command.contact_id, "call_id": command.call_id})


def _own_call(state: State, given: Input, contact: Contact, agent_id: str) -> Iterator[d.Decision]:
    connect_by = given.at + 1000 * state.book.rules.connect_s
    offer_id = derive("of", state.pool, state.position + 1)
    version, target_at = state.book.version, state.book.target_at(contact)
    reason = OfferReason.ASSIGNED
    yield d.OfferMade(offer_id, contact.id, agent_id, reason, 1, connect_by, catalogue=version, target_at=target_at)
    yield from taken(state, given, state.offers[offer_id], contact)


# the promise


def chose_callback(state: State, contact: Contact, call: Call) -> bool:
    """Whether the caller chose to be called back and nobody has answered him: also one who had left when we heard of it (I3)."""
    asked = calls.callback_asked(call)[0] and contact.callback is None and contact.direction is Direction.INBOUND
    waits = contact.state in (*_UNANSWERED, ContactState.ABANDONED) and contact.case_id in state.cases
    return bool(asked) and waits and controlled(state, contact) and not calls.established(call)


def promise_caller(state: State, given: Input, contact: Contact, call: Call) -> Iterator[d.Decision]:
    """What he chose in the switch's menu. A time that is past or too far away is put right, for nobody is left to ask."""
    yield from promise(state, given, contact, "customer", calls.callback_asked(call)[1])


def promise(state: State, given: Input, contact: Contact, by: str, not_before: int = 0) -> Iterator[d.Decision]:
    """The contact waits on without its call; a caller still on the line hears so and is hung up. One promise a customer and queue."""
    yield from rescind(state, contact.offer_id, "callback")
    if contact.agent_id:
        if contact.state is ContactState.CONNECTING:
            yield control(state, given, contact, ControlCommand.CANCEL, offer_id=contact.offer_id)
        yield d.AssignmentEnded(contact.id, contact.agent_id, "callback")
    if contact.call is not None and not calls.customer_gone(contact.call):
        yield control(state, given, contact, ControlCommand.ANNOUNCE, announcement="callback")
        yield control(state, given, contact, ControlCommand.HANGUP)
    yield from reopen(state.cases[contact.case_id])
    yield from join_promised(state, given, contact)
    yield d.CallbackSet(contact.id, "promised", Callback(given.at, by, _later(given, not_before)))
    keep = contact.reserved_for if contact.reason is OfferReason.ASSIGNED else ""
    yield d.ContactQueued(contact.id, contact.queue, OfferReason.ASSIGNED if keep else OfferReason.CALLBACK, keep)


def promise_callback(state: State, given: Input, command: PromiseCallback) -> Iterator[d.Decision]:
    """A person says so: of his own contact an agent, of any a supervisor, of his case the customer himself."""
    contact = owned_contact(state, command, command.contact_id) if command.contact_id else None
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    case = state.cases.get(contact.case_id if contact is not None else command.case_id)
    if case is None:
        yield d.CommandRefused("case_over")
        return
    promised = contact if contact is not None and contact.channel is Channel.PHONE else None
    switch = _switch(state)
    queue = promised.queue if promised is not None else _queue(state, case, switch)
    refused = _cannot_promise(state, given, promised, switch, queue, command.not_before)
    if refused is not None:
        yield refused
        return
    if promised is None:
        promised = next(_open_promises(state, case, queue), None)
    if promised is None:
        contact_id = derive("ct", state.pool, state.position + 1)
        yield from open_contact(
            state, given, case, contact_id, Channel.PHONE, switch,
            queue=queue, language=case.language, direction=Direction.OUTBOUND,
        )  # fmt: skip
        promised = state.contacts[contact_id]
    yield from _promised_by(state, given, command, promised)
    for other in [state.contacts[one] for one in case.contacts if promised.case_id == case.id]:
        if other.channel not in (Channel.PHONE, Channel.INTERNAL) and other.state in _WAITS:
            yield from take_place(state, given, promised, other)
    yield d.Accepted({"contact_id": promised.id})


def _promised_by(state: State, given: Input, command: PromiseCallback, contact: Contact) -> Iterator[d.Decision]:
    """A new promise, or another time for one that waits; while he is being called nothing changes."""
    if contact.callback is None:
        by = "" if command.actor_role is Role.CUSTOMER else f":{command.actor}"
        yield from promise(state, given, contact, f"{command.actor_role.value}{by}", command.not_before)
    elif contact.state in _WAITS:
        yield from rescind(state, contact.offer_id, "callback")
        moved = replace(contact.callback, not_before=_later(given, command.not_before))
        yield d.CallbackSet(contact.id, "moved", moved)
        yield d.ContactQueued(contact.id, contact.queue, OfferReason.CALLBACK)


def _cannot_promise(
    state: State, given: Input, contact: Contact | None, switch: str, queue: str, not_before: int
) -> d.CommandRefused | None:
    """Not of a call that is being answered, not without a switch that dials, not for a time when nobody would call."""
    if contact is not None and contact.state not in (*_WAITS, ContactState.WRAP_UP) and contact.callback is None:
        return d.CommandRefused("wrong_state", contact.state.value)
    if not switch or (contact is not None and not controlled(state, contact)):
        return d.CommandRefused("no_control")
    calendar = state.book.hours(queue, Channel.PHONE)
    closed = calendar is not None and not is_open(calendar, not_before)
    if not_before > given.at and (closed or not_before > given.at + HORIZON_MS):
        return d.CommandRefused("outside_hours", queue)
    return None


def _switch(state: State) -> str:
    """The first endpoint that dials, for a callback that comes with no call; it is dialled by the switch of whoever accepts."""
    return next((one.id for one in state.book.endpoints.values() if one.channel == "phone" and _dials(one)), "")


def calls_back(state: State) -> bool:
    """Whether a callback can be promised at all: some switch dials."""
    return bool(_switch(state))


def _dials(endpoint: Endpoint) -> bool:
    """Whether calls can be begun by it: what becomes of them must be told to us, and not to the pool it is shared by."""
    return bool(endpoint.control_url) and not endpoint.shared_from


def _queue(state: State, case: Case, switch: str) -> str:
    """The case's queue if it takes calls, else the switch's."""
    queue = choose_queue(state, case.queue, case.topic, switch)
    return queue if Channel.PHONE in state.book.queues[queue].channels else choose_queue(state, "", "", switch)


def _open_promises(state: State, case: Case, queue: str) -> Iterator[Contact]:
    """The callbacks of the case, then those of its customer in the queue."""
    for contact_id in (*case.contacts, *state.promised.of(case.customer_id)):
        contact = state.contacts[contact_id]
        if contact.callback is not None and (contact.case_id == case.id or contact.queue == queue):
            yield contact


def _later(given: Input, not_before: int) -> int:
    return min(not_before, given.at + HORIZON_MS) if not_before > given.at else 0


def callback_due(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """His time has come: the contact may be offered. Nobody is waited for who is not there to take it."""
    callback = contact.callback
    if callback is not None and 0 < callback.not_before <= given.at:
        yield d.CallbackSet(contact.id, "due", replace(callback, not_before=0))
        agent = state.agents.get(contact.reserved_for)
        if agent is not None and agent.presence in ("not_ready", "signed_out"):
            yield d.ContactReleased(contact.id)


# one customer, one place


def promised_to(state: State, customer_id: str, queue: str) -> Iterator[Contact]:
    """The customer's callbacks that wait in the queue, oldest id first."""
    for contact_id in state.promised.of(customer_id):
        contact = state.contacts[contact_id]
        if contact.queue == queue and contact.state in _WAITS:
            yield contact


def join_promised(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """The customer calls while a callback waits for him in the same queue: the call has its place, the callback is over."""
    for other in list(promised_to(state, contact.customer_id, contact.queue)):
        if other.id != contact.id:
            yield from take_place(state, given, contact, other)


def take_place(state: State, given: Input, contact: Contact, other: Contact) -> Iterator[d.Decision]:
    """``other`` is over, merged into ``contact``, which waits on with the smaller rank of both."""
    yield d.PlaceTaken(contact.id, min(contact.rank, other.rank), other.id)
    yield from end(state, given, other, ContactState.MERGED, f"merged_into:{contact.id}")


def go_on_in_writing(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """The customer of a case wrote while a callback waits on it: what he wrote waits in its place (DESIGN 5: the rank is kept)."""
    if contact.state not in (ContactState.ARRIVED, ContactState.QUEUED):
        return
    others = [state.contacts[contact_id] for contact_id in state.cases[contact.case_id].contacts]
    for other in others:
        if other.id != contact.id and other.callback is not None and other.state in _WAITS:
            yield from take_place(state, given, contact, other)


def goes_on_in_writing(state: State, contact: Contact) -> Contact | None:
    """Of a caller who hangs up unanswered: the waiting contact of his case in which he has written since he called."""
    case = state.cases.get(contact.case_id)
    for contact_id in case.contacts if case is not None and contact.state in _UNANSWERED else ():
        other = state.contacts[contact_id]
        written = other.channel not in (Channel.PHONE, Channel.INTERNAL) and other.customer_message
        if written and other.state is ContactState.QUEUED and other.arrived_at >= contact.arrived_at:
            return other
    return None


# the call


def follow_callback(state: State, given: Input, contact: Contact, call: Call) -> Iterator[d.Decision]:
    """What an event of its call means for a callback; see `settled`, which says whether more follows."""
    if made_for(contact, call) and calls.customer_spoke(call):
        yield d.CallbackReached(contact.id)
        if contact.state in _WAITS:  # told late: he had been reached, and the call is over by now
            yield from end(state, given, contact, ContactState.CLOSED, "late_event", "not_given")
    elif contact.state not in _WAITS and calls.customer_gone(call):
        leg = calls.customer_leg(call)
        live = calls.agent_leg_live(call, contact.offer_id)
        word = ControlCommand.HANGUP if live else ControlCommand.CANCEL
        yield control(state, given, contact, word, offer_id=contact.offer_id)
        yield from unreached(state, given, contact, calls.leg_outcome(leg) if leg is not None else "failed")


def settled(contact: Contact) -> bool:
    """Whether nothing more follows from its call: it waits, or is over."""
    return contact.state not in (ContactState.CONNECTING, ContactState.ACTIVE, ContactState.HELD)


def made_for(contact: Contact, call: Call) -> bool:
    """Whether it is a call we made for the contact, not the one it came with."""
    return call.call_id.startswith(f"{contact.id}.")


def unreached(state: State, given: Input, contact: Contact, why: str) -> Iterator[d.Decision]:
    """He did not take the call: again after a pause, with the rank kept, until it is enough; then his case waits for a person."""
    callback, rules = contact.callback, state.book.rules
    if callback is None:
        raise KeyError(contact.id)
    tries = callback.tries + 1
    if tries >= rules.callback_attempts:
        yield from end(state, given, contact, ContactState.CLOSED, f"unreached:{why}", "not_reached")
        return
    if contact.agent_id:
        yield d.AssignmentEnded(contact.id, contact.agent_id, f"unreached:{why}")
    again = given.at + 1000 * rules.callback_pause_s
    yield d.CallbackSet(contact.id, "unreached", replace(callback, not_before=again, tries=tries))
    yield d.ContactQueued(contact.id, contact.queue, OfferReason.CALLBACK)
