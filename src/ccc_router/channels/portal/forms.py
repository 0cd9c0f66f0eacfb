"""What a visitor sends, and what he gets."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ccc_router.events.vocabulary import CaseKind
from ccc_router.rest.schemas import Body, Code, Document, Line, Moment, Text, When
from ccc_router.rest.waits import ExpectedWait

UploadId = Annotated[str, StringConstraints(pattern=r"^at_[0-9a-z]{26}$")]
Visitor = Annotated[Line, Field(max_length=200)]


class MessageForm(Body):
    """A message below a reference."""

    text: Text = Field(examples=["Tôi gửi thêm ảnh tờ khai."])
    attachments: list[UploadId] = Field(
        default_factory=list, max_length=10, description="Ids of uploads, each used once."
    )


class CallbackForm(Body):
    """When and where to be called back."""

    phone: Visitor = Field(default="", description="Left out: the number of the contact form.", examples=["0912345678"])
    not_before: When | None = Field(
        default=None, description="Within the hours of the hotline; left out: as soon as it is your turn."
    )


class ContactForm(MessageForm):
    """The contact form."""

    text: Text = Field(examples=["Tôi chưa nhận được thẻ BHYT mới."])
    subject: Line = Field(default="", examples=["Thẻ BHYT"])
    name: Visitor = ""
    phone: Visitor = Field(default="", description="As the visitor says; it proves nothing.")
    email: Visitor = Field(default="", description="As the visitor says; it proves nothing.")
    topic: Code | None = None
    kind: CaseKind | None = None
    province: Code | None = None
    language: Literal["vi", "en"] | None = None
    consent: Line = Field(default="", description="Which version of the privacy notice was agreed to.")
    website: str = Field(default="", max_length=2000, description="Leave empty: only machines fill it in.")
    altcha: str | None = Field(
        default=None, max_length=4000, description="The solved challenge, where one is asked for."
    )


class Ticket(Document):
    """The visitor's way back. The token is said here only; it is kept as a hash."""

    contact_id: str
    case_id: str
    reference: str = Field(examples=["7KQ2-M9XW-4T0"])
    token: str


class Challenge(Document):
    """Work to do before the form is taken (ALTCHA, version 1)."""

    algorithm: str
    challenge: str
    maxnumber: int
    maxNumber: int = Field(description="The same; widgets differ in how they write it.")  # noqa: N815 - the widget's word
    salt: str
    signature: str


class Upload(Document):
    """A file that waits to be sent with a message, for 24 hours."""

    id: str
    name: str
    media_type: str
    size: int


class Taken(Document):
    """The message is kept; ``number`` is its place in the conversation."""

    message_id: str
    number: int


class Promised(Document):
    """Somebody calls; what waited in writing waits for the call, at the same place."""

    reference: str
    not_before: Moment | None = None


class File(Document):
    """A file of a message."""

    id: str
    name: str
    media_type: str
    size: int


class Said(Document):
    """One message as the visitor may see it."""

    number: int
    message_id: str
    at: Moment
    author: Literal["customer", "centre"] = Field(description="The centre speaks as one; who wrote is not told.")
    text: str
    attachments: list[File] = Field(default_factory=list)


class Conversation(Document):
    """What became of it so far. ``state`` is ``received`` until the case is there, then the case's own."""

    reference: str
    contact_id: str
    case_id: str
    state: Literal["received", "open", "waiting_customer", "escalated", "resolved", "closed"]
    waiting: ExpectedWait | None = Field(description="His place in line while an agent is waited for; else null.")
    messages: list[Said]
