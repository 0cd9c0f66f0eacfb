"""Contacts, their calls, and offers of them."""

import msgspec

from ...events.vocabulary import Channel, ContactState, Direction, LegRole, OfferReason, OfferState


class Callback(msgspec.Struct, frozen=True, omit_defaults=True):
    """A promise to call the customer, still to be kept.

    ``by`` made it: ``customer``, ``closed`` (he called outside the hours), or the role and id of a person. Not to be offered before
    ``not_before`` (0: it may be). ``tries`` counts the calls that did not reach him.
    """

    promised_at: int
    by: str = ""
    not_before: int = 0
    tries: int = 0


class Handover(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where something went that is another pool's from then on."""

    pool: str
    queue: str = ""


class Identification(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody said at ``at`` who it is: ``customer_id``. Before, the contact was the customer ``before``'s and the case ``case_before``'s."""

    at: int
    customer_id: str
    before: str = ""
    case_id: str = ""
    case_before: str = ""


class Leg(msgspec.Struct, omit_defaults=True):
    """One leg of a call, reduced so that any order of its events gives the same leg (I3).

    Each ``*_at`` is the earliest source time of such an event, 0 when none was seen. ``moves`` are the hold moves as (source time,
    sequence, "held" or "retrieved") in order; ``recorded`` is the newest (time, recording, state) and ``transfer`` the newest (time,
    sequence, where to). ``callback`` is the newest choice to be called back: (source time, not before). Read them through ``routing.calls``.
    """

    leg_id: str
    role: LegRole = LegRole.CUSTOMER
    agent: str = ""
    offer_id: str = ""
    offered_at: int = 0
    queued_at: int = 0
    delivered_at: int = 0
    established_at: int = 0
    failed_at: int = 0
    cleared_at: int = 0
    cleared_sequence: int = 0
    moves: tuple[tuple[int, int, str], ...] = ()
    transfer: tuple[int, int, str] = (0, 0, "")
    recorded: tuple[int, str, str] = (0, "", "")
    notice_played: bool = False
    cause: str = ""
    callback: tuple[int, int] = (0, 0)


class Call(msgspec.Struct, omit_defaults=True):
    """A call: its legs by id, and what the switch says of recording and transfer."""

    call_id: str
    endpoint: str
    legs: dict[str, Leg] = {}
    transferred_to: str = ""
    recording: str = ""
    recording_state: str = ""
    notice_played: bool = False
    cdr: bool = False


class Contact(msgspec.Struct, omit_defaults=True):
    """One arrival that needs handling.

    ``rank`` is fixed on arrival. ``tier`` counts the profile delays the contact has outlived, ``step`` the steps of its queue; ``waited`` is
    how long it waited in this queue before its present state, without the time the queue was closed (ms): the clock of the steps.
    ``reserved_for`` is the agent who alone may take it (sticky, transfer to an agent, assigned) until ``reserved_until`` (0: no end);
    ``preferred`` are several who may, in place of one.
    ``for_preferred``: only those whom its queue prefers, so long.
    ``excluded`` are never offered it unless a person gives it to them. ``tried`` are the agents of the last offers, newest last.
    ``agent_id`` owns it from accept to the end of wrap-up. ``messages`` counts the interactions, ``customer_message`` is the number of the last
    one the customer wrote. ``ends_at`` is the deadline of a state that has one: connecting, the owner's first action, wrap-up, a call whose
    customer must clear, an ended call that lingers for late events. ``attention`` says why it stands on the supervisors' list.
    ``overflowed`` are the queues it overflowed from or to, oldest first: it overflows to none of them again. ``queue_since`` is when it came
    to its queue, ``overflow_at`` when a rule may move it. ``callback``: the customer waits without a call and is still to be called.
    ``place_from`` is the contact whose place it took. ``handed_over``: it is another pool's from then on. ``came_through`` are the pools it
    was in before this one, oldest first. ``tell``: the customer is to be told that he waits, and was not yet.
    ``identified`` are the identifications that can still be undone, the last one first to go.
    """

    id: str
    case_id: str
    customer_id: str
    channel: Channel
    endpoint: str
    queue: str
    state: ContactState
    arrived_at: int
    rank: int
    direction: Direction = Direction.INBOUND
    language: str = ""
    topic: str = ""
    priority: int = 0
    state_since: int = 0
    tier: int = 0
    attempt: int = 0
    offer_id: str = ""
    agent_id: str = ""
    reason: OfferReason = OfferReason.NEW
    reserved_for: str = ""
    reserved_until: int = 0
    tried: tuple[str, ...] = ()
    answered_at: int = 0
    ends_at: int = 0
    wait_until: int = 0
    attention_at: int = 0
    attention: str = ""
    disposition: str = ""
    messages: int = 0
    customer_message: int = 0
    escalation_id: str = ""
    cause: str = ""
    answered_outside: bool = False
    call: Call | None = None
    step: int = 0
    waited: int = 0
    preferred: tuple[str, ...] = ()
    for_preferred: bool = False
    excluded: tuple[str, ...] = ()
    overflowed: tuple[str, ...] = ()
    queue_since: int = 0
    overflow_at: int = 0
    callback: Callback | None = None
    place_from: str = ""
    handed_over: Handover | None = None
    came_through: tuple[str, ...] = ()
    tell: bool = False
    identified: tuple[Identification, ...] = ()


def kept_for(contact: Contact) -> tuple[str, ...]:
    """The agents who alone may take a waiting contact for now; nobody: anyone able may."""
    return (contact.reserved_for,) if contact.reserved_for else contact.preferred


def awaits_action(contact: Contact) -> bool:
    """Whether its owner has still to do something with it by ``ends_at`` (R-7)."""
    return contact.state is ContactState.ACTIVE and contact.channel is not Channel.PHONE and contact.ends_at > 0


class Offer(msgspec.Struct, omit_defaults=True):
    """An exclusive, expiring hold of one contact for one agent. ``target_at`` is until when it would be answered in time."""

    id: str
    contact_id: str
    agent_id: str
    state: OfferState
    reason: OfferReason
    made_at: int
    expires_at: int
    attempt: int = 1
    fetched: bool = False
    ended_at: int = 0
    ended_by: str = ""
    target_at: int = 0
