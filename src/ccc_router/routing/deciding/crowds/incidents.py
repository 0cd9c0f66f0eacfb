"""Incidents: one trouble that many cases have in common. They are told together when it is over, each over its own channel."""

from collections.abc import Iterator
from typing import Final

from ....events.commands import AttachCases, OpenIncident, ResolveIncident
from ....events.envelope import Input
from ....events.vocabulary import Channel, ContactState, DeliveryKind, Direction
from ....kernel.ids import derive
from ... import decisions as d
from ...rows import Case, Contact, Incident
from ...state import ENDED, State
from ..contacts import leave_case, open_internal, reopen
from ..offers import rescind
from ..owing import reply

PORTION: Final = 500
"""How many are told in one step: it takes the engine about a tenth of a second, in which nobody else is served."""
_IN_NO_HANDS = frozenset({ContactState.QUEUED, ContactState.OFFERED, ContactState.WAITING})


def open_incident(state: State, given: Input, command: OpenIncident) -> Iterator[d.Decision]:
    """Whoever comes about the topic, or to the queue, is attached from now on; who is here already is attached by hand."""
    if command.topic and command.topic not in state.book.topics:
        yield d.CommandRefused("unknown_topic", command.topic)
        return
    if command.queue and command.queue not in state.book.queues:
        yield d.CommandRefused("unknown_queue", command.queue)
        return
    if command.incident_id not in state.incidents:
        by = f"{command.actor_role.value}:{command.actor}"
        named = (command.title_vi, command.title_en, command.topic, command.queue, command.message_id)
        yield d.IncidentSet(Incident(command.incident_id, given.at, by, *named))
    yield d.Accepted({"incident_id": command.incident_id})


def attach_cases(state: State, given: Input, command: AttachCases) -> Iterator[d.Decision]:
    """By hand; all of them or none. A case has one incident: the last it was attached to."""
    if command.incident_id not in state.incidents:
        yield d.CommandRefused("incident_over")
        return
    gone = [case_id for case_id in command.cases if case_id not in state.cases]
    if gone:
        yield d.CommandRefused("case_over", gone[0])
        return
    to = command.incident_id if command.attach else ""
    for case_id in dict.fromkeys(command.cases):
        now = state.cases[case_id].incident_id
        if now != to and (command.attach or now == command.incident_id):
            yield d.CaseAttached(case_id, to)
    yield d.Accepted({"incident_id": command.incident_id})


def attach_newcomers(state: State, given: Input) -> Iterator[d.Decision]:
    """Who came to a queue with this input, from outside, while an incident of its topic or its queue is open."""
    if not state.incidents:
        return
    for contact_id in tuple(state.doors.came):
        contact = state.contacts.get(contact_id)
        if contact is None or contact.direction is not Direction.INBOUND or contact.channel is Channel.INTERNAL:
            continue
        incident, case = incident_of(state, contact.queue, contact.topic), state.cases[contact.case_id]
        if incident is not None and case.incident_id not in state.incidents:
            yield d.CaseAttached(case.id, incident.id)


def incident_of(state: State, queue: str, topic: str) -> Incident | None:
    """The open incident that a contact of this queue and topic belongs to: the newest, its topic before its queue."""
    newest = sorted(state.incidents.values(), key=lambda one: (one.opened_at, one.id), reverse=True)
    by_topic = next((one for one in newest if topic and one.topic == topic), None)
    return by_topic or next((one for one in newest if one.queue == queue), None)


def resolve_incident(state: State, given: Input, command: ResolveIncident) -> Iterator[d.Decision]:
    """It is over: every attached case is told how it ended, once, `PORTION` of them by one command; who asks goes on until none is
    ``left``. Until then the incident is open, and whoever was told is attached no more."""
    incident = state.incidents.get(command.incident_id)
    if incident is None:
        yield d.CommandRefused("incident_over")
        return
    attached = [case for _, case in sorted(state.cases.items()) if case.incident_id == incident.id]
    for case in attached[:PORTION]:
        yield from _tell(state, given, case, derive("ms", command.message_id, case.id))
        yield d.CaseAttached(case.id, "")
    by, left = f"{command.actor_role.value}:{command.actor}", max(0, len(attached) - PORTION)
    yield d.IncidentTold(incident.id, command.message_id, len(attached) - left, by, over=not left)
    yield d.Accepted({"incident_id": incident.id, "left": left})


def _tell(state: State, given: Input, case: Case, message_id: str) -> Iterator[d.Decision]:
    """Over the channel he wrote on; what nobody had in hands is over with it. Who only called is told by an agent: by the one who has
    him now, else as a follow-up on his case."""
    here = [state.contacts[contact_id] for contact_id in case.contacts]
    here = [contact for contact in here if contact.state not in ENDED and contact.channel is not Channel.INTERNAL]
    if case.reply_contact:
        written = next((contact for contact in here if contact.id == case.reply_contact), None)
        if written is not None:
            yield d.MessageCounted(written.id, message_id, written.messages + 1, customer=False)
        yield reply(state, DeliveryKind.REPLY, case.reply_contact, case.reply_endpoint, case.id, message_id)
        yield from _end_waiting(state, given, case, here)
    elif here:
        yield d.MessageCounted(here[-1].id, message_id, here[-1].messages + 1, customer=False)
    else:
        yield from reopen(case)
        yield from open_internal(state, given, case, "incident_resolved", "", message_id)


def _end_waiting(state: State, given: Input, case: Case, here: list[Contact]) -> Iterator[d.Decision]:
    """What an agent has in hands is his to end; so is a caller on the line."""
    for contact in here:
        if contact.state in _IN_NO_HANDS and contact.channel is not Channel.PHONE:
            yield from rescind(state, contact.offer_id, "incident")
            yield d.ContactEnded(contact.id, ContactState.CLOSED, "incident", "not_given")
    if not case.contacts:
        yield from leave_case(state, given, case, "resolved")
