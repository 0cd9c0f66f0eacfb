"""Run-time checks of the invariants that can be checked cheaply: what a step touched is looked at once more when it is over.

They are part of deciding, not of the engine: what they find is a decision in the journal (``InvariantViolated``), so a replay finds
it again. They change nothing and raise nothing: a violation is told, and the step stands. They walk over nothing but what the step
touched, and ask the rows rather than the functions that decided (ADR 0035).
"""

from collections.abc import Callable, Sequence
from typing import Any

from ...events.vocabulary import ContactState, Direction, OfferState
from .. import decisions as d
from ..rows import kept_for
from ..state import ENDED, State

Found = list[d.InvariantViolated]

# Looked up once: this runs after every step, and a step is some thirty microseconds.
_QUEUED, _OFFERED = ContactState.QUEUED, ContactState.OFFERED
_IN_HAND = (ContactState.ACTIVE, ContactState.HELD)
_ACCEPTED, _OUTBOUND = OfferState.ACCEPTED, Direction.OUTBOUND


def violations(state: State, made: Sequence[d.Decision]) -> Found:
    """What does not hold after a step that made these decisions, all of them applied; nearly always nothing."""
    found: Found = []
    for decision in made:
        check = _CHECKS.get(type(decision))
        if check is not None:
            check(state, decision, found)
    if state.waiting.lines and (state.woken_agents or state.woken_contacts or state.limits.opened):
        _idle_while_somebody_waits(state, found)
    return found


def _offer_made(state: State, made: d.OfferMade, found: Found) -> None:
    """I4, I9: while it is pending it is the one offer of its contact and of its agent, and it will end by itself. I5: its queue may
    have so many in hand; a call that an agent makes is not held by that."""
    offer_id, contact_id = made.offer_id, made.contact_id
    offer = state.offers.get(offer_id)
    if offer is None:
        return
    contact, agent = state.contacts.get(contact_id), state.agents.get(made.agent_id)
    if contact is None or contact.offer_id != offer_id or contact.state is not _OFFERED or contact.agent_id:
        found.append(d.InvariantViolated("I4", contact_id, "offer"))
    if agent is None or agent.offer_id != offer_id:
        found.append(d.InvariantViolated("I4", made.agent_id, "offers"))
    if state.waiting.holds(contact_id):
        found.append(d.InvariantViolated("I4", contact_id, "offered_and_waiting"))
    if state.timers.due_of("offer", offer_id) != offer.expires_at:
        found.append(d.InvariantViolated("I9", offer_id, "offer"))
    if contact is not None and contact.direction is not _OUTBOUND and state.limits.exceeded(contact):
        found.append(d.InvariantViolated("I5", contact.queue, "max_active"))


def _offer_ended(state: State, ended: d.OfferEnded, found: Found) -> None:
    """I6: it is gone. I4, I5: who accepted owns it, alone, and carries no more than he may."""
    if ended.offer_id in state.offers:
        found.append(d.InvariantViolated("I6", ended.offer_id, ended.state.value))
    if ended.state is not _ACCEPTED:
        return
    agent, profile = state.agents.get(ended.by), state.book.agents.get(ended.by)
    if agent is None or profile is None:
        return
    rules, channels = state.book.rules, []
    for contact_id in agent.assignments:
        contact = state.contacts.get(contact_id)
        if contact is None or contact.agent_id != ended.by:
            found.append(d.InvariantViolated("I4", contact_id, "owner"))
            continue
        channels.append(contact.channel)
    on_top, weights = rules.on_top, rules.weights
    aside = {below for one in channels for below, way in on_top.get(one, {}).items() if way == "interrupts"}
    room = profile.capacity.total_weight - sum(weights.get(one, 0) for one in channels if one not in aside)
    # Only what was taken last can have been too much of its channel.
    if room < 0 or (channels and channels.count(channels[-1]) > profile.capacity.channels.get(channels[-1], 0)):
        found.append(d.InvariantViolated("I5", ended.by, "capacity"))


def _contact_moved(state: State, moved: Any, found: Found) -> None:
    """I9: an open contact is offered, or in somebody's hands, or has a timer, or stands on the supervisors' list."""
    contact = state.contacts.get(moved.contact_id)
    if contact is None:
        return
    now = contact.state
    if now is _OFFERED:
        held = contact.offer_id in state.offers
    elif now is _QUEUED:
        timed = contact.attention or state.timers.due_of("contact", contact.id)
        held = bool(timed) and (state.waiting.holds(contact.id) or state.doors.holds(contact.id))
    else:
        owned = now in _IN_HAND and contact.agent_id
        held = bool(owned) or now in ENDED or state.timers.due_of("contact", contact.id) > 0
    if not held:
        found.append(d.InvariantViolated("I9", contact.id, now.value))


def _idle_while_somebody_waits(state: State, found: Found) -> None:
    """I8 for whom the step touched: nobody it freed could take the first of a line, nobody free the contact it queued, or the first of
    a queue that may have more in hand than before. What a queue at its limit holds back is no violation."""
    lines, book, reached = state.waiting.lines, state.book, state.limits.reached
    for agent_id in state.woken_agents:
        channels = state.free.channels(agent_id)
        if channels:
            takes = book.takes(book.agent_classes[agent_id])
            small, large = (lines, takes) if len(lines) < len(takes) else (takes, lines)
            fits = [one for one in small if one in large and one.channel in channels]
            if reached:
                fits = [one for one in fits if (one.queue, one.channel) not in reached]
            if any(lines[one].first(agent_id, state.now) is not None for one in fits):
                found.append(d.InvariantViolated("I8", agent_id, "idle"))
    fronts = [place.contact_id for key in state.limits.opened for place in state.waiting.fronts(key, state.now)]
    for contact_id in (*state.woken_contacts, *fronts):
        contact = state.contacts.get(contact_id)
        if contact is None or kept_for(contact) or not state.waiting.holds(contact_id) or state.limits.full(contact):
            continue
        classes = state.free.lists.get(contact.channel.value)
        if classes:
            able = book.able(book.contact_class(contact))
            heads = [keys[: len(contact.excluded) + 1] for one, keys in classes.items() if one in able]
            if any(key.agent_id not in contact.excluded for keys in heads for key in keys):
                found.append(d.InvariantViolated("I8", contact_id, "waits"))


_CHECKS: dict[type[d.Decision], Callable[[State, Any, Found], None]] = {
    d.OfferMade: _offer_made,
    d.OfferEnded: _offer_ended,
    d.ContactQueued: _contact_moved,
    d.CallbackSet: _contact_moved,
    d.ContactNeedsAttention: _contact_moved,
    d.ContactOverflowed: _contact_moved,
    d.ContactReleased: _contact_moved,
    d.ContactWaiting: _contact_moved,
    d.WrapUpStarted: _contact_moved,
    d.AssignmentEnded: _contact_moved,
}
