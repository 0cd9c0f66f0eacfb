"""What agents and supervisors get. Times are UTC; a handle is shown only so far that a person recognises it."""

from typing import Literal

from pydantic import Field

from ..events.vocabulary import (
    CaseKind,
    CaseState,
    Channel,
    ContactState,
    Direction,
    EscalationState,
    OfferReason,
    Presence,
)
from ..rest.schemas import Document, Moment
from .store.sureness import Confidence, Proof


class MaskedHandle(Document):
    """A handle as far as it may be seen: enough to recognise, too little to use."""

    kind: str
    value: str = Field(description="Masked.")
    verified: bool
    confidence: Confidence = Field(description="How sure it is that it is his. Nobody is joined to anybody by it.")
    by: Proof = Field(
        description="What speaks for it: the channel's proof, an agent's word, the page's id, the ticket's secret, a caller id, an unsigned "
        "sender, or what was said."
    )
    evidence: str = Field(description="How an agent found out; empty unless `by` is `agent`.", examples=["id_card"])


class CustomerView(Document):
    """Whom it is about. ``name`` is "" while nobody said one."""

    customer_id: str
    name: str
    handle: MaskedHandle | None = None


class CallView(Document):
    """The call of a phone contact. ``calling`` and ``called`` are masked where they are a customer's."""

    call_id: str
    calling: str
    called: str
    recording: str = ""


class WhyText(Document):
    """A reason for people."""

    vi: str
    en: str


class OfferView(Document):
    """A contact held for the agent until ``expires_at``."""

    offer_id: str
    contact_id: str
    case_id: str
    queue: str
    channel: Channel
    direction: Direction
    language: str
    topic: str
    customer: CustomerView
    subject: str
    priority: int
    attempt: int
    reason: OfferReason
    waited_s: int = Field(description="Seconds since the contact arrived.")
    target_at: Moment = Field(
        description="Until when it is answered in time: by the service level, after the allowance."
    )
    expires_at: Moment
    ttl_ms: int = Field(description="Milliseconds until it expires, so that no client needs our clock.")
    call: CallView | None = None
    open_messages: int = Field(description="Messages of the customer since the last answer.")
    from_pool: str = Field(default="", description="The pool that handed it over to this one.")
    why: WhyText


class CallbackStanding(Document):
    """A promise to call that is still to be kept."""

    promised_at: Moment
    by: str = Field(description="customer, closed (he called outside the hours), or role and id of a person.")
    not_before: Moment | None = Field(description="Null: it is offered as soon as somebody is free.")
    tries: int = Field(description="Calls that did not reach him.")


class HandoverView(Document):
    """Where something went that is another pool's from then on."""

    pool: str
    queue: str


class ContactView(Document):
    """One arrival that needs handling."""

    contact_id: str
    case_id: str
    reference: str
    channel: Channel
    endpoint: str
    direction: Direction
    state: ContactState
    state_since: Moment | None
    queue: str
    language: str
    topic: str
    priority: int
    arrived_at: Moment
    answered_at: Moment | None = None
    agent: str = Field(description="The agent who owns it, or empty.")
    offer_id: str
    reason: OfferReason
    attempt: int
    wait_until: Moment | None = None
    begin_by: Moment | None = Field(
        default=None,
        description="Until when its agent must have done something with it (answered, noted, drafted, waited, handed on, …), or it goes "
        "back to its queue. Null: he has, or nobody asks.",
    )
    wrap_up_ends_at: Moment | None = None
    disposition: str
    customer: CustomerView
    subject: str
    messages: int
    customer_message: int = Field(description="Number of the customer's last message: send it back as `seen_up_to`.")
    open_messages: int
    answered_outside: bool
    needs_attention: bool
    escalation_id: str
    call: CallView | None = None
    callback: CallbackStanding | None = None
    place_from: str = Field(description="The contact whose place in line it took.")
    handed_over: HandoverView | None = Field(description="Where it went when it was handed over.")
    from_pool: str = Field(description="The pool that handed it over to this one.")


class PresenceView(Document):
    """What the agent says of himself, and what follows: busy and wrap-up are derived, never set."""

    agent: str
    state: Presence
    reason: str
    since: Moment | None
    after_current: bool = Field(description="He signs out when his work is done.")
    doing: Literal["idle", "offered", "busy", "wrap_up"]
    lost: bool = Field(description="Nothing was heard of his client for the lease of 30 s.")
    phone_registered: bool
    assignments: int


class WorkView(Document):
    """What the agent has."""

    presence: PresenceView
    offer: OfferView | None
    contacts: list[ContactView]


class AttachmentView(Document):
    """A file."""

    attachment_id: str
    name: str
    media_type: str
    size: int = Field(description="Bytes.")
    inline: bool = False


class TimelineItem(Document):
    """Something that was said, or something that happened, in the contact's case."""

    at: Moment
    position: int
    kind: Literal["message", "event"]
    contact_id: str
    event: str = ""
    agent: str = ""
    detail: str = ""
    message_id: str = ""
    number: int = 0
    direction: Literal["inbound", "outbound", "internal", ""] = ""
    visibility: str = ""
    author: str = ""
    form: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    delivery: str = Field(default="", description="owed, sent, failed or unknown.")
    mark: str = ""
    deleted: bool = False
    attachments: list[AttachmentView] = Field(default_factory=list)


class CommandDone(Document):
    """The command is done."""

    status: Literal["done"] = "done"


class MessageTaken(Document):
    """The message is counted, and its delivery is owed."""

    message_id: str
    contact_id: str
    delivery: Literal["owed", ""] = Field(description="Empty for a note: it goes nowhere.")


class CallAsked(Document):
    """The switch is asked; the contact's state follows the call events."""

    contact_id: str
    asked: Literal["hold", "resume", "hangup"]


class EscalationRaised(Document):
    """The case is handed over."""

    escalation_id: str
    case_id: str
    department: str


class CallbackView(Document):
    """The customer is called back when it is his turn."""

    contact_id: str = Field(
        description="The contact that waits for it: the call itself, or one of its own on the case."
    )
    case_id: str
    not_before: Moment | None = None


class ContactOpenedView(Document):
    """An outbound contact; its call begins with the agent's own phone."""

    contact_id: str
    case_id: str


class DraftView(Document):
    """An unfinished answer."""

    text: str
    updated_at: Moment | None = None


class CaseContact(Document):
    """A contact of a case."""

    contact_id: str
    channel: Channel
    direction: Direction
    state: ContactState
    arrived_at: Moment
    agent: str
    disposition: str


class CaseEscalation(Document):
    """An escalation of a case."""

    escalation_id: str
    department: str
    state: EscalationState
    raised_at: Moment
    acknowledge_by: Moment | None
    answer_by: Moment | None
    overdue: bool


class CaseSummary(Document):
    """The customer's issue."""

    case_id: str
    reference: str
    state: CaseState
    topic: str
    kind: CaseKind
    province: str
    priority: int
    customer_id: str
    knows: str = Field(description="The agent who handled it last.")
    opened_at: Moment
    due_at: Moment | None = None
    needs_attention: bool
    handed_over: HandoverView | None = Field(description="Where the case is by now, with the same id and reference.")


class CaseView(CaseSummary):
    """The customer's issue with all that belongs to it."""

    customer: CustomerView
    handles: list[MaskedHandle]
    contacts: list[CaseContact]
    escalations: list[CaseEscalation]


class CustomerFound(Document):
    """A customer that a search found."""

    customer_id: str
    name: str
    handles: list[MaskedHandle]
