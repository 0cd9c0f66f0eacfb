"""What outlives a contact: cases, escalations, incidents."""

import msgspec

from ...events.vocabulary import CaseKind, CaseState, EscalationState
from .contacts import Handover


class Case(msgspec.Struct, omit_defaults=True):
    """The customer's issue over time and channels.

    ``knows`` is the agent who handled it last. ``reply_contact`` is the last contact on a messaging channel, through which an internal
    contact's answer reaches the customer (``reply_endpoint`` its endpoint); empty: only by phone. ``contacts`` are the open ones.
    ``incident_id`` is the last incident it was attached to. ``handed_over``: it is closed here, and another pool's.
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
    handed_over: Handover | None = None


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
