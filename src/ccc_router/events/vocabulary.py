"""The closed sets of words that facts, commands and entries share."""

from enum import StrEnum


class Channel(StrEnum):
    """Where a contact comes from. ``internal`` is something that came back to a case."""

    PHONE = "phone"
    EMAIL = "email"
    FANPAGE = "fanpage"
    PORTAL = "portal"
    INTERNAL = "internal"


class Direction(StrEnum):
    """Who began: the customer (``inbound``) or the centre (``outbound``)."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Role(StrEnum):
    """What a principal may be. ``system`` is the engine itself."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    DEPARTMENT = "department"
    CHANNEL = "channel"
    CUSTOMER = "customer"
    SYSTEM = "system"


class ContactState(StrEnum):
    """The life of a contact; the last five are ends."""

    ARRIVED = "arrived"
    QUEUED = "queued"
    OFFERED = "offered"
    CONNECTING = "connecting"
    ACTIVE = "active"
    HELD = "held"
    WAITING = "waiting"
    WRAP_UP = "wrap_up"
    CLOSED = "closed"
    ABANDONED = "abandoned"
    DEFLECTED = "deflected"
    MERGED = "merged"
    HANDED_OVER = "handed_over"


class Overtaking(StrEnum):
    """Why a contact that ranks before another was not chosen when that one was offered.

    ``same_moment``: several changes in one input; the one chosen was matched before it was this one's turn.
    """

    RESERVED = "reserved"
    QUEUE_NOT_SERVED = "queue_not_served"
    DELAY = "profile_delay"
    SKILL = "skill"
    EXCLUDED = "excluded"
    QUEUE_AT_LIMIT = "queue_at_limit"
    NO_ROOM = "no_room"
    KEPT_FOR_AGENT = "kept_for_agent"
    PROFILE_PRIORITY = "profile_priority"
    CONTACT_ORDER = "contact_order"
    SAME_MOMENT = "same_moment"


class Overflowing(StrEnum):
    """Why a contact went to another queue: its own was closed, a rule moved it after its wait or for those before it, as many waited
    as may, or nobody was signed in who could take it."""

    CLOSED = "closed"
    AFTER_WAIT = "after_wait"
    LENGTH = "length"
    FULL = "full"
    NOBODY = "nobody"


class Newcomers(StrEnum):
    """What a surge does with who comes: he hears an announcement and waits, or a caller hears it and is hung up, for good or to be called
    back in his place (a message waits)."""

    ANNOUNCE = "announce"
    DEFLECT = "deflect"
    CALLBACK_ONLY = "callback_only"


class OfferState(StrEnum):
    """The life of an offer: it leaves ``pending`` exactly once (I6)."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    RESCINDED = "rescinded"


class OfferReason(StrEnum):
    """Why this agent is offered this contact now."""

    NEW = "new"
    STICKY = "sticky"
    TRANSFER = "transfer"
    RETURNED = "returned"
    MISSED = "missed"
    NOT_BEGUN = "not_begun"
    ASSIGNED = "assigned"
    CALLBACK = "callback"


class Presence(StrEnum):
    """What a person says of himself; *busy* and *wrap-up* are derived, never set."""

    READY = "ready"
    ON_DEMAND = "on_demand"
    NOT_READY = "not_ready"
    SIGNED_OUT = "signed_out"


class CaseState(StrEnum):
    """The life of a case."""

    OPEN = "open"
    WAITING_CUSTOMER = "waiting_customer"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class CaseKind(StrEnum):
    """The legal type of a case: each has its own clocks and its own secrecy."""

    QUESTION = "question"
    FEEDBACK = "feedback"
    PETITION = "petition"
    COMPLAINT = "complaint"
    DENUNCIATION = "denunciation"


class EscalationState(StrEnum):
    """The life of an escalation; delivery and ``overdue`` are apart from it."""

    RAISED = "raised"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class CallEventName(StrEnum):
    """Call events by their CSTA phase III names (ECMA-269). ``CallBack``: who waits chose to be called back (its Call Back feature)."""

    OFFERED = "Offered"
    QUEUED = "Queued"
    DELIVERED = "Delivered"
    ESTABLISHED = "Established"
    HELD = "Held"
    RETRIEVED = "Retrieved"
    TRANSFERRED = "Transferred"
    FAILED = "Failed"
    CONNECTION_CLEARED = "ConnectionCleared"
    CALL_BACK = "CallBack"


class LegRole(StrEnum):
    """Whose leg of the call it is. The call ends when the customer's leg clears."""

    CUSTOMER = "customer"
    AGENT = "agent"
    OTHER = "other"


class ControlCommand(StrEnum):
    """What we may ask of a neutral switch."""

    QUEUE = "queue"
    CONNECT = "connect"
    CANCEL = "cancel"
    HOLD = "hold"
    RESUME = "resume"
    DIAL = "dial"
    HANGUP = "hangup"
    ANNOUNCE = "announce"


class ControlAnswer(StrEnum):
    """What a switch answered other than that it does as asked: it does not know the call, or the call is elsewhere by now."""

    CALL_GONE = "call_gone"
    MOVED_ON = "moved_on"


class Visibility(StrEnum):
    """Who may read a message: everybody on the channel, the customer alone, or the staff alone."""

    PUBLIC = "public"
    PRIVATE = "private"
    NOTE = "note"


class DeliveryState(StrEnum):
    """How far something owed has come. ``unknown``: sent, but nobody can say whether it arrived."""

    OWED = "owed"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PARKED = "parked"


class DeliveryKind(StrEnum):
    """What is owed to whom; each kind has its own sender."""

    REPLY = "reply"
    ACKNOWLEDGEMENT = "acknowledgement"
    CONTROL = "control"
    WEBHOOK = "webhook"
    DEPARTMENT_MAIL = "department_mail"
