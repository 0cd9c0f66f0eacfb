"""Overflow: a waiting contact goes where it is taken sooner, with its rank: to each queue at most once, to another pool as often as
policy says."""

from collections.abc import Generator, Iterator
from typing import Literal

from ...events.envelope import Input
from ...events.vocabulary import CaseState, Channel, Direction, Overflowing
from .. import decisions as d
from ..calendar import is_open
from ..policy import OverflowRule
from ..rows import Contact, kept_for
from ..state import State

RETRY_MS = 30_000
"""A contact that no rule may move is looked at again when it has waited as long again, but not sooner than this."""


def overflow_due(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """It waited as long as a rule says. Kept for agents, or before a closed door, it stays; so it does while nobody may help."""
    rules = [
        rule
        for rule in state.book.queues[contact.queue].overflow_when
        if rule.after_wait_s and contact.queue_since + 1000 * rule.after_wait_s <= given.at
    ]
    stays = kept_for(contact) != () or state.is_shut(contact)
    rule = None if stays else _first(state, given, contact, rules)
    if rule is not None:
        yield from _go(contact, rule, Overflowing.AFTER_WAIT)
        return
    again = given.at + max(RETRY_MS, given.at - contact.queue_since)
    if all(_spent(state, contact, rule) for rule in rules):
        again = 0
    following = state.book.overflow_at(contact.queue, contact.queue_since, given.at)
    yield d.OverflowPutOff(contact.id, min((at for at in (again, following) if at), default=0))


def overfull(state: State, given: Input, contact: Contact) -> Iterator[d.Decision]:
    """Nobody is free for a contact that came to its queue with this input: too many may wait there already."""
    if not newcomer(given, contact):
        return
    if full(state, contact):
        to = state.book.queues[contact.queue].overflow
        if can_overflow(state, given, contact, to):
            yield d.ContactOverflowed(contact.id, to, contact.queue, Overflowing.FULL)
            return
        if (yield from by_rule(state, given, contact, Overflowing.FULL)):
            return
    rules = [rule for rule in state.book.queues[contact.queue].overflow_when if rule.length_over]
    if not rules:
        return
    length = sum(len(line) for one, line in state.waiting.lines.items() if one.queue == contact.queue) - 1
    rule = _first(state, given, contact, [rule for rule in rules if length >= rule.length_over])
    if rule is not None:
        yield from _go(contact, rule, Overflowing.LENGTH)


def by_rule(
    state: State, given: Input, contact: Contact, why: Literal[Overflowing.CLOSED, Overflowing.FULL, Overflowing.NOBODY]
) -> Generator[d.Decision, None, bool]:
    """The first rule for that reason which can move the contact moves it; returns whether one does."""
    rules = [rule for rule in state.book.queues[contact.queue].overflow_when if why.value in rule.when]
    if why is Overflowing.NOBODY:
        rules = [rule for rule in rules if rule.pool or _somebody(state, contact, rule.to)]
    rule = _first(state, given, contact, rules)
    if rule is not None:
        yield from _go(contact, rule, why)
    return rule is not None


def left_alone(state: State, given: Input) -> Iterator[d.Decision]:
    """Nobody is signed in who could take them: who came to a queue with this input, and who waits there when the last one left. Before a
    closed door nobody is expected, and what is kept for an agent is his."""
    for contact_id in (*state.doors.came, *_waiting_for_who_left(state)):
        contact = state.contacts.get(contact_id)
        if contact is None or not state.waiting.holds(contact_id) or kept_for(contact):
            continue
        if _minds(state, contact.queue) and not _somebody(state, contact, contact.queue):
            yield from by_rule(state, given, contact, Overflowing.NOBODY)


def _minds(state: State, queue: str) -> bool:
    return any("nobody" in rule.when for rule in state.book.queues[queue].overflow_when)


def _waiting_for_who_left(state: State) -> list[str]:
    """In the order of their ranks; as costly as the lines of such queues are long, once when the last of a class of agents leaves."""
    if not state.signed_in.emptied:
        return []
    lines = [line for one, line in state.waiting.lines.items() if _minds(state, one.queue)]
    return [place.contact_id for place in sorted(place for line in lines for place in line.in_order())]


def _somebody(state: State, contact: Contact, queue: str) -> bool:
    return queue in state.book.queues and state.signed_in.anybody(state.book.in_the_end(contact, queue))


def newcomer(given: Input, contact: Contact) -> bool:
    """Whether the contact came to its queue with this input: who waits already is sent away by no limit."""
    return contact.queue_since == given.at and not kept_for(contact)


def full(state: State, contact: Contact) -> bool:
    """Whether more wait in the contact's queue, by its channel, than may; it is one of them."""
    limit = state.book.queues[contact.queue].max_waiting.get(contact.channel.value)
    if limit is None:
        return False
    here = (contact.queue, contact.channel.value)
    return sum(len(line) for one, line in state.waiting.lines.items() if (one.queue, one.channel) == here) > limit


def _first(state: State, given: Input, contact: Contact, rules: list[OverflowRule]) -> OverflowRule | None:
    for rule in rules:
        if rule.pool:
            if may_hand_over(state, contact, rule.pool):
                return rule
            continue
        helps = not rule.if_on_target or _on_target(state, rule.to)
        if helps and can_overflow(state, given, contact, rule.to):
            return rule
    return None


def _go(contact: Contact, rule: OverflowRule, why: Overflowing) -> Iterator[d.Decision]:
    """To another pool it goes with its case, which is closed here: what comes of it later is forwarded (ADR 0046)."""
    if not rule.pool:
        yield d.ContactOverflowed(contact.id, rule.to, contact.queue, why)
        return
    yield d.ContactHandedOver(contact.id, contact.case_id, rule.pool, rule.to, contact.queue, why)
    yield d.CaseMoved(contact.case_id, CaseState.CLOSED)


def _spent(state: State, contact: Contact, rule: OverflowRule) -> bool:
    """Whether the rule will never move the contact, or never again."""
    return not may_hand_over(state, contact, rule.pool) if rule.pool else rule.to in contact.overflowed


def may_hand_over(state: State, contact: Contact, pool: str) -> bool:
    """Whether the contact may go to another pool: not back, not more often than policy says, and only with all there is of its case.

    A case that somebody here knows, or that has escalations or other contacts, stays: who goes on with it must have what was said and
    done so far. So does a callback, which is promised here.
    """
    if pool in (state.pool, *contact.came_through) or len(contact.came_through) >= state.book.rules.handovers:
        return False
    if (
        contact.direction is not Direction.INBOUND
        or contact.channel is Channel.INTERNAL
        or contact.callback is not None
    ):
        return False
    case = state.cases.get(contact.case_id)
    if case is None or case.state is not CaseState.OPEN or case.contacts != (contact.id,):
        return False
    return not (case.knows or case.escalations or case.incident_id)


def _on_target(state: State, queue: str) -> bool:
    """Whether the queue keeps its own service level; one that has answered nobody yet does."""
    row = state.doors.rows.get(queue)
    answered = row.answered if row is not None else ()
    return 100 * sum(answered) >= state.book.queues[queue].service_level.percent * len(answered)


def can_overflow(state: State, given: Input, contact: Contact, to: str) -> bool:
    """Whether the contact may go there: an open queue that serves its channel and where it has not been (no ping-pong). A queue in a
    surge helps nobody.

    The calendar is asked, not what the queue's last timer said: two queues that close at one moment close one after the other.
    """
    queue = state.book.queues.get(to)
    if queue is None or contact.channel.value not in queue.channels or state.doors.surge(to) is not None:
        return False
    calendar = state.book.hours(to, contact.channel)
    opened = calendar is None or is_open(calendar, given.at)
    return opened and to != contact.queue and to not in contact.overflowed
