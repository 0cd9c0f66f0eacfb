"""What becomes of cases, customers and escalations; what is owed, and what a command is told."""

import msgspec

from ...events.vocabulary import CaseKind, CaseState, ControlCommand, DeliveryKind
from ..rows import Escalation, Identification, Incident
from .base import Decision


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


class CustomerChanged(Decision, frozen=True, tag="CustomerChanged"):
    """The contact's person was identified: contact and case belong to this customer."""

    contact_id: str
    case_id: str
    customer_id: str


class CustomerIdentified(Decision, frozen=True, tag="CustomerIdentified"):
    """Somebody said who it is; it can be undone."""

    contact_id: str
    identification: Identification


class IdentificationUndone(Decision, frozen=True, tag="IdentificationUndone"):
    """The contact is again whose it was before its last identification, and so is (``with_case``) the case: it was not changed since."""

    contact_id: str
    identification: Identification
    with_case: bool


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
    data: dict[str, str] = msgspec.field(default_factory=dict)


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


class InvariantViolated(Decision, frozen=True, tag="InvariantViolated"):
    """After the step something does not hold that must: a fault of the core, of which the step's other entries are the evidence.

    ``invariant`` is its number (I4), ``ref`` the id of the contact, offer or agent, ``what`` a stable word for where it was seen.
    """

    invariant: str
    ref: str
    what: str


class Accepted(Decision, frozen=True, tag="Accepted"):
    """The command is done; ``result`` is what its caller is told. Not journalled: it follows from the rest."""

    result: dict[str, object] = msgspec.field(default_factory=dict)


class IncidentSet(Decision, frozen=True, tag="IncidentSet"):
    """An incident is open."""

    incident: Incident


class CaseAttached(Decision, frozen=True, tag="CaseAttached"):
    """The case belongs to the incident from now on, or ("") to none."""

    case_id: str
    incident_id: str


class IncidentTold(Decision, frozen=True, tag="IncidentTold"):
    """So many of those attached were told how it ended; ``message_id`` is what their messages derive from. ``over``: that was everybody."""

    incident_id: str
    message_id: str
    told: int
    by: str
    over: bool
