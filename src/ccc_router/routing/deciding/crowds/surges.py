"""Surges: for a time newcomers to a queue hear an announcement, or are turned away with one. It ends by itself, never by being remembered."""

from collections.abc import Iterator
from typing import Final, assert_never

from ....events.commands import SetSurge
from ....events.envelope import Input
from ....events.vocabulary import Channel, ContactState, ControlCommand, Direction, Newcomers, OfferReason
from ... import decisions as d
from ...rows import Contact, Surge
from ...state import State
from ..owing import control, on_line
from .hours import call_back, deflect

LONGEST_MS: Final = 7 * 86_400_000
"""How long a surge may be announced for: a longer one is policy and belongs into the catalogue."""


def set_surge(state: State, given: Input, command: SetSurge) -> Iterator[d.Decision]:
    """A supervisor begins, changes or ends the surge of a queue. It always has an end (``until``), a time on the wall's clock."""
    if command.queue not in state.book.queues:
        yield d.CommandRefused("unknown_queue", command.queue)
        return
    before, by = state.doors.surge(command.queue), f"{command.actor_role.value}:{command.actor}"
    if command.newcomers is None:
        if before is not None:
            yield d.SurgeEnded(command.queue, by)
    elif command.until <= given.at:
        yield d.CommandRefused("until_past")
        return
    elif command.until > given.at + LONGEST_MS:
        yield d.CommandRefused("until_too_far")
        return
    else:
        since = before.since if before is not None else given.at
        surge = Surge(
            command.newcomers, command.until, since, command.announcement, command.message_id, by, command.reason
        )
        yield d.SurgeSet(command.queue, surge)
    yield d.Accepted({"queue": command.queue})


def surge_due(state: State, given: Input, queue_id: str) -> Iterator[d.Decision]:
    """Its end has come."""
    surge = state.doors.surge(queue_id)
    if surge is not None and surge.until <= given.at:
        yield d.SurgeEnded(queue_id, "timer")


def greet(state: State, given: Input) -> Iterator[d.Decision]:
    """Newcomers of this input to a queue in a surge. A message waits whatever was said: its channel's automatic answer tells of it."""
    for contact_id in tuple(state.doors.came):
        contact = state.contacts.get(contact_id)
        if contact is None or contact.state is not ContactState.QUEUED:
            continue
        surge = state.doors.surge(contact.queue)
        if surge is None or not _newcomer(contact) or not on_line(state, contact):
            continue
        match surge.newcomers:
            case Newcomers.ANNOUNCE:
                yield control(state, given, contact, ControlCommand.ANNOUNCE, announcement=surge.announcement)
            case Newcomers.DEFLECT:
                yield from deflect(state, given, contact, "surge", surge.announcement)
            case Newcomers.CALLBACK_ONLY:
                if contact.customer_id:  # else the deflection says it
                    yield control(state, given, contact, ControlCommand.ANNOUNCE, announcement=surge.announcement)
                yield from call_back(state, given, contact, "surge", surge.announcement)
            case _:
                assert_never(surge.newcomers)


def _newcomer(contact: Contact) -> bool:
    """From outside and spoken to by nobody: whom a person transferred here is not told that nobody has time.

    That an agent knows the case is no person's decision: such a contact is a newcomer like any other.
    """
    outside = contact.direction is Direction.INBOUND and contact.channel is not Channel.INTERNAL
    return outside and contact.reason in (OfferReason.NEW, OfferReason.STICKY) and not contact.answered_at
