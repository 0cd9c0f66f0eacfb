"""What agents and supervisors send. Unknown fields are refused."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..events.vocabulary import CaseKind, Newcomers, Visibility
from ..rest.schemas import MAX_TEXT, Body, Code, Id, Line, Reason, Text, When

Attachments = Annotated[list[Id], Field(max_length=20, description="Ids of uploads.")]


class PresenceBody(Body):
    """What I say of myself. ``not_ready`` and ``signed_out`` rescind a pending offer."""

    state: Literal["ready", "on_demand", "not_ready", "signed_out"]
    reason: Line = ""
    after_current: bool = Field(default=False, description="Sign out when the work at hand is done.")

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.state == "not_ready" and not self.reason:
            raise ValueError("not_ready needs a reason")
        return self


class DeclineBody(Body):
    """Why the contact is not taken."""

    reason: Reason


class MessageBody(Body):
    """An answer to the customer, or a note for the staff."""

    text: Text
    attachments: Attachments = Field(default_factory=list)
    visibility: Visibility = Visibility.PUBLIC
    seen_up_to: int | None = Field(
        default=None,
        ge=0,
        le=2**31,
        description="Number of the customer's last message that was read; a newer one refuses the answer.",
    )
    then: Literal["keep", "wait", "complete"] = "keep"
    wait_until: When | None = None
    disposition: Code | None = None

    @model_validator(mode="after")
    def _says_how_it_ends(self) -> Self:
        if (self.then == "complete") != (self.disposition is not None):
            raise ValueError("a disposition goes with then=complete, and only with it")
        if self.wait_until is not None and self.then != "wait":
            raise ValueError("wait_until goes with then=wait")
        return self


class DraftBody(Body):
    """An unfinished answer; "" forgets it."""

    text: Annotated[str, Field(max_length=MAX_TEXT)]


class WaitBody(Body):
    """Until when it is the customer's turn."""

    until: When


class TransferBody(Body):
    """To whom: exactly one of both. With a queue also who may have it first for a while (`prefer`) and who is never to have it
    (`exclude`: an agent names himself, a supervisor anybody)."""

    queue: Code | None = None
    agent: Code | None = None
    exclude: list[Code] = Field(default_factory=list, max_length=20)
    prefer: list[Code] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.queue is None) == (self.agent is None):
            raise ValueError("name a queue or an agent, not both")
        if self.agent is not None and (self.exclude or self.prefer):
            raise ValueError("whom to prefer or exclude is said of a queue")
        return self


class ReasonBody(Body):
    """Why."""

    reason: Reason


class RequeueBody(ReasonBody):
    """Why; and, if a supervisor says so, who is never to have it (`exclude`) and who may have it first for a while (`prefer`)."""

    exclude: list[Code] = Field(default_factory=list, max_length=20)
    prefer: list[Code] = Field(default_factory=list, max_length=20)


class EscalateBody(Body):
    """The hand-over of the case. ``keep``: I go on with the contact meanwhile."""

    department: Code
    summary: Text
    attachments: Attachments = Field(default_factory=list)
    urgency: Literal["normal", "urgent"] = "normal"
    keep: bool = False
    reveal_identity: bool = Field(default=False, description="Of a denouncer: withheld unless he agreed.")


class WrapUpBody(Body):
    """More time."""

    extend_s: int = Field(ge=1, le=3600)
    reason: Reason


class CompleteBody(Body):
    """How it ended."""

    disposition: Code
    resolution: Literal["resolved", "unresolved", "waiting_customer"] = "resolved"
    note: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class CallbackBody(Body):
    """When and where the customer is called back; without a number at the one that is known."""

    number: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    not_before: When | None = Field(
        default=None, description="Within the queue's hours; left out: as soon as it is his turn."
    )


class LinkBody(Body):
    """The case it belongs to: its id, or its reference as the customer says it."""

    case: Annotated[str, Field(min_length=1, max_length=70)]


class HandleBody(Body):
    """A handle the person named."""

    kind: Literal["phone", "email", "portal_account", "personal_id", "bhxh_code"]
    value: Annotated[str, Field(min_length=1, max_length=200)]


class IdentifyBody(Body):
    """Who it is, and how he proved it."""

    handle: HandleBody
    evidence: Code


class UnidentifyBody(Body):
    """Why it was wrong."""

    reason: Reason


class CasePatch(Body):
    """What changes; what is left out stays."""

    topic: Code | None = None
    kind: CaseKind | None = None
    province: Annotated[str, Field(max_length=20, pattern=r"^[0-9A-Za-z_-]*$")] | None = None
    priority: int | None = Field(default=None, ge=0, le=3)


class CallBody(Body):
    """Through which switch; left out: the agent's own."""

    endpoint: Code | None = None


class AgentPresenceBody(Body):
    """A supervisor sets an agent's presence."""

    state: Literal["ready", "on_demand", "not_ready", "signed_out"]
    reason: Reason


class AssignBody(Body):
    """A supervisor gives the contact to an agent."""

    agent: Code
    reason: Reason


class PriorityBody(Body):
    """A supervisor changes how urgent it is."""

    priority: int = Field(ge=0, le=3)
    reason: Reason


class BothTexts(Body):
    """A text for customers; `en` left out: those who write English read the Vietnamese one too."""

    vi: Text
    en: Annotated[str, Field(max_length=MAX_TEXT)] = ""


class TitleBody(Body):
    """What it is called, in both languages. Names no customer."""

    vi: Line
    en: Line


class IncidentBody(Body):
    """One trouble that many have. Who comes about `topic` or to `queue` is attached by itself; with neither, nobody is."""

    title: TitleBody
    topic: Code | None = None
    queue: Code | None = None
    text: BothTexts | None = Field(
        default=None, description="What automatic answers tell while it lasts, on channels that have one (email)."
    )


class AttachBody(Body):
    """Contacts whose cases belong to the incident; with `attach` false: that do not."""

    contacts: Annotated[list[Id], Field(min_length=1, max_length=200, examples=[["ct_3t4q8h2mz9x0v7c5b1n6k8j4ya"]])]
    attach: bool = True


class ResolveBody(Body):
    """How it ended: to every attached customer, over the channel he wrote on."""

    text: BothTexts


class SurgeBody(Body):
    """What is done with newcomers to a queue, and until when. `off` ends it before its time."""

    mode: Literal["on", "off"]
    until: When | None = None
    duration_s: int | None = Field(default=None, ge=60, le=604_800, description="In place of `until`: from now on.")
    newcomers: Newcomers = Newcomers.ANNOUNCE
    announcement: Code = Field(default="surge", description="The switch's name for what a caller hears.")
    text: BothTexts | None = Field(
        default=None, description="What automatic answers tell beside, on channels that have one (email)."
    )
    reason: Reason

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.mode == "on" and (self.until is None) == (self.duration_s is None):
            raise ValueError("a surge ends: send until or duration_s, not both")
        if self.mode == "off" and (self.until is not None or self.duration_s is not None or self.text is not None):
            raise ValueError("until, duration_s and text go with mode=on")
        return self
