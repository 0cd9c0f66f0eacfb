"""Decisions: the entries that follow an input. ``decide`` yields them, ``apply`` alone makes them true.

Each is journalled as canonical JSON under its tag. They hold ids and routing attributes, never a name, handle or text.
"""

import msgspec

from ..events.vocabulary import (
    CaseKind,
    CaseState,
    Channel,
    ContactState,
    ControlCommand,
    DeliveryKind,
    Direction,
    OfferReason,
    OfferState,
    Presence,
)
from .rows import Escalation, Leg


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="kind"):
    """What all decisions share: nothing but their tag."""


class CustomerMet(Decision, frozen=True, tag="CustomerMet"):
    """A customer nobody knew is written down."""

    customer_id: str


class CaseOpened(Decision, frozen=True, tag="CaseOpened"):
    """A new issue of a customer."""

    case_id: str
    customer_id: str
    reference: str
    topic: str = ""
    case_kind: CaseKind = CaseKind.QUESTION
    province: str = ""
    priority: int = 0


class CaseMoved(Decision, frozen=True, tag="CaseMoved"):
    """The case is in another state; ``due_at`` is its next action (0: a person or another timer has it)."""

    case_id: str
    state: CaseState
    due_at: int = 0
    attention: bool = False


class CaseEdited(Decision, frozen=True, tag="CaseEdited"):
    """Attributes of a case changed; ``None`` is unchanged."""

    case_id: str
    topic: str | None = None
    case_kind: CaseKind | None = None
    province: str | None = None
    priority: int | None = None


class ContactOpened(Decision, frozen=True, tag="ContactOpened"):
    """A new contact in state ``arrived``, with the rank it keeps. ``cause``: what brought an internal one (answered, asked, overdue …)."""

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


class MessageCounted(Decision, frozen=True, tag="MessageCounted"):
    """Interaction number ``number`` of a contact; ``customer`` says who wrote it."""

    contact_id: str
    message_id: str
    number: int
    customer: bool


class ContactQueued(Decision, frozen=True, tag="ContactQueued"):
    """The contact waits. ``reserved_for`` alone may take it until ``reserved_until`` (0: no end)."""

    contact_id: str
    queue: str
    reason: OfferReason
    reserved_for: str = ""
    reserved_until: int = 0


class ContactReleased(Decision, frozen=True, tag="ContactReleased"):
    """The reservation is over: anyone able may take the contact."""

    contact_id: str


class ContactAged(Decision, frozen=True, tag="ContactAged"):
    """The contact outlived profile delay number ``tier`` of its queue."""

    contact_id: str
    tier: int


class ContactRanked(Decision, frozen=True, tag="ContactRanked"):
    """A person changed the priority, so the rank."""

    contact_id: str
    priority: int
    rank: int


class ContactNeedsAttention(Decision, frozen=True, tag="ContactNeedsAttention"):
    """Nobody took it in time: it stands on the supervisors' list."""

    contact_id: str
    why: str


class OfferMade(Decision, frozen=True, tag="OfferMade"):
    """The contact is held for one agent. The last fields say why it was this one."""

    offer_id: str
    contact_id: str
    agent_id: str
    reason: OfferReason
    attempt: int
    expires_at: int
    catalogue: int = 0
    rank: int = 0
    eligible: int = 0
    won: tuple[int | str, ...] = ()
    runner_up: str = ""


class OfferSeen(Decision, frozen=True, tag="OfferSeen"):
    """The agent's client fetched the offer."""

    offer_id: str


class OfferEnded(Decision, frozen=True, tag="OfferEnded"):
    """The offer left ``pending``; ``by`` says who or what ended it. ``accepted`` makes the agent the owner."""

    offer_id: str
    state: OfferState
    by: str
    connect_by: int = 0


class ContactActive(Decision, frozen=True, tag="ContactActive"):
    """Agent and customer are in exchange (for a call: the agent's leg is established)."""

    contact_id: str
    agent_id: str = ""


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


class AssignmentEnded(Decision, frozen=True, tag="AssignmentEnded"):
    """The agent no longer owns the contact."""

    contact_id: str
    agent_id: str
    reason: str


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


class CustomerChanged(Decision, frozen=True, tag="CustomerChanged"):
    """The contact's person was identified: contact and case belong to this customer."""

    contact_id: str
    case_id: str
    customer_id: str


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


class PresenceChanged(Decision, frozen=True, tag="PresenceChanged"):
    """What the agent, a supervisor or the missed offers made of the agent's presence."""

    agent_id: str
    presence: Presence
    reason: str = ""
    after_current: bool = False


class DemandOpened(Decision, frozen=True, tag="DemandOpened"):
    """The agent asks for work until ``until``."""

    agent_id: str
    demand_id: str
    until: int


class DemandClosed(Decision, frozen=True, tag="DemandClosed"):
    """The agent no longer asks."""

    agent_id: str
    demand_id: str


class AgentPenalised(Decision, frozen=True, tag="AgentPenalised"):
    """No offers of ``channel`` (``*``: any) until ``until``. ``missed``: it counts as a missed offer."""

    agent_id: str
    channel: str
    until: int
    missed: bool = False


class PenaltyOver(Decision, frozen=True, tag="PenaltyOver"):
    """The agent may be offered this channel again."""

    agent_id: str
    channel: str


class AgentMarkedLost(Decision, frozen=True, tag="AgentMarkedLost"):
    """Nothing is heard of the agent; ``release_at`` is when his assignments are given to others."""

    agent_id: str
    release_at: int


class AgentMarkedBack(Decision, frozen=True, tag="AgentMarkedBack"):
    """The agent is heard of again."""

    agent_id: str


class PhoneMarked(Decision, frozen=True, tag="PhoneMarked"):
    """The agent's phone is registered, or not."""

    agent_id: str
    registered: bool


class EscalationSet(Decision, frozen=True, tag="EscalationSet"):
    """An escalation as it is after ``what`` happened to it; ``message_id`` is the text that came with it."""

    what: str
    escalation: Escalation
    message_id: str = ""


class CaseReturned(Decision, frozen=True, tag="CaseReturned"):
    """A department gave the case back: ``returns`` times by now."""

    case_id: str
    returns: int


class DeliveryOwed(Decision, frozen=True, tag="DeliveryOwed"):
    """Something is owed to someone: a reply, call control, a webhook, a mail. ``lane`` keeps order: one at a time, oldest first."""

    delivery_id: str
    delivery: DeliveryKind
    lane: str
    target: str
    contact_id: str = ""
    case_id: str = ""
    escalation_id: str = ""
    message_id: str = ""
    type: str = ""
    command: ControlCommand | None = None
    not_after: int = 0
    data: dict[str, str] = {}


class DeliveryEnded(Decision, frozen=True, tag="DeliveryEnded"):
    """What became of a delivery."""

    delivery_id: str
    state: str
    reason: str = ""


class CatalogueActivated(Decision, frozen=True, tag="CatalogueActivated"):
    """The catalogue of the input is in force."""

    version: int


class MessageMarked(Decision, frozen=True, tag="MessageMarked"):
    """A message was edited, deleted or hidden at its source, or a receipt came for it."""

    message_id: str
    mark: str


class CommandRefused(Decision, frozen=True, tag="CommandRefused"):
    """The command changes nothing. ``code`` is stable; ``detail`` says by id who or what stands against it."""

    code: str
    detail: str = ""


class Accepted(Decision, frozen=True, tag="Accepted"):
    """The command is done; ``result`` is what its caller is told. Not journalled: it follows from the rest."""

    result: dict[str, object] = {}
