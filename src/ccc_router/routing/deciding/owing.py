"""What is owed to someone outside follows from a decision: here it gets its id, its lane and its last moment."""

from ...events.envelope import Input
from ...events.vocabulary import Channel, ControlCommand, DeliveryKind, Direction
from ...kernel.ids import derive
from ..decisions import DeliveryOwed
from ..rows import Contact
from ..state import State

CONTROL_MS = 10_000
"""How long call control other than a connect makes sense (DESIGN: never after ``not_after``)."""


def delivery_id(state: State) -> str:
    """The id of a delivery decided now; unique because no two decisions share a position."""
    return derive("dl", state.pool, state.position + 1)


def controlled(state: State, contact: Contact) -> bool:
    """Whether we may command the switch of this call; otherwise it is only tracked."""
    endpoint = state.book.endpoints.get(contact.endpoint)
    return endpoint is not None and endpoint.control_url != ""


def on_line(state: State, contact: Contact) -> bool:
    """Whether the customer called us and can be told something before anybody answers."""
    return contact.channel is Channel.PHONE and contact.direction is Direction.INBOUND and controlled(state, contact)


def control(
    state: State,
    given: Input,
    contact: Contact,
    command: ControlCommand,
    *,
    not_after: int = 0,
    lane: str = "",
    **data: str,
) -> DeliveryOwed:
    """A command to the switch about a call, in the call's own lane so that commands arrive in order, unless another is given."""
    call = contact.call
    return DeliveryOwed(
        delivery_id=delivery_id(state),
        delivery=DeliveryKind.CONTROL,
        lane=lane or f"call:{contact.id}",
        target=contact.endpoint,
        contact_id=contact.id,
        case_id=contact.case_id,
        command=command,
        not_after=not_after or given.at + CONTROL_MS,
        data={"call_id": call.call_id if call is not None else "", **data},
    )


def reply(
    state: State,
    kind: DeliveryKind,
    contact_id: str,
    endpoint: str,
    case_id: str,
    message_id: str,
    **data: str,
) -> DeliveryOwed:
    """A message to the customer over the channel of ``contact_id``, in the order written."""
    return DeliveryOwed(
        delivery_id=delivery_id(state),
        delivery=kind,
        lane=f"reply:{contact_id}",
        target=endpoint,
        contact_id=contact_id,
        case_id=case_id,
        message_id=message_id,
        data=data,
    )
