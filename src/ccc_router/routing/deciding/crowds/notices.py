"""What customers are told by themselves: while a queue is in a surge or their contacts belong to an incident, and that they wait."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from ....events.envelope import Input
from ....events.vocabulary import Channel, ContactState, ControlCommand, DeliveryKind
from ....kernel.ids import derive
from ... import decisions as d
from ...calendar import next_change
from ...rows import Contact
from ...state import State
from ..outbound import calls_back
from ..owing import control, on_line, reply
from .incidents import incident_of

CALL_MS: Final = 30_000
TEXT_MS: Final = 300_000
"""After that a place in line is told to nobody any more: it would be wrong."""


def notice(state: State, queue: str, topic: str) -> dict[str, str]:
    """Which text an automatic answer bears: the incident's, which is about this contact, before the surge's, which is about all."""
    incident, surge = incident_of(state, queue, topic), state.doors.surge(queue)
    found = (incident.notice_id if incident is not None else "") or (surge.notice_id if surge is not None else "")
    return {"notice": found} if found else {}


def wait_of(state: State, given: Input, contact: Contact) -> dict[str, str]:
    """What is told of a wait that is known here: for what, and when (ms) a closed queue opens. Place and time are looked up when it is sent."""
    if not state.is_shut(contact):
        return {"wait": "waits"}
    hours = state.book.hours(contact.queue, contact.channel)
    opens_at = next_change(hours, given.at) if hours is not None else 0
    return {"wait": "closed"} | ({"opens_at": str(opens_at)} if opens_at else {})


def tell(state: State, given: Input) -> Iterator[d.Decision]:
    """Who waits once everything is decided, and was told nothing yet (R-26): not whom somebody has spoken to, nor who is called back."""
    for contact_id in dict.fromkeys((*state.woken_contacts, *state.doors.turned)):
        contact = state.contacts.get(contact_id)
        if contact is None or not contact.tell or contact.state is not ContactState.QUEUED:
            continue
        if contact.answered_at or contact.callback is not None:
            continue
        told = wait_of(state, given, contact)
        yield d.WaitTold(contact.id, "closed" if told["wait"] == "closed" else "waits")
        yield (
            _announced(state, given, contact, told)
            if contact.channel is Channel.PHONE
            else _written(state, given, contact, told)
        )


def _announced(state: State, given: Input, contact: Contact, told: dict[str, str]) -> d.DeliveryOwed:
    """In a lane of its own: it is sent when the wait is known, and must hold up no command."""
    if contact.customer_id and on_line(state, contact):
        told |= {"callback": "possible"}
    until, lane = given.at + CALL_MS, f"wait:{contact.id}"
    word = ControlCommand.ANNOUNCE
    return control(state, given, contact, word, not_after=until, lane=lane, announcement="wait", **told)


def _written(state: State, given: Input, contact: Contact, told: dict[str, str]) -> d.DeliveryOwed:
    """A message of its own, whose id says that there is one of a contact."""
    if contact.channel is Channel.PORTAL and calls_back(state):
        told |= {"callback": "possible"}
    told |= notice(state, contact.queue, contact.topic)
    message_id, until = derive("ms", state.pool, "told", contact.id), given.at + TEXT_MS
    kind = DeliveryKind.ACKNOWLEDGEMENT
    owed = reply(state, kind, contact.id, contact.endpoint, contact.case_id, message_id, **told)
    return replace(owed, not_after=until)
