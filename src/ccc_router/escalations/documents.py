"""What this room's callers send and get."""

from typing import Literal

from pydantic import Field

from ..events.vocabulary import CaseKind, EscalationState
from ..rest.schemas import Body, Code, Document, Id, Moment, Text, When


class TextBody(Body):
    """A text."""

    text: Text


class AnswerBody(Body):
    """An answer. It goes to the agent who knows the case, never to the customer unread."""

    text: Text
    attachments: list[Id] = Field(default_factory=list, max_length=10, description="Ids from `POST /v1/attachments`.")


class ReasonBody(Body):
    """Why."""

    reason: Text


class ForwardBody(Body):
    """To which department, and what it should know."""

    department: Code
    text: Text | None = None


class ExtendBody(Body):
    """Until when, and why."""

    until: When
    reason: Text


class DecideBody(Body):
    """What to tell the department."""

    text: Text | None = None


class FileView(Document):
    """A file that came with a text."""

    attachment_id: str
    name: str
    media_type: str
    size: int


class MessageView(Document):
    """What was written. ``by``: the department it lies with, another one, or the care centre."""

    message_id: str
    by: Literal["department", "other_department", "care_centre"]
    author: str = Field(description="The department's id; for people of the centre their id, to staff only.")
    at: Moment
    text: str
    attachments: list[FileView]


class HandleView(Document):
    """How the customer can be reached or found."""

    kind: str
    value: str
    verified: bool


class PersonView(Document):
    """Who the case is about."""

    name: str
    handles: list[HandleView]


class NoticeView(Document):
    """What became of a notice to a department."""

    delivery_id: str
    department: str
    type: str
    state: Literal["owed", "sent", "failed", "unknown", "parked"]
    attempts: int
    last_error: str
    created_at: Moment
    updated_at: Moment


class EscalationItem(Document):
    """An escalation in a list."""

    escalation_id: str
    case_id: str
    reference: str
    department: str
    state: EscalationState
    urgency: Literal["normal", "urgent"]
    topic: str
    case_kind: CaseKind
    province: str
    raised_at: Moment
    acknowledge_by: Moment
    answer_by: Moment
    acknowledged_at: Moment | None
    answered_at: Moment | None
    overdue: bool
    rung: int = Field(description="How far up its ladder the department is overdue.")
    extension_asked_until: Moment | None
    rejections: int
    forwarded_by: list[str]


class EscalationView(EscalationItem):
    """An escalation with all that its reader may know. ``customer`` is null where it is withheld, as a denouncer's is."""

    customer: PersonView | None
    messages: list[MessageView]
    notices: list[NoticeView] | None = Field(description="To staff only.")


class EndpointView(Document):
    """How a department is reached and how that goes."""

    department: str
    way: Literal["webhook", "mail", "none"]
    disabled_at: Moment | None = Field(
        description="It said that it is gone (410); nothing is sent until it is enabled."
    )
    disabled_reason: str
    failures: int = Field(description="Failed attempts in a row.")
    paused_ms: int = Field(description="How long nothing will be tried after them.")
    last_success_at: Moment | None
