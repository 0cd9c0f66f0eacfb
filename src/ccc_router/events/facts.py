"""Facts: what happened. Channels make them, the engine alone decides what follows.

A fact has two parts. Its own fields are ids and routing attributes and go into the journal as they are. ``private``
holds what must stay erasable (names, handles, texts): the engine moves it into rows of its own and leaves a salted
digest in the journal (invariant I16 stays provable after an erasure).

Every time is an integer of milliseconds since the epoch (UTC).
"""

from typing import Literal

import msgspec

from .vocabulary import CallEventName, Channel, ControlCommand, DeliveryKind, DeliveryState, LegRole


class Handle(msgspec.Struct, frozen=True, omit_defaults=True):
    """A typed address of a customer.

    ``kind``: ``phone`` (E.164, or the raw digits of a short code), ``email`` (lower case), ``page_scoped_id`` (value is
    ``<endpoint>:<id>``), ``portal_account``, ``personal_id``, ``bhxh_code``. Only a verified handle may join two channels
    into one customer.
    """

    kind: str
    value: str
    verified: bool = False


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that came or goes with a message; the bytes lie in the blob rows under ``sha256`` (hex)."""

    attachment_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    inline: bool = False


class Private(msgspec.Struct, frozen=True, omit_defaults=True):
    """The erasable part of an input.

    ``refs`` are looked up in order to find the case this belongs to; ``own_refs`` are remembered for later ones. A ref is
    an opaque string with a kind before the first colon, e.g. ``mail:<id@host>``, ``conversation:page-1:6512``, ``case:cs_…``,
    ``call:hotline:abc``. ``weak_refs`` count only when the sender takes part in the case already (subject tags).
    ``address`` is where a reply goes on this channel.
    """

    handles: tuple[Handle, ...] = ()
    name: str = ""
    subject: str = ""
    text: str = ""
    full_text: str = ""
    html: str = ""
    refs: tuple[str, ...] = ()
    weak_refs: tuple[str, ...] = ()
    own_refs: tuple[str, ...] = ()
    address: str = ""
    attachments: tuple[Attachment, ...] = ()
    extra: dict[str, str] = {}


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    """What all facts share. ``at`` is the source's own time, never used for order between sources."""

    at: int = 0
    private: Private | None = None


class MessageReceived(Fact, frozen=True, tag="MessageReceived"):
    """A customer wrote on a messaging channel.

    ``message_id``, ``contact_id`` and ``case_id`` derive from the dedup key; the last two are used only if the message does not
    belong to a contact or case that exists. ``form`` tells a feed comment or postback from a plain message. ``automatic`` mail
    never reopens, acknowledges or resets anything. ``fresh_case`` forbids joining an existing case (a portal form).
    """

    channel: Channel
    endpoint: str
    message_id: str
    contact_id: str
    case_id: str
    form: Literal["message", "comment", "postback"] = "message"
    queue: str = ""
    language: str = ""
    topic: str = ""
    priority: int = 0
    province: str = ""
    case_kind: str = ""
    automatic: bool = False
    acknowledge: bool = False
    fresh_case: bool = False


class MessageChanged(Fact, frozen=True, tag="MessageChanged"):
    """A message we know was edited, deleted or hidden at its source; it reopens nothing."""

    channel: Channel
    endpoint: str
    message_id: str
    change: Literal["edited", "deleted", "hidden"]


class AnsweredOutside(Fact, frozen=True, tag="AnsweredOutside"):
    """Somebody answered the customer on the channel, but not through us (a foreign echo). ``private.refs`` finds the case."""

    channel: Channel
    endpoint: str
    message_id: str


class ReceiptReceived(Fact, frozen=True, tag="ReceiptReceived"):
    """The channel tells how far our messages came: named ones (``message_ids``) or all up to ``watermark``."""

    channel: Channel
    endpoint: str
    receipt: Literal["delivered", "read", "failed"]
    message_ids: tuple[str, ...] = ()
    watermark: int = 0
    permanent: bool = False


class CallEvent(Fact, frozen=True, tag="CallEvent"):
    """One event of one leg of a call, in CSTA words.

    ``contact_id`` and ``case_id`` derive from endpoint and ``call_id``, so that any order of the events meets the same contact
    (I3). ``sequence`` orders events of equal ``at`` where the switch gives one. ``offer_id`` comes back from the switch when
    the leg was made by our ``connect``. ``agent`` is the phone address of
    the agent's leg as the switch knows it; ``transferred_to`` the address a transfer goes to, ``new_call_id`` the call it goes on in.
    ``not_before`` (ms, 0: as soon as it is his turn) belongs to ``CallBack``; the number to call is ``private.address``.
    """

    endpoint: str
    call_id: str
    leg_id: str
    contact_id: str
    case_id: str
    event: CallEventName
    role: LegRole = LegRole.CUSTOMER
    sequence: int = 0
    queue: str = ""
    language: str = ""
    topic: str = ""
    cause: str = ""
    agent: str = ""
    offer_id: str = ""
    new_call_id: str = ""
    transferred_to: str = ""
    recording: str = ""
    recording_state: str = ""
    notice_played: bool = False
    outbound: bool = False
    not_before: int = 0


class CallRecorded(Fact, frozen=True, tag="CallRecorded"):
    """A call detail record: it completes a call we know, it never queues one."""

    endpoint: str
    call_id: str
    leg_id: str
    contact_id: str
    case_id: str
    role: LegRole = LegRole.CUSTOMER
    started_at: int = 0
    answered_at: int = 0
    ended_at: int = 0
    cause: str = ""
    recording: str = ""


class ContactTaken(Fact, frozen=True, tag="ContactTaken"):
    """Another pool handed a waiting contact over with its case; what the customer wrote follows message by message.

    It keeps its ids, for all the world outside knows them, its ``arrived_at`` (ms) and its rank. ``through`` are the pools it was in,
    oldest first. ``call`` is its call so far (``routing.rows.Call`` as a document).
    """

    channel: Channel
    endpoint: str
    contact_id: str
    case_id: str
    through: tuple[str, ...]
    queue: str
    arrived_at: int
    rank: int
    language: str = ""
    topic: str = ""
    priority: int = 0
    province: str = ""
    case_kind: str = ""
    call: dict[str, object] | None = None


class PhoneRegistered(Fact, frozen=True, tag="PhoneRegistered"):
    """The switch knows, or no longer knows, an agent's phone."""

    endpoint: str
    phone: str
    registered: bool


class DeliveryReported(Fact, frozen=True, tag="DeliveryReported"):
    """A sender reports what became of an owed delivery. ``external_id`` is what the other side calls it, of call control a `ControlAnswer` if any.

    ``delivery``, ``command``, ``offer_id``, ``contact_id``, ``case_id``, ``escalation_id`` and ``message_id`` say what it was and what for, as
    its row has them.
    """

    delivery_id: str
    state: DeliveryState
    attempt: int
    external_id: str = ""
    reason: str = ""
    delivery: DeliveryKind | None = None
    command: ControlCommand | None = None
    offer_id: str = ""
    contact_id: str = ""
    case_id: str = ""
    escalation_id: str = ""
    message_id: str = ""


class AgentLost(Fact, frozen=True, tag="AgentLost"):
    """An agent's lease ran out: nothing was heard of his client for the lease time."""

    agent_id: str


class AgentBack(Fact, frozen=True, tag="AgentBack"):
    """A lost agent was heard of again."""

    agent_id: str


class OfferFetched(Fact, frozen=True, tag="OfferFetched"):
    """The agent's client really has the offer; only such an offer can be missed."""

    offer_id: str


class DraftKept(Fact, frozen=True, tag="DraftKept"):
    """An agent writes at an answer: the first time since he took the contact."""

    contact_id: str
    agent_id: str


class TimerFired(Fact, frozen=True, tag="TimerFired"):
    """A due time was reached. ``timer`` names what, ``ref`` of whom; ``due`` guards against a timer that was moved."""

    timer: str
    ref: str
    due: int


class TimeResumed(Fact, frozen=True, tag="TimeResumed"):
    """An engine took over after ``gap_ms`` in which nobody led: its time jumps by them, and they count against nobody (I12)."""

    gap_ms: int


class CustomerErased(Fact, frozen=True, tag="CustomerErased"):
    """Somebody (``actor``) had a customer's name, handles, addresses and ``messages`` texts erased, and why. It is already done."""

    customer_id: str
    actor: str
    reason: str
    messages: int


AnyFact = (
    MessageReceived
    | MessageChanged
    | AnsweredOutside
    | ReceiptReceived
    | CallEvent
    | CallRecorded
    | ContactTaken
    | PhoneRegistered
    | DeliveryReported
    | AgentLost
    | AgentBack
    | OfferFetched
    | DraftKept
    | TimerFired
    | TimeResumed
    | CustomerErased
)
