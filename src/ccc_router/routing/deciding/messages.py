"""Messages of customers: which contact they belong to, and what that contact does then."""

from collections.abc import Iterator

from ...events.envelope import Input
from ...events.facts import AnsweredOutside, DeliveryReported, MessageChanged, MessageReceived, ReceiptReceived
from ...events.vocabulary import CaseState, Channel, ContactState, DeliveryKind, DeliveryState, OfferReason
from .. import decisions as d
from ..rows import Case, Contact
from ..state import ENDED, State
from .contacts import choose_queue, end, open_case, open_contact, reopen, wake
from .crowds.notices import notice, wait_of
from .offers import sticky
from .outbound import go_on_in_writing
from .owing import reply


def message_received(state: State, given: Input, fact: MessageReceived) -> Iterator[d.Decision]:
    """Join the case's open contact on that channel; else make a contact on the case; else a case (DESIGN 6).

    Automatic mail joins, but reopens nothing and wakes nobody; one that belongs to nothing is deflected, and counted (I18).
    """
    if given.resolved.customer_new:
        yield d.CustomerMet(given.resolved.customer_id)
    case = None if fact.fresh_case else state.cases.get(given.resolved.case_id)
    contact = _open_on(state, case, fact) if case is not None else None
    if contact is not None:
        yield from _joined(state, given, fact, contact)
        return
    if case is not None and fact.automatic:
        yield d.MessageMarked(fact.message_id, "automatic")
        return
    if case is None:
        yield from open_case(state, given, fact.case_id, fact.topic, fact.case_kind, fact.province)
        case = state.cases[fact.case_id]
    else:
        yield from reopen(case)
    queue = choose_queue(state, fact.queue, fact.topic or case.topic, fact.endpoint)
    yield from open_contact(
        state, given, case, fact.contact_id, fact.channel, fact.endpoint,
        queue=queue, language=_language(state, fact), priority=fact.priority, tell=_tells(state, fact, queue),
    )  # fmt: skip
    yield d.MessageCounted(fact.contact_id, fact.message_id, 1, customer=not fact.automatic)
    contact = state.contacts[fact.contact_id]
    if fact.automatic:
        yield from end(state, given, contact, ContactState.DEFLECTED, "automatic")
        return
    yield from go_on_in_writing(state, given, contact)
    yield sticky(state, given, contact, case.knows, OfferReason.STICKY)
    if fact.acknowledge:
        told = notice(state, queue, case.topic)
        if state.book.tells_wait(queue, fact.channel):
            told |= wait_of(state, given, contact)
        yield reply(state, DeliveryKind.ACKNOWLEDGEMENT, contact.id, fact.endpoint, case.id, fact.message_id, **told)


def _tells(state: State, fact: MessageReceived, queue: str) -> bool:
    """A mail has its acknowledgement. Below a comment nothing is said by itself: everybody would read it, and a private reply there is
    one only, the agent's."""
    said = fact.channel is Channel.EMAIL or fact.form == "comment" or fact.automatic
    return not said and state.book.tells_wait(queue, fact.channel)


def _joined(state: State, given: Input, fact: MessageReceived, contact: Contact) -> Iterator[d.Decision]:
    yield d.MessageCounted(contact.id, fact.message_id, contact.messages + 1, customer=not fact.automatic)
    if fact.automatic:
        return
    case = state.cases[contact.case_id]
    yield from reopen(case)
    yield from go_on_in_writing(state, given, contact)
    if contact.answered_outside:
        yield d.ContactMarked(contact.id, answered_outside=False)
    if contact.state is ContactState.WAITING:
        yield from wake(state, given, contact)
    elif contact.state is ContactState.WRAP_UP:
        yield d.ContactActive(contact.id)


def _open_on(state: State, case: Case, fact: MessageReceived) -> Contact | None:
    for contact_id in reversed(case.contacts):
        contact = state.contacts[contact_id]
        if contact.channel is fact.channel and contact.endpoint == fact.endpoint and contact.state not in ENDED:
            return contact
    return None


def _language(state: State, fact: MessageReceived) -> str:
    if fact.language:
        return fact.language
    endpoint = state.book.endpoints.get(fact.endpoint)
    return endpoint.language if endpoint is not None else ""


def message_changed(state: State, given: Input, fact: MessageChanged) -> Iterator[d.Decision]:
    """Edited, deleted or hidden at its source: written down, nothing reopens."""
    yield d.MessageMarked(fact.message_id, fact.change)


def answered_outside(state: State, given: Input, fact: AnsweredOutside) -> Iterator[d.Decision]:
    """Somebody answered without us: the open contact says so, a person decides."""
    case = state.cases.get(given.resolved.case_id)
    for contact_id in case.contacts if case is not None else ():
        contact = state.contacts[contact_id]
        if contact.channel is fact.channel and contact.endpoint == fact.endpoint and contact.state not in ENDED:
            yield d.MessageCounted(contact.id, fact.message_id, contact.messages + 1, customer=False)
            if not contact.answered_outside:
                yield d.ContactMarked(contact.id, answered_outside=True)
            return


def receipt_received(state: State, given: Input, fact: ReceiptReceived) -> Iterator[d.Decision]:
    """The channel says how far our messages came; a bounce puts the open contact on the supervisors' list."""
    for message_id in fact.message_ids:
        yield d.MessageMarked(message_id, fact.receipt)
    if fact.receipt != "failed":
        return
    case = state.cases.get(given.resolved.case_id)
    if case is not None:
        yield from _never_arrived(state, case, fact.channel, "bounced")


def reply_reported(state: State, given: Input, fact: DeliveryReported) -> Iterator[d.Decision]:
    """An answer that could not be sent is a person's business, as if it had bounced: the customer still waits for it (I9)."""
    case = state.cases.get(fact.case_id)
    lost = fact.delivery is DeliveryKind.REPLY and fact.state in (DeliveryState.FAILED, DeliveryState.PARKED)
    if lost and case is not None:
        yield from _never_arrived(state, case, None, "undelivered")


def _never_arrived(state: State, case: Case, channel: Channel | None, why: str) -> Iterator[d.Decision]:
    """Who has the open contact sees it; without one the case is open again, and on the supervisors' list."""
    for contact_id in case.contacts:
        contact = state.contacts[contact_id]
        if channel in (None, contact.channel) and contact.state not in ENDED:
            yield d.ContactNeedsAttention(contact.id, why)
            return
    to = CaseState.ESCALATED if case.escalations else CaseState.OPEN
    yield d.CaseMoved(case.id, to, attention=True)
