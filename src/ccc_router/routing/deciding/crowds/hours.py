"""Opening hours: queues open and close by timers, and what becomes of who comes to a closed or a full one (nothing is dropped)."""

from collections.abc import Iterator

from ....events.envelope import Input
from ....events.vocabulary import ContactState, ControlCommand, Overflowing
from ... import decisions as d
from ...calendar import is_open, next_change
from ...policy import Queue
from ...rows import Contact
from ...state import State
from ..contacts import end
from ..outbound import promise
from ..overflowing import by_rule, can_overflow, full, newcomer
from ..owing import control, on_line


def queue_due(state: State, given: Input, queue_id: str) -> Iterator[d.Decision]:
    """A queue opens or closes for one of its channels, if it is not something else that is due."""
    row = state.doors.rows.get(queue_id)
    if row is None or (row.due_at and row.due_at <= given.at):
        yield _hours(state, given, state.book.queues[queue_id])


def new_hours(state: State, given: Input) -> Iterator[d.Decision]:
    """After a new catalogue every queue that has hours, or was closed by those it had, is open or closed by the new ones."""
    for queue_id, queue in sorted(state.book.queues.items()):
        if queue.hours or queue_id in state.doors.rows:
            yield _hours(state, given, queue)


def _hours(state: State, given: Input, queue: Queue) -> d.HoursChanged:
    """Closed since keeps its first value: those who came before are told from those who came after by it."""
    row = state.doors.rows.get(queue.id)
    before = row.closed if row is not None else {}
    closed, changes = {}, []
    for channel in sorted(queue.channels):
        calendar = state.book.hours(queue.id, channel)
        if calendar is None:
            continue
        changes.append(next_change(calendar, given.at))
        if not is_open(calendar, given.at):
            closed[channel] = before.get(channel, given.at)
    return d.HoursChanged(queue.id, closed, min((at for at in changes if at), default=0))


def turn(state: State, given: Input) -> Iterator[d.Decision]:
    """Everybody who came to a closed queue with this input, or was there when it closed: he waits, unless policy says otherwise."""
    at = 0
    while at < len(state.doors.turned):
        contact = state.contacts.get(state.doors.turned[at])
        at += 1
        if contact is None or not state.doors.holds(contact.id) or contact.callback is not None:
            continue
        queue = state.book.queues[contact.queue]
        way = queue.when_closed.get(contact.channel, queue.when_closed.get("default", "wait"))
        if way == "overflow" and can_overflow(state, given, contact, queue.overflow):
            yield d.ContactOverflowed(contact.id, queue.overflow, queue.id, Overflowing.CLOSED)
            continue
        if (yield from by_rule(state, given, contact, Overflowing.CLOSED)):
            continue
        match way:
            case "deflect":
                yield from deflect(state, given, contact, "closed", "closed")
            case "callback_list":
                yield from call_back(state, given, contact, "closed", "closed")
            case _:
                pass  # the queue's timer is its next action


def turn_away(state: State, given: Input) -> Iterator[d.Decision]:
    """A caller nobody is free for, in a queue where as many wait as may and that could not overflow: he hears so."""
    for contact_id in tuple(state.woken_contacts):
        contact = state.contacts.get(contact_id)
        if (
            contact is not None
            and state.waiting.holds(contact_id)
            and newcomer(given, contact)
            and full(state, contact)
        ):
            yield from deflect(state, given, contact, "full", "full")


def deflect(state: State, given: Input, contact: Contact, why: str, announcement: str) -> Iterator[d.Decision]:
    """A caller hears why and is hung up; his case gets a follow-up. A message is never refused: it waits."""
    if on_line(state, contact):
        yield control(state, given, contact, ControlCommand.ANNOUNCE, announcement=announcement)
        yield control(state, given, contact, ControlCommand.HANGUP)
        yield from end(state, given, contact, ContactState.DEFLECTED, why)


def call_back(state: State, given: Input, contact: Contact, why: str, announcement: str) -> Iterator[d.Decision]:
    """A caller is promised a callback and hung up; one who hides his number is nobody's customer, and deflected. A message waits."""
    if on_line(state, contact) and contact.customer_id:
        yield from promise(state, given, contact, why)
    else:
        yield from deflect(state, given, contact, why, announcement)
