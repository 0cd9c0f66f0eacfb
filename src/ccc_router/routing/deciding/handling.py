"""What the owner of a contact does with it: answer, wait, hand on, finish."""

from collections.abc import Iterator

from ...events.commands import (
    CompleteContact,
    ExtendWrapUp,
    LinkContact,
    RequeueContact,
    SendMessage,
    TransferContact,
    WaitForCustomer,
)
from ...events.envelope import Input
from ...events.vocabulary import (
    CaseState,
    Channel,
    ContactState,
    ControlCommand,
    DeliveryKind,
    OfferReason,
    Presence,
    Visibility,
)
from .. import calls
from .. import decisions as d
from ..rows import Contact
from ..state import State
from .asking import is_supervisor, open_contact, owned_contact
from .contacts import end, leave_case, reopen
from .offers import preferring, rescind
from .owing import control, controlled, reply

HANDLED = frozenset({ContactState.ACTIVE, ContactState.HELD, ContactState.WAITING, ContactState.WRAP_UP})
"""The states in which a contact is in somebody's hands."""


def send_message(state: State, given: Input, command: SendMessage) -> Iterator[d.Decision]:
    """Answer the customer on the channel he used, or write a note. A customer's newer message refuses the answer."""
    note = command.visibility is Visibility.NOTE
    anybody = note and command.then == "keep"
    contact = open_contact(state, command.contact_id) if anybody else owned_contact(state, command, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    refused = None if note else _cannot_answer(state, command, contact)
    if refused is None and command.then == "complete":
        refused = _cannot_complete(state, contact, command.disposition)
    if refused is None and command.then == "wait":
        refused = _cannot_wait(contact)
    if refused is not None:
        yield refused
        return
    yield d.MessageCounted(contact.id, command.message_id, contact.messages + 1, customer=False)
    if not note:
        through, endpoint = _way_out(state, contact)
        yield reply(state, DeliveryKind.REPLY, through, endpoint, contact.case_id, command.message_id)
    match command.then:
        case "wait":
            yield from _waits(state, given, contact, command.wait_until)
        case "complete":
            yield from _completed(state, given, contact, command.disposition, "resolved")
        case "keep":
            pass
    yield d.Accepted({"message_id": command.message_id, "number": contact.messages})


def _way_out(state: State, contact: Contact) -> tuple[str, str]:
    """The contact and endpoint over which an answer reaches the customer: for an internal contact the case's last messaging one."""
    if contact.channel is Channel.INTERNAL:
        case = state.cases[contact.case_id]
        return case.reply_contact, case.reply_endpoint
    return contact.id, contact.endpoint


def _cannot_answer(state: State, command: SendMessage, contact: Contact) -> d.CommandRefused | None:
    if contact.state not in HANDLED:
        return d.CommandRefused("wrong_state", contact.state.value)
    if contact.channel is Channel.PHONE or not _way_out(state, contact)[0]:
        return d.CommandRefused("no_window", "phone")
    if command.seen_up_to is not None and contact.customer_message > command.seen_up_to:
        return d.CommandRefused("customer_wrote", str(contact.customer_message))
    return None


def wait_for_customer(state: State, given: Input, command: WaitForCustomer) -> Iterator[d.Decision]:
    """It is the customer's turn; the agent's capacity is free meanwhile."""
    contact = owned_contact(state, command, command.contact_id)
    refused = contact if isinstance(contact, d.CommandRefused) else _cannot_wait(contact)
    if refused is not None or isinstance(contact, d.CommandRefused):
        yield refused or d.CommandRefused("contact_over")
        return
    yield from _waits(state, given, contact, command.until)
    yield d.Accepted({"contact_id": contact.id})


def _cannot_wait(contact: Contact) -> d.CommandRefused | None:
    waitable = contact.state in (ContactState.ACTIVE, ContactState.WRAP_UP, ContactState.WAITING)
    if contact.channel is Channel.PHONE or not waitable:
        return d.CommandRefused("wrong_state", contact.state.value)
    return None


def _waits(state: State, given: Input, contact: Contact, until: int) -> Iterator[d.Decision]:
    until = until if until > given.at else given.at + 1000 * state.book.rules.wait_for_customer_s
    yield d.ContactWaiting(contact.id, until)
    case = state.cases[contact.case_id]
    if not case.escalations and len(case.contacts) == 1:
        yield d.CaseMoved(case.id, CaseState.WAITING_CUSTOMER)


def transfer_contact(state: State, given: Input, command: TransferContact) -> Iterator[d.Decision]:
    """Hand on to a queue, there first to some if the agent says so, or to an agent who alone may take it for a while; the rank is kept."""
    contact = owned_contact(state, command, command.contact_id)
    refused = contact if isinstance(contact, d.CommandRefused) else _cannot_hand_on(state, command, contact)
    if refused is not None or isinstance(contact, d.CommandRefused):
        yield refused or d.CommandRefused("contact_over")
        return
    yield from let_go(state, given, contact, "transferred")
    if command.agent_id:
        until = given.at + 1000 * state.book.rules.transfer_wait_s
        yield d.ContactQueued(contact.id, contact.queue, OfferReason.TRANSFER, command.agent_id, until)
    else:
        yield preferring(state, given, contact, command, command.queue, state.book.rules.transfer_wait_s)
    yield d.Accepted({"contact_id": contact.id})


def _cannot_hand_on(state: State, command: TransferContact, contact: Contact) -> d.CommandRefused | None:
    if contact.state not in (ContactState.ACTIVE, ContactState.HELD, ContactState.WAITING):
        return d.CommandRefused("wrong_state", contact.state.value)
    if contact.channel is Channel.PHONE and not controlled(state, contact):
        return d.CommandRefused("no_control")
    if command.agent_id:
        if command.agent_id not in state.book.agents:
            return d.CommandRefused("unknown_agent", command.agent_id)
        if state.agents[command.agent_id].presence is Presence.SIGNED_OUT:
            return d.CommandRefused("agent_signed_out", command.agent_id)
        return None
    if command.queue not in state.book.queues:
        return d.CommandRefused("unknown_queue", command.queue)
    own = set(command.exclude) <= {command.actor}
    return _misnamed(state, command, allowed=own or is_supervisor(command))


def _misnamed(state: State, command: RequeueContact | TransferContact, *, allowed: bool) -> d.CommandRefused | None:
    """An agent keeps a contact from nobody but himself; a supervisor from anybody there is."""
    unknown = [agent_id for agent_id in (*command.prefer, *command.exclude) if agent_id not in state.book.agents]
    if unknown:
        return d.CommandRefused("unknown_agent", unknown[0])
    return None if allowed else d.CommandRefused("not_a_supervisor")


def requeue_contact(state: State, given: Input, command: RequeueContact) -> Iterator[d.Decision]:
    """Give the contact back: it waits in its queue with its rank. A supervisor may prefer and exclude agents."""
    contact = owned_contact(state, command, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    if contact.channel is Channel.PHONE and not controlled(state, contact):
        yield d.CommandRefused("no_control")
        return
    if contact.state in (ContactState.ARRIVED, ContactState.CONNECTING, ContactState.WRAP_UP):
        yield d.CommandRefused("wrong_state", contact.state.value)
        return
    refused = _misnamed(state, command, allowed=is_supervisor(command) or not (command.prefer or command.exclude))
    if refused is not None:
        yield refused
        return
    yield from let_go(state, given, contact, "requeued")
    wait = state.book.rules.sticky_wait_s.get(contact.channel.value, 0)
    yield preferring(state, given, contact, command, contact.queue, wait)
    yield d.Accepted({"contact_id": contact.id})


def let_go(state: State, given: Input, contact: Contact, reason: str) -> Iterator[d.Decision]:
    """Nobody owns or is offered the contact any more; a caller hears the queue again."""
    yield from rescind(state, contact.offer_id, reason)
    if contact.agent_id:
        if contact.channel is Channel.PHONE and contact.state in (
            ContactState.ACTIVE,
            ContactState.HELD,
            ContactState.CONNECTING,
        ):
            word = ControlCommand.QUEUE if contact.callback is None else ControlCommand.HANGUP
            yield control(state, given, contact, word, queue=contact.queue, offer_id=contact.offer_id)
        yield d.AssignmentEnded(contact.id, contact.agent_id, reason)


def extend_wrap_up(state: State, given: Input, command: ExtendWrapUp) -> Iterator[d.Decision]:
    """More time to finish, said why (R-15)."""
    contact = owned_contact(state, command, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    if contact.state is not ContactState.WRAP_UP:
        yield d.CommandRefused("wrong_state", contact.state.value)
        return
    yield d.WrapUpStarted(contact.id, contact.ends_at + command.extend_ms)
    yield d.Accepted({"ends_at": contact.ends_at})


def complete_contact(state: State, given: Input, command: CompleteContact) -> Iterator[d.Decision]:
    """The handling is over, with a disposition."""
    contact = owned_contact(state, command, command.contact_id)
    refused = (
        contact if isinstance(contact, d.CommandRefused) else _cannot_complete(state, contact, command.disposition)
    )
    if refused is not None or isinstance(contact, d.CommandRefused):
        yield refused or d.CommandRefused("contact_over")
        return
    yield from _completed(state, given, contact, command.disposition, command.resolution)
    yield d.Accepted({"contact_id": contact.id})


def _cannot_complete(state: State, contact: Contact, disposition: str) -> d.CommandRefused | None:
    if disposition not in state.book.dispositions:
        return d.CommandRefused("unknown_disposition", disposition)
    if contact.state not in HANDLED:
        return d.CommandRefused("wrong_state", contact.state.value)
    if contact.call is not None and contact.state is not ContactState.WRAP_UP and not calls.customer_gone(contact.call):
        return d.CommandRefused("call_live")
    return None


def _completed(state: State, given: Input, contact: Contact, disposition: str, resolution: str) -> Iterator[d.Decision]:
    if contact.agent_id:
        yield d.AssignmentEnded(contact.id, contact.agent_id, "completed")
    yield d.ContactEnded(contact.id, ContactState.CLOSED, "completed", disposition)
    case = state.cases[contact.case_id]
    if not case.contacts:
        yield from leave_case(state, given, case, resolution)


def contact_due(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """A deadline of a contact that is no call's: of wrap-up, or of the customer's turn."""
    if contact.state is ContactState.WRAP_UP:
        yield from end(state, given, contact, ContactState.CLOSED, "wrap_up_over", "not_given")
    elif contact.state is ContactState.WAITING:
        yield d.ContactEnded(contact.id, ContactState.CLOSED, "customer_silent", "not_given")
        case = state.cases[contact.case_id]
        if not case.contacts:
            yield from leave_case(state, given, case, "waiting_customer")


def link_contact(state: State, given: Input, command: LinkContact) -> Iterator[d.Decision]:
    """The contact belongs to another case; linking it back undoes it (R-24)."""
    contact = owned_contact(state, command, command.contact_id)
    if isinstance(contact, d.CommandRefused):
        yield contact
        return
    case = state.cases.get(command.case_id)
    before = state.cases.get(contact.case_id)
    if case is None:
        yield d.CommandRefused("case_over")
        return
    if case.id != contact.case_id:
        yield from reopen(case)
        yield d.ContactLinked(contact.id, case.id, contact.case_id)
        if before is not None and not before.contacts:
            yield from leave_case(state, given, before)
    yield d.Accepted(
        {"contact_id": contact.id, "case_id": case.id, "from_case": before.id if before is not None else ""}
    )
