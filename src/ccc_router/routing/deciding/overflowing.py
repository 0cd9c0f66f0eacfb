"""Overflow: a waiting contact goes where it is taken sooner, with its rank: to each queue at most once, to another pool as often as
policy says."""

from collections.abc import Iterator

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
    rules = [rule for rule in state.book.queues[contact.queue].overflow_when if rule.length_over]
    if not rules:
        return
    length = sum(len(line) for one, line in state.waiting.lines.items() if one.queue == contact.queue) - 1
    rule = _first(state, given, contact, [rule for rule in rules if length >= rule.length_over])
    if rule is not None:
        yield from _go(contact, rule, Overflowing.LENGTH)


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
    if pool in contact.came_through or len(contact.came_through) >= state.book.rules.handovers:
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
