"""Between pools: a contact that another one handed over, and what comes later of one that was handed over (ADR 0046)."""

from collections.abc import Iterator

import msgspec

from ....events.commands import Command
from ....events.envelope import Input
from ....events.facts import ContactTaken
from ....events.vocabulary import OfferReason
from ... import decisions as d
from ...rows import Call
from ...state import State
from ..calling import follow
from ..contacts import choose_queue, open_case
from ..offers import sticky


def contact_taken(state: State, given: Input, fact: ContactTaken) -> Iterator[d.Decision]:
    """It waits here as if it had come here: with its ids, its arrival and its rank. Told twice it is taken once (I2)."""
    if given.resolved.case_id or fact.contact_id in state.contacts:
        return
    if given.resolved.customer_new:
        yield d.CustomerMet(given.resolved.customer_id)
    yield from open_case(state, given, fact.case_id, fact.topic, fact.case_kind, fact.province)
    case = state.cases[fact.case_id]
    call = msgspec.convert(fact.call, Call) if fact.call is not None else None
    yield d.ContactOpened(
        contact_id=fact.contact_id,
        case_id=case.id,
        customer_id=case.customer_id,
        channel=fact.channel,
        endpoint=fact.endpoint,
        queue=choose_queue(state, fact.queue, fact.topic, fact.endpoint),
        rank=fact.rank,
        language=fact.language,
        topic=case.topic,
        priority=fact.priority,
        call_id=call.call_id if call is not None else "",
        arrived_at=fact.arrived_at,
        came_through=fact.through,
    )
    contact = state.contacts[fact.contact_id]
    if call is None:
        yield sticky(state, given, contact, "", OfferReason.NEW)
        return
    for leg in call.legs.values():
        yield d.CallAdvanced(
            contact.id, leg, call.transferred_to, call.recording, call.recording_state, call.notice_played, call.cdr
        )
    yield from follow(state, given, contact)


def elsewhere(state: State, given: Input) -> Iterator[d.Decision]:
    """What the input is about is another pool's by now: a fact goes there, a person is told to ask there."""
    found = given.resolved
    if isinstance(given.body, Command):
        yield d.CommandRefused("handed_over", found.handed_to)
    else:
        yield d.FactForwarded(found.handed_to, found.contact_id, found.case_id)
