"""Contacts: how one is opened on a case, and how it ends."""

from collections.abc import Iterator

from ...events.envelope import Input
from ...events.vocabulary import CaseKind, CaseState, Channel, ContactState, Direction, OfferReason
from ...kernel.ids import derive, reference
from .. import decisions as d
from ..rows import Case, Contact
from ..state import ENDED, State
from .offers import present, rescind, sticky

DAY_MS = 86_400_000


def open_case(state: State, given: Input, case_id: str, topic: str, kind: str, province: str) -> Iterator[d.Decision]:
    """A new issue; the topic gives its kind and priority where the input does not."""
    resolved = given.resolved
    known = state.book.topics.get(topic)
    yield d.CaseOpened(
        case_id=case_id,
        customer_id=resolved.customer_id,
        reference=reference(case_id),
        topic=known.id if known is not None else "",
        case_kind=CaseKind(kind or (known.case_kind if known is not None else CaseKind.QUESTION)),
        province=province,
        priority=known.priority if known is not None else 0,
    )


def reopen(case: Case) -> Iterator[d.Decision]:
    """A customer's new message makes a case open again; one that is escalated stays so."""
    if case.state is CaseState.ESCALATED:
        return
    if case.state is not CaseState.OPEN or case.due_at:
        yield d.CaseMoved(case.id, CaseState.OPEN)


def choose_queue(state: State, wanted: str, topic: str, endpoint: str) -> str:
    """The queue asked for, else the topic's, else the endpoint's, else the first: nothing is dropped for a wrong name."""
    queues = state.book.queues
    known_topic, known_endpoint = state.book.topics.get(topic), state.book.endpoints.get(endpoint)
    for queue in (wanted, known_topic.queue if known_topic else "", known_endpoint.queue if known_endpoint else ""):
        if queue in queues:
            return queue
    return next(iter(queues))


def open_contact(
    state: State,
    given: Input,
    case: Case,
    contact_id: str,
    channel: Channel,
    endpoint: str,
    *,
    queue: str,
    language: str = "",
    priority: int = 0,
    direction: Direction = Direction.INBOUND,
    escalation_id: str = "",
    cause: str = "",
    call_id: str = "",
    tell: bool = False,
) -> Iterator[d.Decision]:
    """A contact in state ``arrived``, with the rank it keeps through everything that follows. ``tell``: who waits is told so."""
    priority = max(priority, case.priority)
    arrived_at = given.received_at or given.at
    yield d.ContactOpened(
        contact_id=contact_id,
        case_id=case.id,
        customer_id=case.customer_id,
        channel=channel,
        endpoint=endpoint,
        queue=queue,
        rank=state.book.rank(arrived_at, queue, channel, priority),
        direction=direction,
        language=language,
        topic=case.topic,
        priority=priority,
        escalation_id=escalation_id,
        cause=cause,
        call_id=call_id,
        tell=tell,
    )


def open_internal(
    state: State, given: Input, case: Case, reason: str, escalation_id: str, message_id: str = ""
) -> Iterator[d.Decision]:
    """Something came back to a case: an ``internal`` contact for the agent who knows it, or one more turn of the open one.

    ``message_id`` is the text that came with it.
    """
    for contact_id in case.contacts:
        contact = state.contacts[contact_id]
        if contact.channel is Channel.INTERNAL and contact.state not in ENDED:
            yield d.MessageCounted(contact.id, message_id, contact.messages + 1, customer=True)
            if contact.state is ContactState.WAITING:
                yield from wake(state, given, contact)
            elif contact.state is ContactState.WRAP_UP:
                yield d.ContactActive(contact.id)
            return
    contact_id = derive("ct", state.pool, state.position + 1)
    queue = choose_queue(state, case.queue, case.topic, "")
    yield from open_contact(
        state, given, case, contact_id, Channel.INTERNAL, "",
        queue=queue, language=case.language, escalation_id=escalation_id, cause=reason,
    )  # fmt: skip
    yield d.MessageCounted(contact_id, message_id, 1, customer=True)
    yield sticky(state, given, state.contacts[contact_id], case.knows, OfferReason.STICKY)


def wake(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """The customer wrote while it was his turn: back to the agent at once if he is there and has room, else queued for him for a
    while if he is there, else for anyone: who is on a break would not see it."""
    agent_id = contact.reserved_for
    known = agent_id in state.book.agents and present(state, agent_id)
    if known and not state.limits.full(contact) and state.fits(state.agents[agent_id], contact.channel.value):
        yield d.ContactActive(contact.id, agent_id)
        return
    yield sticky(state, given, contact, contact.reserved_for, OfferReason.RETURNED)


def end(
    state: State, given: Input, contact: Contact, to: ContactState, by: str, disposition: str = ""
) -> Iterator[d.Decision]:
    """End a contact whatever it is doing: its offer is rescinded, its assignment over, its case given its next action (I9)."""
    yield from rescind(state, contact.offer_id, by)
    if contact.agent_id:
        yield d.AssignmentEnded(contact.id, contact.agent_id, by)
    yield d.ContactEnded(contact.id, to, by, disposition)
    case = state.cases.get(contact.case_id)
    if case is not None and not case.contacts:
        yield from leave_case(state, given, case)


def leave_case(state: State, given: Input, case: Case, resolution: str = "unresolved") -> Iterator[d.Decision]:
    """What a case does when its last contact is over: escalated it waits for its clocks, else for a follow-up or for its end (I9)."""
    rules = state.book.rules
    if case.escalations:
        if case.state is not CaseState.ESCALATED or case.due_at:
            yield d.CaseMoved(case.id, CaseState.ESCALATED)
    elif resolution == "resolved":
        yield d.CaseMoved(case.id, CaseState.RESOLVED, given.at + rules.case_resolved_days * DAY_MS)
    elif resolution == "waiting_customer":
        yield d.CaseMoved(case.id, CaseState.WAITING_CUSTOMER, given.at + rules.case_resolved_days * DAY_MS)
    elif not case.due_at:
        yield d.CaseMoved(case.id, CaseState.OPEN, given.at + 1000 * rules.case_follow_up_s, case.attention)


def leave_closed(state: State, case_id: str) -> Iterator[d.Decision]:
    """A closed case that an input looked at and did not reopen leaves the memory again."""
    case = state.cases.get(case_id)
    if case is not None and case.state is CaseState.CLOSED:
        yield d.CaseMoved(case.id, CaseState.CLOSED)


def case_due(state: State, given: Input, case: Case) -> Iterator[d.Decision]:
    """A case's own timer: resolved closes, waiting for the customer resolves, an open one without anybody goes to the supervisors."""
    days = state.book.rules.case_resolved_days * DAY_MS
    if case.contacts or case.escalations:
        yield d.CaseMoved(case.id, case.state, attention=case.attention)
    elif case.state is CaseState.RESOLVED:
        yield d.CaseMoved(case.id, CaseState.CLOSED)
    elif case.state is CaseState.WAITING_CUSTOMER:
        yield d.CaseMoved(case.id, CaseState.RESOLVED, given.at + days)
    else:
        yield d.CaseMoved(case.id, case.state, attention=True)
