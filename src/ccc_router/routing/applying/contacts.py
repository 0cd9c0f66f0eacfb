"""Contacts change here."""

from msgspec.structs import replace

from ...events.envelope import Input
from ...events.vocabulary import Channel, ContactState
from .. import decisions as d
from ..rows import Call, Contact, Handover
from ..standing.steps import open_ms
from ..state import State
from .ownership import answered, disown, move, own

IDENTIFICATIONS_KEPT = 8
"""So many of a contact can be undone, one after the other."""


def contact_opened(state: State, given: Input, opened: d.ContactOpened) -> None:
    contact = Contact(
        id=opened.contact_id,
        case_id=opened.case_id,
        customer_id=opened.customer_id,
        channel=opened.channel,
        endpoint=opened.endpoint,
        queue=opened.queue,
        state=ContactState.ARRIVED,
        arrived_at=opened.arrived_at or given.received_at or given.at,
        rank=opened.rank,
        direction=opened.direction,
        language=opened.language,
        topic=opened.topic,
        priority=opened.priority,
        state_since=given.at,
        escalation_id=opened.escalation_id,
        cause=opened.cause,
        call=Call(call_id=opened.call_id, endpoint=opened.endpoint) if opened.call_id else None,
        came_through=opened.came_through,
        tell=opened.tell,
    )
    state.contacts[contact.id] = contact
    state.touch_contact(contact)
    case = state.cases[contact.case_id]
    case.contacts = (*case.contacts, contact.id)
    if contact.channel is not Channel.INTERNAL:
        case.queue, case.language = contact.queue, contact.language
        if _is_answered(contact):
            case.reply_contact, case.reply_endpoint = contact.id, contact.endpoint
    state.touch_case(case)


def message_counted(state: State, _: Input, counted: d.MessageCounted) -> None:
    contact = state.contacts[counted.contact_id]
    contact.messages = counted.number
    if counted.customer:
        contact.customer_message = counted.number
    state.touch_contact(contact)


def contact_queued(state: State, given: Input, queued: d.ContactQueued) -> None:
    contact = state.contacts[queued.contact_id]
    move(state, contact, ContactState.QUEUED)
    if contact.queue != queued.queue or not contact.queue_since:
        _enter(state, contact, queued.queue, given.at)
    contact.reason, contact.reserved_for, contact.reserved_until = (
        queued.reason,
        queued.reserved_for,
        queued.reserved_until,
    )
    contact.preferred, contact.excluded = queued.preferred, tuple(sorted({*contact.excluded, *queued.excluded}))
    contact.for_preferred = queued.for_preferred
    contact.offer_id, contact.ends_at, contact.wait_until = "", 0, 0
    since = max(given.at, contact.callback.not_before if contact.callback is not None else 0)
    contact.attention, contact.attention_at = "", since + 1000 * state.book.rules.attention_s
    state.touch_contact(contact)


def wait_told(state: State, _: Input, told: d.WaitTold) -> None:
    contact = state.contacts[told.contact_id]
    contact.tell = False
    state.touch_contact(contact)


def contact_released(state: State, _: Input, released: d.ContactReleased) -> None:
    contact = state.contacts[released.contact_id]
    contact.reserved_for, contact.reserved_until, contact.preferred, contact.for_preferred = "", 0, (), False
    state.touch_contact(contact)


def contact_aged(state: State, _: Input, aged: d.ContactAged) -> None:
    contact = state.contacts[aged.contact_id]
    contact.tier = aged.tier
    state.touch_contact(contact)


def contact_relaxed(state: State, _: Input, relaxed: d.ContactRelaxed) -> None:
    contact = state.contacts[relaxed.contact_id]
    contact.step = relaxed.step
    state.touch_contact(contact)


def _enter(state: State, contact: Contact, queue: str, at: int) -> None:
    """Wait there from now on (ms): the clocks of its delays, steps and rules begin anew, also for a contact that waits already."""
    if contact.queue != queue:
        contact.queue, contact.tier, contact.step = queue, 0, 0
        hours = state.book.hours(queue, contact.channel)
        contact.waited = -open_ms(state.book.queues[queue], hours, contact, contact.state_since, at)
    contact.queue_since, contact.overflow_at = at, state.book.overflow_at(queue, at, at)
    state.doors.came.append(contact.id)


def overflow_put_off(state: State, _: Input, put_off: d.OverflowPutOff) -> None:
    contact = state.contacts[put_off.contact_id]
    contact.overflow_at = put_off.until
    state.touch_contact(contact)


def contact_overflowed(state: State, given: Input, overflowed: d.ContactOverflowed) -> None:
    contact = state.contacts[overflowed.contact_id]
    _enter(state, contact, overflowed.queue, given.at)
    contact.for_preferred, contact.reserved_until = False, 0
    contact.overflowed = tuple(dict.fromkeys((*contact.overflowed, overflowed.from_queue, overflowed.queue)))
    state.touch_contact(contact)


def hours_changed(state: State, _: Input, changed: d.HoursChanged) -> None:
    row = state.doors.row(state.book.queues[changed.queue])
    state.set_hours(replace(row, closed=changed.closed, due_at=changed.due_at))


def surge_set(state: State, _: Input, changed: d.SurgeSet) -> None:
    state.keep_queue(replace(state.doors.row(state.book.queues[changed.queue]), surge=changed.surge))


def surge_ended(state: State, _: Input, ended: d.SurgeEnded) -> None:
    state.keep_queue(replace(state.doors.row(state.book.queues[ended.queue]), surge=None))


def contact_ranked(state: State, _: Input, ranked: d.ContactRanked) -> None:
    contact = state.contacts[ranked.contact_id]
    contact.priority, contact.rank = ranked.priority, ranked.rank
    state.touch_contact(contact)


def contact_needs_attention(state: State, _: Input, needs: d.ContactNeedsAttention) -> None:
    contact = state.contacts[needs.contact_id]
    contact.attention, contact.attention_at = needs.why, 0
    state.touch_contact(contact)


def contact_active(state: State, given: Input, active: d.ContactActive) -> None:
    contact = state.contacts[active.contact_id]
    move(state, contact, ContactState.ACTIVE)
    if contact.callback is None:
        answered(state, contact, given.at)
    contact.ends_at, contact.wait_until, contact.reserved_for, contact.reserved_until = 0, 0, "", 0
    contact.preferred, contact.for_preferred = (), False
    if active.agent_id and contact.agent_id != active.agent_id:
        own(state, contact, state.agents[active.agent_id])
    state.touch_contact(contact)


def first_action_expected(state: State, _: Input, expected: d.FirstActionExpected) -> None:
    contact = state.contacts[expected.contact_id]
    contact.ends_at = expected.due
    state.touch_contact(contact)


def contact_held(state: State, _: Input, held: d.ContactHeld) -> None:
    contact = state.contacts[held.contact_id]
    move(state, contact, ContactState.HELD)
    state.touch_contact(contact)


def contact_waiting(state: State, given: Input, waiting: d.ContactWaiting) -> None:
    contact = state.contacts[waiting.contact_id]
    move(state, contact, ContactState.WAITING)
    contact.wait_until, contact.ends_at = waiting.until, 0
    if contact.agent_id:
        contact.reserved_for = contact.agent_id
        disown(state, contact, given)
    state.touch_contact(contact)


def wrap_up_started(state: State, _: Input, started: d.WrapUpStarted) -> None:
    contact = state.contacts[started.contact_id]
    move(state, contact, ContactState.WRAP_UP)
    contact.ends_at = started.ends_at
    state.touch_contact(contact)


def clearing_expected(state: State, _: Input, expected: d.ClearingExpected) -> None:
    contact = state.contacts[expected.contact_id]
    contact.ends_at = expected.due
    state.touch_contact(contact)


def contact_ended(state: State, given: Input, ended: d.ContactEnded) -> None:
    contact = state.contacts[ended.contact_id]
    move(state, contact, ended.state)
    contact.disposition = ended.disposition or contact.disposition
    _leave(state, given, contact)


def contact_handed_over(state: State, given: Input, handed: d.ContactHandedOver) -> None:
    contact, case = state.contacts[handed.contact_id], state.cases[handed.case_id]
    move(state, contact, ContactState.HANDED_OVER)
    contact.handed_over = case.handed_over = Handover(handed.pool, handed.queue)
    contact.overflow_at = 0
    _leave(state, given, contact)


def _leave(state: State, given: Input, contact: Contact) -> None:
    """An ended contact leaves its case, and the memory; a call lingers for its late events."""
    contact.offer_id, contact.reserved_for, contact.reserved_until, contact.wait_until = "", "", 0, 0
    contact.preferred, contact.for_preferred, contact.callback = (), False, None
    contact.attention, contact.attention_at = "", 0
    case = state.cases.get(contact.case_id)
    if case is not None and contact.id in case.contacts:
        case.contacts = tuple(other for other in case.contacts if other != contact.id)
        state.touch_case(case)
    if contact.call is None:
        state.forget_contact(contact)
    else:
        contact.ends_at = given.at + 1000 * state.book.rules.call_linger_s
        state.touch_contact(contact)


def contact_forgotten(state: State, _: Input, forgotten: d.ContactForgotten) -> None:
    state.forget_contact(state.contacts[forgotten.contact_id])


def contact_linked(state: State, _: Input, linked: d.ContactLinked) -> None:
    contact = state.contacts[linked.contact_id]
    before, after = state.cases.get(linked.from_case), state.cases[linked.case_id]
    if before is not None:
        before.contacts = tuple(other for other in before.contacts if other != contact.id)
        if before.reply_contact == contact.id:  # what is answered there must not reach whoever this contact is with
            others = [other for other in map(state.contacts.__getitem__, before.contacts) if _is_answered(other)]
            before.reply_contact = others[-1].id if others else ""
            before.reply_endpoint = others[-1].endpoint if others else ""
        state.touch_case(before)
    after.contacts = (*after.contacts, contact.id)
    if _is_answered(contact):
        after.reply_contact, after.reply_endpoint = contact.id, contact.endpoint
    contact.case_id = after.id
    state.touch_case(after)
    state.touch_contact(contact)


def contact_marked(state: State, _: Input, marked: d.ContactMarked) -> None:
    contact = state.contacts[marked.contact_id]
    contact.answered_outside = marked.answered_outside
    state.touch_contact(contact)


def customer_changed(state: State, _: Input, changed: d.CustomerChanged) -> None:
    contact, case = state.contacts[changed.contact_id], state.cases[changed.case_id]
    contact.customer_id = case.customer_id = changed.customer_id
    state.touch_contact(contact)
    state.touch_case(case)


def customer_identified(state: State, _: Input, made: d.CustomerIdentified) -> None:
    contact = state.contacts[made.contact_id]
    contact.identified = (*contact.identified, made.identification)[-IDENTIFICATIONS_KEPT:]
    state.touch_contact(contact)


def identification_undone(state: State, _: Input, undone: d.IdentificationUndone) -> None:
    contact, was = state.contacts[undone.contact_id], undone.identification
    contact.customer_id, contact.identified = was.before, contact.identified[:-1]
    state.touch_contact(contact)
    if undone.with_case:
        case = state.cases[was.case_id]
        case.customer_id = was.case_before
        state.touch_case(case)


def call_advanced(state: State, _: Input, advanced: d.CallAdvanced) -> None:
    contact = state.contacts[advanced.contact_id]
    call = contact.call
    if call is None:
        raise KeyError(contact.id)
    call.legs[advanced.leg.leg_id] = advanced.leg
    call.transferred_to = advanced.transferred_to or call.transferred_to
    call.recording = advanced.recording or call.recording
    call.recording_state = advanced.recording_state or call.recording_state
    call.notice_played = call.notice_played or advanced.notice_played
    call.cdr = call.cdr or advanced.cdr
    state.touch_contact(contact)


def _is_answered(contact: Contact) -> bool:
    """Whether an answer of the case can go over this contact: it is on a messaging channel."""
    return contact.channel not in (Channel.INTERNAL, Channel.PHONE)
