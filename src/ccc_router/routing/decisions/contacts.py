"""What becomes of contacts and calls."""

from typing import Literal

from ...events.vocabulary import Channel, ContactState, Direction, OfferReason, Overflowing
from ..rows import Callback, Leg, Surge
from .base import Decision


class ContactOpened(Decision, frozen=True, tag="ContactOpened"):
    """A new contact in state ``arrived``, with the rank it keeps. ``cause``: what brought an internal one (answered, asked, overdue …).

    ``tell``: the customer is told when he has to wait.
    Of one that another pool handed over ``arrived_at`` is when it came there (ms), ``came_through`` the pools it was in, oldest first.
    """

    contact_id: str
    case_id: str
    customer_id: str
    channel: Channel
    endpoint: str
    queue: str
    rank: int
    direction: Direction = Direction.INBOUND
    language: str = ""
    topic: str = ""
    priority: int = 0
    escalation_id: str = ""
    cause: str = ""
    call_id: str = ""
    arrived_at: int = 0
    came_through: tuple[str, ...] = ()
    tell: bool = False


class MessageCounted(Decision, frozen=True, tag="MessageCounted"):
    """Interaction number ``number`` of a contact; ``customer`` says who wrote it."""

    contact_id: str
    message_id: str
    number: int
    customer: bool


class ContactQueued(Decision, frozen=True, tag="ContactQueued"):
    """The contact waits. ``reserved_for`` alone, or only the ``preferred``, may take it until ``reserved_until`` (0: no end).

    ``for_preferred``: so long only those whom the queue prefers. ``excluded`` are never offered it from now on, with those who were excluded before.
    """

    contact_id: str
    queue: str
    reason: OfferReason
    reserved_for: str = ""
    reserved_until: int = 0
    preferred: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    for_preferred: bool = False


class WaitTold(Decision, frozen=True, tag="WaitTold"):
    """The customer is being told that he waits for an agent, or for the queue to open; it is not said again."""

    contact_id: str
    what: Literal["waits", "closed"]


class ContactReleased(Decision, frozen=True, tag="ContactReleased"):
    """The reservation is over: anyone able may take the contact."""

    contact_id: str


class ContactAged(Decision, frozen=True, tag="ContactAged"):
    """The contact outlived profile delay number ``tier`` of its queue."""

    contact_id: str
    tier: int


class ContactRelaxed(Decision, frozen=True, tag="ContactRelaxed"):
    """The contact waited for step number ``step`` of its queue: from now on it needs what that step says."""

    contact_id: str
    step: int


class ContactOverflowed(Decision, frozen=True, tag="ContactOverflowed"):
    """The contact waits in another queue from now on, with its rank."""

    contact_id: str
    queue: str
    from_queue: str
    why: Overflowing


class ContactHandedOver(Decision, frozen=True, tag="ContactHandedOver"):
    """The contact waits in a queue of another pool from now on, with its rank, and its case is that pool's; here it is over."""

    contact_id: str
    case_id: str
    pool: str
    queue: str
    from_queue: str
    why: Overflowing


class FactForwarded(Decision, frozen=True, tag="FactForwarded"):
    """What the input tells belongs to something that was handed over: it goes to that pool as it came."""

    pool: str
    contact_id: str = ""
    case_id: str = ""


class OverflowPutOff(Decision, frozen=True, tag="OverflowPutOff"):
    """No rule may move the contact now; looked at again at ``until`` (0: not while it is in this queue)."""

    contact_id: str
    until: int


class HoursChanged(Decision, frozen=True, tag="HoursChanged"):
    """For which channels a queue is closed now, each since when (ms), and when that changes next (0: never)."""

    queue: str
    closed: dict[str, int]
    due_at: int


class SurgeSet(Decision, frozen=True, tag="SurgeSet"):
    """A queue is in a surge from now on, or in another one than before."""

    queue: str
    surge: Surge


class SurgeEnded(Decision, frozen=True, tag="SurgeEnded"):
    """Newcomers to the queue are treated as ever; ``by``: who said so, or the timer."""

    queue: str
    by: str


class ContactRanked(Decision, frozen=True, tag="ContactRanked"):
    """A person changed the priority, so the rank."""

    contact_id: str
    priority: int
    rank: int


class ContactNeedsAttention(Decision, frozen=True, tag="ContactNeedsAttention"):
    """Nobody took it in time: it stands on the supervisors' list."""

    contact_id: str
    why: str


class ContactActive(Decision, frozen=True, tag="ContactActive"):
    """Agent and customer are in exchange (for a call: the agent's leg is established)."""

    contact_id: str
    agent_id: str = ""


class FirstActionExpected(Decision, frozen=True, tag="FirstActionExpected"):
    """The owner must have done something with it by ``due`` (ms); 0: he has."""

    contact_id: str
    due: int


class ContactHeld(Decision, frozen=True, tag="ContactHeld"):
    """The call is on hold."""

    contact_id: str


class ContactWaiting(Decision, frozen=True, tag="ContactWaiting"):
    """The customer's turn until ``until``; the agent's capacity is free."""

    contact_id: str
    until: int


class WrapUpStarted(Decision, frozen=True, tag="WrapUpStarted"):
    """The exchange is over; the agent finishes until ``ends_at``."""

    contact_id: str
    ends_at: int


class ContactEnded(Decision, frozen=True, tag="ContactEnded"):
    """The contact is over. It may be said again of an ended call whose late events change the end (I3)."""

    contact_id: str
    state: ContactState
    by: str
    disposition: str = ""


class ContactForgotten(Decision, frozen=True, tag="ContactForgotten"):
    """An ended call lingered long enough for its late events; it leaves the state in memory, not the tables."""

    contact_id: str


class ContactLinked(Decision, frozen=True, tag="ContactLinked"):
    """The contact belongs to another case now."""

    contact_id: str
    case_id: str
    from_case: str


class ContactMarked(Decision, frozen=True, tag="ContactMarked"):
    """Somebody answered the customer outside."""

    contact_id: str
    answered_outside: bool


class CallbackSet(Decision, frozen=True, tag="CallbackSet"):
    """A promise to call the customer as it is after ``what``: promised, moved, due (his time has come), unreached (called in vain).

    The contact waits for an agent without a call, and with its rank.
    """

    contact_id: str
    what: str
    callback: Callback


class CallbackDialled(Decision, frozen=True, tag="CallbackDialled"):
    """The agent who took a callback is called, then the customer: events of this call are the contact's from now on."""

    contact_id: str
    call_id: str
    endpoint: str


class CallbackReached(Decision, frozen=True, tag="CallbackReached"):
    """The customer took the call: the promise is kept, from here on it is a call like any other."""

    contact_id: str


class PlaceTaken(Decision, frozen=True, tag="PlaceTaken"):
    """The contact goes on where another one of the same customer waited, with its rank."""

    contact_id: str
    rank: int
    from_contact: str


class CallAdvanced(Decision, frozen=True, tag="CallAdvanced"):
    """A leg of the call as it is after an event."""

    contact_id: str
    leg: Leg
    transferred_to: str = ""
    recording: str = ""
    recording_state: str = ""
    notice_played: bool = False
    cdr: bool = False


class ClearingExpected(Decision, frozen=True, tag="ClearingExpected"):
    """The agent's leg is gone, so the customer's must go by ``due``; else the call is ended without it."""

    contact_id: str
    due: int
