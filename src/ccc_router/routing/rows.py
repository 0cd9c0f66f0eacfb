"""The rows of the state: what is true of each open contact, offer, agent, case and escalation.

They are what the tables hold (``dump`` and ``load`` are exact), integers and strings only. Only ``apply`` changes them.
Times are engine milliseconds; 0 means "not".
"""

import msgspec

from ..events.vocabulary import (
    CaseKind,
    CaseState,
    Channel,
    ContactState,
    Direction,
    EscalationState,
    LegRole,
    Newcomers,
    OfferReason,
    OfferState,
    Presence,
)


class Callback(msgspec.Struct, frozen=True, omit_defaults=True):
    """A promise to call the customer, still to be kept.

    ``by`` made it: ``customer``, ``closed`` (he called outside the hours), or the role and id of a person. Not to be offered before
    ``not_before`` (0: it may be). ``tries`` counts the calls that did not reach him.
    """

    promised_at: int
    by: str = ""
    not_before: int = 0
    tries: int = 0


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
    one the customer wrote. ``ends_at`` is the deadline of a state that has one: connecting, wrap-up, a call whose customer must clear, an ended
    call that lingers for late events. ``attention`` says why it stands on the supervisors' list. ``overflowed`` are the queues
    it overflowed from or to, oldest first: it overflows to none of them again. ``queue_since`` is when it came
    to its queue, ``overflow_at`` when a rule may move it. ``callback``: the customer waits without a call and is still to be called.
    ``place_from`` is the contact whose place it took.
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


def kept_for(contact: Contact) -> tuple[str, ...]:
    """The agents who alone may take a waiting contact for now; nobody: anyone able may."""
    return (contact.reserved_for,) if contact.reserved_for else contact.preferred


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


class Agent(msgspec.Struct, omit_defaults=True):
    """An agent's presence and load. ``assignments`` are the contacts that take capacity now, in order of acceptance.

    ``phone_at`` is the switch's time of the last word about his phone. ``idle_since`` is when his last work ended or he came, ``ready_since``
    when he last began to take work, ``offered_at`` when he was last offered some.
    """

    id: str
    presence: Presence = Presence.SIGNED_OUT
    reason: str = ""
    presence_since: int = 0
    sign_out_after: bool = False
    demand_id: str = ""
    demand_until: int = 0
    offer_id: str = ""
    assignments: tuple[str, ...] = ()
    idle_since: int = 0
    penalties: dict[str, int] = {}
    misses: tuple[int, ...] = ()
    lost: bool = False
    lost_at: int = 0
    phone_registered: bool = True
    phone_at: int = 0
    ready_since: int = 0
    offered_at: int = 0


class Case(msgspec.Struct, omit_defaults=True):
    """The customer's issue over time and channels.

    ``knows`` is the agent who handled it last. ``reply_contact`` is the last contact on a messaging channel, through which an internal
    contact's answer reaches the customer (``reply_endpoint`` its endpoint); empty: only by phone. ``contacts`` are the open ones.
    ``incident_id`` is the last incident it was attached to.
    """

    id: str
    customer_id: str
    state: CaseState
    opened_at: int
    reference: str = ""
    topic: str = ""
    kind: CaseKind = CaseKind.QUESTION
    province: str = ""
    priority: int = 0
    knows: str = ""
    queue: str = ""
    language: str = ""
    reply_contact: str = ""
    reply_endpoint: str = ""
    contacts: tuple[str, ...] = ()
    escalations: tuple[str, ...] = ()
    returns: int = 0
    due_at: int = 0
    attention: bool = False
    incident_id: str = ""


class Escalation(msgspec.Struct, omit_defaults=True):
    """The hand-over of a case to a department, with its two deadlines in the department's business time.

    ``clock_from`` is when the present department's clocks began (raised, or forwarded to it); ``forwarded_by`` are the departments
    it came through, oldest first. ``rung`` counts how far up the ladder it is overdue. ``asked_until`` is an extension asked for.
    ``due_at`` is its next timer, ``summary_id`` the message with the agent's summary.
    """

    id: str
    case_id: str
    contact_id: str
    department: str
    state: EscalationState
    raised_at: int
    raised_by: str
    acknowledge_by: int
    answer_by: int
    urgency: str = "normal"
    acknowledged_at: int = 0
    answered_at: int = 0
    reminded: bool = False
    acknowledge_overdue: bool = False
    answer_overdue: bool = False
    rung: int = 0
    asked_until: int = 0
    rejections: int = 0
    reveal_identity: bool = False
    due_at: int = 0
    clock_from: int = 0
    forwarded_by: tuple[str, ...] = ()
    summary_id: str = ""


class Surge(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is done with ``newcomers`` to a queue ``until`` then, and who said so. ``announcement`` is the switch's name for what a caller
    hears, ``notice_id`` the message whose text the automatic answers of other channels bear; empty: they say nothing of it."""

    newcomers: Newcomers
    until: int
    since: int
    announcement: str
    notice_id: str = ""
    by: str = ""
    reason: str = ""


class Incident(msgspec.Struct, omit_defaults=True):
    """One trouble that many cases have in common; its name is no customer's. ``attached`` counts the cases that wait to be
    told, ``told`` the others. ``notice_id`` names the message with what is told while it lasts, from ``outcome_id`` derive those of its end."""

    id: str
    opened_at: int
    by: str
    title_vi: str
    title_en: str
    topic: str = ""
    queue: str = ""
    notice_id: str = ""
    attached: int = 0
    told: int = 0
    resolved_at: int = 0
    resolved_by: str = ""
    outcome_id: str = ""


class QueueState(msgspec.Struct, omit_defaults=True):
    """What is true of a queue: the channels it is closed for, each since when, and when one of them opens or closes next; its surge.

    ``answered``, of a queue that helps others while it is on target: 1 for each of the last contacts answered in time, else 0.
    """

    id: str
    closed: dict[str, int] = {}
    due_at: int = 0
    answered: tuple[int, ...] = ()
    surge: Surge | None = None


def queue_due(row: QueueState) -> int:
    """When the queue opens, closes or is past its surge; 0: nothing is to come."""
    dues = (row.due_at, row.surge.until if row.surge is not None else 0)
    return min((due for due in dues if due), default=0)


class Rows(msgspec.Struct):
    """Rows of a state: all of them (``dump``), or those changed since the last look (``take_changed``), ended ones among them."""

    contacts: list[Contact] = []
    offers: list[Offer] = []
    agents: list[Agent] = []
    cases: list[Case] = []
    escalations: list[Escalation] = []
    queues: list[QueueState] = []
    incidents: list[Incident] = []
