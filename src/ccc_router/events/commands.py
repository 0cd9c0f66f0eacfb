"""Commands: what a person or a machine asks for. The engine answers each with one outcome.

``actor_role`` and ``actor`` say who asks; they are journalled (I16). Texts travel in ``private`` like those of facts.
"""

from typing import Literal

import msgspec

from .facts import Private
from .vocabulary import CaseKind, Newcomers, Presence, Role, Visibility


class Command(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    """What all commands share."""

    actor: str
    actor_role: Role
    private: Private | None = None


class SetPresence(Command, frozen=True, tag="SetPresence"):
    """``not_ready`` and ``signed_out`` rescind a pending offer; ``signed_out`` with work needs ``after_current``."""

    agent_id: str
    presence: Presence
    reason: str = ""
    after_current: bool = False


class OpenDemand(Command, frozen=True, tag="OpenDemand"):
    """``work/next`` is open: until ``until`` (ms) the agent takes work. A newer demand ends the older."""

    agent_id: str
    demand_id: str
    until: int


class CloseDemand(Command, frozen=True, tag="CloseDemand"):
    """``work/next`` ended without an offer."""

    agent_id: str
    demand_id: str


class AcceptOffer(Command, frozen=True, tag="AcceptOffer"):
    """Take the contact; by its owner again: the same answer again."""

    offer_id: str


class DeclineOffer(Command, frozen=True, tag="DeclineOffer"):
    """Refuse the contact with a reason code."""

    offer_id: str
    reason: str


class SendMessage(Command, frozen=True, tag="SendMessage"):
    """Answer the customer, or note something for the staff.

    ``seen_up_to`` is the number of the last message the agent saw; a newer customer message refuses the reply
    (``customer_wrote``). ``then``: keep the contact, wait for the customer, or complete it.
    """

    contact_id: str
    message_id: str
    visibility: Visibility
    seen_up_to: int | None = None
    then: Literal["keep", "wait", "complete"] = "keep"
    wait_until: int = 0
    disposition: str = ""


class ControlCall(Command, frozen=True, tag="ControlCall"):
    """Hold, resume or hang up the call; the state follows the switch."""

    contact_id: str
    action: Literal["hold", "resume", "hangup"]


class WaitForCustomer(Command, frozen=True, tag="WaitForCustomer"):
    """It is the customer's turn until ``until`` (ms); frees the agent's capacity."""

    contact_id: str
    until: int


class TransferContact(Command, frozen=True, tag="TransferContact"):
    """Hand the contact to another queue or agent (exactly one is given); its rank is kept.

    ``prefer``: who of the queue may have it first for a while. ``exclude``: who is never offered it again; an agent says so of himself.
    """

    contact_id: str
    queue: str = ""
    agent_id: str = ""
    exclude: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


class RequeueContact(Command, frozen=True, tag="RequeueContact"):
    """Give the contact back with its rank.

    A supervisor may say whom it is never offered to again (``exclude``) and who may have it first (``prefer``).
    """

    contact_id: str
    reason: str = ""
    exclude: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


class ExtendWrapUp(Command, frozen=True, tag="ExtendWrapUp"):
    """More time for wrap-up, with a reason."""

    contact_id: str
    extend_ms: int
    reason: str


class CompleteContact(Command, frozen=True, tag="CompleteContact"):
    """End the handling with a disposition. ``resolution`` decides what becomes of the case."""

    contact_id: str
    disposition: str
    resolution: Literal["resolved", "unresolved", "waiting_customer"] = "resolved"


class LinkContact(Command, frozen=True, tag="LinkContact"):
    """Move the contact to another case; undoable by linking it back."""

    contact_id: str
    case_id: str


class IdentifyCustomer(Command, frozen=True, tag="IdentifyCustomer"):
    """Say which handle (``private.handles``) the person proved, and how (``evidence``)."""

    contact_id: str
    evidence: str


class UndoIdentification(Command, frozen=True, tag="UndoIdentification"):
    """The last identification of the contact was wrong: contact and case are again whose they were, and what it proved is proved no more."""

    contact_id: str
    reason: str


class AssignContact(Command, frozen=True, tag="AssignContact"):
    """A supervisor gives a contact to an agent; the engine never overrides it."""

    contact_id: str
    agent_id: str
    reason: str


class CloseContact(Command, frozen=True, tag="CloseContact"):
    """A supervisor ends a contact."""

    contact_id: str
    reason: str


class SetPriority(Command, frozen=True, tag="SetPriority"):
    """A supervisor changes a contact's priority; its rank is computed anew from its arrival."""

    contact_id: str
    priority: int
    reason: str


class EditCase(Command, frozen=True, tag="EditCase"):
    """Change a case's attributes; ``None`` leaves one as it is."""

    case_id: str
    topic: str | None = None
    case_kind: CaseKind | None = None
    province: str | None = None
    priority: int | None = None


class CallCustomer(Command, frozen=True, tag="CallCustomer"):
    """Open an outbound phone contact on a case for the asking agent.

    ``call_id`` is ours to choose; ``contact_id`` derives from endpoint and ``call_id`` as for any call, so that the switch's events meet it.
    """

    case_id: str
    endpoint: str
    call_id: str
    contact_id: str


class PromiseCallback(Command, frozen=True, tag="PromiseCallback"):
    """The customer is to be called back, not before ``not_before`` (ms, 0: as soon as it is his turn).

    A waiting call, or one in wrap-up, waits on without its caller and with its rank; a contact of another channel, or ``case_id`` without
    one (what a customer asks for on the portal), gets a callback on its case with the rank of what waits there. ``private.address`` is
    the number; without it the one that is known.
    """

    contact_id: str = ""
    case_id: str = ""
    not_before: int = 0


class RaiseEscalation(Command, frozen=True, tag="RaiseEscalation"):
    """Hand the contact's case to a department. ``keep``: the agent keeps the contact meanwhile.

    ``private.text`` is the summary for the department; it is stored as the message ``message_id``.
    """

    contact_id: str
    escalation_id: str
    department: str
    message_id: str = ""
    urgency: Literal["normal", "urgent"] = "normal"
    keep: bool = False
    reveal_identity: bool = False


class ActOnEscalation(Command, frozen=True, tag="ActOnEscalation"):
    """What a department or an agent does with an escalation.

    Departments: acknowledge, ask, progress, answer, return, forward (``department``), extend (``until``). Agents: reply, accept,
    reject, withdraw. Supervisors: grant, refuse (of an asked extension).
    """

    escalation_id: str
    action: Literal[
        "acknowledge",
        "ask",
        "progress",
        "answer",
        "return",
        "forward",
        "extend",
        "reply",
        "accept",
        "reject",
        "withdraw",
        "grant",
        "refuse",
    ]
    message_id: str = ""
    department: str = ""
    until: int = 0


class RetryDelivery(Command, frozen=True, tag="RetryDelivery"):
    """A supervisor sends a parked delivery again, under its old id."""

    delivery_id: str


class SetSurge(Command, frozen=True, tag="SetSurge"):
    """A supervisor says what is done with ``newcomers`` to a queue until ``until`` (ms); ``None``: the surge is over.

    ``private.text``, stored as the message ``message_id``, is told by the automatic answers of the messaging channels.
    """

    queue: str
    reason: str
    newcomers: Newcomers | None = None
    until: int = 0
    announcement: str = ""
    message_id: str = ""


class OpenIncident(Command, frozen=True, tag="OpenIncident"):
    """A supervisor says that many have the same trouble. Who comes about ``topic`` or to ``queue`` is attached by itself ("": nobody).

    ``private.text``, stored as the message ``message_id``, is told by automatic answers while it lasts.
    """

    incident_id: str
    title_vi: str
    title_en: str
    topic: str = ""
    queue: str = ""
    message_id: str = ""


class AttachCases(Command, frozen=True, tag="AttachCases"):
    """A supervisor says that these cases belong to the incident, or (``attach`` false) that they do not."""

    incident_id: str
    cases: tuple[str, ...]
    attach: bool = True


class ResolveIncident(Command, frozen=True, tag="ResolveIncident"):
    """The trouble is over. ``private.text`` goes to the attached customers; the ids of those messages derive from ``message_id``.

    So many are told in one step as keeps the engine answering; the result says how many are ``left``: then ask again.
    """

    incident_id: str
    message_id: str


class ActivateCatalogue(Command, frozen=True, tag="ActivateCatalogue"):
    """Put a validated catalogue in force (``routing.policy.Catalogue`` as a document, whole)."""

    version: int
    catalogue: dict[str, object]
    successors: dict[str, str] = {}


AnyCommand = (
    SetPresence
    | OpenDemand
    | CloseDemand
    | AcceptOffer
    | DeclineOffer
    | SendMessage
    | ControlCall
    | WaitForCustomer
    | TransferContact
    | RequeueContact
    | ExtendWrapUp
    | CompleteContact
    | LinkContact
    | IdentifyCustomer
    | UndoIdentification
    | AssignContact
    | CloseContact
    | SetPriority
    | EditCase
    | CallCustomer
    | PromiseCallback
    | RaiseEscalation
    | ActOnEscalation
    | RetryDelivery
    | SetSurge
    | OpenIncident
    | AttachCases
    | ResolveIncident
    | ActivateCatalogue
)
